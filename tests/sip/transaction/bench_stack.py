# SPDX-License-Identifier: Apache-2.0
"""A stack on a virtual clock, with one UDP and one TCP listener, and a user that remembers what it was told."""

from collections.abc import Callable

from appliance.native.sip_scanner import Message
from appliance.sip.flow import TCP, UDP, Flow, Listener
from appliance.sip.stack import SipStack
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.sip.transaction.invite_server import InviteServer
from appliance.vocabulary.counters import Counters


class RememberingUser:
    """A transaction user that opens a server transaction for everything and answers nothing."""

    def __init__(self, stack: SipStack) -> None:
        self.stack = stack
        self.servers = []
        self.acks: list[Message] = []
        self.cancelled: list[InviteServer] = []

    def request_received(self, message: Message, flow: Flow, now: float) -> None:
        self.servers.append(self.stack.open_server(message, flow, now))

    def ack_received(self, message: Message, flow: Flow, now: float) -> None:
        self.acks.append(message)

    def cancel_received(self, invite: InviteServer, cancel: Message, now: float) -> None:
        self.cancelled.append(invite)


class RememberingOwner:
    """A client owner that remembers what it was told."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.failures: list[Failure] = []
        self.limits = 0

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        self.statuses.append(response.status)

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        self.failures.append(failure)

    def copies_ended(self, client: ClientTransaction) -> None:
        """InviteOwner."""

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        self.limits += 1


def count_up() -> Callable[[int], bytes]:
    """A source of octets that are different each time and the same in each run."""
    state = [0]

    def octets(size: int) -> bytes:
        state[0] += 1
        return state[0].to_bytes(size, "big")

    return octets


class VirtualWire:
    """Time and wire in one: `at(t)` moves the clock and fires timers; `sent()` takes what left, with its time."""

    def __init__(self, transport: bytes = UDP) -> None:
        self.now = 1000.0
        self.start = self.now
        self.listener = Listener("office", transport, b"192.168.1.1", 5060)
        self.flow = Flow(self.listener, b"192.168.1.11", 5060)
        self.opened: list[tuple[bytes, int]] = []
        self.stack = SipStack(self.flow_to, count_up(), Counters())
        self.user = RememberingUser(self.stack)
        self.stack.serve(self.user)

    def flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        self.opened.append((host, port))
        return Flow(listener, host, port)

    def receive(self, octets: bytes, flow: Flow | None = None) -> None:
        if self.listener.transport == TCP:
            self.stack.receive_message(octets, flow or self.flow, self.now)
        else:
            self.stack.receive_datagram(octets, flow or self.flow, self.now)

    def run_until(self, seconds: float) -> list[tuple[float, bytes]]:
        """Let time pass until `seconds` after the start; what left, with its time since the start, to 0.05 s."""
        left = [(round(self.now - self.start, 2), octets) for octets in self.sent()]
        end = self.start + seconds
        while True:
            deadline = self.stack.next_deadline()
            if deadline is None or deadline > end:
                break
            self.now = max(self.now, deadline)
            self.stack.handle_deadline(self.now)
            left += [(round(self.now - self.start, 2), octets) for octets in self.sent()]
        self.now = end
        return left

    def sent(self) -> list[bytes]:
        octets = [octets for octets, _ in self.listener.outbox]
        self.listener.outbox.clear()
        return octets


def request(method: str, branch: str = "z9hG4bK1", cseq: int = 1, to_tag: str = "", transport: str = "UDP",
            extra: str = "", via: str = "192.168.1.11:5060;rport") -> bytes:
    """A request as phone A sends it."""
    cseq_method = method
    host, _, parameters = via.partition(";")
    parameters = ";" + parameters if parameters else ""
    return (f"{method} sip:202@192.168.1.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} {host};branch={branch}{parameters}\r\n"
            "Max-Forwards: 70\r\nFrom: <sip:201@192.168.1.1>;tag=a\r\n"
            f"To: <sip:202@192.168.1.1>{';tag=' + to_tag if to_tag else ''}\r\nCall-ID: c1@192.168.1.11\r\n"
            f"CSeq: {cseq} {cseq_method}\r\nContact: <sip:201@192.168.1.11>\r\n{extra}"
            "Content-Length: 0\r\n\r\n").encode()


def response(sent: bytes, status: int, tag: str = "b", via: str | None = None) -> bytes:
    """A response to a request that the stack has sent."""
    lines = sent.decode().split("\r\n")

    def pick(name: str) -> str:
        return next(line for line in lines if line.startswith(name + ":"))

    to = pick("To")
    to = to if ";tag=" in to or status == 100 else f"{to};tag={tag}"
    return "\r\n".join([f"SIP/2.0 {status} X", via or pick("Via"), pick("From"), to, pick("Call-ID"), pick("CSeq"),
                        "Content-Length: 0", "", ""]).encode()
