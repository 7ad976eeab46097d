# SPDX-License-Identifier: Apache-2.0
"""A telephone that knows how messages are written (RFC 3261 8.1.1, 12.2.1.1, 13.2.2.4) and never what to say.

No transactions: what it gets it keeps, what it says it says once.
"""

import re
from itertools import count
from typing import TYPE_CHECKING

from appliance.native.sip_scanner import Message, split_address

if TYPE_CHECKING:
    from tests.call.virtual_calls import VirtualCalls

PHRASES = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK"}


def describe(host: str, port: int = 40000, *media: str, direction: str = "", version: int = 1, codecs: str = "0 8",
             session: str = "", address: str = "") -> bytes:
    """A session description; media: further m= sections as they stand."""
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o={session or 'phone'} {sum(host.encode()) * 7919} {version} IN {family} {host}", "s=-",
             f"c=IN {family} {address or host}", "t=0 0", f"m=audio {port} RTP/AVP {codecs}"]
    if direction:
        lines.append(f"a={direction}")
    return "".join(f"{line}\r\n" for line in [*lines, *(section.rstrip() for section in media)]).encode()


def label(message: Message) -> str:
    """`INVITE` or `200 INVITE`."""
    method = message.method.decode()
    return method if message.is_request else f"{message.status} {method}"


def read_media(message: Message) -> list[tuple[str, int]]:
    """(kind, port) of each m= line of the body."""
    return [(kind.decode(), int(port)) for kind, port in re.findall(rb"(?m)^m=(\S+) (\d+)", message.body)]


class VirtualPhone:
    """user: its extension or number; calls: one for each Call-ID it has seen, in order."""

    def __init__(self, office: "VirtualCalls", user: str, host: str, port: int = 5060) -> None:
        self.office = office
        self.user = user
        self.address = (host, port)
        self.listener = "office"
        self.domain = ""
        self.allow = "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, OPTIONS"
        self.supported = ""
        self.calls: list[PhoneCall] = []
        self.answers_bye = True
        self._count = count(1)
        self._mark = f"{host.replace('.', 'x').replace(':', 'y')}x{port}"

    @property
    def hostport(self) -> str:
        host = self.address[0]
        return f"[{host}]:{self.address[1]}" if ":" in host else f"{host}:{self.address[1]}"

    def check_unseen(self, message: Message, receiver: str) -> None:
        """Nothing that only this phone and the server know may be in a message to another one (RFC 7092 3.2)."""
        for private in (self._mark, self.hostport, self.address[0] + ";", f"Agent {self._mark}"):
            assert private.encode() not in message.data, (receiver, private, message.data)
        assert not re.search(rb"(?<![0-9.])" + re.escape(self.address[0].encode()) + rb"(?![0-9])", message.data), \
            (receiver, self.address[0], message.data)

    def new_word(self, kind: str) -> str:
        """A word that names this phone, so that it is seen where it must not be."""
        return f"{kind}-{self._mark}-{next(self._count)}"

    def describe(self, *media: str, port: int = 40000, **said) -> bytes:
        """Its session."""
        return describe(self.address[0], port, *media, session=f"s{self._mark}", **said)

    def invite(self, number: str, body: bytes | None = None, lines: str = "", uri: str = "", **said) -> "PhoneCall":
        """Call somebody."""
        call = PhoneCall(self, self.new_word("call"))
        self.calls.append(call)
        call.begin(number, self.describe(**said) if body is None else body, lines, uri)
        return call

    def receive(self, message: Message) -> None:
        call_id = message.call_id.decode()
        call = next((one for one in self.calls if one.call_id == call_id), None)
        if call is None:
            call = PhoneCall(self, call_id)
            self.calls.append(call)
        call.receive(message)

    @property
    def ringing(self) -> "PhoneCall":
        """The last call."""
        assert self.calls, f"nobody has called {self.user}"
        return self.calls[-1]

    def send(self, octets: str, body: bytes = b"") -> None:
        self.office.put(self, octets.encode() + body)


class PhoneCall:
    """heard: every message of its Call-ID, in order; local, remote: From and To values of a dialog with tags; target:
    the other side's Contact; invite: the last INVITE, whoever sent it; pending: requests that await our answer."""

    def __init__(self, phone: VirtualPhone, call_id: str) -> None:
        self.phone = phone
        self.call_id = call_id
        self.heard: list[Message] = []
        self.local = self.remote = self.target = ""
        self.tag = phone.new_word("tag")
        self.cseq = 0
        self.invite: Message | None = None
        self.invite_sent = ""
        self.invite_cseq = 0
        self.pending: list[Message] = []
        self.has_left = False

    # what came

    @property
    def labels(self) -> list[str]:
        return [label(message) for message in self.heard]

    def got(self, wanted: str) -> list[Message]:
        """Those with this label."""
        return [message for message in self.heard if label(message) == wanted]

    def last(self, status: int = 0, method: str = "INVITE") -> Message | None:
        """The last response to this method, or the last with this status; None without."""
        found = [message for message in self.heard if not message.is_request and message.method == method.encode()
                 and status in (0, message.status)]
        return found[-1] if found else None

    @property
    def statuses(self) -> list[int]:
        """Of every response to an INVITE, in order."""
        return [message.status for message in self.heard if not message.is_request and message.method == b"INVITE"]

    def receive(self, message: Message) -> None:
        self.heard.append(message)
        if not message.is_request:
            self._note_response(message)
        elif message.method == b"INVITE":
            self.invite = message
            self.pending.append(message)
            if not self.local:
                self.local, self.remote = f"{_text(message.to_value)};tag={self.tag}", _text(message.from_value)
            self.target = _contact(message) or self.target
        elif message.method == b"CANCEL":
            self.respond(200, message)
        elif message.method == b"BYE":
            self.has_left = True
            if self.phone.answers_bye:
                self.respond(200, message)
        elif message.method != b"ACK":
            self.pending.append(message)
            self.target = _contact(message) or self.target

    def _note_response(self, message: Message) -> None:
        if message.method == b"INVITE" and message.status > 100 and message.to_tag:
            self.remote = _text(message.to_value)
            if message.status < 300:
                self.target = _contact(message) or self.target
            elif message.status >= 300:
                self._acknowledge_refusal(message)

    # what a called phone says

    def respond(self, status: int, request: Message | None = None, body: bytes = b"", lines: str = "",
                tag: str = "") -> None:
        """Answer a request, by default the INVITE. tag: another To tag than its own: another fork."""
        request = request or self.invite
        assert request is not None
        if status >= 200 and request in self.pending:
            self.pending.remove(request)
        to = _text(request.to_value)
        if not request.to_tag and status > 100:
            to += f";tag={tag or self.tag}"
        head = [f"SIP/2.0 {status} {PHRASES.get(status, 'Said')}"]
        head += [f"Via: {_text(value)}" for value in request.headers(b"Via")]
        head += [f"From: {_text(request.from_value)}", f"To: {to}", f"Call-ID: {self.call_id}",
                 f"CSeq: {request.cseq} {request.method.decode()}"]
        if request.method in (b"INVITE", b"UPDATE") and 100 < status < 300 and "Contact:" not in lines:
            head.append(f"Contact: <sip:{self.phone.user}@{self.phone.hostport}>")
        self._send(head, body, lines)

    def answer(self, body: bytes | None = None, lines: str = "", tag: str = "", **said) -> None:
        """200 with its session."""
        self.respond(200, None, self.phone.describe(**{"port": 40002, **said}) if body is None else body, lines, tag)

    # what a calling phone says

    def begin(self, number: str, body: bytes, lines: str, uri: str) -> None:
        phone = self.phone
        self.local = f"<sip:{phone.user}@{phone.domain}>;tag={self.tag}"
        self.remote = f"<sip:{number}@{phone.domain}>"
        if "From:" in lines:
            self.local = re.search(r"From: (.*)\r\n", lines)[1] + f";tag={self.tag}"
            lines = re.sub(r"From: .*\r\n", "", lines)
        self.target = uri or f"sip:{number}@{phone.domain}"
        self.request("INVITE", body, lines)

    def request(self, method: str, body: bytes = b"", lines: str = "", cseq: int = 0) -> None:
        """A request of the dialog (12.2.1.1); cseq: its number, the next one if 0."""
        self.cseq = cseq or self.cseq + 1
        head = [f"{method} {self.target} SIP/2.0",
                f"Via: SIP/2.0/UDP {self.phone.hostport};branch=z9hG4bK{self.phone.new_word('b')};rport"]
        given = {line.partition(":")[0] for line in lines.split("\r\n")}
        head += [line for line in self._write_dialog(self.cseq, method) if line.partition(":")[0] not in given]
        if method in ("INVITE", "UPDATE", "REFER") and "Contact:" not in lines:
            head.append(f"Contact: <sip:{self.phone.user}@{self.phone.hostport}>")
        if method == "INVITE":
            self.invite_sent, self.invite_cseq = head[1], self.cseq
            self._uri, self._to = self.target, self.remote
        if method == "BYE":
            self.has_left = True
        self._send(head, body, lines)

    def _write_dialog(self, cseq: int, method: str) -> list[str]:
        return ["Max-Forwards: 70", f"From: {self.local}", f"To: {self.remote}", f"Call-ID: {self.call_id}",
                f"CSeq: {cseq} {method}"]

    def acknowledge(self, body: bytes = b"", cseq: int = 0) -> None:
        """ACK of a 2xx."""
        head = [f"ACK {self.target} SIP/2.0",
                f"Via: SIP/2.0/UDP {self.phone.hostport};branch=z9hG4bK{self.phone.new_word('ack')};rport"]
        self._send(head + self._write_dialog(cseq or self.invite_cseq, "ACK"), body, "")

    def _acknowledge_refusal(self, response: Message) -> None:
        head = [f"ACK {self._uri} SIP/2.0", self.invite_sent, "Max-Forwards: 70", f"From: {self.local}",
                f"To: {_text(response.to_value)}", f"Call-ID: {self.call_id}", f"CSeq: {response.cseq} ACK"]
        self._send(head, b"", "", False)

    def cancel(self, lines: str = "") -> None:
        """CANCEL of its INVITE (9.1)."""
        head = [f"CANCEL {self._uri} SIP/2.0", self.invite_sent, "Max-Forwards: 70", f"From: {self.local}",
                f"To: {self._to}", f"Call-ID: {self.call_id}", f"CSeq: {self.invite_cseq} CANCEL"]
        self._send(head, b"", lines)

    def prack(self, response: Message, body: bytes = b"") -> None:
        """PRACK of a reliable provisional response (RFC 3262 4)."""
        rseq = _text(response.header(b"RSeq"))
        self.remote = _text(response.to_value)
        self.target = _contact(response) or self.target
        self.request("PRACK", body, f"RAck: {rseq} {response.cseq} INVITE\r\n")

    def bye(self, lines: str = "") -> None:
        self.request("BYE", b"", lines)

    def _send(self, head: list[str], body: bytes, lines: str, has_agent: bool = True) -> None:
        phone = self.phone
        if has_agent:
            head.append(f"{'User-Agent' if ' SIP/2.0' in head[0] else 'Server'}: Agent {phone._mark}")
        if not any(line.startswith(("ACK", "CANCEL")) for line in head[:1]):
            if "Allow:" not in lines and phone.allow:
                head.append(f"Allow: {phone.allow}")
            if "Supported:" not in lines and phone.supported:
                head.append(f"Supported: {phone.supported}")
        if body and "Content-Type" not in lines:
            head.append("Content-Type: application/sdp")
        phone.send("\r\n".join(head) + f"\r\n{lines}Content-Length: {len(body)}\r\n\r\n", body)


def _text(octets: bytes | None) -> str:
    return "" if octets is None else octets.decode()


def _contact(message: Message) -> str:
    value = message.header(b"Contact")
    return "" if value is None else _text(split_address(value)[1])
