# SPDX-License-Identifier: Apache-2.0
"""The whole office server on a virtual clock, and phones that are addresses: octets in, (octets, address) out."""

import hashlib

from appliance.config.configuration import load_configuration
from appliance.native.sip_scanner import Message
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.listening import build_listeners
from appliance.sip.flow import Flow
from appliance.vocabulary.journal import SilentJournal

OFFICE = """# denwaban-config 1
set system domain 192.168.1.1
set sip listener office address 192.168.1.1
set sip listener office port 5060
set sip listener office transport udp
set sip listener office transport tcp
set sip listener office trusted 192.168.1.0/24
set sip role proxy
set emergency none
set extension 201 secret a
set extension 202 secret b
set extension 203 secret c
"""
A, C, D = ("192.168.1.11", 5060), ("192.168.1.12", 5060), ("192.168.1.13", 5060)
STRANGER = ("203.0.113.77", 5060)


class VirtualOffice:
    """`send(address, octets)` puts a message on the wire; `take()` gives what the office has sent since, in order."""

    def __init__(self, more: str = "", role: str = "proxy") -> None:
        loaded = load_configuration(OFFICE.replace("role proxy", f"role {role}") + more)
        assert loaded.configuration is not None, loaded.findings
        self.configuration = loaded.configuration
        self.listeners = build_listeners(loaded.configuration)
        self.flows: dict[tuple[object, bytes, int], Flow] = {}
        self._count = 0
        self.now = 1000.0
        self.start = self.now
        self.signing_key = b"k" * 16
        self.office = self._assemble()
        self._cseq = 0

    def _assemble(self):
        surroundings = Surroundings(self._flow_to, self._octets, SilentJournal())
        surroundings.signing_key = self.signing_key
        return assemble_office(self.configuration, self.listeners, surroundings)

    def restart(self) -> None:
        """All memory is gone; the key is not."""
        self.office = self._assemble()

    def _octets(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(b"%d" % self._count).digest(size)

    def _flow_to(self, listener, host: bytes, port: int) -> Flow:
        return self.flows.setdefault((listener, host, port), Flow(listener, host, port))

    def find_flow(self, key: tuple[str, bytes, bytes, int]) -> Flow | None:
        """What has become of a flow over a restart: connections are gone."""
        name, transport, host, port = key
        listener = next((one for one in self.listeners if (one.name, one.transport) == (name, transport)), None)
        if listener is None or transport == b"UDP":
            return listener and self._flow_to(listener, host, port)
        flow = Flow(listener, host, port)
        flow.is_open = False
        return flow

    def send(self, source: tuple[str, int], octets: bytes, transport: bytes = b"UDP") -> None:
        listener = next(one for one in self.listeners if one.transport == transport)
        flow = self._flow_to(listener, source[0].encode(), source[1])
        if transport == b"UDP":
            self.office.stack.receive_datagram(octets, flow, self.now)
        else:
            self.office.stack.receive_message(octets, flow, self.now)

    def take(self) -> list[tuple[Message, tuple[str, int]]]:
        left = [(Message(octets), (flow.host.decode(), flow.port))
                for listener in self.listeners for octets, flow in listener.outbox]
        for listener in self.listeners:
            listener.outbox.clear()
        return left

    def run_until(self, seconds: float) -> list[tuple[Message, tuple[str, int]]]:
        end = self.start + seconds
        while (deadline := self.office.stack.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.office.stack.handle_deadline(self.now)
        self.now = end
        return self.take()

    def register(self, user: str, phone: tuple[str, int], q: float | None = None, contact: str = "") -> None:
        self._cseq += 1
        address = f"{phone[0]}:{phone[1]}"
        parameters = f";q={q}" if q is not None else ""
        self.send(phone, head("REGISTER", "sip:192.168.1.1", phone, f"reg{self._cseq}", user, user, self._cseq,
                              call_id=f"reg-{user}-{address}",
                              extra=f"Contact: {contact or f'<sip:{user}@{address}>'}{parameters}\r\n"))
        assert [message.status for message, _ in self.take()] == [200]

    def statuses(self) -> list[tuple[int, tuple[str, int]]]:
        return [(message.status, address) for message, address in self.take() if not message.is_request]


def head(method: str, uri: str, phone: tuple[str, int], branch: str, user: str, peer: str, cseq: int = 1,
         call_id: str = "call-1", to_tag: str = "", from_tag: str = "", extra: str = "",
         transport: str = "UDP") -> bytes:
    """A request of a phone, without a body."""
    to = f"<sip:{peer}@192.168.1.1>" + (f";tag={to_tag}" if to_tag else "")
    return (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {phone[0]}:{phone[1]};branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@192.168.1.1>;tag={from_tag or 'from' + user}\r\nTo: {to}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{extra}Content-Length: 0\r\n\r\n").encode()


def invite(peer: str = "202", branch: str = "inv", extra: str = "", phone: tuple[str, int] = A) -> bytes:
    """Phone A, extension 201, calls."""
    contact = f"Contact: <sip:201@{phone[0]}:{phone[1]}>\r\n"
    return head("INVITE", f"sip:{peer}@192.168.1.1", phone, branch, "201", peer, extra=contact + extra)


def answer(request: Message, status: int, tag: str = "callee", extra: str = "") -> bytes:
    """A response of a phone to a request it got, header by header as RFC 3261 8.2.6.2 wants it."""
    to = request.to_value if request.to_tag or status == 100 else request.to_value + b";tag=" + tag.encode()
    lines = [b"SIP/2.0 %d X" % status]
    lines += [b"Via: " + value for value in request.headers(b"Via")]
    lines += [b"Record-Route: " + value for value in request.headers(b"Record-Route")]
    lines += [b"From: " + request.from_value, b"To: " + to, b"Call-ID: " + request.call_id,
              b"CSeq: %d %s" % (request.cseq, request.method)]
    return b"\r\n".join(lines) + b"\r\n" + extra.encode() + b"Content-Length: 0\r\n\r\n"
