# SPDX-License-Identifier: Apache-2.0
"""The office server on a desk: the real core in this process, flows without sockets, a clock that is a number."""

import os
import re
from collections.abc import Iterator

from appliance.config.configuration import load_configuration
from appliance.native.sip_digest import md5_hex
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.listening import build_listeners
from appliance.sip.flow import Flow, Listener
from appliance.vocabulary.journal import SilentJournal

HOST = b"127.0.0.1"
PHONE_PORT, CALLER_PORT, CALLEE_PORT = 5080, 5070, 5090
TRUSTED = b"127.0.0.3"
SDP = b"v=0\r\no=bench 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n" \
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
REGISTER = """REGISTER sip:127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK{number}-{cseq};rport
Max-Forwards: 70
From: <sip:{user}@127.0.0.1>;tag=r{number}
To: <sip:{user}@127.0.0.1>
Call-ID: {number}-register@127.0.0.1
CSeq: {cseq} REGISTER
Contact: <sip:{user}@127.0.0.1:5090>
Expires: 3600
{credentials}User-Agent: bench-phone/1.0
Content-Length: 0

"""
REQUEST = """{method} {uri} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.3:5070;branch=z9hG4bK{number}{method};rport
Max-Forwards: 70
{route}From: "Bench" <sip:u0001@127.0.0.1>;tag=c{number}
To: <sip:u0002@127.0.0.1>{to_tag}
Call-ID: {number}-call@127.0.0.3
CSeq: {cseq}
Contact: <sip:u0001@127.0.0.3:5070>
Allow: INVITE, ACK, BYE, CANCEL, OPTIONS
User-Agent: bench-phone/1.0
{body}"""
WITH_SDP = f"Content-Type: application/sdp\nContent-Length: {len(SDP)}\n\n"
WITHOUT_BODY = "Content-Length: 0\n\n"
COPIED = re.compile(rb"(?:Via|From|Call-ID|CSeq|Record-Route): [^\r]*\r\n")


class Desk:
    """An office with extensions u0001 ... and its flows; `now` is ours to move."""

    def __init__(self, extensions: int) -> None:
        lines = ["# denwaban-config 1", "set system domain 127.0.0.1", "set sip listener office address 127.0.0.1",
                 "set sip listener office port 5060", "set sip listener office transport udp",
                 "set sip listener office trusted 127.0.0.3/32", "set sip role proxy", "set sip record-route true"]
        lines += [f"set extension u{number:04} secret pw{number:04}" for number in range(extensions)]
        configuration = load_configuration("\n".join([*lines, ""])).configuration
        listeners = build_listeners(configuration)
        self.listener = listeners[0]
        self.flows: dict[tuple[bytes, int], Flow] = {}
        self.office = assemble_office(configuration, listeners, Surroundings(self.flow_to, os.urandom, SilentJournal()))
        self.phone = self.flow_to(self.listener, HOST, PHONE_PORT)
        self.caller = self.flow_to(self.listener, TRUSTED, CALLER_PORT)
        self.callee = self.flow_to(self.listener, HOST, CALLEE_PORT)
        self.now = 1000.0

    def flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        flow = self.flows.get((host, port))
        if flow is None:
            flow = self.flows[host, port] = Flow(listener, host, port)
        return flow

    def send(self, data: bytes, flow: Flow) -> list[bytes]:
        """Give the stack one datagram; what it sent."""
        self.office.stack.receive_datagram(data, flow, self.now)
        sent = [octets for octets, _ in self.listener.outbox]
        self.listener.outbox.clear()
        return sent


def write_register(number: int, user: str, cseq: int = 1, credentials: str = "") -> bytes:
    text = REGISTER.format(number=number, user=user, cseq=cseq, credentials=credentials)
    return text.replace("\n", "\r\n").encode()


def answer_challenge(challenged: bytes, number: int, user: str, secret: str) -> bytes:
    """The second REGISTER, with the digest that the 401 asks for (RFC 2617 without or with qop)."""
    realm, nonce = (re.search(rb'%b="([^"]*)"' % name, challenged).group(1) for name in (b"realm", b"nonce"))
    ha1 = md5_hex(b"%b:%b:%b" % (user.encode(), realm, secret.encode()))
    ha2 = md5_hex(b"REGISTER:sip:127.0.0.1")
    response = md5_hex(b":".join([ha1, nonce, b"00000001", b"6b8b4567", b"auth", ha2]))
    line = (f'Authorization: Digest username="{user}", realm="{realm.decode()}", nonce="{nonce.decode()}", '
            f'uri="sip:127.0.0.1", response="{response.decode()}", algorithm=MD5, cnonce="6b8b4567", qop=auth, '
            "nc=00000001\n")
    return write_register(number, user, 2, line)


def write_request(method: str, number: int, uri: str, route: str = "", to_tag: str = "") -> bytes:
    body = WITH_SDP if method == "INVITE" else WITHOUT_BODY
    cseq = "1 INVITE" if method == "INVITE" else f"{1 if method == 'ACK' else 2} {method}"
    text = REQUEST.format(method=method, number=number, uri=uri, route=route, to_tag=to_tag, cseq=cseq, body=body)
    return text.replace("\n", "\r\n").encode() + (SDP if method == "INVITE" else b"")


def write_response(request: bytes, status: bytes, tag: bytes, has_body: bool) -> bytes:
    """What a phone answers to this request."""
    head = b"".join(COPIED.findall(request.partition(b"\r\n\r\n")[0] + b"\r\n"))
    to_line = re.search(rb"To: [^\r]*", request).group(0)
    body = SDP if has_body else b""
    kind = b"Content-Type: application/sdp\r\n" if has_body else b""
    return (b"SIP/2.0 " + status + b"\r\n" + head + to_line + tag + b"\r\nContact: <sip:phone@127.0.0.1:5090>\r\n"
            + kind + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def play_call(desk: Desk, number: int) -> Iterator[tuple[bytes, Flow]]:
    """One call step by step: yields the six datagrams that reach the server; the caller gives each to the stack and
    leaves what it sent in the outbox."""
    outbox = desk.listener.outbox
    yield write_request("INVITE", number, "sip:u0002@127.0.0.1"), desk.caller
    invite = next(octets for octets, flow in outbox if flow is desk.callee)
    tag = b";tag=s%d" % number
    yield write_response(invite, b"180 Ringing", tag, False), desk.callee
    yield write_response(invite, b"200 OK", tag, True), desk.callee
    answered = outbox[-1][0]
    record_route = re.search(rb"Record-Route: ([^\r]*)", answered).group(1).decode()
    where = {"uri": "sip:phone@127.0.0.1:5090", "route": f"Route: {record_route}\n", "to_tag": tag.decode()}
    yield write_request("ACK", number, **where), desk.caller
    yield write_request("BYE", number, **where), desk.caller
    yield write_response(outbox[-1][0], b"200 OK", b"", False), desk.callee
