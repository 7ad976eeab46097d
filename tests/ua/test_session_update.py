# SPDX-License-Identifier: Apache-2.0
"""UPDATE, RFC 3311, in early dialogs and confirmed ones, with the crossings of RFC 6337 4 and RFC 5407 3.3.2."""

import pytest

from appliance.native.sip_scanner import Message
from appliance.ua.call_events import Cause
from tests.ua.strangers import assert_over, call_a_stranger, join_reliable, request, response
from tests.ua.virtual_network import DELAY_S, Network, Phone, join_two


def join_early() -> tuple[Network, Phone, Phone, object]:
    """A call that rings, offer and answer exchanged in a reliable 183; the caller's handle."""
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer", True)
    call = a.call(b)
    network.run(1)
    return network, a, b, call


def join_confirmed() -> tuple[Network, Phone, Phone, object]:
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    return network, a, b, call


def test_update_changes_the_session_of_a_call_that_stands():
    network, a, b, call = join_confirmed()
    assert call.change_session(b"hold", network.now, True)
    network.run(1)
    assert network.labels()[3:] == ["UPDATE", "200 UPDATE"]
    update, answer = network.messages("UPDATE")[0], network.messages("200 UPDATE")[0]
    assert (update.body, answer.body) == (b"hold", b"answer")
    assert None not in (update.contact_uri, answer.contact_uri)     # RFC 3311 table 1
    assert (call.exchange.local, call.exchange.remote) == (b"hold", b"answer")
    assert b.user.calls[0].exchange.remote == b"hold"
    assert (a.user.heard[-1], b.user.heard[-1]) == ("answer_received", "offer_received")


def test_a_change_is_a_reinvite_where_the_peer_does_not_allow_update():
    network, a, b = join_two()
    b.core.methods.remove(b"UPDATE")
    call = a.call(b)
    network.run(1)
    assert not call.peer_allows(b"UPDATE")
    assert call.change_session(b"hold", network.now, True)
    network.run(1)
    assert network.labels()[3:] == ["INVITE", "200 INVITE", "ACK"]


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_update_in_an_early_dialog(who):
    network, a, b, call = join_early()
    other, mine = (b, call) if who == "caller" else (a, b.user.calls[0])
    other.user.script["offer_received"] = lambda early, now: early.answer_offer(b"new answer", now)
    assert mine.change_session(b"new offer", network.now)
    network.run(1)
    assert network.labels()[4:] == ["UPDATE", "200 UPDATE"]
    b.user.calls[0].answer(b"", network.now)
    network.run(1)
    sessions = [(usage.exchange.local, usage.exchange.remote) for usage in (call, b.user.calls[0])]
    expected = [(b"new offer", b"new answer"), (b"new answer", b"new offer")]
    assert sessions == (expected if who == "caller" else expected[::-1])
    assert a.user.heard[-1] == b.user.heard[-1] == "confirmed"
    call.hang_up(network.now)
    assert_over(network, a, b)


def test_an_early_offer_is_answered_by_the_call_or_by_the_early_dialog():
    network, _a, b, call = join_early()
    heard = []
    b.user.script["offer_received"] = lambda early, now: heard.append(early)
    call.change_session(b"new offer", network.now)
    network.run(0.5)
    incoming = b.user.calls[0]
    assert heard[0] is not incoming
    assert heard[0].fork == incoming.dialog.local_tag
    assert incoming.was_asked_by_update
    assert incoming.answer_offer(b"new answer", network.now)
    assert not incoming.answer_offer(b"again", network.now)
    network.run(0.5)
    assert network.messages("200 UPDATE")[0].body == b"new answer"


def test_an_early_change_that_is_refused_leaves_the_session():
    network, a, b, call = join_early()
    b.user.script["offer_received"] = lambda early, now: early.refuse_offer(488, now)
    call.change_session(b"video", network.now)
    network.run(1)
    assert a.user.heard[-1] == "change_refused 488"
    b.user.calls[0].answer(b"", network.now)
    network.run(1)
    assert (call.exchange.local, call.exchange.remote) == (b"offer", b"answer")


@pytest.mark.parametrize("script", [
    lambda call, now: call.alert(180, now),
    lambda call, now: call.alert(183, now, b"preview"),     # RFC 6337 3.1.1: not closed yet
    lambda call, now: call.alert(180, now, b"", True),
])
def test_no_update_before_the_first_exchange_is_closed_reliably(script):
    network, _a, b = join_reliable()
    b.user.script["offered"] = script
    call = _a.call(b)
    network.run(1)
    assert not call.change_session(b"new offer", network.now)
    assert not b.user.calls[0].change_session(b"new offer", network.now)
    assert "UPDATE" not in network.labels()


def test_the_callee_makes_no_offer_while_its_answer_is_unacknowledged():
    network, a, b = join_reliable(loss=lambda number, octets: octets.startswith(b"PRACK") and network.now < 1000.3)
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer", True)
    call = a.call(b)
    network.run(0.1)
    assert not b.user.calls[0].change_session(b"new", network.now)
    assert not call.change_session(b"new", network.now)     # RFC 6337 4.3: its PRACK has no 2xx yet
    network.run(2)
    assert call.change_session(b"new", network.now)


def test_the_200_waits_for_the_end_of_an_update():
    network, a, b, call = join_early()
    call.change_session(b"new offer", network.now)
    network.run(0.1)
    b.user.calls[0].answer(b"", network.now)
    network.run(0.1)
    assert "200 INVITE" not in network.labels()
    b.user.calls[0].answer_offer(b"new answer", network.now)
    network.run(0.1)
    assert network.labels(b)[-2:] == ["200 UPDATE", "200 INVITE"]
    assert a.user.heard[-1] == "confirmed"


def test_an_update_that_meets_the_200_goes_on_in_the_call():
    network, a, b, call = join_early()
    network.delay = lambda octets: 0.3 if octets.startswith(b"UPDATE") else DELAY_S
    b.user.script["offer_received"] = lambda handle, now: handle.answer_offer(b"new answer", now)
    call.change_session(b"new offer", network.now)
    b.user.calls[0].answer(b"", network.now)
    network.run(2)
    assert a.user.heard[-2:] == ["confirmed", "answer_received"]
    assert (call.exchange.local, call.exchange.remote) == (b"new offer", b"new answer")
    assert b.user.calls[0].exchange.remote == b"new offer"
    assert call.change_session(b"hold", network.now, True)


def test_an_update_without_a_session_moves_the_remote_target():
    network, a, b, _call, invite = call_a_stranger()
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    a.receive(request(b"UPDATE", invite, b"one", 5).replace(b"<sip:x@198.51.100.20>", b"<sip:y@198.51.100.20:5070>"),
              b.address, network.now)
    network.run(0.1)
    assert network.labels(a)[-1] == "200 UPDATE"
    assert network.messages("200 UPDATE")[0].body == b""
    assert _call.dialog.remote_target == b"sip:y@198.51.100.20:5070"
    assert "offer_received" not in a.user.heard


# RFC 3311 5.2, RFC 6337 4.3


def offer_update(phone: Phone, source: Phone, invite: Message, cseq: int, offer: bytes = b"video") -> None:
    phone.receive(request(b"UPDATE", invite, b"one", cseq, b"", offer), source.address, phone.network.now)
    phone.network.run(0.05)


def test_a_second_update_before_the_first_is_answered_gets_500_with_retry_after():
    network, a, b, call, invite = call_a_stranger()
    a.user.script.clear()
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    offer_update(a, b, invite, 5)
    for cseq, offer in ((6, b"other"), (7, b"")):
        offer_update(a, b, invite, cseq, offer)
    refusals = network.messages("500 UPDATE")
    assert len(refusals) == 2
    assert all(0 <= int(refusal.header(b"Retry-After")) <= 10 for refusal in refusals)
    assert call.answer_offer(b"answer", network.now)


def test_updates_with_offers_that_cross_get_491_and_are_tried_again():
    network, _a, b, call = join_confirmed()
    call.change_session(b"a holds", network.now, True)
    b.user.calls[0].change_session(b"b holds", network.now, True)
    network.run(20)
    assert len(network.messages("491 UPDATE")) == 2
    assert len(network.messages("200 UPDATE")) == 2
    assert call.exchange.local == b"a holds"    # who owns the Call-ID waits longer (RFC 3311 5.3)
    assert b.user.calls[0].exchange.remote == b"a holds"


def test_an_update_that_crosses_our_reinvite_gets_491():
    network, a, b, call, invite = call_a_stranger()
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    call.change_session(b"hold", network.now)
    offer_update(a, b, invite, 5)
    assert network.labels(a)[-1] == "491 UPDATE"


def test_rfc_5407_3_3_2_update_crosses_reinvite():
    network, _a, b, call = join_confirmed()
    call.change_session(b"a updates", network.now, True)
    b.user.calls[0].change_session(b"b re-invites", network.now)
    network.run(20)
    assert len(network.messages("491 UPDATE")) == len(network.messages("491 INVITE")) == 1
    assert call.exchange.local == b"a updates"
    assert b.user.calls[0].exchange.remote == b"a updates"


def test_an_update_while_their_reinvite_waits_for_us_gets_500():
    network, a, b, _call, invite = call_a_stranger()
    a.user.script.clear()
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    a.receive(request(b"INVITE", invite, b"one", 5, b"", b"hold"), b.address, network.now)
    offer_update(a, b, invite, 6)
    assert network.labels(a)[-1] == "500 UPDATE"


def test_a_reinvite_while_their_update_waits_for_us_gets_500():
    network, a, b, _call, invite = call_a_stranger()
    a.user.script.clear()
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    offer_update(a, b, invite, 5)
    a.receive(request(b"INVITE", invite, b"one", 6, b"", b"hold"), b.address, network.now)
    network.run(0.05)
    assert network.labels(a)[-1] == "500 INVITE"
    assert network.messages("500 INVITE")[0].header(b"Retry-After") is not None


def test_an_offer_in_an_early_dialog_before_our_own_is_answered_gets_491():
    network, a, b, _call, invite = call_a_stranger()
    a.receive(response(invite, 180, b"one"), b.address, network.now)
    offer_update(a, b, invite, 5)
    assert network.labels(a)[-1] == "491 UPDATE"    # UAS-IcU


def test_an_offer_from_the_caller_before_its_first_is_answered_gets_500():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    a.call(b)
    network.run(0.1)
    invite, ringing = network.messages("INVITE")[0], network.messages("180 INVITE")[0]
    update = invite.data.replace(b"INVITE sip", b"UPDATE sip").replace(b"CSeq: 1 INVITE", b"CSeq: 2 UPDATE").replace(
        b"branch=", b"branch=z9hG4bKother").replace(b"To: " + invite.to_value, b"To: " + ringing.to_value)
    b.receive(update, a.address, network.now)
    network.run(0.1)
    assert network.labels(b)[-1] == "500 UPDATE"    # UAS-IsU
    b.user.calls[0].answer(b"answer", network.now)
    network.run(0.1)
    assert a.user.heard[-1] == "confirmed"


def test_the_update_of_one_fork_is_for_that_fork():
    network, a, b, call, invite = call_a_stranger()
    handles = []
    a.user.script["offer_received"] = lambda handle, now: handles.append(handle)
    for tag, rseq in ((b"one", 1), (b"two", 50)):
        a.receive(response(invite, 183, tag, rseq, b"answer of " + tag), b.address, network.now)
    for cseq, tag in ((5, b"two"), (6, b"one")):
        a.receive(request(b"UPDATE", invite, tag, cseq, b"", b"offer of " + tag), b.address, network.now)
    assert [handle.fork for handle in handles] == [b"two", b"one"]
    for handle in handles:
        handle.answer_offer(b"to " + handle.fork, network.now)
    network.run(0.05)
    assert {(message.from_tag, message.body) for message in network.messages("200 UPDATE")} == {
        (b"two", b"to two"), (b"one", b"to one")}
    a.receive(response(invite, 200, b"two"), b.address, network.now)
    assert (call.exchange.local, call.exchange.remote) == (b"to two", b"offer of two")
    assert not handles[1].answer_offer(b"late", network.now)
    a.receive(request(b"UPDATE", invite, b"one", 7, b"", b"late"), b.address, network.now)
    network.run(0.05)
    assert network.labels(a)[-1] == "481 UPDATE"


def test_an_update_that_nobody_answers_in_time_gets_504():
    network, a, b, call, invite = call_a_stranger()
    a.user.script.clear()
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    offer_update(a, b, invite, 5)
    network.run(26)
    assert network.labels(a)[-1] == "504 UPDATE"
    assert not call.answer_offer(b"late", network.now)
    assert (call.exchange.local, call.exchange.remote) == (b"offer", b"answer")


def test_an_answer_that_waits_for_an_update_goes_out_when_that_is_too_late():
    network, a, b, call = join_early()
    call.change_session(b"new offer", network.now)
    network.run(0.1)
    b.user.calls[0].answer(b"", network.now)
    network.run(26)
    assert network.labels(b)[-2:] == ["504 UPDATE", "200 INVITE"]
    assert a.user.heard[-2:] == ["change_refused 504", "confirmed"]
    assert (call.exchange.local, call.exchange.remote) == (b"offer", b"answer")


def test_what_the_peer_allows_is_what_it_said_last():
    network, a, b = join_two()
    b.core.methods.remove(b"UPDATE")
    call = a.call(b)
    network.run(1)
    b.core.methods.append(b"UPDATE")
    call.change_session(b"hold", network.now)
    network.run(1)
    assert call.peer_allows(b"UPDATE")


@pytest.mark.parametrize(("status", "ends"), [(481, True), (408, True), (405, False), (500, False), (488, False)])
def test_which_refusals_of_an_update_end_the_call(status, ends):
    network, a, b, call, invite = call_a_stranger()
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    call.change_session(b"hold", network.now, True)
    network.run(0.01)
    update = network.messages("UPDATE")[0]
    a.receive(update.reply(b"SIP/2.0 %d X\r\n" % status, b""), b.address, network.now)
    assert (a.user.heard[-1] == "released") is ends
    assert call.exchange.local == b"offer"
    if not ends:
        assert a.user.heard[-1] == f"change_refused {status}"


def test_a_hang_up_answers_the_update_that_waits():
    network, a, b, call = join_confirmed()
    b.user.script.clear()
    call.change_session(b"hold", network.now, True)
    network.run(0.1)
    b.user.calls[0].hang_up(network.now)
    network.run(0.1)
    assert network.labels(b)[-2:] == ["487 UPDATE", "BYE"]
    assert_over(network, a, b)
    assert a.user.releases[0].cause is Cause.PEER_LEFT


def test_an_offer_in_the_2xx_to_our_reinvite_that_cannot_be_taken_ends_the_call():
    network, a, b, call = join_confirmed()
    a.user.script["offer_received"] = lambda handle, now: handle.refuse_offer(488, now)
    call.change_session(b"", network.now)
    network.run(0.1)
    assert network.labels(a)[-3:] == ["ACK", "BYE", "200 BYE"]     # the other side misses the answer in the ACK
    assert_over(network, a, b)
