# SPDX-License-Identifier: Apache-2.0
"""The call engine between phones and carriers that say exactly what a test tells them, on a virtual clock.

What no message may ever do (show one side what is the other's) is looked at in every message, in every test.
"""

from appliance.call.call_record import CallRecord
from appliance.gateway.assembly import Gateway, GatewaySurroundings, assemble_gateway
from appliance.gateway.inbound import InboundCalls
from appliance.native.sip_scanner import Message
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.rtp.relaying import LegMedia, LocalPort
from appliance.vocabulary.journal import SilentJournal
from tests.call.virtual_phone import PhoneCall, VirtualPhone, label
from tests.pbx.proxy.virtual_office import VirtualOffice
from tests.pbx.virtual_relay import VirtualRelay

PHONES = {"201": "192.168.1.11", "202": "192.168.1.12", "203": "192.168.1.13"}
WAN = "set sip listener wan address 203.0.113.5\nset sip listener wan side public\n"
CARRIER = WAN + """\
set trunk carrier listener wan
set trunk carrier peer 198.51.100.1:5060
set trunk carrier qualify 0
set trunk carrier number 05011112222
set trunk carrier did 05011112222 to 201
set route outside prefix 0
set route outside trunk carrier
"""
SECOND_CARRIER = """\
set trunk spare listener wan
set trunk spare peer 198.51.100.2:5060
set trunk spare qualify 0
set trunk spare number 05099998888
set route outside trunk spare
"""


class RememberingRelay(VirtualRelay):
    """commands: what the engine has asked for, in order; ports_left: None for any number."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[tuple] = []
        self.ports_left: int | None = None
        self.leased: set[LocalPort] = set()

    def take_port(self, host: str) -> LocalPort | None:
        if self.ports_left is not None:
            if not self.ports_left:
                return None
            self.ports_left -= 1
        port = super().take_port(host)
        self.leased.add(port)
        return port

    def return_port(self, port: LocalPort) -> None:
        self.leased.remove(port)

    def direct(self, session: str, side: int, media: LegMedia) -> None:
        assert session in self.sessions, session
        self.commands.append(("direct", session, side, media.rtp))
        super().direct(session, side, media)

    def hold(self, session: str, is_held: bool) -> None:
        assert session in self.sessions, session
        self.commands.append(("hold", session, is_held))
        super().hold(session, is_held)

    def close_session(self, session: str) -> None:
        self.leased -= set(self.sessions[session])
        super().close_session(session)


class Records:
    """RecordStore: those that were kept."""

    def __init__(self) -> None:
        self.kept: list[CallRecord] = []

    def keep(self, record: CallRecord) -> None:
        self.kept.append(record)


class VirtualCalls(VirtualOffice):
    """phones: by name; strangers: messages to nobody's address, with it; wire: (time, who, label) of everything."""

    def __init__(self, more: str = "") -> None:
        self.relay = RememberingRelay()
        self.records = Records()
        self.phones: dict[str, VirtualPhone] = {}
        self.by_address: dict[tuple[str, int], VirtualPhone] = {}
        self.strangers: list[tuple[Message, tuple[str, int]]] = []
        self.gateway: Gateway | None = None
        self.watches_topology = True
        super().__init__(more, "b2bua")
        if self.gateway is not None:
            self.gateway.start(self.now)

    def _assemble(self):
        surroundings = Surroundings(self._flow_to, self._octets, SilentJournal())
        surroundings.relay = self.relay
        surroundings.records = self.records
        office = assemble_office(self.configuration, self.listeners, surroundings)
        self.relay.user = office.calls.watch
        if self.configuration.trunks:
            around = GatewaySurroundings(office.stack, self.listeners, self._flow_to, self._octets, office.extensions)
            around.dialogs = office.line.core.dialogs
            self.gateway = assemble_gateway(self.configuration, around)
            office.calls.services.router = self.gateway.router
            office.server.join_outside(InboundCalls(office.stack, self.gateway, office.calls))
        return office

    @property
    def engine(self):
        return self.office.calls

    @property
    def record(self) -> CallRecord:
        """The only one there is, once the relay has told its figures."""
        self.run(1.5)
        assert len(self.records.kept) == 1, [record.number for record in self.records.kept]
        return self.records.kept[0]

    # who is there

    def phone(self, user: str, host: str = "", port: int = 5060, q: float | None = None,
              name: str = "") -> VirtualPhone:
        """An extension's phone, registered."""
        phone = VirtualPhone(self, user, host or PHONES[user], port)
        phone.domain = "192.168.1.1"
        self._add(name or user, phone)
        self.register(user, phone.address, q)
        return phone

    def carrier(self, name: str = "carrier", host: str = "198.51.100.1", listener: str = "wan") -> VirtualPhone:
        """A carrier's server, which is no registrar's phone."""
        phone = VirtualPhone(self, name, host)
        phone.listener = listener
        phone.domain = "203.0.113.5"
        self._add(name, phone)
        return phone

    def _add(self, name: str, phone: VirtualPhone) -> None:
        assert name not in self.phones
        self.phones[name] = self.by_address[phone.address] = phone

    # the wire

    def put(self, phone: VirtualPhone, octets: bytes) -> None:
        """A datagram of this phone reaches the server; what the server says to it reaches everybody."""
        listener = next(one for one in self.listeners if one.name == phone.listener and one.transport == b"UDP")
        flow = self._flow_to(listener, phone.address[0].encode(), phone.address[1])
        self.office.stack.receive_datagram(octets, flow, self.now)
        self.settle()

    def settle(self) -> None:
        """Everything that is due now is done, everything that was said has arrived."""
        while True:
            for message, address in self.take():
                self._deliver(message, address)
            deadline = self.office.stack.next_deadline()
            if deadline is None or deadline > self.now:
                return
            self.office.stack.handle_deadline(self.now)

    def _deliver(self, message: Message, address: tuple[str, int]) -> None:
        phone = self.by_address.get(address)
        if phone is None:
            self.strangers.append((message, address))
            return
        if self.watches_topology:
            if phone.listener == "wan":
                assert b"192.168." not in message.data, message.data
            else:
                assert b"203.0.113." not in message.data, message.data
            for other in self.phones.values():
                if other is not phone:
                    other.check_unseen(message, phone.user)
        phone.receive(message)

    def run(self, seconds: float) -> None:
        """Let this much time pass."""
        self.settle()
        end = self.now + seconds
        while (deadline := self.office.stack.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.office.stack.handle_deadline(self.now)
            self.settle()
        self.now = end

    def tell_figures(self) -> None:
        """The relay says what it has measured of what was closed."""
        self.relay.tell(self.now)
        self.settle()

    # what most calls begin with

    def connect(self, caller: VirtualPhone, called: VirtualPhone, number: str = "",
                **said) -> tuple[PhoneCall, PhoneCall]:
        """A call that stands; what both sides have of it."""
        mine = caller.invite(number or called.user, **said)
        theirs = called.ringing
        theirs.respond(180)
        theirs.answer()
        mine.acknowledge()
        assert mine.last(200), mine.labels
        assert theirs.got("ACK"), theirs.labels
        return mine, theirs

    def check_clean(self, records: int = 1) -> None:
        """Nothing is left of any call, and each has one record whose times are in order."""
        self.run(40.0)
        self.tell_figures()
        assert not self.engine.calls, [(call.number, call.state.name, [leg.has_ended for leg in call.legs])
                                       for call in self.engine.calls.values()]
        assert not self.relay.sessions
        assert not self.relay.leased
        assert not self.office.line.core.dialogs.entries
        assert not self.office.stack.transactions_open
        if self.gateway is not None:
            assert [trunk.calls for trunk in self.gateway.trunks.values()] == [0] * len(self.gateway.trunks)
        assert not self.strangers, self.strangers
        assert len(self.records.kept) == records, [record.number for record in self.records.kept]
        for record in self.records.kept:
            check_record(record)


def check_record(record: CallRecord) -> None:
    """What every record says whatever became of the call."""
    assert record.started_at <= record.ended_at
    assert not record.answered_at or record.started_at <= record.answered_at <= record.ended_at
    assert (record.result == "answered") == bool(record.answered_at), record.result
    assert record.result
    assert record.ended_by in ("caller", "callee", "server")
    for leg in record.legs:
        assert leg.started_at <= leg.ended_at <= record.ended_at, (leg.started_at, leg.ended_at, record.ended_at)
        assert not leg.answered_at or leg.started_at <= leg.answered_at <= leg.ended_at


__all__ = ["CARRIER", "SECOND_CARRIER", "WAN", "PhoneCall", "VirtualCalls", "VirtualPhone", "check_record", "label"]
