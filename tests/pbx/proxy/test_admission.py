# SPDX-License-Identifier: Apache-2.0
"""A seal is no master key: what it admits, for how long, and where to (CONTRACT: open relay, in-dialog trust)."""

import pytest

from appliance.native.sip_scanner import Message
from tests.pbx.proxy.test_dialogs import in_dialog, talk
from tests.pbx.proxy.virtual_office import STRANGER, A, C, D, VirtualOffice, answer, head, invite


def sealed(route: str, method: str = "MESSAGE", uri: str = "sip:x@203.0.113.9", to_tag: str = "from201",
           from_tag: str = "evil", branch: str = "s") -> bytes:
    return head(method, uri, STRANGER, branch, "boss", "201", to_tag=to_tag, from_tag=from_tag,
                extra=f"Route: {route}\r\n")


def refused_call() -> tuple[VirtualOffice, str]:
    """202 has refused a call and kept the Record-Route it has seen."""
    office = VirtualOffice()
    office.register("201", A)
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(C, answer(forwarded, 486))
    office.take()
    return office, forwarded.header(b"Record-Route").decode()


def test_seal_of_a_refused_call_opens_nothing() -> None:
    office, route = refused_call()
    office.send(STRANGER, sealed(route))
    assert office.statuses() == [(481, STRANGER)]


def test_seal_opens_no_other_dialog_of_a_call_that_goes_on() -> None:
    office, accepted = talk()
    route = accepted.header(b"Record-Route").decode()
    office.send(C, sealed(route, "BYE", "sip:201@192.168.1.11:5060"))
    assert office.statuses() == [(481, C)]


def test_seal_after_a_restart_leads_to_our_phones_and_nowhere_else() -> None:
    office, route = refused_call()
    office.restart()
    office.register("201", A)
    office.send(STRANGER, sealed(route))
    assert office.statuses() == [(481, STRANGER)]
    office.send(C, sealed(route, "BYE", "sip:201@192.168.1.11:5060", branch="b"))
    assert [(m.method, a) for m, a in office.take()] == [(b"BYE", A)]


def test_seal_is_good_for_a_day() -> None:
    office, route = refused_call()
    office.restart()
    office.register("201", A)
    office.office.signer.set_hour(25)
    office.send(STRANGER, sealed(route, uri="sip:201@192.168.1.11:5060"))
    assert office.statuses() == [(481, STRANGER)]


def test_ended_call_is_closed_half_a_minute_later() -> None:
    office, accepted = talk()
    office.send(A, in_dialog("BYE", accepted, "bye"))
    (bye, _), = office.take()
    office.send(C, answer(bye, 200))
    office.take()
    office.send(A, in_dialog("INFO", accepted, "soon", cseq=3))
    assert [(m.method, a) for m, a in office.take()] == [(b"INFO", C)]
    office.run_until(40)
    office.send(A, in_dialog("INFO", accepted, "late", cseq=4))
    assert (481, A) in office.statuses()


def ended_talk() -> tuple[VirtualOffice, Message]:
    """A call that has ended this moment."""
    office, accepted = talk()
    office.send(A, in_dialog("BYE", accepted, "bye"))
    (bye, _), = office.take()
    office.send(C, answer(bye, 200))
    office.take()
    return office, accepted


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "INFO", "REFER"])
@pytest.mark.parametrize(("uri", "route"), [
    ("sip:x@203.0.113.9", ""), ("sip:201@192.168.1.11:5060", ""), ("sip:x@elsewhere.test", ""),
    ("sip:202@192.168.1.12:5060", "Route: <sip:203.0.113.9;lr>\r\n")])
def test_ended_call_is_no_relay(method: str, uri: str, route: str) -> None:
    office, accepted = ended_talk()
    own = f"Route: {accepted.header(b'Record-Route').decode()}\r\n"
    office.send(STRANGER, head(method, uri, STRANGER, "s", "201", "202", 3, to_tag="callee", extra=own + route))
    assert office.statuses() == [(481, STRANGER)]


def test_what_was_under_way_when_a_call_ended_still_arrives_at_its_ends() -> None:
    office, accepted = ended_talk()
    office.send(A, in_dialog("ACK", accepted, "ack", cseq=1))
    office.send(A, in_dialog("BYE", accepted, "again", cseq=3))
    office.send(A, in_dialog("NOTIFY", accepted, "note", cseq=4))
    route = accepted.header(b"Record-Route").decode()
    office.send(C, head("NOTIFY", "sip:201@192.168.1.11:5060", C, "n2", "202", "201", to_tag="from201",
                        from_tag="callee", extra=f"Route: {route}\r\n"))
    assert [(m.method, a) for m, a in office.take() if m.is_request] == [
        (b"ACK", C), (b"BYE", C), (b"NOTIFY", C), (b"NOTIFY", A)]


def two_answers() -> tuple[VirtualOffice, dict[str, Message]]:
    office = VirtualOffice()
    office.register("202", C)
    office.register("202", D)
    office.send(A, invite())
    invites = {a: m for m, a in office.take() if m.is_request}
    for phone, tag in ((C, "c"), (D, "d")):
        office.send(phone, answer(invites[phone], 200, tag=tag, extra=f"Contact: <sip:202@{phone[0]}:5060>\r\n"))
    accepted = [m for m, a in office.take() if m.status == 200]
    return office, {m.to_tag.decode(): m for m in accepted}


def hang_up(office: VirtualOffice, accepted: Message, tag: str, phone: tuple[str, int], branch: str) -> Message:
    routes = "".join(f"Route: {value.decode()}\r\n" for value in accepted.headers(b"Record-Route"))
    office.send(A, head("BYE", f"sip:202@{phone[0]}:5060", A, branch, "201", "202", 2, to_tag=tag, extra=routes))
    (bye, address), = office.take()
    assert address == phone
    return bye


def test_bye_of_one_answered_phone_leaves_the_call_with_the_other() -> None:
    office, accepted = two_answers()
    bye = hang_up(office, accepted["d"], "d", D, "b1")
    office.send(D, answer(bye, 200))
    office.take()
    (call,) = office.office.dialogs.calls()
    assert call.callee_tags == [b"c"]
    bye = hang_up(office, accepted["c"], "c", C, "b2")
    office.send(C, answer(bye, 200))
    assert office.office.dialogs.calls() == []


def test_challenged_bye_does_not_end_the_call() -> None:
    office, accepted = talk()
    office.send(A, in_dialog("BYE", accepted, "bye"))
    (bye, _), = office.take()
    office.send(C, answer(bye, 401, extra='WWW-Authenticate: Digest realm="c", nonce="1"\r\n'))
    assert len(office.office.dialogs.calls()) == 1


def test_breadth_is_shared_among_the_branches_and_bounds_them() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.register("202", D)
    office.send(A, invite())
    assert [m.header(b"Max-Breadth") for m, _ in office.take() if m.is_request] == [b"30", b"30"]
    office.send(A, invite(branch="narrow", extra="Max-Breadth: 1\r\n").replace(b"call-1", b"call-2"))
    assert office.statuses()[-1] == (440, A)
    office.send(A, invite(branch="some", extra="Max-Breadth: 5\r\n").replace(b"call-1", b"call-3"))
    assert [m.headers(b"Max-Breadth") for m, _ in office.take() if m.is_request] == [[b"2"], [b"2"]]


def test_stopping_server_lets_callee_and_caller_go() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(C, answer(forwarded, 180))
    office.take()
    office.office.server.shut_down(office.now)
    assert [(m.method, m.status, a) for m, a in office.take()] == [(b"CANCEL", 0, C), (b"INVITE", 503, A)]


def test_what_a_branch_says_after_the_server_has_stopped_changes_nothing() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = office.take()[1][0]
    office.send(C, answer(forwarded, 180))
    office.take()
    office.office.server.shut_down(office.now)
    office.take()
    office.send(C, answer(forwarded, 487))
    assert office.statuses() == []
    office.run_until(60)

    office.send(A, invite(branch="silent").replace(b"call-1", b"call-2"))
    office.take()
    office.office.server.shut_down(office.now)
    assert office.statuses() == [(503, A)]
    office.run_until(260)       # Timer B: nobody is there to be told


def test_trusted_source_in_nobodys_name_reaches_extensions_and_nothing_else() -> None:
    office = VirtualOffice()
    office.register("202", C)
    call = head("INVITE", "sip:202@192.168.1.1", A, "n", "0312345678", "202", extra="Contact: <sip:x@192.168.1.11>\r\n")
    office.send(A, call)
    assert [a for m, a in office.take() if m.is_request] == [C]
    office.send(A, call.replace(b"sip:202@192.168.1.1 ", b"sip:x@203.0.113.9 ").replace(b"z9hG4bKn", b"z9hG4bKo"))
    assert office.statuses() == [(403, A)]
