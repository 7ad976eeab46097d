# SPDX-License-Identifier: Apache-2.0
"""The office and its trunks joined to one call engine on a virtual clock, with user agents as phones and carriers that
describe their voice in real SDP. What two of them hear is read off what they were told and what the relay was told."""

import hashlib

from appliance.config.configuration import load_configuration
from appliance.gateway.assembly import GatewaySurroundings, assemble_gateway
from appliance.gateway.inbound import InboundCalls
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.listening import build_listeners
from appliance.sdp.parser import parse_session
from appliance.sip.flow import Flow
from appliance.ua.in_dialog_methods import TRANSFER_METHODS
from appliance.ua.replaces import Replaces
from tests.gateway.virtual_gateway import Endpoint, Journal
from tests.pbx.virtual_relay import VirtualRelay
from tests.ua.virtual_network import Network, Phone

HOUSE = """\
# denwaban-config 1
set system domain office.test
set sip listener office address 192.168.1.1
set sip listener office transport udp
set sip listener office trusted 192.168.1.0/24
set sip listener wan address 203.0.113.5
set sip listener wan transport udp
set sip listener wan side public
set sip role b2bua
set emergency none
set extension 201 secret alpha-1001
set extension 202 secret bravo-1002
set extension 203 secret charlie-1003
set extension 204 secret delta-1004
set trunk east listener wan
set trunk east peer 198.51.100.1:5060
set trunk east domain east.test
set trunk east number 05011112222
set trunk east did 05011112222 to 201
set trunk west listener wan
set trunk west peer 198.51.100.2:5060
set trunk west domain west.test
set trunk west number 05033334444
set trunk west did 05033334444 to 202
set route outside prefix 0
set route outside trunk west
"""
DESKS = {"201": "192.168.1.11", "202": "192.168.1.12", "203": "192.168.1.13", "204": "192.168.1.14"}
CARRIERS = {"east": "198.51.100.1", "west": "198.51.100.2"}
FORMATS = (b"0", b"8", b"101")
ENCODINGS = {b"0": b"PCMU/8000", b"8": b"PCMA/8000", b"9": b"G722/8000", b"96": b"telephone-event/8000",
             b"101": b"telephone-event/8000"}


class Voice(Phone):
    """A phone, or a carrier: answers with what it can, hears of transfers, hangs up as it is told."""

    def __init__(self, network: Network, host: str, user: str, house: str, port: int = 5060) -> None:
        super().__init__(network, host, user, port=port)
        self.number = user
        self.house = house.encode()
        self.profile.aor = b"sip:%s@%s" % (user.encode(), self.house)
        self.profile.supported = (b"replaces",)
        self.core.methods += TRANSFER_METHODS
        self.formats: tuple[bytes, ...] = FORMATS
        self.version = 0
        self.news: list[tuple[object, ...]] = []
        self.hangs_up_on: tuple[str, ...] = ("transferred",)
        self.user.script.update(
            offered=self._take, offer_wanted=lambda call, now: call.answer_offer(self.describe(), now),
            offer_received=self.take_change)

    # sessions

    def describe(self, direction: bytes = b"sendrecv", formats: tuple[bytes, ...] = ()) -> bytes:
        """Its voice."""
        self.version += 1
        host, formats = self.listener.host, formats or self.formats
        lines = [b"v=0", b"o=- 7 %d IN IP4 %s" % (self.version, host), b"s=-", b"c=IN IP4 " + host, b"t=0 0",
                 b"m=audio 40000 RTP/AVP " + b" ".join(formats)]
        lines += [b"a=rtpmap:%s %s" % (one, ENCODINGS[one]) for one in formats]
        return b"\r\n".join([*lines, b"a=" + direction, b""])

    def answer_to(self, offer: bytes) -> bytes:
        """In its own words; a hold is answered as one."""
        session = parse_session(offer)
        common = tuple(one for one in session.media[0].formats if one in self.formats)
        reverse = {b"sendonly": b"recvonly", b"inactive": b"inactive", b"recvonly": b"sendonly"}
        direction = next((reverse[one] for one in reverse if b"a=" + one + b"\r\n" in offer), b"sendrecv")
        return self.describe(direction, common)

    def _take(self, call, now: float) -> None:
        call.answer(self.answer_to(call.offer) if call.offer else self.describe(), now)

    def take_change(self, call, now: float) -> None:
        call.answer_offer(self.answer_to(self.user.sessions[-1]), now)

    # acts

    def ring_only(self) -> None:
        """From now on it rings until somebody lifts it."""
        self.user.script["offered"] = lambda call, now: call.alert(180, now)

    def refuse_with(self, status: int) -> None:
        self.user.script["offered"] = lambda call, now: call.refuse(status, now)

    def lift(self) -> None:
        """Answer the call that rings."""
        self._take(self.user.calls[-1], self.network.now)

    def dial(self, number: str, offer: bytes | None = None, lines: bytes = b""):
        """Call somebody by way of the house."""
        draft = self.agent.draft_call(b"sip:%s@%s" % (number.encode(), self.house), self.describe()
                                      if offer is None else offer)
        draft.lines += lines
        return self.agent.place_call(draft, self.user, self.network.now)

    def take_over(self, number: str, replaces: Replaces, offer: bytes | None = None):
        """INVITE with Replaces."""
        return self.dial(number, offer, b"Require: replaces\r\nReplaces: %s\r\n" % bytes(replaces))

    def hold(self, call) -> None:
        assert call.change_session(self.describe(b"sendonly"), self.network.now)

    def refer(self, call, number: str, other=None) -> None:
        """Blind, or attended to the party of another call."""
        target = number.encode() if b"@" in number.encode() else b"sip:%s@%s" % (number.encode(), self.house)
        replaces = None if other is None else name_at_far_end(other)
        call.refer(target, replaces, self, self.network.now)

    # transfer.TransferEvents

    def transfer_progress(self, transfer, status: int, is_over: bool, now: float) -> None:
        self.news.append((status, is_over))
        if is_over and 200 <= status < 300 and "transferred" in self.hangs_up_on:
            self.leave(now)

    def transfer_refused(self, transfer, status: int, now: float) -> None:
        self.news.append(("refused", status))

    def leave(self, now: float | None = None) -> None:
        """Hang up everything."""
        for call in self.standing:
            call.hang_up(self.network.now if now is None else now)

    @property
    def standing(self) -> list:
        """Its calls that stand."""
        usages = {entry.usages.get(b"BYE") for entry in self.core.dialogs.entries.values()}
        return [usage for usage in usages if getattr(usage, "is_confirmed", False)]

    @property
    def last_call(self):
        """The call that came last."""
        return self.user.calls[-1]


def name_at_far_end(call) -> Replaces:
    """The dialog of this call as the other end of it knows it (RFC 5589 7.1)."""
    dialog = call.dialog
    if not dialog.remote_tag and getattr(call, "early_dialogs", None):
        dialog = call.early_dialogs[0]
    return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)


class House:
    """desks: by extension, all registered; carriers: by trunk; records: of the calls that have ended."""

    def __init__(self, more: str = "") -> None:
        self.network = Network()
        self._count = 0
        self._flows: dict[tuple, Flow] = {}
        loaded = load_configuration(HOUSE + more)
        assert loaded.configuration is not None, [one.render("F") for one in loaded.findings]
        self.listeners = build_listeners(loaded.configuration)
        self.journal = Journal()
        self.relay = VirtualRelay()
        self.records = []
        surroundings = Surroundings(self.flow_to, self._octets, self.journal)
        surroundings.relay = self.relay
        surroundings.records = self
        self._equip(surroundings)
        self.office = assemble_office(loaded.configuration, self.listeners, surroundings)
        self.stack = self.office.stack
        self.calls = self.office.calls
        self.relay.user = self.calls.watch
        self._join_gateway(loaded.configuration)
        for listener in self.listeners:
            endpoint = Endpoint(self, listener)
            self.network.phones[endpoint.address] = endpoint
        self.desks = {number: Voice(self.network, host, number, "192.168.1.1") for number, host in DESKS.items()}
        self.carriers = {name: Voice(self.network, host, f"090{name}", "203.0.113.5")
                         for name, host in CARRIERS.items()}
        for number, desk in self.desks.items():
            self._register(number, desk)
        self.network.run(1)
        del self.network.sent[:]

    def _equip(self, surroundings: Surroundings) -> None:
        """For whoever needs more of the house than this."""

    def _join_gateway(self, configuration) -> None:
        surroundings = GatewaySurroundings(self.stack, self.listeners, self.flow_to, self._octets,
                                           self.office.extensions)
        surroundings.dialogs = self.office.line.core.dialogs
        surroundings.journal = self.journal
        self.gateway = assemble_gateway(configuration, surroundings)
        self.calls.services.router = self.gateway.router
        self.office.server.join_outside(InboundCalls(self.stack, self.gateway, self.calls))
        self.gateway.start(self.network.now)

    def _register(self, number: str, desk: Voice) -> None:
        draft = desk.core.draft_request(b"REGISTER", b"sip:192.168.1.1")
        draft.remote = b"<%s>" % desk.profile.aor
        draft.contact = desk.profile.contact
        desk.agent.send_request(draft, Unheard(), self.network.now)

    def _octets(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(b"house %d" % self._count).digest(size)

    def flow_to(self, listener, host: bytes, port: int, domain: bytes = b"") -> Flow:
        return self._flows.setdefault((listener, host, port), Flow(listener, host, port))

    def keep(self, record) -> None:
        """call_record.RecordStore."""
        self.records.append(record)

    def run(self, seconds: float = 1.0) -> None:
        self.network.run(seconds)
        self.relay.tell(self.network.now)

    @property
    def now(self) -> float:
        return self.network.now

    def talk(self, caller: Voice, number: str, callee: Voice):
        """A call that stands; its two ends."""
        before = len(callee.user.calls)
        call = caller.dial(number)
        self.run()
        assert call.is_confirmed
        assert len(callee.user.calls) == before + 1
        assert self.hear_one_another(call, callee.last_call)
        return call, callee.last_call

    def hear_one_another(self, one, other) -> bool:
        """Whether what each end says reaches the other: each sends where the relay listens, on the same session, and
        the relay knows where both are; nobody holds, and the formats mean the same or are translated."""
        places = [self._place_of(call) for call in (one, other)]
        if None in places or places[0][0] != places[1][0] or places[0][1] == places[1][1]:
            return False
        for call, (session, side) in zip((one, other), places, strict=True):
            local = parse_session(call.exchange.local)
            media = self.relay.directed.get((session, side))
            told = (local.connection_of(local.media[0]).address.decode(), local.media[0].port)
            if media is None or media.rtp != told or self.relay.held.get(session):
                return False
            if any(b"a=" + word in call.exchange.local + call.exchange.remote
                   for word in (b"sendonly", b"recvonly", b"inactive")):
                return False
        return self._formats_agree(one, other, places[0]) and self._formats_agree(other, one, places[1])

    def _place_of(self, call) -> tuple[str, int] | None:
        remote = parse_session(call.exchange.remote)
        place = (remote.connection_of(remote.media[0]).address.decode(), remote.media[0].port)
        return next(((name, side) for name, ports in self.relay.sessions.items() for side, port in enumerate(ports)
                     if (port.host, port.port) == place), None)

    def _formats_agree(self, speaker, hearer, place: tuple[str, int]) -> bool:
        """Whatever the speaker may send is what the hearer said it takes, under the number that it said."""
        mapping = {one.received: one.sent for one in self.relay.directed[place].payloads}
        takes = dict(_read_formats(hearer.exchange.local))
        for number, encoding in _read_formats(speaker.exchange.remote):
            if mapping and number not in mapping:
                continue
            if takes.get(mapping.get(number, number)) not in (encoding, None):
                return False
        first = _read_formats(speaker.exchange.remote)[0]
        return takes.get(mapping.get(first[0], first[0])) == first[1]

    def assert_quiet(self) -> None:
        """Nothing is left of any call."""
        self.run(70)
        assert not self.calls.calls
        assert not self.relay.sessions
        assert not self.office.line.core.dialogs
        for phone in (*self.desks.values(), *self.carriers.values()):
            assert phone.is_quiet, phone.number
        for trunk in self.gateway.trunks.values():
            assert trunk.calls == 0


class Unheard:
    """Satisfies outgoing_request.RequestOwner."""

    def provisional_received(self, request, response, now: float) -> None:
        """Nothing."""

    def request_succeeded(self, request, response, now: float) -> None:
        """Nothing."""

    def request_refused(self, request, status: int, response, now: float) -> None:
        raise AssertionError(f"REGISTER: {status}")


def _read_formats(session: bytes) -> list[tuple[int, bytes]]:
    return [(int(number), ENCODINGS[number]) for number in parse_session(session).media[0].formats]
