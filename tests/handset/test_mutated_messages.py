# SPDX-License-Identifier: Apache-2.0
"""Real messages with something changed in them, at every stage of a call: nothing is raised, and everything ends."""

import functools
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.ua.replaces import Replaces
from tests.handset.desk import DOMAIN, HOST, SERVER
from tests.handset.test_handset import Office
from tests.handset.test_transferred import Asker, replace
from tests.handset.test_waiting_messages import YES, MailOffice
from tests.ua.virtual_network import Network

WORDS = [b"", b"\r\n", b";", b",", b"<", b">", b'"', b"=", b"%00", b"\xff", b"0", b"-1", b"99999999999999999999",
         b";tag=", b"Replaces", b"terminated;reason=", b"sip:", b"sips:[::1]", b"tel:110", b"?Replaces=%ff", b"\0"]


def listen(network: Network) -> list[bytes]:
    """Every datagram that reaches the desk from now on."""
    heard: list[bytes] = []
    send = network.send

    def note(source, target, octets) -> None:
        if target[0] == HOST.encode():
            heard.append(octets)
        send(source, target, octets)
    network.send = note
    return heard


@functools.cache
def record() -> tuple[bytes, ...]:
    """What the desk hears while it registers, is told of messages, calls, is transferred, and replaced."""
    office = MailOffice()
    heard = listen(office.network)
    office.server.tell(YES)
    office.server.tell_unasked(YES)
    other = Office()
    late = listen(other.network)
    other.talk()
    call = other.server.user.calls[0]
    call.refer(b"sip:203@office.test", Replaces(b"a", b"b", b"c"), Asker(), other.network.now)
    other.network.run(0.5)
    other.pick_up(other.server)
    replace(other, other.server, other.server.user.calls[-1])
    other.ring_desk()
    placed = other.peer.call(b"", b"", b"sip:201@%s:5060" % HOST.encode())
    other.network.run(1)
    placed.hang_up(other.network.now)
    other.server.user.calls[0].hang_up(other.network.now)
    other.network.run(1)
    return tuple(dict.fromkeys([*heard, *late]))


def mutate(octets: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(octets) + 1)
        width = chance.choice((0, 0, 1, 1, 4, 20))
        octets = octets[:place] + chance.choice(WORDS) + octets[place + width:]
    return octets


class Wire:
    """An office in mid-call, to which datagrams are thrown from the server's address."""

    def __init__(self, is_talking: bool) -> None:
        self.office = Office()
        if is_talking:
            self.office.talk()
        self.source = (SERVER.encode(), 5060)

    def throw(self, octets: bytes) -> None:
        network = self.office.network
        network.phones[self.office.desk.address].receive(octets, self.source, network.now)
        network._collect()
        network.run(0.05)


def adapt(octets: bytes, office: Office) -> bytes:
    """The same message inside the dialog that there is, where there is one: else everything would be 481."""
    active = office.desk.handset.line.active
    if active is None or active.usage is None:
        return octets
    dialog = active.usage.dialog
    lines = []
    for line in octets.split(b"\r\n"):
        name = line.partition(b":")[0]
        if name == b"Call-ID":
            line = b"Call-ID: " + dialog.call_id
        elif name == b"To" and b";tag=" in line:
            line = b"To: " + dialog.local
        elif name == b"From":
            line = b"From: " + dialog.remote
        lines.append(line)
    return b"\r\n".join(lines)


def test_the_recording_has_what_matters():
    starts = b" ".join(octets[:30] for octets in record())
    for word in (b"NOTIFY", b"REFER", b"INVITE", b"SIP/2.0 200", b"SIP/2.0 180", b"BYE", b"ACK"):
        assert word in starts
    assert any(b"\r\nReplaces:" in octets for octets in record())
    assert DOMAIN.encode() in starts + b"".join(record())


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32), st.booleans())
def test_no_changed_message_does_any_harm(seed, is_talking):
    chance = random.Random(seed)
    wire = Wire(is_talking)
    messages = record()
    for _ in range(12):
        octets = adapt(chance.choice(messages), wire.office)
        wire.throw(mutate(octets, chance))
    desk, network = wire.office.desk, wire.office.network
    network.run(1)
    desk.do("lift")
    desk.do("hang_up")
    for call in wire.office.server.user.calls:
        call.hang_up(network.now)
    network.run(400)
    desk.do("lift")
    desk.do("hang_up")
    network.run(100)
    assert desk.state == "idle"
    assert not any(port.is_open for port in desk.voice.ports)
