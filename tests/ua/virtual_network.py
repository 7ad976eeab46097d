# SPDX-License-Identifier: Apache-2.0
"""User agents joined back to back on a virtual clock; the wire delays, loses and remembers what it is told to."""

import hashlib
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from appliance.native.sip_scanner import Message
from appliance.sip.digest.client import DigestClient
from appliance.sip.flow import UDP, Flow, Listener
from appliance.sip.stack import SipStack
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import Alert, CallEvents, CallHandle, Release
from appliance.ua.in_dialog_methods import refuse_unwanted
from appliance.ua.inspection import Refusal
from appliance.ua.profile import AgentProfile
from appliance.ua.user_agent import Authenticator, UserAgent
from appliance.vocabulary.counters import Counters
from tests.ua.numeric_locator import NumericLocator

DELAY_S = 0.01
Loss = Callable[[int, bytes], bool]
"""(number of the datagram from 0, its octets) -> whether it is lost."""


class Caller:
    """The user of one phone: remembers what happened to its calls, and does what `script` says at each event."""

    def __init__(self, phone: "Phone") -> None:
        self.phone = phone
        self.heard: list[str] = []
        self.calls: list[CallHandle] = []
        self.releases: list[Release] = []
        self.alerts: list[Alert] = []
        self.sessions: list[bytes] = []
        self.requests: list[Message] = []
        self.referrals: list = []
        self.script: dict[str, Callable[[CallHandle, float], None]] = {}
        self.verdict: Refusal | None = None
        self.available = 200

    def screen_call(self, request: Message, flow: Flow, now: float) -> CallEvents | Refusal:
        return self.verdict or self

    def decide_availability(self, request: Message, now: float) -> int:
        return self.available

    def _note(self, event: str, call: CallHandle, now: float) -> None:
        self.heard.append(event)
        action = self.script.get(event)
        if action is not None:
            action(call, now)

    def offered(self, call, offer: bytes, now: float) -> None:
        self.calls.append(call)
        self.sessions.append(offer)
        self._note("offered", call, now)

    def alerted(self, call, alert: Alert, now: float) -> None:
        self.alerts.append(alert)
        self._note(f"alerted {alert.status}", call, now)

    def answer_received(self, call, answer: bytes, now: float) -> None:
        self.sessions.append(answer)
        self._note("answer_received", call, now)

    def offer_received(self, call, offer: bytes, now: float) -> None:
        self.sessions.append(offer)
        self._note("offer_received", call, now)

    def offer_wanted(self, call, now: float) -> None:
        self._note("offer_wanted", call, now)

    def confirmed(self, call, now: float) -> None:
        self._note("confirmed", call, now)

    def change_refused(self, call, status: int, now: float) -> None:
        self._note(f"change_refused {status}", call, now)

    def request_received(self, call, server, request: Message, now: float) -> None:
        self.requests.append(request)
        if "request_received" in self.script:
            self._note("request_received", server, now)
        else:
            refuse_unwanted(server, request, now)

    def transfer_asked(self, call, referral, now: float) -> None:
        self.referrals.append(referral)
        self._note("transfer_asked", call, now)

    def released(self, call, release: Release, now: float) -> None:
        self.releases.append(release)
        self._note("released", call, now)


class Phone:
    """One user agent at one address."""

    def __init__(self, network: "Network", host: str, user: str, transport: bytes = UDP,
                 authenticator: Authenticator | None = None, secrets: dict[bytes, tuple[bytes, bytes]] | None = None,
                 port: int = 5060) -> None:
        self.network = network
        self.listener = Listener(host, transport, host.encode(), port)
        self.address = (host.encode(), port)
        self._count = 0
        self._flows: dict[tuple[bytes, int], Flow] = {}
        self.stack = SipStack(self.flow_to, self._octets, Counters())
        self.profile = AgentProfile(b"sip:%s@%s" % (user.encode(), self.listener.hostport), user.encode())
        digest = DigestClient((secrets or {}).get, self._octets)
        locator = NumericLocator(self.stack, [self.listener])
        self.core = AgentCore(self.stack, self.profile, digest, locator, self._octets)
        self.user = Caller(self)
        self.agent = UserAgent(self.core, self.user, authenticator)
        self.stack.serve(self.agent)
        network.phones[self.address] = self

    def _octets(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(b"%d %s" % (self._count, self.address[0])).digest(size)

    def flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        return self._flows.setdefault((host, port), Flow(listener, host, port))

    def receive(self, octets: bytes, source: tuple[bytes, int], now: float) -> None:
        flow = self.flow_to(self.listener, *source)
        if self.listener.is_reliable:
            self.stack.receive_message(octets, flow, now)
        else:
            self.stack.receive_datagram(octets, flow, now)

    def call(self, other: "Phone | bytes", offer: bytes = b"offer", uri: bytes | None = None):
        """Place a call; its handle."""
        if uri is None:
            assert isinstance(other, Phone)
            uri = b"sip:%s@%s" % (other.profile.user, other.listener.hostport)
            if self.listener.is_reliable:
                uri += b";transport=tcp"
        return self.agent.place_call(self.agent.draft_call(uri, offer), self.user, self.network.now)

    @property
    def is_quiet(self) -> bool:
        """Nothing is left of any call."""
        return not self.core.dialogs and not self.stack.transactions_open


class Network:
    """The wire and the clock."""

    def __init__(self, loss: Loss | None = None) -> None:
        self.now = self.start = 1000.0
        self.phones: dict[tuple[bytes, int], Phone] = {}
        self.loss = loss or (lambda number, octets: False)
        self.delay: Callable[[bytes], float] = lambda octets: DELAY_S
        self.sent: list[tuple[float, tuple[bytes, int], tuple[bytes, int], Message]] = []
        self._wire: list[tuple[float, int, tuple[bytes, int], tuple[bytes, int], bytes]] = []
        self._doings: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def at(self, seconds: float, doing: Callable[[], object]) -> None:
        """Do this so many seconds after the start."""
        self._count += 1
        heappush(self._doings, (self.start + seconds, self._count, doing))

    def send(self, source: tuple[bytes, int], target: tuple[bytes, int], octets: bytes) -> None:
        """Put octets on the wire."""
        number = len(self.sent)
        self.sent.append((round(self.now - self.start, 3), source, target, Message(octets)))
        if not self.loss(number, octets):
            self._count += 1
            heappush(self._wire, (self.now + self.delay(octets), self._count, source, target, octets))

    def _collect(self) -> None:
        for phone in self.phones.values():
            outbox = phone.listener.outbox
            while outbox:
                octets, flow = outbox.pop(0)
                self.send(phone.address, (flow.host, flow.port), octets)

    def run(self, seconds: float) -> None:
        """Let this much time pass."""
        end = self.now + seconds
        while True:
            self._collect()
            deadlines = [deadline for phone in self.phones.values()
                         if (deadline := phone.stack.next_deadline()) is not None]
            times = [*deadlines, *(entry[0] for entry in self._wire[:1]), *(entry[0] for entry in self._doings[:1])]
            if not times or min(times) > end:
                break
            self._step(max(self.now, min(times)))
        self.now = end

    def _step(self, now: float) -> None:
        self.now = now
        while self._doings and self._doings[0][0] <= now:
            heappop(self._doings)[2]()
        while self._wire and self._wire[0][0] <= now:
            _at, _count, source, target, octets = heappop(self._wire)
            if target in self.phones:
                self.phones[target].receive(octets, source, now)
            self._collect()
        for phone in self.phones.values():
            phone.stack.handle_deadline(now)

    def labels(self, phone: Phone | None = None) -> list[str]:
        """What was sent (by this phone), as a ladder would say it."""
        return [label(message) for _at, source, _target, message in self.sent
                if phone is None or source == phone.address]

    def messages(self, wanted: str, phone: Phone | None = None) -> list[Message]:
        """Those with this label."""
        return [message for _at, source, _target, message in self.sent
                if label(message) == wanted and (phone is None or source == phone.address)]

    def times(self, wanted: str) -> list[float]:
        """When those with this label left."""
        return [at for at, _source, _target, message in self.sent if label(message) == wanted]


def label(message: Message) -> str:
    """`INVITE` or `200 INVITE`."""
    method = message.method.decode()
    return method if message.is_request else f"{message.status} {method}"


def join_two(loss: Loss | None = None, transport: bytes = UDP) -> tuple[Network, Phone, Phone]:
    """Phones A and B, which answer at once and take every change."""
    network = Network(loss)
    a = Phone(network, "192.168.1.11", "201", transport)
    b = Phone(network, "198.51.100.20", "05033334444", transport)
    for phone in (a, b):
        phone.user.script.update(
            offered=lambda call, now: call.answer(b"answer", now),
            offer_received=lambda call, now: call.answer_offer(b"answer", now),
            offer_wanted=lambda call, now: call.answer_offer(b"new offer", now))
    return network, a, b


def lose(numbers: Sequence[int]) -> Loss:
    """These datagrams are lost."""
    return lambda number, octets: number in numbers
