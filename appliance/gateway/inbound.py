# SPDX-License-Identifier: Apache-2.0
"""INVITEs of carriers: recognised, counted, and given to the call engine in the name of their trunk."""

from typing import Final

from appliance.call.engine import CallEngine
from appliance.call.line import Dial, Line, Refused
from appliance.call.party import Party
from appliance.gateway.assembly import Gateway
from appliance.gateway.inbound_account import Challenged
from appliance.gateway.trunk import Trunk
from appliance.native.sip_scanner import Message
from appliance.sip.flow import TLS, Flow, Side
from appliance.sip.grammar import unescape
from appliance.sip.stack import SipStack
from appliance.sip.uri_user import read_uri_user
from appliance.ua.call_taking import open_call
from appliance.ua.inspection import write_capabilities

NO_CHANNEL: Final = 34
"""Q.850, 2.2.7.3.1."""


class InboundCalls:
    """Satisfies pbx.call_entry.OutsideCalls."""

    __slots__ = ("_engine", "_gateway", "_office", "_stack")

    def __init__(self, stack: SipStack, gateway: Gateway, engine: CallEngine) -> None:
        self._stack = stack
        self._gateway = gateway
        self._engine = engine
        self._office: Line | None = None

    def join_office(self, line: Line) -> None:
        """Let calls for help in from the private side whoever makes them: a telephone that has lost its registration,
        or was given a wrong secret, still reaches 110."""
        self._office = line

    def take(self, message: Message, flow: Flow, now: float) -> bool:
        """Whether this INVITE or OPTIONS outside dialogs was a carrier's, or must not go further: then it is served."""
        gateway = self._gateway
        found = gateway.identify(message, flow, now)
        if message.method == b"OPTIONS":
            return self._answer_options(found, message, flow)
        if isinstance(found, Trunk):
            self._take_call(found, message, flow, now)
        elif found is not None:
            self._challenge(found, message, flow)
        elif self._office is not None and flow.listener.side is Side.PRIVATE and gateway.is_emergency(message):
            self._take_emergency(self._office, message, flow, now)
        elif gateway.admission.admit_stranger(flow, now):
            return False
        else:
            self._stack.counters["discarded_stranger_calls"] += 1      # no answer: the source may be forged
        return True

    def is_emergency(self, request: Message) -> bool:
        """OutsideCalls."""
        return self._gateway.is_emergency(request)

    def has_host(self, host: bytes) -> bool:
        """OutsideCalls."""
        return host in self._gateway.router.hosts

    def has_uri(self, uri: bytes) -> bool:
        """OutsideCalls."""
        return self._gateway.router.hosts.has_uri(uri)

    def _answer_options(self, found: Trunk | Challenged | None, message: Message, flow: Flow) -> bool:
        """A carrier wants to know whether we live (11.2); nobody else is told here."""
        if not isinstance(found, Trunk):
            return False
        self._stack.reply_stateless(message, flow, 200, write_capabilities(found.core))
        return True

    def _take_emergency(self, office: Line, message: Message, flow: Flow, now: float) -> None:
        server = open_call(office.core, message, flow, now)
        if server is not None:      # nobody's rights are needed for it
            caller = Party(unescape(message.from_user))
            dial = Dial(read_uri_user(message.uri), message.uri, office, caller, b"", message)
            self._engine.take_invite(server, message, dial, now)

    def _challenge(self, challenge: Challenged, message: Message, flow: Flow) -> None:
        self._stack.reply_stateless(message, flow, challenge.status, challenge.lines)

    def _take_call(self, trunk: Trunk, message: Message, flow: Flow, now: float) -> None:
        gateway = self._gateway
        if not gateway.admission.admit_trunk(trunk.name, now) and not gateway.is_emergency_through(trunk, message):
            self._stack.reply_stateless(message, flow, 503, b"Retry-After: 5\r\n")
            return
        if message.uri_scheme == b"sips" and flow.listener.transport != TLS:
            self._stack.reply_stateless(message, flow, 416)     # RFC 3261 26.2.2: that promise has been broken already
            return
        server = open_call(trunk.core, message, flow, now)
        if server is None:
            return
        if not trunk.may_begin(now) and not gateway.is_emergency_through(trunk, message):
            full = Refused(486, NO_CHANNEL, f"no free channel on {trunk.name}")
            self._engine.turn_away(server, message, self._read_dial(trunk, message), full, now)
            return
        self._engine.take_invite(server, message, self._read_dial(trunk, message), now)

    def _read_dial(self, trunk: Trunk, message: Message) -> Dial:
        """An INVITE of a carrier's. A caller who has the number of one of ours is shown with the carrier's domain: the
        office's own stands for our own people alone."""
        dial = trunk.read_dial(message)
        if not self._gateway.is_extension(dial.caller.number):
            return dial
        return dial._replace(caller=dial.caller._replace(domain=self._gateway.read_domain(trunk)))
