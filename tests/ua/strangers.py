# SPDX-License-Identifier: Apache-2.0
"""Calls whose other side the test speaks for, word by word; and phones that know PRACK."""

from appliance.native.sip_scanner import Message
from tests.ua.virtual_network import Network, Phone, join_two

RELIABLE = b"100rel"


def join_reliable(loss=None) -> tuple[Network, Phone, Phone]:
    """Two phones that know PRACK; nobody answers by itself."""
    network, a, b = join_two(loss)
    for phone in (a, b):
        phone.profile.supported = (RELIABLE,)
    b.user.script.clear()
    return network, a, b


def assert_over(network: Network, *phones: Phone) -> None:
    network.run(45)
    for phone in phones:
        assert phone.is_quiet
        assert phone.user.heard.count("released") == 1


def response(invite: Message, status: int, tag: bytes, rseq: int = 0, body: bytes = b"") -> bytes:
    """What a callee that speaks for itself would send."""
    reliable = b"Require: 100rel\r\nRSeq: %d\r\n" % rseq if rseq else b""
    kind = b"Content-Type: application/sdp\r\n" if body else b""
    return (b"SIP/2.0 %d X\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: %d INVITE\r\n"
            b"Contact: <sip:x@198.51.100.20>\r\nAllow: INVITE, ACK, BYE, PRACK, UPDATE\r\n%s%s"
            b"Content-Length: %d\r\n\r\n%s" % (
                status, invite.header(b"Via"), invite.from_value, invite.to_value, tag, invite.call_id, invite.cseq,
                reliable, kind, len(body), body))


def request(method: bytes, invite: Message, tag: bytes, cseq: int, extra: bytes = b"", body: bytes = b"") -> bytes:
    """A request in that early dialog, from the callee."""
    kind = b"Content-Type: application/sdp\r\n" if body else b""
    return (b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bK%s%d\r\nMax-Forwards: 70\r\n"
            b"From: %s;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:x@198.51.100.20>\r\n%s%s"
            b"Content-Length: %d\r\n\r\n%s" % (
                method, invite.contact_uri, method, cseq, invite.to_value, tag, invite.from_value, invite.call_id,
                cseq, method, extra, kind, len(body), body))


def call_a_stranger(offer: bytes = b"offer") -> tuple[Network, Phone, Phone, object, Message]:
    """A call to somebody whose messages the test writes."""
    network, a, b = join_reliable()
    network.phones.pop(b.address)
    call = a.call(b, offer)
    network.run(0.1)
    return network, a, b, call, network.messages("INVITE")[0]
