# SPDX-License-Identifier: Apache-2.0
"""Reliable provisional responses, RFC 3262, and the offers and answers in them (RFC 6337 3.1)."""

from itertools import pairwise

import pytest

from appliance.ua.call_events import Cause
from tests.ua.strangers import RELIABLE, assert_over, call_a_stranger, join_reliable, request, response

# RFC 6337: the patterns with 100rel


def test_pattern_2_the_answer_in_a_reliable_183_is_the_answer():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer", True)
    call = a.call(b)
    network.run(1)
    assert network.labels() == ["INVITE", "183 INVITE", "PRACK", "200 PRACK"]
    ringing, prack = network.messages("183 INVITE")[0], network.messages("PRACK")[0]
    assert ringing.values(b"Require") == [RELIABLE]
    rseq = int(ringing.header(b"RSeq"))
    assert 1 <= rseq <= 2 ** 31 - 1
    assert prack.header(b"RAck") == b"%d 1 INVITE" % rseq
    assert (prack.uri, prack.to_tag, prack.cseq) == (ringing.contact_uri, ringing.to_tag, 2)
    alert = a.user.alerts[0]
    assert (alert.status, alert.session, alert.fork, alert.is_reliable) == (183, b"answer", ringing.to_tag, True)
    b.user.calls[0].answer(b"ignored", network.now)
    network.run(1)
    assert network.messages("200 INVITE")[0].body == b""    # RFC 6337 3.1.1
    assert a.user.heard == ["alerted 183", "confirmed"]
    assert (call.exchange.local, call.exchange.remote) == (b"offer", b"answer")
    assert (b.user.calls[0].exchange.local, b.user.calls[0].exchange.remote) == (b"answer", b"offer")
    call.hang_up(network.now)
    assert_over(network, a, b)


def test_pattern_4_the_offer_in_a_reliable_183_is_answered_by_the_prack():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"late offer", True)
    call = a.call(b, offer=b"")
    network.run(1)
    assert network.labels() == ["INVITE", "183 INVITE", "PRACK", "200 PRACK"]
    assert network.messages("183 INVITE")[0].body == b"late offer"
    assert network.messages("PRACK")[0].body == b"answer"
    assert a.user.heard == ["alerted 183", "offer_received"]
    assert a.user.alerts[0].session == b""
    assert b.user.heard == ["offered", "answer_received"]
    b.user.calls[0].answer(b"ignored", network.now)
    network.run(1)
    assert network.messages("200 INVITE")[0].body == network.messages("ACK")[0].body == b""
    assert (call.exchange.local, call.exchange.remote) == (b"answer", b"late offer")
    assert (b.user.calls[0].exchange.local, b.user.calls[0].exchange.remote) == (b"late offer", b"answer")
    assert a.user.heard[-1] == b.user.heard[-1] == "confirmed"


def test_the_answer_for_the_prack_may_take_its_time():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"late offer", True)
    del a.user.script["offer_received"]
    call = a.call(b, offer=b"")
    network.run(2)
    assert network.labels() == ["INVITE", "183 INVITE", "183 INVITE", "183 INVITE"]
    assert call.answer_offer(b"answer", network.now)    # by the call itself, though the early dialog was asked
    network.run(10)
    assert network.labels()[4:] == ["PRACK", "200 PRACK"]
    assert not call.answer_offer(b"again", network.now)


def test_an_offer_in_a_prack_is_answered_in_its_200():
    network, a, b = join_reliable()
    b.user.script, a.user.script = {"offered": lambda call, now: call.alert(183, now, b"answer", True)}, {}
    a.call(b)
    network.loss = lambda number, octets: octets.startswith(b"PRACK")     # ours, which has no offer
    network.run(0.1)
    prack = network.messages("PRACK")[0]
    b.receive(prack.data.replace(b"Content-Length: 0", b"Content-Type: application/sdp\r\nContent-Length: 5")
              + b"video", a.address, network.now)
    assert b.user.heard == ["offered", "offer_received"]
    assert b.user.sessions[-1] == b"video"
    assert b.user.calls[0].answer_offer(b"video too", network.now)
    network.run(0.05)
    assert network.messages("200 PRACK")[0].body == b"video too"
    assert (b.user.calls[0].exchange.local, b.user.calls[0].exchange.remote) == (b"video too", b"video")


def test_the_200_waits_for_the_answer_to_the_offer_in_a_prack():
    network, a, b = join_reliable()
    a.user.script, b.user.script = {}, {"offered": lambda call, now: call.alert(183, now, b"answer", True)}
    a.call(b)
    network.loss = lambda number, octets: octets.startswith(b"PRACK")
    network.run(0.1)
    b.receive(network.messages("PRACK")[0].data.replace(
        b"Content-Length: 0", b"Content-Type: application/sdp\r\nContent-Length: 5") + b"video", a.address, network.now)
    b.user.calls[0].answer(b"", network.now)
    network.run(0.1)
    assert "200 INVITE" not in network.labels()
    assert b.user.calls[0].refuse_offer(488, network.now)
    network.run(0.1)
    assert network.labels(b)[-2:] == ["488 PRACK", "200 INVITE"]
    assert b.user.calls[0].exchange.local == b"answer"


def test_a_preview_comes_before_the_answer_and_is_the_same():
    network, a, b = join_reliable()

    def ring(call, now: float) -> None:
        call.alert(183, now, b"preview")
        call.alert(183, now, b"something else", True)
    b.user.script["offered"] = ring
    a.call(b)
    network.run(1)
    assert [message.body for message in network.messages("183 INVITE")] == [b"preview", b"preview"]
    assert [(alert.session, alert.is_reliable) for alert in a.user.alerts] == [(b"preview", False), (b"", True)]


# the callee


def test_an_unacknowledged_response_is_repeated_with_intervals_that_double_and_ends_in_504():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer", True)
    a.call(b)
    network.run(0.005)
    del network.phones[a.address]
    network.run(80)
    times = network.times("183 INVITE")
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[:6] == pytest.approx([0.5, 1, 2, 4, 8, 16], abs=0.12)
    assert len({message.data for message in network.messages("183 INVITE")}) == 1
    assert network.times("504 INVITE")[0] == pytest.approx(32, abs=0.2)
    assert (b.user.releases[0].cause, b.user.releases[0].status) == (Cause.LOST, 504)
    assert b.is_quiet


def test_one_response_is_unacknowledged_at_a_time():
    network, a, b = join_reliable(loss=lambda number, octets: octets.startswith(b"PRACK") and network.now < 1003)

    def ring(call, now: float) -> None:
        call.alert(180, now, b"", True)
        call.alert(181, now, b"", True)
        call.alert(183, now, b"answer", True)
    b.user.script["offered"] = ring
    a.call(b)
    network.run(2)
    assert set(network.labels(b)) == {"180 INVITE"}
    network.run(10)
    numbers = [int(network.messages(f"{status} INVITE")[0].header(b"RSeq")) for status in (180, 181, 183)]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert a.user.heard == ["alerted 180", "alerted 181", "alerted 183"]


def test_the_200_waits_until_a_session_has_been_acknowledged():
    network, a, b = join_reliable(loss=lambda number, octets: octets.startswith(b"PRACK") and network.now < 1003)
    b.user.script["offered"] = lambda call, now: (call.alert(183, now, b"answer", True), call.answer(b"answer", now))
    a.call(b)
    network.run(2)
    assert "200 INVITE" not in network.labels()
    network.run(10)
    assert network.labels(b)[-2:] == ["200 PRACK", "200 INVITE"]
    assert a.user.heard[-1] == b.user.heard[-1] == "confirmed"


def test_the_200_does_not_wait_for_a_response_without_a_session():
    network, a, b = join_reliable(loss=lambda number, octets: octets.startswith(b"PRACK") and network.now < 1003)
    b.user.script["offered"] = lambda call, now: (call.alert(180, now, b"", True), call.answer(b"answer", now))
    a.call(b)
    network.run(10)
    assert network.labels(b) == ["180 INVITE", "200 INVITE", "200 PRACK"]     # 3: it may still come
    assert network.messages("200 INVITE")[0].body == b"answer"


def test_a_refusal_ends_the_repetition():
    network, a, b = join_reliable(loss=lambda number, octets: octets.startswith(b"PRACK"))
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer", True)
    a.call(b)
    network.run(0.2)
    b.user.calls[0].hang_up(network.now, b"", 486)
    assert_over(network, a, b)
    assert len(network.messages("183 INVITE")) == 1
    assert (a.user.releases[0].status, b.user.releases[0].cause) == (486, Cause.WE_LEFT)


@pytest.mark.parametrize("rack", [b"1 1 INVITE", b"%d 2 INVITE", b"%d 1 UPDATE", b"%d 1", b"x 1 INVITE", b"",
                                  b"9" * 5000 + b" 1 INVITE"])
def test_a_prack_that_names_nothing_unacknowledged_gets_481(rack):
    network, a, b = join_reliable(loss=lambda number, octets: octets.startswith(b"PRACK"))
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer", True)
    a.call(b)
    network.run(0.1)
    prack = network.messages("PRACK")[0]
    rseq = prack.header(b"RAck").split()[0]
    wrong = rack.replace(b"%d", rseq)
    b.receive(prack.data.replace(b"RAck: " + prack.header(b"RAck"), b"RAck: " + wrong).replace(
        b"branch=z9hG4bK", b"branch=z9hG4bKother"), a.address, network.now)
    network.run(0.1)
    assert network.labels(b)[-1] == "481 PRACK"
    network.run(1)
    assert len(network.messages("183 INVITE")) > 1


def test_whoever_requires_100rel_gets_every_provisional_response_reliably():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    draft = a.agent.draft_call(b"sip:2@198.51.100.20", b"offer")
    draft.required = (RELIABLE,)
    a.agent.place_call(draft, a.user, network.now)
    network.run(1)
    assert b.user.calls[0].requires_reliable
    assert network.labels() == ["INVITE", "180 INVITE", "PRACK", "200 PRACK"]


def test_to_an_invite_without_offer_that_requires_100rel_ringing_alone_cannot_be_said():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    draft = a.agent.draft_call(b"sip:2@198.51.100.20", b"")
    draft.required = (RELIABLE,)
    a.agent.place_call(draft, a.user, network.now)
    network.run(1)
    assert network.labels() == ["INVITE", "100 INVITE"]


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_where_one_side_knows_nothing_of_it_responses_are_as_ever(who):
    network, a, b = join_reliable()
    (a if who == "caller" else b).profile.supported = ()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"answer", True)
    a.call(b)
    network.run(1)
    assert not b.user.calls[0].supports_reliable
    assert network.labels() == ["INVITE", "183 INVITE"]
    assert network.messages("183 INVITE")[0].header(b"RSeq") is None


def test_who_demands_100rel_says_421_to_who_does_not_know_it():
    network, a, b = join_reliable()
    b.profile.demanded = (RELIABLE,)
    a.profile.supported = ()
    a.call(b)
    network.run(1)
    assert network.messages("421 INVITE")[0].values(b"Require") == [RELIABLE]
    a.profile.supported = (RELIABLE,)
    a.call(b)
    network.run(1)
    assert b.user.heard == ["offered"]


def test_long_reliable_ringing_is_renewed_every_two_and_a_half_minutes():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(180, now, b"", True)
    a.call(b)
    network.run(400)
    assert network.times("180 INVITE") == pytest.approx([0.01, 150, 300], abs=0.3)
    assert len(network.messages("200 PRACK")) == 3
    assert len({message.header(b"RSeq") for message in network.messages("180 INVITE")}) == 3


# the caller


def test_copies_are_not_acknowledged_again_and_early_ones_not_at_all():
    network, a, b, _call, invite = call_a_stranger()
    for rseq in (7, 7, 9, 8, 8):
        a.receive(response(invite, 180, b"one", rseq), b.address, network.now)
    network.run(0.05)
    racks = {prack.header(b"RAck") for prack in network.messages("PRACK")}
    assert racks == {b"7 1 INVITE", b"8 1 INVITE"}
    assert a.user.heard == ["alerted 180", "alerted 180"]


def test_every_fork_counts_for_itself():
    network, a, b, _call, invite = call_a_stranger()
    for tag, rseq in ((b"one", 7), (b"two", 100), (b"one", 8), (b"two", 101)):
        a.receive(response(invite, 180, tag, rseq), b.address, network.now)
    network.run(0.05)
    assert [(prack.to_tag, prack.header(b"RAck")) for prack in network.messages("PRACK")[:4]] == [
        (b"one", b"7 1 INVITE"), (b"two", b"100 1 INVITE"), (b"one", b"8 1 INVITE"), (b"two", b"101 1 INVITE")]


@pytest.mark.parametrize("broken", [b"RSeq: x", b"RSeq: 0", b"RSeq: 99999999999", b"X: 1"])
def test_a_response_without_a_readable_rseq_is_not_reliable(broken):
    network, a, b, _call, invite = call_a_stranger()
    a.receive(response(invite, 183, b"one", 7, b"answer").replace(b"RSeq: 7", broken), b.address, network.now)
    network.run(0.05)
    assert network.messages("PRACK") == []
    assert a.user.alerts[0].is_reliable is False


def test_a_challenged_prack_is_sent_with_credentials():
    network, a, b, _call, invite = call_a_stranger()
    a.core.digest._find_secret = lambda realm: (b"u", b"s")
    a.receive(response(invite, 180, b"one", 7), b.address, network.now)
    network.run(0.05)
    prack = network.messages("PRACK")[0]
    a.receive(prack.reply(b"SIP/2.0 401 Unauthorized\r\n", b"", b'WWW-Authenticate: Digest realm="r", nonce="n"\r\n'),
              b.address, network.now)
    network.run(0.05)
    again = network.messages("PRACK")[1]
    assert again.header(b"RAck") == prack.header(b"RAck")
    assert again.cseq == prack.cseq + 1
    assert again.has_credentials


def test_a_prack_that_nobody_answers_ends_the_only_early_dialog():
    network, a, b, _call, invite = call_a_stranger()
    a.receive(response(invite, 180, b"one", 7), b.address, network.now)
    network.run(33)
    assert network.labels(a)[-1] == "CANCEL"
    assert not a.core.dialogs.entries
    network.run(70)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, 408)


@pytest.mark.parametrize(("status", "is_over"), [(481, True), (500, False), (488, False)])
def test_a_refused_prack_ends_the_early_dialog_only_where_it_says_that_there_is_none(status, is_over):
    network, a, b, _call, invite = call_a_stranger()
    a.receive(response(invite, 180, b"one", 7), b.address, network.now)
    network.run(0.05)
    prack = network.messages("PRACK")[0]
    a.receive(prack.reply(b"SIP/2.0 %d X\r\n" % status, b""), b.address, network.now)
    network.run(0.05)
    assert ("CANCEL" in network.labels(a)) is is_over


def test_with_another_early_dialog_the_call_goes_on():
    network, a, b, _call, invite = call_a_stranger()
    a.receive(response(invite, 180, b"one", 7), b.address, network.now)
    a.receive(response(invite, 180, b"two"), b.address, network.now)
    network.run(0.05)
    a.receive(network.messages("PRACK")[0].reply(b"SIP/2.0 481 X\r\n", b""), b.address, network.now)
    network.run(0.05)
    assert "CANCEL" not in network.labels(a)
    a.receive(response(invite, 200, b"two", 0, b"answer"), b.address, network.now)
    assert a.user.heard[-1] == "confirmed"


def test_an_offer_in_a_183_that_cannot_be_taken_ends_the_call():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: call.alert(183, now, b"late offer", True)
    a.user.script["offer_received"] = lambda call, now: call.refuse_offer(488, now)
    a.call(b, offer=b"")
    assert_over(network, a, b)
    assert "CANCEL" in network.labels(a)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.WE_LEFT, 488)


def test_a_200_before_the_user_has_answered_the_offer_of_the_183():
    network, a, b, call, invite = call_a_stranger(b"")
    a.user.script.clear()
    a.receive(response(invite, 183, b"one", 7, b"late offer"), b.address, network.now)
    a.receive(response(invite, 200, b"one"), b.address, network.now)
    assert a.user.heard == ["alerted 183", "offer_received", "confirmed"]
    assert call.answer_offer(b"answer", network.now)
    network.run(0.05)
    assert network.labels(a)[-2:] == ["ACK", "PRACK"]
    assert network.messages("PRACK")[0].body == b"answer"


def test_a_bye_in_an_early_dialog_means_that_a_200_was_lost():
    network, a, b, _call, invite = call_a_stranger()
    a.receive(response(invite, 180, b"one"), b.address, network.now)
    a.receive(request(b"BYE", invite, b"one", 5), b.address, network.now)
    a.receive(response(invite, 200, b"one", 0, b"answer"), b.address, network.now)
    network.run(0.05)
    assert network.labels(a)[1:] == ["200 BYE", "CANCEL", "ACK"]
    assert a.user.releases[0].cause is Cause.PEER_LEFT


def test_requests_in_an_early_dialog_reach_the_call():
    network, a, b, _call, invite = call_a_stranger()
    for tag in (b"one", b"two"):
        a.receive(response(invite, 180, tag), b.address, network.now)
    a.core.methods.append(b"INFO")
    a.receive(request(b"INFO", invite, b"two", 5), b.address, network.now)
    a.receive(request(b"UPDATE", invite, b"one", 5), b.address, network.now)
    a.receive(request(b"PRACK", invite, b"one", 6, b"RAck: 1 1 INVITE\r\n"), b.address, network.now)
    a.receive(request(b"INVITE", invite, b"two", 6), b.address, network.now)
    network.run(0.05)
    assert network.labels(a)[1:] == ["200 INFO", "200 UPDATE", "481 PRACK", "491 INVITE"]
    assert a.user.requests[0].method == b"INFO"
