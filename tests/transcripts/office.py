# SPDX-License-Identifier: Apache-2.0
"""The real office server under a transcript: the whole core, without sockets, on the transcript's clock."""

import hashlib

from appliance.config.configuration import load_configuration
from appliance.diagnosis.trace import Trace
from appliance.gateway.assembly import GatewaySurroundings, assemble_gateway
from appliance.gateway.inbound import InboundCalls
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.listening import build_listeners
from appliance.sip.flow import Flow, Listener, Side
from appliance.vocabulary.journal import SilentJournal
from tests.pbx.virtual_relay import VirtualRelay

PRIVATE = ("192.168.", "192.0.2.")
"""Where the participants of the office side are; the others come in on the public listener, if there is one."""

EVEN_CHANCE = b"\x80\0\0\0"
"""Random pauses (RFC 3261 14.1) last as long as they do on average, however much chance was asked for before."""


class OfficeUnderTest:
    """Satisfies player.Server."""

    def __init__(self, configuration: list[str], address: str) -> None:
        loaded = load_configuration("\n".join(["# denwaban-config 1", *configuration, ""]), "transcript")
        assert loaded.configuration is not None, [str(finding) for finding in loaded.findings]
        self._listeners = build_listeners(loaded.configuration)
        self._flows: dict[tuple[Listener, bytes, int], Flow] = {}
        self._count = 0
        self._now = 0.0
        self.trace = Trace()
        surroundings = Surroundings(self._flow_to, self._random_octets, SilentJournal())
        surroundings.relay = self._relay = VirtualRelay()
        self.office = office = assemble_office(loaded.configuration, self._listeners, surroundings)
        self._relay.user = office.calls.watch
        self._listener = next(one for one in self._listeners if one.hostport.decode() == address)
        if loaded.configuration.trunks:
            around = GatewaySurroundings(office.stack, self._listeners, self._flow_to, self._random_octets,
                                         office.extensions)
            around.dialogs = office.line.core.dialogs
            gateway = assemble_gateway(loaded.configuration, around)
            office.calls.services.router = gateway.router
            office.server.join_outside(InboundCalls(office.stack, gateway, office.calls))
            gateway.start(1000.0)       # when the player begins

    def _random_octets(self, count: int) -> bytes:
        """Different each time, the same in every run."""
        self._count += 1
        return EVEN_CHANCE if count == len(EVEN_CHANCE) else hashlib.shake_128(b"%d" % self._count).digest(count)

    def _flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        key = (listener, host, port)
        if key not in self._flows:
            self._flows[key] = Flow(listener, host, port)
        return self._flows[key]

    def receive(self, octets: bytes, source: str, now: float) -> None:
        host, _, port = source.rpartition(":")
        listener = self._listener
        if not host.startswith(PRIVATE):
            listener = next((one for one in self._listeners if one.side is Side.PUBLIC), listener)
        flow = self._flow_to(listener, host.strip("[]").encode(), int(port))
        self._now = now
        self.trace.append_received([(octets, flow)], now)
        self.office.stack.receive_datagram(octets, flow, now)
        while (deadline := self.office.stack.next_deadline()) is not None and deadline <= now:
            self.office.stack.handle_deadline(now)  # as the shell does after every wake

    def take_sent(self) -> list[tuple[bytes, str]]:
        sent = [(octets, flow.hostport.decode()) for listener in self._listeners for octets, flow in listener.outbox]
        for listener in self._listeners:
            self.trace.append_sent(listener.outbox, self._now)
            listener.outbox.clear()
        return sent

    def handle_deadline(self, now: float) -> None:
        self._now = now
        self.office.stack.handle_deadline(now)

    def next_deadline(self) -> float | None:
        return self.office.stack.next_deadline()

    def transactions_open(self) -> int:
        return self.office.stack.transactions_open
