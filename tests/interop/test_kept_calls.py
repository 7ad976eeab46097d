# SPDX-License-Identifier: Apache-2.0
"""kill -9 with calls up: the new process shows them, tells the lamps, and lets either side hang up."""

import re
from xml.etree import ElementTree

import pytest

from tests.interop.network import wait_until
from tests.interop.raw_sip import SipMessage, UdpPeer, build_request, build_response
from tests.interop.state_files import wait_rows
from tests.interop.test_events import STATE, subscribe, take_notify, texts
from tests.interop.test_record_route import call_raw

pytestmark = pytest.mark.ours
ROUTED, UNROUTED = "set sip record-route true", "set sip record-route false"


def build_bye(peer: UdpPeer, answer: SipMessage, target: UdpPeer, is_by_caller: bool) -> bytes:
    """BYE in the dialog that a 200 made (RFC 3261 12.2.1.1)."""
    user = "1002" if is_by_caller else "1001"
    routes = tuple(f"Route: {value.decode()}" for value in answer.all(b"Record-Route"))
    request = build_request(peer, "BYE", f"sip:{user}@{target.hostport.decode()}", cseq=9, lines=routes,
                            call_id=answer.header(b"Call-ID").decode())
    local, remote = answer.header(b"From"), answer.header(b"To")
    if not is_by_caller:
        local, remote = remote, local
    request = re.sub(rb"\r\nFrom: [^\r]*", lambda _: b"\r\nFrom: " + local, request)
    return re.sub(rb"\r\nTo: [^\r]*", lambda _: b"\r\nTo: " + remote, request)


def receive_request(peer: UdpPeer, method: bytes) -> SipMessage:
    """The next request of this method; what else comes is passed over."""
    for _ in range(20):
        message = peer.receive()
        assert message is not None, f"no {method.decode()}"
        if message.method == method:
            return message
    raise AssertionError(f"no {method.decode()}")


@pytest.mark.parametrize("is_by_caller", [True, False])
@pytest.mark.parametrize("line", [ROUTED, UNROUTED])
def test_call_outlives_kill_9_and_its_lamp_with_it(new_server, network, line, is_by_caller):
    with (new_server(lines=[line]) as server,
          UdpPeer((server.host, server.port), network.new_host()) as caller,
          UdpPeer((server.host, server.port), network.new_host()) as callee,
          UdpPeer((server.host, server.port), network.new_host()) as watcher):
        _, answer = call_raw(caller, callee)
        subscribe(watcher, "1003", "1002", "dialog")
        assert texts(take_notify(watcher), STATE) == ["confirmed"]
        (before,) = server.show("show calls")
        wait_rows(server.state, "calls", 1)
        server.kill()
        server.start()
        (after,) = server.show("show calls")
        assert [after[name] for name in ("number", "state", "caller", "callee", "call_id")] \
            == [before["number"], "answered", "1001", "1002", before["call_id"]]
        assert after["duration_s"] >= before["duration_s"]
        lamp = take_notify(watcher)
        assert ElementTree.fromstring(lamp.body).get("state") == "full"
        assert texts(lamp, STATE) == ["confirmed"]
        one, other = (caller, callee) if is_by_caller else (callee, caller)
        one.send(build_bye(one, answer, other, is_by_caller))
        other.send(build_response(receive_request(other, b"BYE"), 200, "OK"))
        end = take_notify(watcher)
        (state,) = ElementTree.fromstring(end.body).iter(STATE)
        assert (state.text, state.get("event")) == ("terminated", "remote-bye" if is_by_caller else "local-bye")
        assert server.show("show calls") == []
        wait_rows(server.state, "calls", 0)
        server.kill()
        server.start()
        assert server.show("show calls") == []


def test_call_answered_a_moment_ago_outlives_sigterm(new_server, network):
    with (new_server() as server,
          UdpPeer((server.host, server.port), network.new_host()) as caller,
          UdpPeer((server.host, server.port), network.new_host()) as callee):
        call_raw(caller, callee)
        wait_until(lambda: server.show("show calls"), 3, "the call")
        server.stop()
        server.start()
        assert [row["state"] for row in server.show("show calls")] == ["answered"]
