# SPDX-License-Identifier: Apache-2.0
"""RFC 5407 as it concerns user agents, and forks (RFC 3261 13.2.2.4), by delaying or losing chosen datagrams."""

import pytest

from appliance.native.sip_scanner import Message
from appliance.ua.call_events import Cause
from tests.ua.virtual_network import DELAY_S, Network, Phone, join_two


def slow(*starts: bytes, seconds: float = 0.3):
    """Datagrams that begin like this take longer."""
    return lambda octets: seconds if octets.startswith(starts) else DELAY_S


def answer_after(phone: Phone, seconds: float) -> None:
    """Ring, and answer later."""
    network = phone.network

    def ring(call, now: float) -> None:
        call.alert(180, now)
        network.at(now - network.start + seconds, lambda: call.answer(b"answer", network.now))
    phone.user.script["offered"] = ring


def assert_over(*phones: Phone) -> None:
    for phone in phones:
        assert phone.is_quiet
        assert phone.user.heard.count("released") == 1


def test_3_1_1_an_invite_repeated_after_the_200_is_absorbed():
    network, a, b = join_two(loss=lambda number, octets: number == 1)  # the first 200
    a.call(b)
    network.run(3)
    assert network.labels() == ["INVITE", "200 INVITE", "INVITE", "200 INVITE", "ACK"]
    assert b.user.heard == ["offered", "confirmed"]


def test_3_1_2_cancel_crosses_200():
    network, a, b = join_two()
    answer_after(b, 1.0)
    network.delay = slow(b"CANCEL", b"SIP/2.0 200 OK", seconds=0.1)
    call = a.call(b)
    network.at(1.0, lambda: call.hang_up(network.now))
    network.run(45)
    assert "487 INVITE" not in network.labels()
    assert network.messages("CANCEL")
    assert len(network.messages("BYE", a)) == 1
    assert a.user.releases[0].cause is Cause.CANCELLED
    assert b.user.releases[0].cause is Cause.PEER_LEFT
    assert_over(a, b)


def test_a_cancel_waits_for_the_first_provisional_response():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    network.delay = slow(b"SIP/2.0 180", seconds=0.2)
    call = a.call(b)
    call.hang_up(network.now)
    network.run(45)
    assert network.labels() == ["INVITE", "180 INVITE", "CANCEL", "200 CANCEL", "487 INVITE", "ACK"]
    assert_over(a, b)


def test_a_200_instead_of_the_first_provisional_response_is_answered_with_ack_and_bye():
    network, a, b = join_two()
    call = a.call(b)
    call.hang_up(network.now)
    network.run(45)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    assert a.user.releases[0].cause is Cause.CANCELLED
    assert_over(a, b)


def test_3_1_4_reinvite_overtakes_the_ack():
    network, a, b = join_two(loss=lambda number, octets: number == 2)  # the ACK
    call = a.call(b)
    network.run(0.1)
    assert call.change_session(b"hold", network.now)
    network.run(0.2)
    assert network.labels()[3:] == ["INVITE", "200 INVITE", "ACK"]
    assert b.user.heard == ["offered", "offer_received"]
    network.run(5)
    assert b.user.heard == ["offered", "offer_received", "confirmed"]
    assert b.user.calls[0].exchange.remote == b"hold"


def test_3_1_5_reinvite_before_the_answer_in_the_ack_gets_491():
    network, a, b = join_two(loss=lambda number, octets: number == 2)  # the ACK with the answer
    b.user.script["offered"] = lambda call, now: call.answer(b"late offer", now)
    call = a.call(b, offer=b"")
    network.run(0.1)
    call.change_session(b"hold", network.now)
    network.run(10)
    assert len(network.messages("491 INVITE")) == 1
    assert 2.1 <= network.times("INVITE")[2] - network.times("491 INVITE")[0] <= 4.2
    assert b.user.calls[0].exchange.remote == b"hold"


def test_3_1_6_bye_overtakes_the_ack():
    network, a, b = join_two(loss=lambda number, octets: octets[:3] == b"ACK")
    call = a.call(b)
    network.run(0.1)
    call.hang_up(network.now)
    network.run(45)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    assert_over(a, b)


def test_3_2_1_byes_cross():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    call.hang_up(network.now)
    b.user.calls[0].hang_up(network.now)
    network.run(45)
    assert sorted(network.labels()[3:]) == ["200 BYE", "200 BYE", "BYE", "BYE"]
    assert_over(a, b)


def test_3_2_2_bye_crosses_reinvite():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    call.hang_up(network.now)
    b.user.calls[0].change_session(b"hold", network.now)
    network.run(45)
    assert sorted(network.labels()[3:]) == ["200 BYE", "481 INVITE", "ACK", "BYE", "INVITE"]
    assert b.user.heard[-1] == "released"
    assert_over(a, b)


def test_3_2_3_bye_crosses_the_200_of_a_reinvite():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    call.change_session(b"hold", network.now)
    network.run(0.015)  # the re-INVITE is at B, its 200 is on the way
    call.hang_up(network.now)
    network.run(45)
    assert network.labels()[3:] == ["INVITE", "200 INVITE", "BYE", "ACK", "200 BYE"]
    assert_over(a, b)


def test_3_3_1_reinvites_cross():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    call.change_session(b"a holds", network.now)
    b.user.calls[0].change_session(b"b holds", network.now)
    network.run(20)
    assert len(network.messages("491 INVITE")) == 2
    times = {message.body: at - 1 for at, _source, _target, message in network.sent
             if message.is_request and message.method == b"INVITE" and at > 1.1}
    assert times[b"b holds"] <= 2.1
    assert 2.1 <= times[b"a holds"] <= 4.2  # who owns the Call-ID waits longer
    assert call.exchange.local == b"a holds"
    assert b.user.calls[0].exchange.remote == b"a holds"


def test_a_cancelled_reinvite_leaves_the_call():
    network, a, b = join_two()
    del b.user.script["offer_received"]
    call = a.call(b)
    network.run(1)
    call.change_session(b"hold", network.now)
    network.run(1)
    invite = network.messages("INVITE")[-1]
    server = next(iter(server for server in b.stack._servers.values() if server.request is not None))
    server.respond(100, network.now)
    network.run(0.1)
    cancel = invite.data.replace(b"INVITE", b"CANCEL").split(b"Content-Type")[0] + b"Content-Length: 0\r\n\r\n"
    b.receive(cancel.replace(b"Content-Length: 4\r\n", b""), a.address, network.now)
    network.run(1)
    assert "487 INVITE" in network.labels(b)
    assert a.user.heard[-1] == "change_refused 487"
    assert a.user.releases == b.user.releases == []
    assert call.exchange.remote == b"answer"


def test_a_second_invite_before_the_answer_gets_500_with_retry_after():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    a.call(b)
    network.run(1)
    invite, ringing = network.messages("INVITE")[0], network.messages("180 INVITE")[0]
    second = invite.data.replace(b"CSeq: 1 ", b"CSeq: 2 ").replace(b"branch=", b"branch=z9hG4bKother").replace(
        b"To: " + invite.to_value, b"To: " + ringing.to_value)
    b.receive(second, a.address, network.now)
    network.run(0.1)
    answer = network.messages("500 INVITE")[0]
    assert 0 <= int(answer.header(b"Retry-After")) <= 10


def test_a_lower_cseq_is_refused():
    network, a, b = join_two()
    a.call(b)
    network.run(1)
    ack = network.messages("ACK")[0]
    for cseq, status in ((7, 200), (3, 500), (8, 200)):
        b.receive(ack.data.replace(b"ACK", b"OPTIONS").replace(b"CSeq: 1 ", b"CSeq: %d " % cseq).replace(
            b"branch=", b"branch=z9hG4bKo%d" % cseq), a.address, network.now)
        network.run(0.1)
        assert network.labels(b)[-1] == f"{status} OPTIONS"


def response_of_fork(invite: Message, status: int, tag: bytes, target: bytes, body: bytes = b"answer") -> bytes:
    """What a second callee would send."""
    return (b"SIP/2.0 %d X\r\nVia: %s\r\nRecord-Route: <sip:198.51.100.20;lr>, <sip:198.51.100.20:5060;lr>\r\n"
            b"From: %s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %d INVITE\r\nContact: <%s>\r\n"
            b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (
                status, invite.header(b"Via"), invite.from_value, invite.to_value, tag, invite.call_id, invite.cseq,
                target, len(body), body))


def test_a_second_fork_that_answers_gets_ack_and_bye():
    network, a, b = join_two()
    network.phones.pop(b.address)   # the forks speak for themselves
    call = a.call(b)
    network.run(0.1)
    invite = network.messages("INVITE")[0]
    for tag in (b"one", b"two"):
        a.receive(response_of_fork(invite, 180, tag, b"sip:x@198.51.100.21", b""), b.address, network.now)
    a.receive(response_of_fork(invite, 200, b"one", b"sip:one@198.51.100.21"), b.address, network.now)
    for _copy in range(2):
        a.receive(response_of_fork(invite, 200, b"two", b"sip:two@198.51.100.22"), b.address, network.now)
    network.run(0.1)
    assert a.user.heard == ["alerted 180", "alerted 180", "answer_received", "confirmed"]
    acks, byes = network.messages("ACK"), network.messages("BYE")
    assert [(ack.to_tag, ack.uri) for ack in acks] == [
        (b"one", b"sip:one@198.51.100.21"), (b"two", b"sip:two@198.51.100.22"), (b"two", b"sip:two@198.51.100.22")]
    assert [bye.to_tag for bye in byes] == [b"two"]
    # 12.1.2: the route set is the reverse of Record-Route
    assert acks[0].values(b"Route") == [b"<sip:198.51.100.20:5060;lr>", b"<sip:198.51.100.20;lr>"]
    assert call.dialog.remote_tag == b"one"


@pytest.mark.parametrize("gone", ["the first", "the second"])
def test_every_copy_of_the_200_gets_its_ack(gone):
    network, a, b = join_two(loss=lambda number, octets: octets[:3] == b"ACK" and number < 6)
    call = a.call(b)
    network.run(8)
    assert len(network.messages("ACK")) == len(network.messages("200 INVITE")) == 3
    assert len({ack.data for ack in network.messages("ACK")}) == 1
    (call if gone == "the first" else b.user.calls[0]).hang_up(network.now)
    network.run(45)
    assert_over(a, b)


def test_a_call_of_another_network_is_unknown_here():
    network = Network()
    a, b = Phone(network, "192.168.1.11", "201"), Phone(network, "192.168.1.12", "202")
    b.profile.answers_for = frozenset({b"202"})
    a.call(b, uri=b"sip:999@192.168.1.12")
    network.run(40)
    assert a.user.releases[0].status == 404


def test_the_call_goes_to_the_fork_that_answers_also_with_its_early_answer():
    network, a, b = join_two()
    network.phones.pop(b.address)
    call = a.call(b)
    network.run(0.1)
    invite = network.messages("INVITE")[0]
    for tag, body in ((b"one", b"answer of one"), (b"two", b"answer of two")):
        a.receive(response_of_fork(invite, 183, tag, b"sip:x@198.51.100.21", body), b.address, network.now)
    a.receive(response_of_fork(invite, 200, b"one", b"sip:x@198.51.100.21", b""), b.address, network.now)
    assert a.user.heard == ["alerted 183", "alerted 183", "answer_received", "confirmed"]
    assert a.user.sessions == [b"answer of one"]
    assert call.exchange.remote == b"answer of one"


def test_an_early_dialog_of_an_earlier_try_counts_on():
    network, a, b = join_two()
    a.core.digest._find_secret = lambda realm: (b"u", b"s")
    network.phones.pop(b.address)
    call = a.call(b)
    network.run(0.1)
    first = network.messages("INVITE")[0]
    a.receive(response_of_fork(first, 180, b"one", b"sip:x@198.51.100.20", b""), b.address, network.now)
    challenge = response_of_fork(first, 401, b"proxy", b"sip:x@198.51.100.20", b"").replace(
        b"Content-Type: application/sdp", b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"')
    a.receive(challenge, b.address, network.now)
    network.run(0.1)
    second = network.messages("INVITE")[1]
    assert second.cseq == 2
    a.receive(response_of_fork(second, 200, b"one", b"sip:x@198.51.100.20"), b.address, network.now)
    call.hang_up(network.now)
    network.run(0.1)
    assert network.messages("ACK")[-1].cseq == 2
    assert network.messages("BYE")[0].cseq == 3


def test_what_is_owed_goes_before_the_bye():
    network, a, b = join_two()
    del b.user.script["offer_received"]
    call = a.call(b)
    network.run(1)
    call.change_session(b"hold", network.now)
    network.run(0.1)
    b.user.calls[0].hang_up(network.now)
    network.run(45)
    assert network.labels()[3:] == ["INVITE", "487 INVITE", "BYE", "ACK", "200 BYE"]
    assert_over(a, b)


def test_the_2xx_to_a_reinvite_moves_the_remote_target():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    b.profile.mapped[b.listener.name] = b"198.51.100.20:5070"
    call.change_session(b"hold", network.now)
    network.run(1)
    call.hang_up(network.now)
    assert network.messages("ACK")[-1].uri == b"sip:05033334444@198.51.100.20:5070"
    network.run(0.1)
    assert network.messages("BYE")[0].uri == b"sip:05033334444@198.51.100.20:5070"
