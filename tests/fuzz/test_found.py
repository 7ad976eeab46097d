# SPDX-License-Identifier: Apache-2.0
"""What the fuzz has found, each as small as it can be: nothing of this may come back."""

import pytest

from tests.fuzz.calling import place_call
from tests.fuzz.virtual_office import VirtualOffice
from tests.interop.raw_sip import SipMessage, build_response


@pytest.fixture
def office() -> VirtualOffice:
    return VirtualOffice(1)


def request(method: bytes, user: bytes, peer: bytes, lines: bytes = b"", number: int = 1, body: bytes = b"") -> bytes:
    uri = b"sip:office.test" if method == b"REGISTER" else b"sip:%s@office.test" % peer
    return (b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.3:5070;branch=z9hG4bK-%s-%d;rport\r\nMax-Forwards: 70\r\n"
            b"From: <sip:%s@office.test>;tag=f\r\nTo: <sip:%s@office.test>\r\nCall-ID: c%d\r\nCSeq: 1 %s\r\n%s"
            b"Content-Length: %d\r\n\r\n" % (method, uri, method, number, user, peer, number, method, lines,
                                             len(body))) + body


def trusted(office: VirtualOffice):
    return office.flow_to(office.listener("office"), b"127.0.0.3", 5070)


def test_message_tried_at_one_silent_phone_after_another_ends_quietly(office):
    """The server transaction has ended (RFC 4320: after 32 s, silently) when the last branch gives up."""
    contacts = b"Contact: <sip:1002@127.0.0.3:5071>;q=1, <sip:1002@127.0.0.3:5072>;q=0.5\r\n"
    office.receive_datagram(request(b"REGISTER", b"1002", b"1002", contacts), trusted(office))
    office.receive_datagram(request(b"MESSAGE", b"1001", b"1002", number=2), trusted(office))
    office.advance(150)
    answers = [octets for octets, _ in office.take_sent() if octets.startswith(b"SIP/2.0") and b"MESSAGE" in octets]
    assert not any(answer.startswith(b"SIP/2.0 408") for answer in answers)
    assert office.sizes()["transactions"] <= 4


@pytest.mark.parametrize("method", [b"ACK", b"BYE", b"INVITE", b"MESSAGE", b"REGISTER"])
@pytest.mark.parametrize("route", [b"<sip:127.0.1.1;lr>, <sip:1001", b"<sip:127.0.1.1;lr>, \"", b"<sip:127.0.1.1;lr>, ",
                                   b"<sip:127.0.1.1;lr>\r\nRoute: <", b"<sip:127.0.1.1;lr>, <>"])
def test_unreadable_route_behind_our_own_is_no_bug_of_ours(office, method, route):
    stranger = office.flow_to(office.listener("office"), b"127.0.0.9", 5060)
    for flow in (stranger, trusted(office)):
        for to in (b"<sip:1002@office.test>", b"<sip:1002@office.test>;tag=x"):
            octets = request(method, b"1001", b"1002", b"Route: %s\r\n" % route)
            office.receive_datagram(octets.replace(b"To: <sip:1002@office.test>", b"To: " + to), flow)
    office.advance(60)


def test_faulty_ack_with_the_branch_of_an_invite_is_dropped(office):
    """A transaction is found by the branch alone: the faults of an ACK count all the same."""
    office.receive_datagram(request(b"REGISTER", b"1002", b"1002", b"Contact: <sip:1002@127.0.0.3:5071>\r\n"),
                            trusted(office))
    invite = request(b"INVITE", b"1001", b"1002", b"Contact: <sip:1001@127.0.0.3>\r\n", 2)
    office.receive_datagram(invite, trusted(office))
    (copy,) = [octets for octets, _ in office.take_sent() if octets.startswith(b"INVITE")]
    phone = office.flow_to(office.listener("office"), b"127.0.0.3", 5071)
    office.receive_datagram(build_response(SipMessage(copy), 200, "OK", contact="sip:1002@127.0.0.3:5071"), phone)
    ack = invite.replace(b"INVITE", b"ACK").replace(b"-ACK-", b"-INVITE-")
    for route in (b"<sip:127.0.1.1;lr>, <sip:1001", b"<sip:127.0.1.1:506ontact: <sip:1001>", b"\""):
        office.receive_datagram(ack.replace(b"Contact:", b"Route: %s\r\nContact:" % route), trusted(office))
    office.advance(300)
    assert office.sizes()["transactions"] == 0


@pytest.mark.parametrize("size", [64500, 65000, 65100, 65200])
@pytest.mark.parametrize("status", [180, 200, 486])
def test_request_that_outgrows_a_datagram_on_its_way_is_survived(office, size, status):
    """Our Via and Record-Route make the copy longer than any datagram may be."""
    office.receive_datagram(request(b"REGISTER", b"1002", b"1002", b"Contact: <sip:1002@127.0.0.3:5071>\r\n"),
                            trusted(office))
    office.take_sent()
    office.receive_datagram(request(b"INVITE", b"1001", b"1002", b"Contact: <sip:1001@127.0.0.3>\r\n", 2, b"x" * size),
                            trusted(office))
    sent = office.take_sent()
    copies = [octets for octets, _ in sent if octets.startswith(b"INVITE")]
    for copy in copies:
        assert len(copy) <= 65507, "no UDP datagram carries that"
        head = [line for line in copy.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:] if not line.startswith((b"Content",
                                                                                                           b"To"))]
        answer = [b"SIP/2.0 %d X" % status, *head, b"To: <sip:1002@office.test>;tag=p", b"Content-Length: 0", b"", b""]
        office.receive_datagram(b"\r\n".join(answer), office.flow_to(office.listener("office"), b"127.0.0.3", 5071))
    assert copies or any(octets.startswith(b"SIP/2.0 513") for octets, _ in sent)
    office.advance(300)
    place_call(office, 1)


def test_dialog_notify_of_a_very_busy_extension_still_fits_a_datagram(office):
    """RFC 4235: what cannot be carried is never heard, however complete it is."""
    office.receive_datagram(request(b"REGISTER", b"1002", b"1002", b"Contact: <sip:1002@127.0.0.3:5071>\r\n"),
                            trusted(office))
    phone = office.flow_to(office.listener("office"), b"127.0.0.3", 5071)
    office.take_sent()
    for number in range(2, 402):
        invite = request(b"INVITE", b"1001", b"1002", b"Contact: <sip:1001@127.0.0.3>\r\n", number)
        office.receive_datagram(invite, trusted(office))
        (copy,) = [octets for octets, _ in office.take_sent() if octets.startswith(b"INVITE")]
        office.receive_datagram(build_response(SipMessage(copy), 200, "OK", contact="sip:1002@127.0.0.3:5071"), phone)
    subscribe = b"Event: dialog\r\nExpires: 600\r\nContact: <sip:1003@127.0.0.3:5072>\r\n"
    office.receive_datagram(request(b"SUBSCRIBE", b"1003", b"1002", subscribe, 500), trusted(office))
    office.advance(1)
    notifies = [octets for octets, _ in office.take_sent() if octets.startswith(b"NOTIFY")]
    assert notifies
    assert max(map(len, notifies)) <= 65507
