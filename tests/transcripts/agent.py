# SPDX-License-Identifier: Apache-2.0
"""A user agent of ours under a transcript, and its user, who does what the preamble's `do` and `on` lines say."""

import hashlib

from appliance.diagnosis.trace import Trace
from appliance.sip.digest.client import DigestClient
from appliance.sip.flow import UDP, Flow, Listener
from appliance.sip.stack import SipStack
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import Alert, CallHandle
from appliance.ua.in_dialog_methods import TRANSFER_METHODS, refuse_unwanted
from appliance.ua.profile import AgentProfile
from appliance.ua.referral import Referral
from appliance.ua.user_agent import UserAgent
from appliance.vocabulary.counters import Counters
from tests.ua.numeric_locator import NumericLocator

BEGIN_S = 1000.0

EVEN_CHANCE = b"\x80\0\0\0"
"""Random pauses (RFC 3261 14.1) last as long as they do on average, however much chance was asked for before."""


class AgentUnderTest:
    """Satisfies player.Server.

    `do 1.000 VERB ...` at that time, `on EVENT VERB ...` when the user agent says so. Verbs: call URI SESSION, alert
    STATUS [reliable] [SESSION], answer SESSION, refuse STATUS, answer_offer SESSION, refuse_offer STATUS,
    change_session SESSION, update SESSION, hang_up, refer URI, accept_transfer, report STATUS; before a call:
    supports OPTION ..., interval SECONDS (of the session timer). Events: those of CallEvents, transferred,
    transfer_failed. SESSION: a port and its payload types in order, several media one behind the other; `-` for none.
    """

    def __init__(self, doings: list[str], address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host = host.strip("[]")
        self._listener = Listener("phone", UDP, self._host.encode(), int(port))
        self._flows: dict[tuple[bytes, int], Flow] = {}
        self._count = 0
        self._version = 0
        self._now = 0.0
        self.trace = Trace()
        self.stack = SipStack(self._flow_to, self._random_octets, Counters())
        profile = AgentProfile(b"sip:phone@%s" % self._host.encode(), b"phone")
        self._core = AgentCore(self.stack, profile, DigestClient(lambda realm: None, self._random_octets),
                               NumericLocator(self.stack, [self._listener]), self._random_octets)
        self._agent = UserAgent(self._core, self)
        self.stack.serve(self._agent)
        self._core.methods += TRANSFER_METHODS
        self._call: CallHandle | None = None
        self._referral: Referral | None = None
        words = [doing.split() for doing in doings]
        self._timed = sorted(((BEGIN_S + float(line[1]), line[2:]) for line in words if line[0] == "do"),
                             key=lambda timed: timed[0])
        self._reactions = {line[1]: line[2:] for line in words if line[0] == "on"}

    def _random_octets(self, count: int) -> bytes:
        self._count += 1
        return EVEN_CHANCE if count == len(EVEN_CHANCE) else hashlib.shake_128(b"%d" % self._count).digest(count)

    def _flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        return self._flows.setdefault((host, port), Flow(listener, host, port))

    # player.Server

    def receive(self, octets: bytes, source: str, now: float) -> None:
        host, _, port = source.rpartition(":")
        flow = self._flow_to(self._listener, host.strip("[]").encode(), int(port))
        self._now = now
        self.trace.append_received([(octets, flow)], now)
        self.stack.receive_datagram(octets, flow, now)

    def take_sent(self) -> list[tuple[bytes, str]]:
        sent = [(octets, flow.hostport.decode()) for octets, flow in self._listener.outbox]
        self.trace.append_sent(self._listener.outbox, self._now)
        self._listener.outbox.clear()
        return sent

    def handle_deadline(self, now: float) -> None:
        self._now = now
        while self._timed and self._timed[0][0] <= now:
            self._do(self._timed.pop(0)[1], now)
        self.stack.handle_deadline(now)

    def next_deadline(self) -> float | None:
        times = [time for time in (self.stack.next_deadline(), *(at for at, _words in self._timed[:1]))
                 if time is not None]
        return min(times) if times else None

    def transactions_open(self) -> int:
        return self.stack.transactions_open

    # the user

    def _do(self, words: list[str], now: float) -> None:
        verb, *rest = words
        if verb == "call":
            draft = self._agent.draft_call(rest[0].encode(), self._write_session(rest[1:]))
            self._call = self._agent.place_call(draft, self, now)
        elif verb == "hang_up":
            self._call.hang_up(now)
        elif verb == "refer":
            self._call.refer(rest[0].encode(), None, self, now)
        elif verb == "accept_transfer":
            self._referral.accept(now)
        elif verb == "report":
            self._referral.report(int(rest[0]), b"", now)
        elif verb == "supports":
            self._core.profile.supported = tuple(tag.encode() for tag in rest)
        elif verb == "interval":
            self._core.profile.session_expires_s = int(rest[0])
        elif verb == "alert":
            is_reliable = rest[1:2] == ["reliable"]
            session = rest[2:] if is_reliable else rest[1:]
            self._call.alert(int(rest[0]), now, self._write_session(session or ["-"]), is_reliable)
        elif verb == "update":
            self._call.change_session(self._write_session(rest), now, True)
        elif verb in ("refuse", "refuse_offer"):
            getattr(self._call, verb)(int(rest[0]), now)
        else:
            getattr(self._call, verb)(self._write_session(rest), now)

    def _write_session(self, words: list[str]) -> bytes:
        """A description by RFC 8866: `40000 0 8 video 40002 34`."""
        if words == ["-"]:
            return b""
        self._version += 1
        lines = ["v=0", f"o=- 1 {self._version} IN IP4 {self._host}", "s=-", f"c=IN IP4 {self._host}", "t=0 0"]
        kind, port, formats = "audio", "", []
        for word in [*words, "end"]:
            if not word.isdigit():
                lines.append(f"m={kind} {port} RTP/AVP {' '.join(formats)}")
                kind, port, formats = word, "", []
            elif not port:
                port = word
            else:
                formats.append(word)
        return "".join(f"{line}\r\n" for line in lines).encode()

    def _react(self, event: str, now: float) -> None:
        if event in self._reactions:
            self._do(self._reactions[event], now)

    def screen_call(self, request, flow, now: float):
        return self

    def decide_availability(self, request, now: float) -> int:
        return 200

    def offered(self, call, offer: bytes, now: float) -> None:
        self._call = call
        self._react("offered", now)

    def alerted(self, call, alert: Alert, now: float) -> None:
        self._react("alerted", now)

    def answer_received(self, call, answer: bytes, now: float) -> None:
        self._react("answer_received", now)

    def offer_received(self, call, offer: bytes, now: float) -> None:
        self._react("offer_received", now)

    def offer_wanted(self, call, now: float) -> None:
        self._react("offer_wanted", now)

    def confirmed(self, call, now: float) -> None:
        self._react("confirmed", now)

    def change_refused(self, call, status: int, now: float) -> None:
        self._react("change_refused", now)

    def request_received(self, call, server, request, now: float) -> None:
        refuse_unwanted(server, request, now)

    def transfer_asked(self, call, referral, now: float) -> None:
        self._referral = referral
        self._react("transfer_asked", now)

    def transfer_progress(self, transfer, status: int, is_over: bool, now: float) -> None:
        if is_over:
            self._react("transferred" if 200 <= status < 300 else "transfer_failed", now)

    def transfer_refused(self, transfer, status: int, now: float) -> None:
        self._react("transfer_refused", now)

    def released(self, call, release, now: float) -> None:
        self._react("released", now)
