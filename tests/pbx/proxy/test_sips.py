# SPDX-License-Identifier: Apache-2.0
"""sips and transports through the whole office: TLS or nothing (RFC 3261 26.2.2), Record-Route (16.6 step 4, RFC 5658),
and one contact of a phone at a time (RFC 5626 section 7).
"""

import pytest

from tests.pbx.proxy.virtual_office import A, C, D, VirtualOffice, answer, head, invite

TLS = """set sip listener office transport tls
set sip listener office certificate /c
set sip listener office key /k
"""
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'


class SecureOffice(VirtualOffice):
    """An office that speaks TLS beside UDP and TCP, on 5061."""

    def __init__(self, more: str = "") -> None:
        super().__init__(TLS + more)

    def bind(self, user, phone, contact, transport="TLS", cseq=1):
        extra = f"Supported: outbound, path\r\nContact: {contact}\r\n"
        self.send(phone, head("REGISTER", "sip:192.168.1.1", phone, f"reg{user}{phone[1]}{cseq}", user, user, cseq,
                              call_id=f"reg-{user}-{phone[0]}", extra=extra, transport=transport), transport.encode())
        assert [message.status for message, _ in self.take()] == [200]

    def call(self, uri, transport="TLS"):
        """Phone A calls; what the office sends but its 100."""
        contact = f"Contact: <sip:201@{A[0]}:{A[1]}>\r\n"
        self.send(A, head("INVITE", uri, A, "inv", "201", "202", extra=contact, transport=transport),
                  transport.encode())
        return [(message, address) for message, address in self.take() if message.status != 100]


@pytest.mark.parametrize("contact", [
    "<sips:202@192.168.1.12>", "<sip:202@192.168.1.12:5060;transport=tls>"])
def test_sips_reaches_whoever_registered_over_tls(contact):
    office = SecureOffice()
    office.bind("202", C, contact)
    [(request, address)] = office.call("sips:202@192.168.1.1")
    assert (request.method, address) == (b"INVITE", C)
    assert request.header(b"Via").startswith(b"SIP/2.0/TLS 192.168.1.1:5061;branch=")


def test_sips_never_falls_back_to_udp_or_tcp():
    office = SecureOffice()
    office.bind("202", C, "<sip:202@192.168.1.12:5060>", "UDP")
    office.bind("202", D, "<sip:202@192.168.1.13:5060;transport=tcp>", "TCP")
    assert [(one.status, to) for one, to in office.call("sips:202@192.168.1.1")] == [(480, A)]


def test_of_several_bindings_sips_takes_those_on_tls():
    office = SecureOffice()
    office.bind("202", C, "<sip:202@192.168.1.12:5060>", "UDP")
    office.bind("202", D, "<sips:202@192.168.1.13>")
    assert [(one.method, to) for one, to in office.call("sips:202@192.168.1.1")] == [(b"INVITE", D)]


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_sips_that_comes_without_tls_is_refused(transport):
    office = SecureOffice()
    office.bind("202", C, "<sips:202@192.168.1.12>")
    [(refusal, address)] = office.call("sips:202@192.168.1.1", transport)
    assert (refusal.status, address) == (416, A)


def test_a_sips_contact_that_was_registered_without_tls_is_never_used():
    office = SecureOffice()
    office.bind("202", C, "<sips:202@192.168.1.12>", "UDP")
    assert [(one.status, to) for one, to in office.call("sip:202@192.168.1.1", "UDP")] == [(480, A)]


def test_record_route_is_sips_where_the_request_leaves_with_sips():
    office = SecureOffice()
    office.bind("202", C, "<sips:202@192.168.1.12>")
    [(request, _)] = office.call("sips:202@192.168.1.1")
    [route] = request.values(b"Record-Route")
    assert route.startswith(b"<sips:192.168.1.1:5061;lr;")


def test_record_route_names_both_transports_where_they_change():
    office = SecureOffice()
    office.bind("202", C, "<sip:202@192.168.1.12:5060;transport=tls>")
    [(request, _)] = office.call("sip:202@192.168.1.1", "UDP")
    leaving, arriving = request.values(b"Record-Route")
    assert leaving.startswith(b"<sip:192.168.1.1:5061;transport=tls;lr;")
    assert arriving.startswith(b"<sip:192.168.1.1:5060;lr;")


def test_what_came_over_tls_is_recorded_even_where_nothing_else_is():
    office = SecureOffice("set sip record-route false\n")
    office.register("202", C)
    [(request, _)] = office.call("sip:202@192.168.1.1")
    assert len(request.values(b"Record-Route")) == 2        # 16.6 step 4: MUST
    assert request.values(b"Record-Route")[1].startswith(b"<sip:192.168.1.1:5061;transport=tls;")


def test_a_dialog_over_sips_goes_on_along_its_record_route():
    office = SecureOffice()
    office.bind("202", C, "<sips:202@192.168.1.12>")
    [(request, _)] = office.call("sips:202@192.168.1.1")
    office.send(C, answer(request, 200, extra="Contact: <sips:202@192.168.1.12>\r\n"), b"TLS")
    [(accepted, _)] = [(one, to) for one, to in office.take() if one.status == 200]
    route = b"Route: " + accepted.values(b"Record-Route")[0]
    office.send(A, head("BYE", "sips:202@192.168.1.12", A, "bye", "201", "202", 2, to_tag="callee",
                        extra=route.decode() + "\r\n", transport="TLS"), b"TLS")
    [(bye, address)] = office.take()
    assert (bye.method, address, bye.via_transport) == (b"BYE", C, b"TLS")


def test_two_flows_of_one_phone_are_not_rung_at_once():
    office = SecureOffice()
    office.bind("202", C, f"<sip:202@192.168.1.12:5060;transport=tls>;reg-id=1;{INSTANCE}")
    office.now += 1
    office.bind("202", D, f"<sip:202@192.168.1.13:5060;transport=tls>;reg-id=2;{INSTANCE}")
    assert [(one.method, to) for one, to in office.call("sip:202@192.168.1.1", "UDP")] == [(b"INVITE", D)]


def test_a_flow_that_has_failed_leaves_its_binding_without_use_and_the_other_takes_over():
    office = SecureOffice()
    office.bind("202", C, f"<sip:202@192.168.1.12:5060;transport=tls>;reg-id=1;{INSTANCE}")
    office.now += 1
    office.bind("202", D, f"<sip:202@192.168.1.13:5060;transport=tls>;reg-id=2;{INSTANCE}")
    secure = office.listeners[-1]
    office.office.stack.flow_failed(office.flows[secure, D[0].encode(), D[1]], office.now)
    assert [(one.method, to) for one, to in office.call("sip:202@192.168.1.1", "UDP")] == [(b"INVITE", C)]
    office.office.stack.flow_failed(office.flows[secure, C[0].encode(), C[1]], office.now)
    office.take()
    office.send(A, invite(branch="again"))
    assert 480 in [one.status for one, _ in office.take()]


def test_two_phones_of_one_extension_are_rung_at_once():
    office = SecureOffice()
    office.bind("202", C, f"<sip:202@192.168.1.12:5060;transport=tls>;reg-id=1;{INSTANCE}")
    office.bind("202", D, "<sip:202@192.168.1.13:5060;transport=tls>")
    assert {to for _, to in office.call("sip:202@192.168.1.1", "UDP")} == {C, D}
