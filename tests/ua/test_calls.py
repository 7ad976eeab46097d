# SPDX-License-Identifier: Apache-2.0
"""Calls between two user agents: RFC 3261 sections 13 to 15 on a wire without faults."""

import pytest

from appliance.sip.flow import TCP, UDP
from appliance.ua.call_events import Cause
from appliance.ua.inspection import Refusal
from tests.ua.virtual_network import join_two


@pytest.mark.parametrize("transport", [UDP, TCP])
def test_invite_200_ack_and_bye_from_the_caller(transport):
    network, a, b = join_two(transport=transport)
    call = a.call(b)
    network.run(1)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK"]
    assert (a.user.heard, b.user.heard) == (["answer_received", "confirmed"], ["offered", "confirmed"])
    assert (call.exchange.local, call.exchange.remote) == (b"offer", b"answer")
    call.hang_up(network.now)
    network.run(40)
    assert network.labels()[3:] == ["BYE", "200 BYE"]
    assert [release.cause for release in (*a.user.releases, *b.user.releases)] == [Cause.WE_LEFT, Cause.PEER_LEFT]
    assert a.is_quiet
    assert b.is_quiet


def test_bye_from_the_callee():
    network, a, b = join_two()
    a.call(b)
    network.run(1)
    b.user.calls[0].hang_up(network.now)
    network.run(40)
    assert network.labels()[3:] == ["BYE", "200 BYE"]
    bye = network.messages("BYE")[0]
    invite, answer = network.messages("INVITE")[0], network.messages("200 INVITE")[0]
    assert (bye.call_id, bye.from_tag, bye.to_tag) == (invite.call_id, answer.to_tag, invite.from_tag)
    assert bye.uri == invite.contact_uri
    assert a.is_quiet
    assert b.is_quiet


def test_the_callee_offers_in_the_200_where_the_invite_did_not():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.answer(b"late offer", now)
    a.call(b, offer=b"")
    network.run(1)
    assert network.messages("INVITE")[0].body == b""
    assert network.messages("200 INVITE")[0].body == b"late offer"
    assert network.messages("ACK")[0].body == b"answer"
    assert a.user.heard == ["offer_received", "confirmed"]
    assert b.user.heard == ["offered", "answer_received", "confirmed"]


def test_the_answer_to_a_late_offer_may_take_its_time():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.answer(b"late offer", now)
    del a.user.script["offer_received"]
    call = a.call(b, offer=b"")
    network.run(2)
    assert network.labels() == ["INVITE", "200 INVITE", "200 INVITE", "200 INVITE"]
    call.answer_offer(b"answer", network.now)
    network.run(10)
    assert network.labels()[4:] == ["ACK"]
    assert b.user.heard[-1] == "confirmed"


def test_ringing_then_answered_with_a_preview():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer")
    a.call(b)
    network.run(1)
    assert network.labels() == ["INVITE", "183 INVITE"]
    assert a.user.heard == ["alerted 183"]
    b.user.calls[0].answer(b"answer", network.now)
    network.run(1)
    assert a.user.heard == ["alerted 183", "confirmed"]


def test_no_answer_at_once_says_trying():
    network, a, b = join_two()
    b.user.script.clear()
    a.call(b)
    network.run(1)
    assert network.labels() == ["INVITE", "100 INVITE"]
    assert network.messages("100 INVITE")[0].to_tag == b""


def test_long_ringing_is_repeated_every_minute():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    a.call(b)
    network.run(200)
    assert network.times("180 INVITE") == pytest.approx([0.01, 60, 120, 180], abs=0.2)


def test_expires_in_the_invite_ends_ringing():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    draft = a.agent.draft_call(b"sip:2@198.51.100.20", b"offer")
    draft.expires_s = 10
    a.agent.place_call(draft, a.user, network.now)
    network.run(45)
    assert network.labels() == ["INVITE", "180 INVITE", "487 INVITE", "ACK"]
    assert network.times("487 INVITE")[0] == pytest.approx(10, abs=0.2)
    assert b.user.releases[0].cause is Cause.CANCELLED


def test_refused_calls_leave_nothing():
    network, a, b = join_two()
    b.user.verdict = Refusal(486)
    a.call(b)
    network.run(45)
    assert network.labels() == ["INVITE", "486 INVITE", "ACK"]
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.REFUSED, 486)
    assert a.is_quiet
    assert b.is_quiet


def test_cancel_while_ringing():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    call = a.call(b)
    network.run(1)
    call.hang_up(network.now, b"Reason: SIP;cause=487\r\n")
    network.run(45)
    assert network.labels() == ["INVITE", "180 INVITE", "CANCEL", "200 CANCEL", "487 INVITE", "ACK"]
    cancel, invite = network.messages("CANCEL")[0], network.messages("INVITE")[0]
    assert (cancel.branch, cancel.cseq, cancel.uri) == (invite.branch, invite.cseq, invite.uri)
    assert network.messages("200 CANCEL")[0].to_tag == network.messages("487 INVITE")[0].to_tag
    assert a.user.releases[0].cause is b.user.releases[0].cause is Cause.CANCELLED
    assert a.is_quiet
    assert b.is_quiet


def test_nobody_answers():
    network, a, b = join_two(loss=lambda number, octets: True)
    a.call(b)
    network.run(40)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, 408)
    assert a.is_quiet


def test_a_name_that_leads_nowhere_is_told_afterwards():
    network, a, b = join_two()
    a.call(b, uri=b"sip:2@nowhere.example")
    assert a.user.releases == []
    network.run(1)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, 503)


def test_a_200_without_ack_is_repeated_and_then_ended_with_bye():
    network, a, b = join_two(loss=lambda number, octets: octets[:3] == b"ACK")
    a.call(b)
    network.run(70)
    gaps = [later - earlier for earlier, later in zip(network.times("200 INVITE"), network.times("200 INVITE")[1:],
                                                      strict=False)]
    assert gaps[:4] == pytest.approx([0.5, 1, 2, 4], abs=0.12)
    assert max(gaps) < 4.2
    assert len(network.messages("ACK")) == len(network.messages("200 INVITE"))
    assert network.times("BYE")[0] == pytest.approx(32, abs=0.2)
    assert b.user.releases[0].cause is Cause.LOST
    assert a.user.releases[0].cause is Cause.PEER_LEFT
    assert a.is_quiet
    assert b.is_quiet


def test_the_callee_says_bye_only_after_the_ack():
    network, a, b = join_two(loss=lambda number, octets: number == 2)  # the first ACK
    a.call(b)
    network.run(0.1)
    b.user.calls[0].hang_up(network.now)
    network.run(40)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK", "200 INVITE", "ACK", "BYE", "200 BYE"]
    assert b.user.heard == ["offered", "released"]


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_the_session_changes_inside_the_dialog(who):
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    asking, handle = (a, call) if who == "caller" else (b, b.user.calls[0])
    assert handle.change_session(b"hold", network.now)
    assert not handle.change_session(b"twice", network.now)
    network.run(40)
    assert network.labels(asking)[-2:] == ["INVITE", "ACK"]
    invite = network.messages("INVITE")[1]
    assert invite.to_tag
    assert invite.body == b"hold"
    assert (handle.exchange.local, handle.exchange.remote) == (b"hold", b"answer")
    assert handle.change_session(b"", network.now)  # and one that lets the other side offer
    network.run(40)
    assert network.messages("200 INVITE")[-1].body == b"new offer"
    assert network.messages("ACK")[-1].body == b"answer"
    assert (handle.exchange.local, handle.exchange.remote) == (b"answer", b"new offer")
    call.hang_up(network.now)
    network.run(40)
    assert a.is_quiet
    assert b.is_quiet


def test_a_refused_change_leaves_the_session():
    network, a, b = join_two()
    b.user.script["offer_received"] = lambda call, now: call.refuse_offer(488, now)
    call = a.call(b)
    network.run(1)
    call.change_session(b"video", network.now)
    network.run(40)
    assert a.user.heard[-1] == "change_refused 488"
    assert (call.exchange.local, call.exchange.remote) == (b"offer", b"answer")
    assert a.user.releases == []


def test_a_dialog_that_the_other_side_has_forgotten_ends():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    b.core.dialogs.entries.clear()
    call.change_session(b"hold", network.now)
    network.run(40)
    assert network.labels()[3:] == ["INVITE", "481 INVITE", "ACK", "BYE", "481 BYE"]
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, 481)
    assert a.is_quiet
