# SPDX-License-Identifier: Apache-2.0
"""The real office core without hands: real stack, registrar, proxy; listeners that collect, a clock that is turned.

One thread plays everybody. What the office sends is handed back by `take_sent`; the fuzzer decides who answers.
"""

import random

from appliance.config.configuration import load_configuration
from appliance.native.sip_sockets import pack_address
from appliance.pbx.assembly import Office, Surroundings, assemble_office
from appliance.pbx.listening import build_listeners
from appliance.sip.flow import Flow, Listener
from appliance.vocabulary.journal import SilentJournal

USERS = {b"%d" % number: b"secret-%d" % number for number in range(1001, 1011)}
CONFIGURATION = "\n".join([
    "# denwaban-config 1", "set system domain office.test",
    "set sip listener office address 127.0.1.1", "set sip listener office port 5060",
    "set sip listener office transport udp", "set sip listener office transport tcp",
    "set sip listener office trusted 127.0.0.3/32",
    "set sip listener six address ::1", "set sip listener six port 5060", "set sip listener six transport udp",
    "set sip listener six trusted ::3/128",
    "set sip listener wan address 127.0.4.1", "set sip listener wan port 5060", "set sip listener wan transport udp",
    "set sip listener wan side public", "set sip role proxy",
    *(f"set extension {user.decode()} secret {secret.decode()}" for user, secret in USERS.items())]) + "\n"
FLOWS_KEPT = 20_000


class Store:
    """Takes what a real store would write and only counts it."""

    def __init__(self) -> None:
        self.saved = self.deleted = 0

    def save(self, rows: list[object]) -> None:
        self.saved += len(rows)

    def delete(self, keys: list[object]) -> None:
        self.deleted += len(keys)


class VirtualOffice:
    """The assembled office; `now` is its clock in seconds, `sent` what it has wanted to send since last asked."""

    def __init__(self, seed: int) -> None:
        self.now = 10_000.0
        self.chance = random.Random(seed)
        result = load_configuration(CONFIGURATION)
        assert result.configuration is not None, result
        self.listeners: list[Listener] = build_listeners(result.configuration)
        self._flows: dict[tuple[Listener, bytes, int], Flow] = {}
        surroundings = Surroundings(self.flow_to, self.chance.randbytes, SilentJournal())
        surroundings.store = Store()
        self.office: Office = assemble_office(result.configuration, self.listeners, surroundings)
        self.octets_sent = self.octets_received = 0

    def listener(self, name: str, transport: bytes = b"UDP") -> Listener:
        return next(one for one in self.listeners if (one.name, one.transport) == (name, transport))

    def flow_to(self, listener: Listener, host: bytes, port: int) -> Flow:
        """As the socket layer: the same object for the same address, ValueError for what is none."""
        if (b":" in host) != (listener.family == 6):
            raise ValueError(f"{host!r} cannot be reached from {listener!r}")
        key = (listener, host, port)
        flow = self._flows.get(key)
        if flow is None:
            raw = pack_address(host, port)
            if len(self._flows) >= FLOWS_KEPT:
                self._flows.clear()
            flow = self._flows[key] = Flow(listener, host, port, raw)
        return flow

    def receive_datagram(self, octets: bytes, flow: Flow) -> None:
        self.octets_received += len(octets)
        self.office.stack.receive_datagram(octets, flow, self.now)

    def receive_framed(self, octets: bytes, flow: Flow) -> None:
        """One message out of a stream's framing."""
        self.octets_received += len(octets)
        self.office.stack.receive_message(octets, flow, self.now)

    def advance(self, seconds: float) -> None:
        """Turn the clock, stopping at every deadline on the way as the event loop would."""
        end = self.now + seconds
        stack = self.office.stack
        while (deadline := stack.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            stack.handle_deadline(self.now)
        self.now = end

    def take_sent(self) -> list[tuple[bytes, Flow]]:
        """What the office wanted sent, in order for each listener."""
        taken: list[tuple[bytes, Flow]] = []
        for listener in self.listeners:
            if listener.outbox:
                taken += listener.outbox
                listener.outbox.clear()
        self.octets_sent += sum(len(octets) for octets, _ in taken)
        return taken

    def sizes(self) -> dict[str, int]:
        """How much state the office holds."""
        office = self.office
        return {"transactions": office.stack.transactions_open, "calls": len(office.dialogs),
                "bindings": sum(len(office.location.bindings_of(aor)) for aor in office.location.aors())}
