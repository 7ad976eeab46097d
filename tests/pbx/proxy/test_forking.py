# SPDX-License-Identifier: Apache-2.0
"""Forking, cancelling and the best response: RFC 3261 16.5-16.10, RFC 3326, RFC 4320, on a virtual clock."""

import pytest

from tests.pbx.proxy.virtual_office import A, C, D, VirtualOffice, answer, head, invite


def ring_both() -> tuple[VirtualOffice, dict]:
    """202 has two phones; both have the INVITE."""
    office = VirtualOffice()
    office.register("202", C)
    office.register("202", D)
    office.send(A, invite())
    sent = office.take()
    assert [(message.status, address) for message, address in sent if not message.is_request] == [(100, A)]
    invites = {address: message for message, address in sent if message.is_request}
    assert set(invites) == {C, D}
    return office, invites


def test_equal_q_rings_together_with_different_branches() -> None:
    _, invites = ring_both()
    assert invites[C].branch != invites[D].branch
    assert invites[C].uri == b"sip:202@192.168.1.12:5060"
    assert invites[C].max_forwards == 69
    assert invites[C].via_count == 2


@pytest.mark.parametrize("path", ["", "Path: <sip:192.168.1.13:5060;lr>\r\n"])
def test_target_is_a_contact_without_what_may_not_stand_in_a_request_uri(path: str) -> None:
    # RFC 3261 16.6 step 2, 19.1.1 table 1; the registrar keeps the Contact as it was given (RFC 4475 3.1.1.4)
    office = VirtualOffice()
    contact = "<sip:2?0;2@192.168.1.12:5060;a=b;Method=BYE;lr?Route=%3Csip:sip.example.com%3E>"
    office.send(C, head("REGISTER", "sip:192.168.1.1", C, "reg", "202", "202", extra=f"Contact: {contact}\r\n{path}"))
    (registered, _), = office.take()
    assert registered.contact.startswith(contact.encode())
    office.send(A, invite())
    forwarded = office.take()[1][0]
    assert forwarded.uri == b"sip:2?0;2@192.168.1.12:5060;a=b;lr"
    assert forwarded.fault_status == 0


def test_loser_gets_cancel_that_says_answered_elsewhere() -> None:
    office, invites = ring_both()
    for phone in (C, D):
        office.send(phone, answer(invites[phone], 180, tag=phone[0]))
    assert office.statuses() == [(180, A), (180, A)]
    office.send(C, answer(invites[C], 200, tag="c"))
    sent = office.take()
    assert [(m.method, m.status, a) for m, a in sent] == [(b"INVITE", 200, A), (b"CANCEL", 0, D)]
    cancel = sent[1][0]
    assert cancel.header(b"Reason") == b'SIP;cause=200;text="Call completed elsewhere"'
    assert cancel.branch == invites[D].branch
    assert cancel.via_count == 1
    office.send(D, answer(cancel, 200))
    office.send(D, answer(invites[D], 487, tag="d"))
    (ack, address), = office.take()
    assert (ack.method, address) == (b"ACK", D)
    assert ack.branch == invites[D].branch


def test_phone_without_a_provisional_response_is_cancelled_when_its_first_one_comes() -> None:
    office, invites = ring_both()
    office.send(C, answer(invites[C], 200, tag="c"))
    assert [(m.method, a) for m, a in office.take()] == [(b"INVITE", A)]
    office.send(D, answer(invites[D], 180, tag="d"))
    sent = office.take()
    assert [(m.method, a) for m, a in sent] == [(b"CANCEL", D)]


def test_both_answer_at_once_and_both_200_reach_the_caller() -> None:
    office, invites = ring_both()
    office.send(C, answer(invites[C], 200, tag="c"))
    office.send(D, answer(invites[D], 200, tag="d"))
    assert [s for s, _ in office.statuses()] == [200, 200]
    call, = office.office.dialogs.calls()
    assert call.callee_tags == [b"c", b"d"]
    assert office.office.dialogs.answered == 1


def test_one_busy_phone_does_not_end_the_ringing_of_the_other() -> None:
    office, invites = ring_both()
    office.send(C, answer(invites[C], 486))
    assert [(m.method, a) for m, a in office.take()] == [(b"ACK", C)]
    office.send(D, answer(invites[D], 200))
    assert office.statuses() == [(200, A)]


def test_decline_cancels_the_others_and_wins_only_when_nobody_has_answered() -> None:
    office, invites = ring_both()
    office.send(D, answer(invites[D], 180, tag="d"))
    office.take()
    office.send(C, answer(invites[C], 603))
    sent = office.take()
    assert [(m.method, a) for m, a in sent] == [(b"ACK", C), (b"CANCEL", D)]
    assert sent[1][0].header(b"Reason") is None
    office.send(D, answer(invites[D], 487, tag="d"))
    assert office.statuses() == [(603, A)]


def test_busy_beats_unreachable() -> None:
    office, invites = ring_both()
    office.send(C, answer(invites[C], 486))
    sent = office.run_until(33)
    assert {(m.status, a) for m, a in sent if m.status >= 200} == {(486, A)}


def test_nobody_answers_at_all_gives_408() -> None:
    office, _ = ring_both()
    assert {(m.status, a) for m, a in office.run_until(33) if m.status} == {(408, A)}


def test_challenges_of_all_branches_go_up_together() -> None:
    office, invites = ring_both()
    office.send(C, answer(invites[C], 407, extra='Proxy-Authenticate: Digest realm="c", nonce="1"\r\n'))
    office.send(D, answer(invites[D], 401, extra='WWW-Authenticate: Digest realm="d", nonce="2"\r\n'))
    best = [m for m, a in office.take() if a == A]
    assert len(best) == 1
    assert best[0].header(b"Proxy-Authenticate") == b'Digest realm="c", nonce="1"'
    assert best[0].header(b"WWW-Authenticate") == b'Digest realm="d", nonce="2"'


def test_service_unavailable_of_a_phone_goes_up_as_500() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(C, answer(forwarded, 503, extra="Retry-After: 3600\r\n"))
    assert office.statuses() == [(500, A)]


def test_lower_q_is_tried_after_the_higher_one_has_failed() -> None:
    office = VirtualOffice()
    office.register("202", C, q=0.5)
    office.register("202", D, q=1.0)
    office.send(A, invite())
    sent = office.take()
    assert [a for m, a in sent if m.is_request] == [D]
    office.send(D, answer(sent[1][0], 486))
    sent = office.take()
    assert [(m.method, a) for m, a in sent] == [(b"ACK", D), (b"INVITE", C)]
    office.send(C, answer(sent[1][0], 200))
    assert office.statuses() == [(200, A)]


def test_caller_gives_up_all_phones_stop_and_the_caller_gets_487() -> None:
    office, invites = ring_both()
    office.send(C, answer(invites[C], 180, tag="c"))
    office.take()
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "inv", "201", "202", extra='Reason: SIP;cause=487\r\n'))
    sent = office.take()
    assert [(m.method, m.status, a) for m, a in sent] == [(b"CANCEL", 200, A), (b"CANCEL", 0, C)]
    assert sent[1][0].header(b"Reason") == b"SIP;cause=487"
    office.send(D, answer(invites[D], 180, tag="d"))
    assert [(m.method, a) for m, a in office.take() if m.is_request] == [(b"CANCEL", D)]
    for phone, tag in ((C, "c"), (D, "d")):
        office.send(phone, answer(invites[phone], 487, tag=tag))
    assert office.statuses() == [(487, A)]
    assert office.office.dialogs.ended[-1].result == 487


def test_group_of_lower_q_is_not_tried_after_the_caller_gave_up() -> None:
    office = VirtualOffice()
    office.register("202", C, q=0.5)
    office.register("202", D, q=1.0)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(D, answer(forwarded, 180))
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "inv", "201", "202"))
    office.send(D, answer(forwarded, 487))
    assert C not in [a for _, a in office.take()]


def test_answer_that_crosses_the_cancel_still_reaches_the_caller() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(C, answer(forwarded, 180))
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "inv", "201", "202"))
    office.take()
    office.send(C, answer(forwarded, 200))
    assert office.statuses() == [(200, A)]


def test_ringing_without_end_is_cancelled_by_timer_c() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(C, answer(forwarded, 180))
    office.take()
    sent = office.run_until(182)
    assert {(m.method, a) for m, a in sent} == {(b"CANCEL", C)}


def test_unanswered_request_ends_without_408() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, head("OPTIONS", "sip:202@192.168.1.1", A, "msg", "201", "202"))
    office.take()
    left = office.run_until(70)
    assert [(m.status, a) for m, a in left if a == A] == [(100, A)]
    assert office.office.stack.transactions_open == 0


def test_tables_are_empty_a_while_after_a_call() -> None:
    office, invites = ring_both()
    office.send(C, answer(invites[C], 486))
    office.send(D, answer(invites[D], 486))
    office.run_until(70)
    assert office.office.stack.transactions_open == 0
    assert len(office.office.dialogs) == 0
    assert office.office.dialogs.failed == {486: 1}
