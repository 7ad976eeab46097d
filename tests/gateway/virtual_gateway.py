# SPDX-License-Identifier: Apache-2.0
"""A gateway between an office of names and carriers that answer as told, on a virtual clock. No call engine: what the
router says is remembered, and its INVITEs are sent by a user agent."""

import hashlib

from appliance.call.line import Destination, Dial, Refused
from appliance.call.party import Party
from appliance.config.configuration import Configuration, load_configuration
from appliance.gateway.assembly import Gateway, GatewaySurroundings, assemble_gateway
from appliance.gateway.trunk import Trunk
from appliance.native.sip_scanner import Message
from appliance.sip.flow import UDP, Flow, Listener, Side
from appliance.sip.locating.records import Resolver, SilentResolver
from appliance.sip.stack import SipStack
from appliance.ua.dialog_server import DialogServer
from appliance.ua.outgoing_invite import OutgoingInvite
from appliance.vocabulary.counters import Counters
from tests.ua.virtual_network import Caller, Network, Phone

OFFICE = """\
# denwaban-config 1
set system domain office.test
set sip listener office address 192.168.1.1
set sip listener wan address 203.0.113.5
set sip listener wan side public
set extension 201 name "Tanaka Reception"
set extension 201 secret alpha-1001
set extension 202 secret bravo-1002
"""
CARRIER = """\
set trunk carrier listener wan
set trunk carrier registrar sip:198.51.100.1
set trunk carrier domain carrier.test
set trunk carrier number 05011112222
set trunk carrier username gw-user
set trunk carrier secret gw-secret
set trunk carrier did 05011112222 to 201
set trunk carrier did 0312345678 to 202
set route outside prefix 0
set route outside trunk carrier
set emergency none
"""


def configure(*texts: str) -> Configuration:
    """A configuration that must be in order."""
    loaded = load_configuration("".join(texts))
    assert loaded.configuration is not None, [one.render("F") for one in loaded.findings]
    return loaded.configuration


class Journal:
    """Remembers what happened."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict]] = []

    def record(self, event: str, **values: object) -> None:
        self.events.append((event, values))

    def named(self, event: str) -> list[dict]:
        return [values for name, values in self.events if name == event]


class OfficeLine:
    """Where the office's calls come from."""

    name = "office"
    is_trunk = False


OFFICE_LINE = OfficeLine()


class OfficeOfNames:
    """An office whose telephones nobody looks at."""

    def __init__(self, *extensions: bytes) -> None:
        self.extensions = extensions

    def has_extension(self, number: bytes) -> bool:
        return number in self.extensions

    def find_destinations(self, number: bytes, is_secure: bool = False) -> list[list[Destination]]:
        return [[Destination(OFFICE_LINE, b"sip:%s@192.168.1.11" % number, Party(number))]]

    def is_own_uri(self, uri: bytes) -> bool:
        return b"@office.test" in uri or b"@192.168.1.1" in uri or uri[:4] == b"tel:"

    def find_elsewhere(self, dial: Dial, uri: bytes, now: float) -> Refused:
        return Refused(404, 0, "elsewhere")


class Endpoint:
    """One listener of the gateway on the network."""

    def __init__(self, box: "GatewayBox", listener: Listener) -> None:
        self.listener = listener
        self.address = (listener.host, listener.port)
        self.stack = box.stack
        self._box = box

    def receive(self, octets: bytes, source: tuple[bytes, int], now: float) -> None:
        self.stack.receive_datagram(octets, self._box.flow_to(self.listener, *source), now)


class GatewayBox:
    """network: the wire; gateway: under test; offered: (who, flow) for each INVITE that came from outside a dialog."""

    def __init__(self, *texts: str, network: Network | None = None, resolver: Resolver | None = None) -> None:
        self.network = network or Network()
        self._count = 0
        self._flows: dict[tuple, Flow] = {}
        self.stack = SipStack(self.flow_to, self._octets, Counters())
        self.journal = Journal()
        self.configuration = configure(OFFICE, *(texts or (CARRIER,)))
        self.listeners = [Listener(one.name, UDP, one.address.encode(), one.port,
                                   Side.PUBLIC if one.side == "public" else Side.PRIVATE)
                          for one in self.configuration.listeners.values()]
        for listener in self.listeners:
            endpoint = Endpoint(self, listener)
            self.network.phones[endpoint.address] = endpoint
        office = OfficeOfNames(*(one.encode() for one in self.configuration.extensions))
        around = GatewaySurroundings(self.stack, self.listeners, self.flow_to, self._octets, office)
        around.journal, around.resolver = self.journal, resolver or SilentResolver()
        self.gateway: Gateway = assemble_gateway(self.configuration, around)
        self.inside = DialogServer(self.stack, around.dialogs)
        self.offered: list[tuple[object, Message]] = []
        self.calls: list[OutgoingInvite] = []
        self.user = Caller(None)
        self.stack.serve(self)

    def _octets(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_128(b"gateway %d" % self._count).digest(size)

    def flow_to(self, listener: Listener, host: bytes, port: int, domain: bytes = b"") -> Flow:
        return self._flows.setdefault((listener.name, host, port), Flow(listener, host, port))

    @property
    def now(self) -> float:
        return self.network.now

    def start(self, seconds: float = 0.5) -> "GatewayBox":
        self.gateway.start(self.now)
        self.network.run(seconds)
        return self

    def trunk(self, name: str = "carrier") -> Trunk:
        return self.gateway.trunks[name]

    # sip.stack.TransactionUser

    def request_received(self, message: Message, flow: Flow, now: float) -> None:
        if message.to_tag:
            if not self.inside.serve_in_dialog(message, flow, now):
                self.stack.reply_stateless(message, flow, 481)
            return
        self.offered.append((self.gateway.identify(message, flow, now), message))
        self.stack.open_server(message, flow, now).respond(480, now)

    def ack_received(self, message: Message, flow: Flow, now: float) -> None:
        self.inside.ack_received(message, flow, now)

    def cancel_received(self, invite, cancel: Message, now: float) -> None:
        invite.respond(487, now)

    # what an office's phone does

    def dial(self, dialled: str, extension: bytes = b"201", caller: Party | None = None,
             request: Message | None = None) -> list[list[Destination]] | Refused:
        """What the router says."""
        self.last = Dial(dialled.encode(), b"sip:%s@office.test" % dialled.encode(), OFFICE_LINE,
                         caller or Party(extension, b"Tanaka Reception"), extension, request)
        return self.gateway.router.route(self.last, self.now)

    def call(self, dialled: str, *arguments, offer: bytes = b"", **named) -> Message:
        """Dial and send the first INVITE; it is returned as it went out."""
        groups = self.dial(dialled, *arguments, **named)
        assert not isinstance(groups, Refused), groups
        destination = groups[0][0]
        draft = destination.line.draft_invite(destination, self.last, destination.line.fit_session(offer))
        call = OutgoingInvite(destination.line.core, draft, self.user)
        call.start(self.now)
        self.calls.append(call)
        self.network.run(0.2)
        return [message for _at, _source, _target, message in self.network.sent
                if message.is_request and message.method == b"INVITE"][-1]


class Carrier:
    """A registrar that answers REGISTER as told and takes INVITEs. registers: the REGISTERs that came."""

    def __init__(self, network: Network, host: str = "198.51.100.1") -> None:
        self.phone = Phone(network, host, "")
        self.phone.agent.serve_method(b"REGISTER", self)
        self.answers: list[tuple[int, bytes]] = []
        self.registers: list[Message] = []

    def request_received(self, server, request: Message, dialog, now: float) -> None:
        self.registers.append(request)
        status, lines = self.answers.pop(0) if self.answers else (200, b"")
        if status == 200 and request.expires != 0:
            lines += b"Contact: %s;expires=600\r\n" % request.values(b"Contact")[0]
        server.respond(status, now, lines)

    def send_invite(self, box: GatewayBox, uri: bytes, *lines: bytes, source: tuple[bytes, int] | None = None,
                    **parts: bytes) -> object:
        """An INVITE of ours as octets; who the gateway says it is of."""
        host = b"%s:%d" % (source or self.phone.address)
        to = parts.get("to", uri)
        box._count += 1
        octets = b"".join([
            b"INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\n" % (uri, host, box._count),
            b"From: %s;tag=1\r\nTo: <%s>\r\n" % (parts.get("caller", b"<sip:05033334444@carrier.test>"), to),
            b"Call-ID: %d@carrier\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:%s>\r\n" % (box._count, host),
            *lines, b"Content-Length: 0\r\n\r\n"])
        listener = next(one for one in box.listeners if one.name == parts.get("listener", b"wan").decode())
        box.network.send(source or self.phone.address, (listener.host, listener.port), octets)
        box.network.run(0.2)
        return box.offered[-1][0]


def join_carrier(*texts: str, **named) -> tuple[GatewayBox, Carrier]:
    """A gateway that has registered with a carrier."""
    box = GatewayBox(*texts, **named)
    carrier = Carrier(box.network)
    return box, carrier
