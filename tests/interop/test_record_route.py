# SPDX-License-Identifier: Apache-2.0
"""`set sip record-route`: on, the whole call passes the server; off, ACK and BYE go from phone to phone."""

import pytest

from tests.interop.office import party, register_sipp
from tests.interop.raw_sip import UdpPeer, authorize, build_request, build_response, register, transact
from tests.interop.server import SECRETS
from tests.interop.sipp_script import Script, describe
from tests.interop.test_calls import callee_answers


def call_raw(caller: UdpPeer, callee: UdpPeer):
    """An answered call up to the 200: the INVITE as the callee got it, the 200 as the caller got it."""
    register(callee, "1002", SECRETS["1002"])
    request = build_request(caller, "INVITE", "sip:1002@office.test",
                            lines=(f"Contact: <sip:1001@{caller.hostport.decode()}>",))
    challenge = transact(caller, request)
    assert challenge is not None
    caller.send(authorize(request, challenge, "1001", SECRETS["1001"]))
    invite = callee.receive()
    assert invite is not None
    callee.send(build_response(invite, 200, "OK", contact=f"sip:1002@{callee.hostport.decode()}"))
    for _ in range(3):
        answer = caller.receive()
        if answer is not None and answer.status == 200:
            return invite, answer
    raise AssertionError("no 200")


@pytest.mark.parametrize(("value", "is_there"), [("true", True), ("false", False)])
def test_record_route_stands_in_request_and_response_as_configured(new_server, network, value, is_there):
    with (new_server(lines=[f"set sip record-route {value}"]) as server,
          UdpPeer((server.host, server.port), network.new_host()) as caller,
          UdpPeer((server.host, server.port), network.new_host()) as callee):
        invite, answer = call_raw(caller, callee)
        assert bool(invite.header(b"Record-Route")) == is_there
        assert answer.header(b"Record-Route") == invite.header(b"Record-Route")
        if is_there:
            assert invite.header(b"Record-Route").startswith(b"<sip:%s:%d;" % (server.host.encode(), server.port))
            assert b";lr" in invite.header(b"Record-Route")
        assert answer.header(b"Contact") == f"<sip:1002@{callee.hostport.decode()}>".encode()


@pytest.mark.ours
def test_trusted_source_is_not_challenged(new_server, new_sipp, network):
    trusted = network.new_host()
    with new_server(lines=[f"set sip listener office trusted {trusted}/32"]) as server:
        called, calling = new_sipp(server), new_sipp(server, host=trusted)
        register_sipp(server, called, "1002")
        called.start(callee_answers(), party("1002", "1001")).wait_listening()
        caller = Script("trusted").invite(describe()).provisional().receive(200, rrs="true").acknowledge()
        calling.start(caller.in_dialog("BYE").receive(200), party("1001", "1002")).finish()
        called.finish()
