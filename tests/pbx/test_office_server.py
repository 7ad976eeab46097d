# SPDX-License-Identifier: Apache-2.0
"""Who serves what, and the refusals of RFC 3261 8.2 and 16.3, each with the code the RFC gives it."""

import pytest

from appliance.native.sip_scanner import Message
from appliance.pbx.proxy.routing import OwnAddresses, strip_own_maddr
from appliance.sip.flow import UDP, Flow, Listener
from tests.pbx.proxy.virtual_office import STRANGER, A, C, VirtualOffice, answer, head, invite


def ask(method: str, uri: str = "sip:192.168.1.1", extra: str = "", office: VirtualOffice | None = None):
    office = office or VirtualOffice()
    office.send(A, head(method, uri, A, "q", "201", "x", extra=extra))
    (message, address), = office.take()
    assert address == A
    return message


def test_options_to_the_server_lists_what_it_can() -> None:
    message = ask("OPTIONS")
    assert message.status == 200
    assert {v for name in (b"Allow", b"Accept", b"Supported") for v in message.values(name)} >= {b"OPTIONS", b"path"}


@pytest.mark.parametrize(("method", "uri", "extra", "status"), [
    ("INVITE", "sip:192.168.1.1", "", 405),
    ("MESSAGE", "sip:192.168.1.1", "", 405),
    ("FROBNICATE", "sip:192.168.1.1", "", 501),
    ("OPTIONS", "sip:192.168.1.1", "Require: magic\r\n", 420),
    ("INVITE", "sip:202@192.168.1.1", "Proxy-Require: magic\r\n", 420),
    ("INVITE", "sip:999@192.168.1.1", "Contact: <sip:201@192.168.1.11>\r\n", 404),
    ("INVITE", "sip:202@192.168.1.1", "", 480),
    ("MESSAGE", "sip:202@192.168.1.1", "", 202),
    ("INVITE", "sips:202@192.168.1.1", "", 416),
    ("INVITE", "soap.beep:202", "", 416),
    ("FROBNICATE", "sip:202@192.168.1.1", "", 480),
])
def test_refusals(method: str, uri: str, extra: str, status: int) -> None:
    message = ask(method, uri, extra)
    assert message.status == status
    if status in (405, 501):
        assert b"OPTIONS" in message.values(b"Allow")
    if status == 420:
        assert message.values(b"Unsupported") == [b"magic"]


@pytest.mark.parametrize(("uri", "peer"), [
    ("sip:202@192.168.1.1;maddr=192.168.1.1", "202"), ("sip:202@192.168.1.1:5060;user=phone;MADDR=192.168.1.1", "202"),
    ("sip:202@192.168.1.1;transport=udp;maddr=192.168.1.1;user=phone", "202")])
def test_maddr_that_names_us_is_as_if_it_were_not_there(uri: str, peer: str) -> None:
    # RFC 3261 16.4
    office = VirtualOffice()
    office.register(peer, C)
    office.send(A, head("INVITE", uri, A, "m", "201", peer, extra="Contact: <sip:201@192.168.1.11>\r\n"))
    sent = office.take()
    assert [(m.status, m.uri, a) for m, a in sent] == [(100, b"", A), (0, b"sip:202@192.168.1.12:5060", C)]


@pytest.mark.parametrize(("uri", "left"), [
    (b"sip:x@elsewhere.test:5060;maddr=192.168.1.1;a", b"sip:x@elsewhere.test;a"),
    (b"sip:x@elsewhere.test;maddr=[0:0::1]", b"sip:x@elsewhere.test"),
    (b"sip:x@elsewhere.test;maddr=192.0.2.9", None), (b"sip:x@elsewhere.test:5061;maddr=192.168.1.1", None),
    (b"sip:x@elsewhere.test;transport=tcp;maddr=192.168.1.1", None), (b"tel:1;maddr=192.168.1.1", None)])
def test_maddr_goes_only_where_it_is_ours_with_port_and_transport(uri: bytes, left: bytes | None) -> None:
    listener = Listener("office", UDP, b"192.168.1.1", 5060)
    own = OwnAddresses(b"office.test", [listener, Listener("six", UDP, b"::1", 5060)])
    octets = head("OPTIONS", uri.decode(), A, "m", "201", "x")
    stripped = strip_own_maddr(Message(octets), own, Flow(listener, b"192.168.1.11", 5060))
    assert stripped.uri == (left or uri)
    assert stripped.data == octets.replace(uri, left or uri)


@pytest.mark.parametrize("hostport", [b"[::1]", b"[0:0:0:0:0:0:0:1]:5060", b"[0::0001]", b"[2001:DB8::A]:5070".lower()])
def test_own_ipv6_addresses_are_known_in_every_form(hostport: bytes) -> None:
    # RFC 5954 4.2
    own = OwnAddresses(b"office.test", [Listener("six", UDP, b"::1", 5060), Listener("b", UDP, b"2001:db8::a", 5070)])
    assert hostport in own
    assert own.has_uri(b"sip:202@" + hostport.upper() + b";lr")
    assert not own.has_uri(b"sip:202@[::2]")
    assert b"[2001:db8::a]" not in own
    assert b"[::1" not in own


def test_max_forwards_zero_is_483_for_what_would_be_forwarded() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite().replace(b"Max-Forwards: 70", b"Max-Forwards: 0"))
    assert office.statuses() == [(483, A)]


def test_register_with_a_to_tag_is_a_register() -> None:
    office = VirtualOffice()
    contact = "Contact: <sip:202@192.168.1.12:5060>\r\n"
    office.send(C, head("REGISTER", "sip:192.168.1.1", C, "r", "202", "202", to_tag="before", extra=contact))
    assert office.statuses() == [(200, C)]
    assert len(office.office.location.bindings_of(b"202")) == 1


def test_body_that_nobody_here_reads_is_415_unless_it_may_be_ignored() -> None:
    office = VirtualOffice()
    body = head("OPTIONS", "sip:192.168.1.1", A, "b", "201", "x", extra="Content-Type: application/x-unknown\r\n")
    body = body.replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 3\r\n\r\nabc")
    office.send(A, body)
    assert office.statuses() == [(415, A)]
    office.send(A, body.replace(b"z9hG4bKb", b"z9hG4bKc").replace(
        b"Content-Length", b"Content-Disposition: render;handling=optional\r\nContent-Length"))
    assert office.statuses() == [(200, A)]


def test_stranger_is_challenged_for_everything_outside_a_dialog_that_would_be_forwarded() -> None:
    office = VirtualOffice()
    office.register("202", C)
    for method in ("INVITE", "MESSAGE", "REFER", "OPTIONS", "FROBNICATE"):
        office.send(STRANGER, head(method, "sip:202@192.168.1.1", STRANGER, method, "201", "202", call_id=method))
        (message, address), = office.take()
        assert (message.status, address) == (407, STRANGER)
    assert office.office.stack.transactions_open <= 1


def test_user_part_is_compared_unescaped() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite("%32%30%32"))
    assert [a for m, a in office.take() if m.is_request] == [C]


def test_tel_uri_reaches_the_extension() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, head("INVITE", "tel:202", A, "tel", "201", "202"))
    assert [a for m, a in office.take() if m.is_request] == [C]


def test_overload_refuses_new_calls_and_lets_dialogs_live() -> None:
    office = VirtualOffice()
    office.register("202", C)
    office.send(A, invite())
    forwarded = next(m for m, a in office.take() if a == C)
    for step in range(100):
        office.office.overload.observe(80, 100, True, office.now + step)
    office.send(A, invite(branch="refused"))
    (message, _), = office.take()
    assert message.status == 503
    assert int(message.header(b"Retry-After")) >= 1
    office.send(C, answer(forwarded, 200, extra="Contact: <sip:202@192.168.1.12>\r\n"))
    assert office.statuses() == [(200, A)]
    for step in range(100):
        office.office.overload.observe(0, 100, False, office.now + 200 + step)
    office.send(A, invite(branch="later"))
    assert [m.status for m, a in office.take() if a == A] == [100]
