# SPDX-License-Identifier: Apache-2.0
"""A call over a restart: nothing is sent, and everything works afterwards, from either side."""

import json

import pytest

from appliance.errors import MachineError
from appliance.ua.call_events import Cause
from appliance.ua.usage_snapshot import CSEQ_AHEAD, restore_call, take_snapshot
from tests.ua.virtual_network import Network, Phone, join_two


def restart(phone: Phone, call) -> tuple[Phone, object]:
    """The same phone in a new process, out of the JSON of the old one."""
    kept = json.dumps(take_snapshot(call))
    network = phone.network
    del network.phones[phone.address]
    again = Phone(network, phone.address[0].decode(), phone.profile.user.decode(), phone.listener.transport)
    again.user.script = phone.user.script
    again.profile.supported = phone.profile.supported
    again.profile.session_expires_s = phone.profile.session_expires_s

    def find_flow(key):
        name, transport, host, port = key
        assert (name, transport) == (phone.listener.name, phone.listener.transport)
        return again.flow_to(again.listener, host, port)
    return again, restore_call(again.core, json.loads(kept), again.user, find_flow, network.now)


@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("is_on_flow", [False, True])
def test_a_call_goes_on_after_a_restart(who, is_on_flow):
    network, a, b = join_two()
    a.call(b)
    network.run(1)
    calls = {phone: next(iter(phone.core.dialogs.entries.values())).usages[b"BYE"] for phone in (a, b)}
    phone, peer = (a, b) if who == "caller" else (b, a)
    calls[phone].dialog.is_on_flow = is_on_flow
    before = len(network.sent)
    again, call = restart(phone, calls[phone])
    network.run(40)
    assert len(network.sent) == before
    assert call.dialog.is_on_flow == is_on_flow
    assert call.owns_call_id == (who == "caller")
    assert (call.exchange.local, call.exchange.remote) == (
        calls[peer].exchange.remote, calls[peer].exchange.local)
    assert calls[peer].change_session(b"hold", network.now)     # from there
    network.run(1)
    assert call.exchange.remote == b"hold"
    assert call.change_session(b"resume", network.now)          # and from here
    network.run(1)
    assert calls[peer].exchange.remote == b"resume"
    assert network.messages("INVITE")[-1].cseq > CSEQ_AHEAD
    third, call = restart(again, call)
    call.hang_up(network.now)
    network.run(40)
    assert network.labels()[-2:] == ["BYE", "200 BYE"]
    assert network.messages("BYE")[0].cseq > 2 * CSEQ_AHEAD
    assert peer.user.releases[0].cause is Cause.PEER_LEFT
    assert third.is_quiet
    assert peer.is_quiet


def test_the_peer_may_end_a_restored_call():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    again, _ = restart(b, b.user.calls[0])
    call.hang_up(network.now)
    network.run(40)
    assert [release.cause for release in again.user.releases] == [Cause.PEER_LEFT]
    assert again.is_quiet


def test_only_calls_that_stand_are_kept():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    call = a.call(b)
    network.run(1)
    assert take_snapshot(call) is None
    assert take_snapshot(b.user.calls[0]) is None
    b.user.calls[0].answer(b"answer", network.now)
    network.run(1)
    assert take_snapshot(call) is not None
    call.hang_up(network.now)
    assert take_snapshot(call) is None


def test_octets_that_are_no_text_survive():
    network, a, b = join_two()
    a.profile.display_name = "Zoë 佐藤".encode()
    b.user.script["offered"] = lambda call, now: call.answer(bytes(range(256)), now)
    call = a.call(b)
    network.run(1)
    _, restored = restart(a, call)
    assert restored.exchange.remote == bytes(range(256))
    assert restored.dialog.local == call.dialog.local


@pytest.mark.parametrize("damage", [
    lambda saved: saved.pop("local"), lambda saved: saved.update(state=9), lambda saved: saved.update(remote=5),
    lambda saved: saved.update(flow=["x"]), lambda saved: saved.update(local="\u4f50"),
    lambda saved: saved.update(local='"<sip:x'), lambda saved: saved.update(local_cseq="x")])
def test_what_cannot_be_read_is_no_call(damage):
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    saved = take_snapshot(call)
    damage(saved)
    fresh = Phone(Network(), "192.168.1.11", "201")
    with pytest.raises(MachineError):
        restore_call(fresh.core, saved, fresh.user, lambda key: None, network.now)
    assert len(fresh.core.dialogs) == 0


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_the_session_timer_goes_on(who):
    network, a, b = join_two()
    for phone in (a, b):
        phone.profile.supported = (b"timer",)
        phone.profile.session_expires_s = 120
    a.call(b)
    network.run(1)
    phone, peer = (a, b) if who == "caller" else (b, a)
    call = next(iter(phone.core.dialogs.entries.values())).usages[b"BYE"]
    assert call.timer.is_refresher == (who == "caller")
    network.run(25)
    again, restored = restart(phone, call)
    assert (restored.timer.seconds, restored.timer.is_refresher) == (120, who == "caller")
    assert restored.peer_methods == call.peer_methods
    before = len(network.messages("INVITE")) + len(network.messages("UPDATE"))
    network.run(40)
    assert len(network.messages("INVITE")) + len(network.messages("UPDATE")) == before + 1
    network.run(600)
    assert "released" not in again.user.heard + peer.user.heard
