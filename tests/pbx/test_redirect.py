# SPDX-License-Identifier: Apache-2.0
"""The redirect server (RFC 3261 8.3), and which 3xx of a phone the proxy follows (16.7 step 4)."""

import pytest

from appliance.pbx.redirect import print_q
from tests.pbx.proxy.virtual_office import STRANGER, A, C, D, VirtualOffice, answer, head, invite

ROLE = "set extension 202 role redirect\n"
F = ("192.168.1.14", 5060)


def call(office: VirtualOffice, peer: str = "202", **more):
    """What phone A is answered, and what has gone to others."""
    office.send(A, invite(peer, **more))
    sent = office.take()
    return [m for m, a in sent if a == A and m.status != 100], [(m, a) for m, a in sent if m.is_request]


def test_302_with_every_contact_the_preferred_first_and_no_copy_is_sent() -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C, q=0.3)
    office.register("202", D)
    office.register("202", F, q=0.75)
    (response,), requests = call(office)
    assert requests == []
    assert response.status == 302
    assert response.headers(b"Contact") == [
        b"<sip:202@192.168.1.13:5060>;q=1.0;expires=3600", b"<sip:202@192.168.1.14:5060>;q=0.75;expires=3600",
        b"<sip:202@192.168.1.12:5060>;q=0.3;expires=3600"]
    assert response.to_tag


def test_the_role_of_all_extensions() -> None:
    office = VirtualOffice("set extension 203 role proxy\n", role="redirect")
    office.register("202", C)
    office.register("203", D)
    assert call(office)[0][0].status == 302
    assert [address for _, address in call(office, "203", branch="other")[1]] == [D]


def test_the_role_changes_without_a_restart() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.office.reconfigure(VirtualOffice(ROLE).configuration, office.now)
    assert call(office)[0][0].status == 302


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "MESSAGE", "REFER", "FROBNICATE"])
def test_every_request_outside_a_dialog_is_redirected(method: str) -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C)
    office.send(A, head(method, "sip:202@192.168.1.1", A, "x", "201", "202"))
    (response, address), = office.take()
    assert (response.status, address) == (302, A)
    assert response.contact_uri == b"sip:202@192.168.1.12:5060"


def test_others_are_still_proxied() -> None:
    office = VirtualOffice(ROLE)
    office.register("203", D)
    responses, requests = call(office, "203")
    assert responses == []
    assert [address for _, address in requests] == [D]


def test_nobody_there_is_480_and_unknown_is_404() -> None:
    office = VirtualOffice(ROLE)
    assert call(office)[0][0].status == 480
    assert call(office, "999", branch="other")[0][0].status == 404
    office.send(A, head("MESSAGE", "sip:202@192.168.1.1", A, "m", "201", "202"))
    assert office.statuses() == [(480, A)]      # it sends no request itself, so it keeps none for later
    assert office.office.messages.count_waiting(b"202") == 0


def test_a_stranger_is_challenged_first() -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C)
    office.send(STRANGER, invite(phone=STRANGER))
    (response, address), = office.take()
    assert (response.status, address, response.contact) == (407, STRANGER, None)


def test_the_302_is_repeated_until_its_ack_which_goes_nowhere() -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C)
    (response,), _ = call(office)
    repeated = office.run_until(2)
    assert [m.status for m, a in repeated] == [302, 302]
    office.send(A, head("ACK", "sip:202@192.168.1.1", A, "inv", "201", "202", to_tag=response.to_tag.decode()))
    assert office.run_until(70) == []
    assert office.office.stack.transactions_open == 0


def test_a_cancel_of_a_redirected_call_is_answered_and_changes_nothing() -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C)
    call(office)
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "inv", "201", "202"))
    assert office.statuses() == [(200, A)]


def test_the_operator_sees_it_among_the_ended_calls() -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C)
    call(office)
    ended = list(office.office.dialogs.ended)
    assert [(one.callee, one.result) for one in ended] == [(b"202", 302)]


def test_it_never_redirects_to_the_request_uri() -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C, contact="<sip:202@192.168.1.1>")
    assert call(office)[0][0].status == 404


def test_expires_is_what_is_left_of_the_binding() -> None:
    office = VirtualOffice(ROLE)
    office.register("202", C)
    office.run_until(100)
    assert call(office)[0][0].contact == b"<sip:202@192.168.1.12:5060>;q=1.0;expires=3500"


@pytest.mark.parametrize(("thousandths", "written"), [(1000, b"1.0"), (0, b"0.0"), (5, b"0.005"), (500, b"0.5")])
def test_q_as_the_grammar_has_it(thousandths: int, written: bytes) -> None:
    assert print_q(thousandths) == written


# a phone redirects, the server is a proxy


def redirected(contacts: str, status: int = 302, more: str = "") -> tuple[VirtualOffice, list, list]:
    """201 calls 202, whose phone C redirects; 203 has phone D. What A hears, and the requests that follow."""
    office = VirtualOffice(more)
    office.register("202", C)
    office.register("203", D)
    _, requests = call(office)
    (copy, address), = requests
    assert address == C
    office.send(C, answer(copy, status, extra=contacts))
    sent = office.take()
    return office, [m for m, a in sent if a == A], [(m, a) for m, a in sent if m.is_request and m.method != b"ACK"]


@pytest.mark.parametrize("status", [300, 301, 302])
def test_a_phone_that_forwards_to_a_colleague_is_followed(status: int) -> None:
    office, heard, requests = redirected("Contact: <sip:203@192.168.1.1>\r\n", status)
    assert heard == []
    (copy, address), = requests
    assert address == D
    assert (copy.method, copy.uri) == (b"INVITE", b"sip:203@192.168.1.13:5060")
    office.send(D, answer(copy, 200, extra="Contact: <sip:203@192.168.1.13>\r\n"))
    assert office.statuses() == [(200, A)]


@pytest.mark.parametrize(("status", "contact"), [
    (302, "<sip:someone@elsewhere.test>"), (302, "<tel:0312345678>"), (302, "<sip:999@192.168.1.1>"),
    (302, "<sip:203@192.168.1.1?Replaces=x>"), (302, "<sip:203@192.168.1.1>;q=much"),
    (302, "<sip:203@192.168.1.1>, <sip:someone@elsewhere.test>"), (302, "<sip:202@192.168.1.1>"),
    (305, "<sip:203@192.168.1.1>"), (380, "<sip:203@192.168.1.1>"),
])
def test_any_other_redirection_goes_up_to_the_caller(status: int, contact: str) -> None:
    _, heard, requests = redirected(f"Contact: {contact}\r\n", status)
    assert requests == []
    (response,) = heard
    assert response.status == status
    assert b", ".join(response.headers(b"Contact")) == contact.encode()


def test_an_extension_that_is_redirected_to_its_caller_is_not_followed() -> None:
    _, heard, requests = redirected("Contact: <sip:203@192.168.1.1>\r\n", more="set extension 203 role redirect\n")
    assert requests == []
    assert [response.status for response in heard] == [302]


def test_a_redirection_inside_a_dialog_is_the_callers_to_see() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.register("203", D)
    _, ((copy, _),) = call(office)
    routes = b"".join(b"Route: %s\r\n" % value for value in copy.headers(b"Record-Route")).decode()
    office.send(C, answer(copy, 200, extra=f"Contact: <sip:202@{C[0]}:{C[1]}>\r\n"))
    office.take()
    office.send(A, head("INFO", f"sip:202@{C[0]}:{C[1]}", A, "info", "201", "202", 2, to_tag="callee", extra=routes))
    (request, address), = office.take()
    assert (request.method, address) == (b"INFO", C)
    office.send(C, answer(request, 302, extra="Contact: <sip:203@192.168.1.1>\r\n"))
    assert office.statuses() == [(302, A)]


def test_contacts_are_tried_by_their_q_each_once() -> None:
    office, _, requests = redirected("Contact: <sip:201@192.168.1.1>;q=0.1, <sip:203@192.168.1.1>;q=0.9\r\n"
                                     "Contact: <sip:203@192.168.1.1>;q=0.5\r\n")
    office.register("201", A)
    (copy, address), = requests
    assert address == D
    office.send(D, answer(copy, 486))
    assert office.statuses() == [(486, A)]


def test_a_second_redirection_is_not_followed() -> None:
    office, _, requests = redirected("Contact: <sip:203@192.168.1.1>\r\n")
    (copy, _), = requests
    office.send(D, answer(copy, 302, extra="Contact: <sip:202@192.168.1.1>\r\n"))
    sent = office.take()
    assert [(m.status, a) for m, a in sent if not m.is_request] == [(302, A)]
    assert [m.method for m, a in sent if m.is_request] == [b"ACK"]


def test_nobody_at_the_new_place_is_the_callers_to_see() -> None:
    _, heard, requests = redirected("Contact: <sip:201@192.168.1.1>\r\n")
    assert requests == []
    assert [response.status for response in heard] == [302]


def test_a_caller_who_gave_up_is_not_forwarded() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.register("203", D)
    _, ((copy, _),) = call(office)
    office.send(C, answer(copy, 180))
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "inv", "201", "202"))
    office.take()
    office.send(C, answer(copy, 302, extra="Contact: <sip:203@192.168.1.1>\r\n"))
    assert [a for m, a in office.take() if m.is_request and m.method == b"INVITE"] == []


def test_a_message_follows_the_forward_too() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.register("203", D)
    office.send(A, head("MESSAGE", "sip:202@192.168.1.1", A, "m", "201", "202"))
    (copy, _), = office.take()
    office.send(C, answer(copy, 302, extra="Contact: <sip:203@192.168.1.1>\r\n"))
    (copy, address), = office.take()
    assert address == D
    office.send(D, answer(copy, 200))
    assert office.statuses() == [(200, A)]
