# SPDX-License-Identifier: Apache-2.0
"""RFC 3665 section 3, spoken by two SIPp: calls through one proxy with digest, in every way they end."""

import pytest

from tests.interop.office import PROXY, clear_bindings, in_both_roles, party, register_sipp
from tests.interop.sipp import Party
from tests.interop.sipp_script import Script, describe

CALLER, CALLEE = "1001", "1002"


@pytest.fixture(autouse=True)
def nobody_is_registered(server, network):
    clear_bindings(server, network, CALLEE)


@pytest.fixture
def play(server, new_sipp):
    """Plays a caller's scenario against a callee's and returns both SIPp."""
    def play_both(caller: Script, callee: Script, transport: str = "u1"):
        called, calling = new_sipp(server), new_sipp(server, transport=transport)
        register_sipp(server, called, CALLEE)
        called.start(callee, party(CALLEE, CALLER)).wait_listening()
        calling.start(caller, party(CALLER, CALLEE)).finish()
        called.finish()
        return calling, called
    return play_both


def call_until_answer(title: str) -> Script:
    return Script(title).invite_with_digest(describe()).provisional().receive(200, rrs="true").acknowledge()


def caller_hangs_up(title: str = "3.1") -> Script:
    return call_until_answer(title).pause(100).in_dialog("BYE").receive(200)


def callee_answers(title: str = "callee") -> Script:
    script = Script(title).receive("INVITE", rrs="true").respond(180, "Ringing").pause(50).answer()
    return script.receive("ACK").receive("BYE").confirm()


def test_call_with_digest_caller_hangs_up(play):
    calling, called = play(caller_hangs_up(), callee_answers())
    assert any(text.startswith("SIP/2.0 100") for _, text in calling.messages()), "no 100 within the call"
    assert "\nRecord-Route:" in called.received("INVITE")[0]
    assert "Proxy-Authorization" not in called.received("INVITE")[0]     # credentials meant for the proxy stay there
    vias = [line for line in called.received("INVITE")[0].splitlines() if line.startswith("Via:")]
    assert len(vias) == 2
    assert "Max-Forwards: 69" in called.received("INVITE")[0]


def test_every_message_of_the_call_passes_the_record_routing_proxy(play):
    _, called = play(caller_hangs_up(), callee_answers())
    for method in ("INVITE", "ACK", "BYE"):
        assert called.received(method)[0].count("\nVia:") == 2, method


@in_both_roles
def test_callee_hangs_up(play):
    caller = call_until_answer("3.1, callee hangs up").receive("BYE").confirm()
    callee = Script("callee hangs up").receive_invite().respond(180, "Ringing").answer().receive("ACK").pause(100)
    callee.bye_from_callee().receive(200)
    play(caller, callee)


@in_both_roles
def test_offer_in_the_200_and_answer_in_the_ack(play):
    caller = Script("3.6").invite_with_digest().provisional().receive(200, rrs="true").acknowledge(describe())
    caller.pause(100).in_dialog("BYE").receive(200)
    callee = Script("3.6 callee").receive("INVITE", rrs="true").answer().receive("ACK").receive("BYE").confirm()
    _, called = play(caller, callee)
    assert "m=audio" not in called.received("INVITE")[0]
    assert "m=audio" in called.received("ACK")[0]


@in_both_roles
def test_reinvite_holds_and_resumes(play):
    caller = call_until_answer("3.7")
    callee = Script("3.7 callee").receive("INVITE", rrs="true").respond(180, "Ringing").answer().receive("ACK")
    for version, offer, answer in ((2, "sendonly", "recvonly"), (3, "sendrecv", "sendrecv")):
        caller.in_dialog("INVITE", describe(version, offer)).receive(100, optional="true").receive(200)
        caller.acknowledge().pause(50)
        callee.receive("INVITE").respond(200, "OK", describe(version, answer), has_tag=False, is_retransmitted=True)
        callee.receive("ACK")
    caller.in_dialog("BYE").receive(200)
    callee.receive("BYE").confirm()
    _, called = play(caller, callee)
    assert "a=sendonly" in called.received("INVITE")[1]


@in_both_roles
def test_no_answer_and_the_caller_cancels(play):
    caller = Script("3.8").invite_with_digest(describe()).receive(100, optional="true").receive(180).pause(100).cancel()
    caller.receive(200).receive(487).acknowledge_refusal()
    callee = Script("3.8 callee").receive("INVITE").respond(180, "Ringing").receive("CANCEL").confirm().terminate()
    callee.receive("ACK")
    play(caller, callee)


@in_both_roles
def test_cancel_before_any_response_of_the_callee_waits_for_one(play):
    """RFC 3261 section 9.1: the CANCEL may go to the callee only after a provisional response of it."""
    caller = Script("early CANCEL").invite_with_digest(describe()).receive(100).cancel().receive(200)
    caller.receive(180, optional="true").receive(487)
    caller.acknowledge_refusal()
    callee = Script("slow callee").receive("INVITE").pause(400).respond(180, "Ringing").receive("CANCEL").confirm()
    callee.terminate().receive("ACK")
    _, called = play(caller, callee)
    order = [text.split(" sip:")[0].splitlines()[0] for _, text in called.messages()]
    assert order.index("CANCEL") > order.index("SIP/2.0 180 Ringing")


@in_both_roles
@pytest.mark.parametrize(("status", "reason"), [(486, "Busy Here"), (603, "Decline"), (480, "Temporarily Unavailable")])
def test_refusal_of_the_callee_reaches_the_caller(play, status, reason):
    caller = Script(f"3.9 {status}").invite_with_digest(describe()).provisional().receive(status).acknowledge_refusal()
    callee = Script(f"callee {status}").receive("INVITE").respond(180, "Ringing")
    callee.respond(status, reason, is_retransmitted=True).receive("ACK")
    _, called = play(caller, callee)
    assert len(called.received("ACK")) == 1


def test_unknown_number_gets_404(server, new_sipp):
    script = Script("404").invite_with_digest(describe()).provisional().receive(404).acknowledge_refusal()
    new_sipp(server).start(script, party(CALLER, "999404")).finish()


@pytest.mark.ours
def test_extension_without_binding_gets_480(server, new_sipp):
    script = Script("480").invite_with_digest(describe()).provisional().receive(480).acknowledge_refusal()
    new_sipp(server).start(script, party(CALLER, CALLEE)).finish()


def test_wrong_password_is_challenged_again(server, new_sipp):
    script = Script("wrong password").invite_with_digest(describe()).receive(100, optional="true")
    script.receive(407).acknowledge_refusal()
    new_sipp(server).start(script, Party("1005", "wrong", CALLEE)).finish()


@in_both_roles
@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_caller_over_either_transport_reaches_a_udp_phone(play, transport, request):
    calling, called = play(caller_hangs_up(), callee_answers(), transport)
    came_over = f"SIP/2.0/{'TCP' if transport == 't1' else 'UDP'} {calling.host}"
    is_proxied = request.node.callspec.params["server"] == PROXY
    assert (came_over in called.received("INVITE")[0]) == is_proxied
    assert (calling.host in called.received("INVITE")[0]) == is_proxied     # RFC 7092 3.2


@in_both_roles
def test_callee_whose_connection_is_gone_is_reached_over_tcp_at_its_contact(server, new_sipp):
    called, calling = new_sipp(server, transport="t1"), new_sipp(server)
    called.start(callee_answers("TCP callee"), party(CALLEE, CALLER)).wait_listening()
    register_sipp(server, called, CALLEE)
    calling.start(caller_hangs_up(), party(CALLER, CALLEE)).finish()
    called.finish()


@in_both_roles
def test_fifty_calls_at_once(server, new_sipp):
    called, calling = new_sipp(server), new_sipp(server)
    register_sipp(server, called, CALLEE)
    called.start(callee_answers(), party(CALLEE, CALLER), calls=50).wait_listening()
    calling.start(caller_hangs_up(), party(CALLER, CALLEE), calls=50, more=("-r", "50", "-l", "50")).finish()
    called.finish()
