# SPDX-License-Identifier: Apache-2.0
"""An honest registration and call through the virtual office: digest, INVITE, 180, 200, ACK, BYE, message by message.

Caller and callee are users that no fuzzed message speaks of, at addresses of their own.
"""

from appliance.sip.flow import Flow
from tests.fuzz.virtual_office import USERS, VirtualOffice
from tests.interop.raw_sip import SipMessage, authorize, build_response

CALLER, CALLEE = b"1009", b"1010"


class Phone:
    """One honest phone: sends, and collects what comes to its flow."""

    def __init__(self, office: VirtualOffice, user: bytes, host: bytes) -> None:
        self.office, self.user = office, user
        self.flow: Flow = office.flow_to(office.listener("office"), host, 5060)

    def send(self, octets: bytes) -> None:
        self.office.receive_datagram(octets, self.flow)

    def receive(self, others: "list[tuple[bytes, Flow]]") -> list[SipMessage]:
        return [SipMessage(octets) for octets, flow in others if flow is self.flow]

    def request(self, method: bytes, uri: bytes, number: int, *, to: bytes = b"", lines: bytes = b"") -> bytes:
        via = b"SIP/2.0/UDP %s:5060;branch=z9hG4bK-honest-%s-%s-%d;rport" % (self.flow.host, self.user, method, number)
        kind = b"register" if method == b"REGISTER" else b"call"
        return (b"%s %s SIP/2.0\r\nVia: %s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@office.test>;tag=honest\r\nTo: %s\r\n"
                b"Call-ID: honest-%s-%d\r\nCSeq: 1 %s\r\nContact: <sip:%s@%s:5060>\r\n%sContent-Length: 0\r\n\r\n" % (
                    method, uri, via, self.user, to or b"<%s>" % uri, kind, number,
                    method, self.user, self.flow.host, lines))

    def authorized(self, request: bytes) -> list[tuple[bytes, Flow]]:
        """Send, take the challenge, send with credentials; everything the office sent after that."""
        self.send(request)
        (challenge,) = self.receive(self.office.take_sent())
        assert challenge.status in (401, 407), challenge
        unique = request.partition(b"branch=z9hG4bK-")[2].partition(b";")[0].decode() + "-again"
        self.send(authorize(request, challenge, self.user.decode(), USERS[self.user].decode(), unique))
        return self.office.take_sent()


def place_call(office: VirtualOffice, number: int) -> None:
    """Register both phones and carry one call through; AssertionError at the first message that is not right."""
    office.take_sent()
    caller, callee = Phone(office, CALLER, b"127.0.0.41"), Phone(office, CALLEE, b"127.0.0.42")
    (registered,) = callee.receive(callee.authorized(callee.request(
        b"REGISTER", b"sip:office.test", number, to=b"<sip:%s@office.test>" % CALLEE)))
    assert registered.status == 200, registered
    sent = caller.authorized(caller.request(b"INVITE", b"sip:%s@office.test" % CALLEE, number))
    assert [message.status for message in caller.receive(sent)] == [100], sent
    (invite,) = callee.receive(sent)
    assert invite.method == b"INVITE", invite
    for status, reason in ((180, "Ringing"), (200, "OK")):
        callee.send(build_response(invite, status, reason, tag="there",
                                   contact=f"sip:{CALLEE.decode()}@127.0.0.42:5060"))
        (answer,) = caller.receive(office.take_sent())
        assert answer.status == status, answer
    route = b"Route: %s\r\n" % answer.header(b"Record-Route")
    to = answer.header(b"To")
    caller.send(caller.request(b"ACK", b"sip:%s@127.0.0.42:5060" % CALLEE, number, to=to, lines=route).replace(
        b"CSeq: 1 ", b"CSeq: 2 "))
    assert [message.method for message in callee.receive(office.take_sent())] == [b"ACK"]
    caller.send(caller.request(b"BYE", b"sip:%s@127.0.0.42:5060" % CALLEE, number, to=to, lines=route).replace(
        b"CSeq: 1 ", b"CSeq: 3 "))
    (bye,) = callee.receive(office.take_sent())
    assert bye.method == b"BYE", bye
    callee.send(build_response(bye, 200, "OK"))
    (final,) = caller.receive(office.take_sent())
    assert final.status == 200, final
