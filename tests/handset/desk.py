# SPDX-License-Identifier: Apache-2.0
"""A handset on the virtual network of user agents, with a voice that only remembers, and a small registrar."""

import itertools

from appliance.audio.tones import Tone
from appliance.errors import MachineError
from appliance.handset.account import Account, Credentials, Surroundings
from appliance.handset.dial_map import build_dial_map
from appliance.handset.direct_callers import DirectCallers
from appliance.handset.handset import Handset
from appliance.handset.plan import HandsetPlan
from appliance.sip.flow import UDP, Listener
from appliance.sip.locating.records import SilentResolver
from appliance.sip.stack import SipStack
from appliance.vocabulary.counters import Counters
from tests.ua.virtual_network import Network, Phone

HOST = "10.0.0.9"
SERVER = "10.0.0.1"
DOMAIN = "office.test"


class RememberedPort:
    def __init__(self, address: str, port: int) -> None:
        self.address, self.port, self.is_open = address, port, True

    def close(self) -> None:
        self.is_open = False


class RememberedVoice:
    """Satisfies Voice. tone, connected, passes: as they are now; keys: pressed."""

    def __init__(self) -> None:
        self.tone = ""
        self.is_yielding = False
        self.connected: tuple | None = None
        self.passes = (False, False)
        self.keys = ""
        self.listens = self.rings = self.is_lit = self.reminds = False
        self.ports: list[RememberedPort] = []
        self.numbers = itertools.count(4000, 2)
        self.is_broken = False

    def open_port(self, address: str) -> RememberedPort:
        if self.is_broken:
            raise MachineError("no port")
        self.ports.append(RememberedPort(address, next(self.numbers)))
        return self.ports[-1]

    def connect(self, port, remote) -> None:
        assert port.is_open
        self.connected = (port.port, (remote.host, remote.port), remote.payload_type, remote.event_payload_type)
        self.reports = (remote.report_host, remote.report_port)

    def let_pass(self, sends, hears) -> None:
        self.passes = (sends, hears)

    def disconnect(self) -> None:
        self.connected, self.passes = None, (False, False)

    def play(self, tone: Tone, is_yielding=False, is_over=False) -> None:
        self.tone, self.is_yielding = tone.name, is_yielding

    def stop_tone(self) -> None:
        self.tone = ""

    def press(self, key) -> None:
        self.keys += key

    def listen_keys(self, listens) -> None:
        self.listens = listens

    def ring(self, is_ringing) -> None:
        self.rings = is_ringing

    def light(self, is_lit) -> None:
        self.is_lit = is_lit

    def remind(self, has_messages) -> None:
        self.reminds = has_messages


class RememberedJournal:
    def __init__(self) -> None:
        self.events: list[str] = []

    def record(self, event: str, **values: object) -> None:
        self.events.append(event)


class Registrar:
    """Grants every REGISTER; as the server of an office it also is whom numbers are called at."""

    def __init__(self, phone: Phone) -> None:
        self.bindings: list[bytes] = []
        phone.agent.serve_method(b"REGISTER", self)

    def request_received(self, server, request, dialog, now) -> None:
        contact = request.header(b"Contact")
        self.bindings.append(contact)
        server.respond(200, now, b"Contact: %s;expires=300\r\n" % contact.partition(b";")[0])


class Desk:
    """The handset and its surroundings. network: has `phones` by address."""

    def __init__(self, network: Network, credentials: Credentials | None = None, resolver=None,
                 secret: str = "", **plan) -> None:
        self.network = network
        self.pause_s = 0.2
        self.listener = Listener("desk", UDP, HOST.encode(), 5060)
        self.address = (HOST.encode(), 5060)
        self._flows: dict = {}
        self._count = 0
        self.stack = SipStack(self.flow_to, self._octets, Counters())
        self.voice, self.journal = RememberedVoice(), RememberedJournal()
        self.account = Account(self.stack, self.listener, credentials,
                               Surroundings(self._octets, self.journal, resolver or SilentResolver()))
        self.core = self.account.core
        digit_map = build_dial_map("jp", ["201", "202"], ["9"])
        callers = DirectCallers(self.account, "desk", secret, self._octets) if secret else None
        self.handset = Handset(HandsetPlan(HOST, "jp", digit_map, lambda: 7, **plan, callers=callers), self.account,
                               self.voice, self.journal)
        network.phones[self.address] = self

    _octets = Phone._octets
    flow_to = Phone.flow_to
    is_quiet = Phone.is_quiet

    def receive(self, octets, source, now) -> None:
        self.stack.receive_datagram(octets, self.flow_to(self.listener, *source), now)

    # hands, now

    def do(self, motion: str, *words: str) -> None:
        getattr(self.handset, motion)(*words, self.network.now)
        self.network.run(self.pause_s)

    def press(self, keys: str) -> None:
        for key in keys:
            self.do("press", key)

    @property
    def state(self) -> str:
        return self.handset.line.state.name.lower().replace("_", " ")


def credentials() -> Credentials:
    return Credentials("201", DOMAIN, "201", "hhhhhhhh", f"{SERVER}:5060")


def write_sdp(host: str, port: int, direction: str = "sendrecv", formats: str = "0 8 101") -> bytes:
    lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP {formats}"]
    if "101" in formats.split():
        lines.append("a=rtpmap:101 telephone-event/8000")
    return ("\r\n".join([*lines, f"a={direction}"]) + "\r\n").encode()


def answer_at_once(phone: Phone, status: int = 180) -> None:
    """From now on this phone rings, and answers when the test says `pick_up`."""
    phone.user.script["offered"] = lambda call, now: call.alert(status, now)


def answer_sdp(phone: Phone, port: int = 6000) -> bytes:
    return write_sdp(phone.listener.address, port)
