# SPDX-License-Identifier: Apache-2.0
"""Inside dialogs: Record-Route and its seal, strict routers, loops, strangers (RFC 3261 16.3, 16.4, 16.6)."""

import pytest

from appliance.native.sip_scanner import Message
from appliance.pbx import dialog_table
from appliance.pbx.dialog_table import TAGS_KEPT
from tests.interop.raw_sip import digest_value
from tests.pbx.proxy.virtual_office import STRANGER, A, C, VirtualOffice, answer, head, invite


def talk(more: str = "") -> tuple[VirtualOffice, Message]:
    """201 and 202 are in a call; the 200 as phone A got it."""
    office = VirtualOffice(more)
    office.register("201", A)
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(C, answer(forwarded, 200, extra="Contact: <sip:202@192.168.1.12:5060>\r\n"))
    (accepted, address), = office.take()
    assert (accepted.status, address) == (200, A)
    return office, accepted


def in_dialog(method: str, accepted: Message, branch: str, extra: str = "", cseq: int = 2, uri: str = "") -> bytes:
    routes = "".join(f"Route: {value.decode()}\r\n" for value in accepted.headers(b"Record-Route"))
    return head(method, uri or "sip:202@192.168.1.12:5060", A, branch, "201", "202", cseq, to_tag="callee",
                extra=routes + extra)


def test_ack_and_bye_follow_the_record_route() -> None:
    office, accepted = talk()
    office.send(A, in_dialog("ACK", accepted, "ack", cseq=1))
    (ack, address), = office.take()
    assert (ack.method, address, ack.route) == (b"ACK", C, None)
    office.send(A, in_dialog("BYE", accepted, "bye"))
    (bye, address), = office.take()
    assert (bye.method, address) == (b"BYE", C)
    assert office.office.dialogs.calls()[0].state.name == "ANSWERED"
    office.send(C, answer(bye, 200))
    assert office.statuses() == [(200, A)]
    assert office.office.dialogs.calls() == []
    assert office.office.dialogs.ended[-1].ended_by == "caller"


def test_callee_hangs_up_through_the_same_route() -> None:
    office, accepted = talk()
    route = accepted.header(b"Record-Route").decode()
    office.send(C, head("BYE", "sip:201@192.168.1.11:5060", C, "bye2", "202", "201", to_tag="from201",
                        from_tag="callee", extra=f"Route: {route}\r\n"))
    (bye, address), = office.take()
    assert (bye.method, address) == (b"BYE", A)
    office.send(A, answer(bye, 200))
    assert office.office.dialogs.ended[-1].ended_by == "callee"


def test_seal_outlives_a_restart_of_the_server() -> None:
    office, accepted = talk()
    office.restart()
    office.send(A, in_dialog("BYE", accepted, "bye"))
    (bye, address), = office.take()
    assert (bye.method, address) == (b"BYE", C)


def test_stranger_with_both_tags_but_no_seal_and_no_dialog_gets_481() -> None:
    office, _ = talk()
    office.send(STRANGER, head("BYE", "sip:202@192.168.1.12:5060", STRANGER, "x", "201", "202", to_tag="other",
                               call_id="another"))
    assert office.statuses() == [(481, STRANGER)]


def test_seal_of_one_dialog_does_not_open_another() -> None:
    office, accepted = talk()
    route = accepted.header(b"Record-Route").decode()
    for number, (call_id, to_tag) in enumerate([("call-2", "callee"), ("call-1", "callee"), ("call-1", "")]):
        office.send(STRANGER, head("INVITE", "sip:+81312345678@203.0.113.9", STRANGER, f"x{number}", "mallory", "x",
                                   call_id=call_id, to_tag=to_tag, from_tag="evil", extra=f"Route: {route}\r\n"))
    sent = office.take()
    assert [m.status for m, _ in sent] == [481, 481, 407]


@pytest.mark.parametrize("seal", ["", "d=", "d=0000000000000000", "d=ffffffffffffffffffff"])
def test_forged_seal_is_no_proof(seal: str) -> None:
    office, _ = talk()
    office.send(STRANGER, head("BYE", "sip:x@203.0.113.9", STRANGER, "x", "m", "x", to_tag="t", call_id="forged",
                               extra=f"Route: <sip:192.168.1.1:5060;lr;{seal}>\r\n"))
    assert office.statuses() == [(481, STRANGER)]


def test_without_record_route_the_dialog_itself_is_the_proof() -> None:
    office, accepted = talk("set sip record-route false\n")
    assert accepted.header(b"Record-Route") is None
    office.send(A, in_dialog("BYE", accepted, "bye"))
    (bye, address), = office.take()
    assert (bye.method, address) == (b"BYE", C)


def test_strict_router_before_us_is_repaired() -> None:
    office, accepted = talk()
    ours = accepted.header(b"Record-Route").decode().strip("<>")
    office.send(A, head("BYE", ours, A, "bye", "201", "202", 2, to_tag="callee",
                        extra="Route: <sip:202@192.168.1.12:5060>\r\n"))
    (bye, address), = office.take()
    assert (bye.uri, bye.route, address) == (b"sip:202@192.168.1.12:5060", None, C)


def test_strict_router_after_us_gets_its_own_uri() -> None:
    office, accepted = talk()
    route = accepted.header(b"Record-Route").decode()
    office.send(A, head("BYE", "sip:202@192.168.1.12:5060", A, "bye", "201", "202", 2, to_tag="callee",
                        extra=f"Route: {route}\r\nRoute: <sip:192.168.1.50:5080>\r\n"))
    (bye, address), = office.take()
    assert bye.uri == b"sip:192.168.1.50:5080"
    assert bye.headers(b"Route") == [b"<sip:202@192.168.1.12:5060>"]
    assert address == ("192.168.1.50", 5080)


def test_retransmitted_200_passes_and_each_ack_passes() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    accepted = answer(forwarded, 200, extra="Contact: <sip:202@192.168.1.12:5060>\r\n")
    for _ in range(3):
        office.send(C, accepted)
    assert office.statuses() == [(200, A)] * 3


def test_dialog_that_changes_transport_has_two_record_routes_and_both_come_off() -> None:
    office = VirtualOffice()
    phone = ("192.168.1.14", 40000)
    office._cseq += 1
    office.send(phone, head("REGISTER", "sip:192.168.1.1", phone, "r", "203", "203", transport="TCP", call_id="r203",
                            extra="Contact: <sip:203@192.168.1.14:40000;transport=tcp>\r\n"), b"TCP")
    assert office.statuses() == [(200, phone)]
    office.send(A, invite("203"))
    sent = office.take()
    forwarded = next(m for m, a in sent if a == phone)
    values = forwarded.values(b"Record-Route")
    assert [b"transport=tcp" in value for value in values] == [True, False]
    office.send(phone, answer(forwarded, 200, extra="Contact: <sip:203@192.168.1.14:40000;transport=tcp>\r\n"), b"TCP")
    (accepted, _), = office.take()
    routes = "".join(f"Route: {value.decode()}\r\n" for value in reversed(accepted.values(b"Record-Route")))
    office.send(A, head("BYE", "sip:203@192.168.1.14:40000;transport=tcp", A, "bye", "201", "203", 2, to_tag="callee",
                        extra=routes))
    (bye, address), = office.take()
    assert (bye.method, bye.route, address) == (b"BYE", None, phone)


def test_a_phone_that_comes_back_on_another_connection_gets_the_bye_of_its_call() -> None:
    """Its Contact has another port now, and no instance says that it is the same phone."""
    office = VirtualOffice()
    before, after = ("192.168.1.14", 40000), ("192.168.1.14", 40002)

    def register(phone: tuple[str, int]) -> None:
        contact = f"Contact: <sip:203@192.168.1.14:{phone[1]};transport=tcp>\r\n"
        office.send(phone, head("REGISTER", "sip:192.168.1.1", phone, f"r{phone[1]}", "203", "203", transport="TCP",
                                call_id=f"r{phone[1]}", extra=contact), b"TCP")
        assert office.statuses() == [(200, phone)]

    register(before)
    office.send(A, invite("203"))
    forwarded = next(m for m, a in office.take() if a == before)
    contact = "Contact: <sip:203@192.168.1.14:40000;transport=tcp>\r\n"
    office.send(before, answer(forwarded, 200, extra=contact), b"TCP")
    (accepted, _), = office.take()
    routes = "".join(f"Route: {value.decode()}\r\n" for value in reversed(accepted.values(b"Record-Route")))
    gone = office.flows[office.listeners[1], b"192.168.1.14", 40000]
    gone.is_open = False
    office.office.stack.flow_failed(gone, office.now)
    register(after)
    office.send(A, head("BYE", "sip:203@192.168.1.14:40000;transport=tcp", A, "bye", "201", "203", 2, to_tag="callee",
                        extra=routes))
    assert [(m.method, address) for m, address in office.take() if m.is_request] == [(b"BYE", after)]


def test_phone_that_invents_tags_fills_no_memory() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    for number in range(200):
        office.send(C, answer(forwarded, 180, tag=f"early{number}"))
    (call,) = office.office.dialogs.calls()
    assert len(call.callee_tags) == 64
    office.send(C, answer(forwarded, 200, tag="final", extra="Contact: <sip:202@192.168.1.12:5060>\r\n"))
    assert call.callee_tags == [b"final"]


def test_loop_is_detected_and_spiral_is_not() -> None:
    office = VirtualOffice()
    office.register("202", C, contact="<sip:202@192.168.1.1:5060>")
    office.send(A, invite())
    spiral = next(m for m, a in office.take() if m.is_request)
    office.send(("192.168.1.1", 5060), spiral.data)
    sent = office.take()
    assert [m.status for m, _ in sent if not m.is_request] == [100]  # another Request-URI than before: no loop
    loop = next(m for m, _ in sent if m.is_request)
    office.send(("192.168.1.1", 5060), loop.data)
    assert office.statuses() == [(482, ("192.168.1.1", 5060))]


def test_loop_of_a_request_with_credentials_is_detected() -> None:
    # RFC 3261 16.3 step 4, RFC 5393 4.2: the credentials are taken off on the way, so they make no difference
    office = VirtualOffice()
    office.register("202", C, contact="<sip:202@192.168.1.1>")
    office.send(STRANGER, invite(phone=STRANGER))
    (challenge, _), = office.take()
    value = digest_value(challenge.header(b"Proxy-Authenticate").decode(), "INVITE", "sip:202@192.168.1.1", "201", "a")
    office.send(STRANGER, invite(phone=STRANGER, branch="proved", extra=f"Proxy-Authorization: {value}\r\n"))
    forwarded = next(m for m, _ in office.take() if m.is_request)
    assert forwarded.header(b"Proxy-Authorization") is None
    office.send(("192.168.1.1", 5060), forwarded.data)
    assert office.statuses() == [(482, ("192.168.1.1", 5060))]


def test_same_request_by_two_ways_is_merged_while_the_first_is_pending() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.register("203", C, contact="<sip:203@192.168.1.12:5060>")
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(A, invite(branch="other-way"))
    assert office.statuses() == [(482, A)]
    office.send(A, invite("203", branch="fork"))
    assert [m.status for m, a in office.take() if a == A] == [100]
    office.send(C, answer(forwarded, 486))
    office.take()
    office.send(A, invite(branch="again"))
    assert [m.status for m, a in office.take() if a == A] == [100]


def test_phone_behind_a_nat_gets_in_dialog_requests_on_its_own_flow() -> None:
    office = VirtualOffice()
    outside, private = ("192.168.1.200", 40123), ("10.0.0.5", 5060)
    contact = "Contact: <sip:202@10.0.0.5:5060>\r\n"
    office.send(outside, head("REGISTER", "sip:192.168.1.1", private, "r", "202", "202", call_id="r202", extra=contact))
    assert office.statuses() == [(200, outside)]
    office.send(A, invite())
    forwarded, address = office.take()[1]
    assert address == outside
    office.send(outside, answer(forwarded, 200, extra=contact))
    (accepted, _), = office.take()
    office.send(A, in_dialog("BYE", accepted, "bye", uri="sip:202@10.0.0.5:5060"))
    (bye, address), = office.take()
    assert (bye.method, address) == (b"BYE", outside)


@pytest.mark.parametrize(("status", "is_moved"), [(200, True), (488, False)])
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_phone_behind_a_nat_that_moves_is_reached_on_the_flow_it_moved_to(method: str, status: int,
                                                                         is_moved: bool) -> None:
    # RFC 3261 12.2.2: the Contact of an accepted target refresh is the remote target; RFC 3311 5.2
    office, accepted = talk()
    moved = ("192.168.1.201", 41000)
    route = accepted.header(b"Record-Route").decode()
    contact = f"Route: {route}\r\nContact: <sip:202@10.0.0.7:5060>\r\n"
    office.send(moved, head(method, "sip:201@192.168.1.11:5060", moved, "re", "202", "201", 2, to_tag="from201",
                            from_tag="callee", extra=contact))
    refresh = next(m for m, a in office.take() if m.is_request)
    office.send(A, answer(refresh, status, extra="Contact: <sip:201@192.168.1.11:5060>\r\n"))
    office.take()
    office.send(A, in_dialog("BYE", accepted, "bye", uri="sip:202@10.0.0.7:5060"))
    addresses = [a for m, a in office.take() if m.method == b"BYE" and m.is_request]
    assert addresses == [moved if is_moved else ("10.0.0.7", 5060)]


def test_bye_that_comes_another_way_than_the_invite_is_still_the_callers() -> None:
    office, accepted = talk()
    other = ("192.168.1.11", 5099)
    office.send(other, in_dialog("BYE", accepted, "bye"))
    (bye, _), = office.take()
    office.send(C, answer(bye, 200))
    assert office.office.dialogs.ended[-1].ended_by == "caller"


def test_calls_are_bounded_and_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialog_table, "CALLS_KEPT", 3)
    office = VirtualOffice()
    office.register("202", C)
    for number in range(5):
        office.send(A, invite(branch=f"many{number}").replace(b"Call-ID: call-1", b"Call-ID: many-%d" % number))
    calls = office.office.dialogs.calls()
    assert [call.call_id for call in calls] == [b"many-2", b"many-3", b"many-4"]
    assert [call.ended_by for call in office.office.dialogs.ended] == ["server", "server"]


def test_answers_of_one_call_are_bounded() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    for number in range(2 * TAGS_KEPT):     # a phone that invents tags
        office.send(C, answer(forwarded, 200, tag=f"t{number}", extra="Contact: <sip:202@192.168.1.12:5060>\r\n"))
    call, = office.office.dialogs.calls()
    assert len(call.answers) == TAGS_KEPT
    assert len(call.callee_tags) == TAGS_KEPT
