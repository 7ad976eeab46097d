# SPDX-License-Identifier: Apache-2.0
"""Forking by a real proxy to real user agents: in parallel, one after another by q, and what the losers are told."""

import pytest

from tests.interop.office import PROXY, clear_bindings, in_both_roles, party, register_sipp
from tests.interop.raw_sip import register
from tests.interop.server import SECRETS
from tests.interop.sipp_script import Script, describe
from tests.interop.test_calls import caller_hangs_up

CALLER, CALLEE = "1001", "1002"
COMPLETED_ELSEWHERE = "SIP *; *cause=200"                          # RFC 3326, RFC 3261 section 16.7 step 10


@pytest.fixture(autouse=True)
def nobody_is_registered(server, network):
    clear_bindings(server, network, CALLEE)


def loser(title: str = "loser") -> Script:
    script = Script(title).receive("INVITE").respond(180, "Ringing")
    script.receive("CANCEL", checks={"Reason": COMPLETED_ELSEWHERE})
    return script.confirm().terminate().receive("ACK")


def cancelled() -> Script:
    script = Script("cancelled").receive("INVITE").respond(180, "Ringing").receive("CANCEL").confirm()
    return script.terminate().receive("ACK")


def winner(delay_ms: int = 150) -> Script:
    script = Script("winner").receive("INVITE", rrs="true").respond(180, "Ringing").pause(delay_ms).answer()
    return script.receive("ACK").receive("BYE").confirm()


def refuser(status: int, reason: str, delay_ms: int = 0) -> Script:
    script = Script(f"refuses with {status}").receive("INVITE").pause(delay_ms)
    return script.respond(status, reason, is_retransmitted=True).receive("ACK")


@pytest.fixture
def play(server, new_sipp):
    """Plays a caller against several callees of one extension, each with its Contact parameters."""
    def play_all(caller: Script, *callees: tuple[str, Script]):
        called = []
        for parameters, script in callees:
            sipp = new_sipp(server)
            register_sipp(server, sipp, CALLEE, parameters=parameters)
            called.append(sipp.start(script, party(CALLEE, CALLER)).wait_listening())
        calling = new_sipp(server).start(caller, party(CALLER, CALLEE)).finish()
        for sipp in called:
            sipp.finish()
        return [calling, *called]
    return play_all


@in_both_roles
def test_parallel_fork_one_answers_and_the_loser_gets_cancel_with_reason(play):
    calling, first, second = play(caller_hangs_up("parallel fork"), ("", winner()), ("", loser()))
    branches = {sipp.received("INVITE")[0].split("branch=", 1)[1].split("\n", 1)[0] for sipp in (first, second)}
    assert len(branches) == 2
    assert len(calling.received("SIP/2.0 200")) == 2               # of INVITE and BYE: the loser's 487 stays with us


@in_both_roles
def test_parallel_fork_to_six_phones(play):
    play(caller_hangs_up("six phones"), ("", winner(300)), *[("", loser(f"loser {number}")) for number in range(5)])


@in_both_roles
def test_equal_q_rings_together_and_lower_q_only_after_they_failed(play):
    calling, *called = play(caller_hangs_up("serial by q"), (";q=0.9", refuser(486, "Busy Here")),
                            (";q=0.9", refuser(480, "Temporarily Unavailable", 100)), (";q=0.5", winner()))
    assert [len(sipp.received("INVITE")) for sipp in called] == [1, 1, 1]
    assert not calling.received("SIP/2.0 48"), "a refused branch must not end the call"


@in_both_roles
def test_serial_fork_stops_at_the_first_answer(play, server, udp):
    register(udp, CALLEE, SECRETS[CALLEE], contact=f"<sip:{CALLEE}@{udp.hostport.decode()}>;q=0.1")
    play(caller_hangs_up("serial, first answers"), (";q=1.0", winner()))
    assert udp.receive(0.3) is None, "the lower binding was called as well"


@in_both_roles
def test_busy_branch_does_not_end_the_ringing_of_the_other(play):
    play(caller_hangs_up("one busy"), ("", refuser(486, "Busy Here")), ("", winner(300)))


@in_both_roles
def test_all_busy_gives_the_caller_one_486(play):
    caller = Script("all busy").invite_with_digest(describe()).provisional().receive(486).acknowledge_refusal()
    play(caller, ("", refuser(486, "Busy Here")), ("", refuser(486, "Busy Here", 150)))


@in_both_roles
def test_603_ends_the_other_branches(play):
    """RFC 3261 section 16.7 step 5: a 6xx cancels what is pending; it is what the caller gets."""
    caller = Script("declined").invite_with_digest(describe()).provisional().receive(603).acknowledge_refusal()
    play(caller, ("", refuser(603, "Decline", 200)), ("", cancelled()))


@in_both_roles
def test_cancel_of_the_caller_reaches_every_branch(play, request):
    caller = Script("cancel").invite_with_digest(describe()).receive(100, optional="true").receive(180)
    if request.node.callspec.params["server"] == PROXY:
        caller.receive(180)     # of a back-to-back user agent it is the first one again, which SIPp does not count
    caller.pause(300).cancel().receive(200).receive(487).acknowledge_refusal()
    play(caller, ("", cancelled()), ("", cancelled()))
