# SPDX-License-Identifier: Apache-2.0
"""Drives the fuzz: chooses what comes next, from whom, and checks after every message what must hold.

Besides strangers there are peers that answer what the office sends them, rightly or not, so that client transactions
meet responses with their own branches. One seed makes one run; `describe()` is what reproduces a failure.
"""

import random
from collections import deque
from pathlib import Path

from appliance.sip.flow import Flow
from tests.fuzz.calling import place_call
from tests.fuzz.conversation import Conversation
from tests.fuzz.grammar import MessageGrammar
from tests.fuzz.mutation import mutate, splice
from tests.fuzz.virtual_office import VirtualOffice

VECTORS = Path(__file__).parents[1] / "vectors"
HEARD_KEPT = 400
TRUSTED, STRANGER = b"127.0.0.3", b"127.0.0.9"
COPIED = (b"via", b"v:", b"from", b"f:", b"call-id", b"i:", b"cseq", b"record-route", b" ", b"\t")
TO = (b"to:", b"to ", b"t:")
REASONS = ((100, b"Trying"), (180, b"Ringing"), (183, b"Progress"), (200, b"OK"), (200, b"OK"), (302, b"Moved"),
           (401, b"No"), (407, b"No"), (408, b"Late"), (486, b"Busy"), (487, b"Gone"), (491, b"Pending"),
           (503, b"Full"), (603, b"Decline"))


def read_vectors() -> list[bytes]:
    """The messages of tests/vectors, in a fixed order."""
    files = sorted(path for path in VECTORS.rglob("*") if path.suffix in {".dat", ".sip"})
    return [octets for octets in (path.read_bytes() for path in files) if octets]


class FuzzRun:
    """One run; `step` feeds one message. Raises whatever the office raises, AssertionError for a broken promise."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.office = VirtualOffice(seed)
        self.grammar = MessageGrammar(self.chance)
        self.sound = MessageGrammar(self.chance, 0.01)
        self.conversation = Conversation(self.chance, self.sound)
        self.vectors = read_vectors()
        self.heard: deque[tuple[bytes, Flow]] = deque(maxlen=HEARD_KEPT)
        self.spoken: deque[tuple[bytes, Flow]] = deque(maxlen=HEARD_KEPT)
        self.count = self.calls_placed = self.most_sent = 0
        self.last = b""
        udp, six, wan = (self.office.listener(name) for name in ("office", "six", "wan"))
        tcp = self.office.listener("office", b"TCP")
        flow_to = self.office.flow_to
        self.flows = [*(flow_to(udp, TRUSTED, port) for port in (5070, 5071, 5072, 5073)), flow_to(udp, STRANGER, 5060),
                      flow_to(six, b"::3", 5070), flow_to(six, b"::9", 5060), flow_to(wan, b"127.0.4.9", 5060),
                      flow_to(tcp, TRUSTED, 40000), flow_to(tcp, STRANGER, 40001)]

    def describe(self) -> str:
        return f"seed {self.seed}, message {self.count}: {self.last[:600]!r}"

    def step(self) -> None:
        """One message from somebody, a little time, and what the peers make of the answers."""
        flow = self.chance.choice(self.flows)
        octets = self._choose()
        self.count += 1
        self._deliver(octets, flow)
        kind = self.chance.random()
        if kind < 0.3:
            self.office.advance(self.chance.random() * 0.01)
        elif kind < 0.3005:
            self.office.advance(self.chance.choice((0.5, 1.0, 5.0, 33.0)))
        self._react()

    def _choose(self) -> bytes:
        chance = self.chance
        kind = chance.random()
        if kind < 0.38:
            return self.conversation.message()
        if kind < 0.52:
            return mutate(chance, self.conversation.message())
        if kind < 0.64:
            return self.grammar.message()
        if kind < 0.74:
            return self.sound.message()
        if kind < 0.80:
            return mutate(chance, self.sound.message())
        if kind < 0.88 and self.vectors:
            return mutate(chance, chance.choice(self.vectors))
        if kind < 0.96 and self.heard and self.spoken:
            said = chance.choice((self.heard, self.spoken))[chance.randrange(min(len(self.heard), len(self.spoken)))][0]
            return said if chance.random() < 0.3 else mutate(chance, said)
        if kind < 0.98:
            return splice(chance, self.sound.message(), self.grammar.message())
        return chance.randbytes(chance.choice((0, 1, 20, 300, 1400)))

    def _deliver(self, octets: bytes, flow: Flow) -> None:
        self.last = octets
        self.spoken.append((octets, flow))
        self.conversation.note_sent(octets)
        if flow.listener.transport == b"TCP":
            self.office.receive_framed(octets, flow)
        else:
            self.office.receive_datagram(octets, flow)

    def _react(self) -> None:
        """Peers answer some of what they get, for a few rounds."""
        for _ in range(4):
            sent = self.office.take_sent()
            self._check_sent(sent)
            answers = [(answer, flow) for octets, flow in sent if (answer := self._answer(octets))]
            if not answers:
                return
            for answer, flow in answers:
                self._deliver(answer, flow)
        self._check_sent(self.office.take_sent())

    def _check_sent(self, sent: list[tuple[bytes, Flow]]) -> None:
        for octets, flow in sent:
            assert octets, "an empty datagram"
            # a response repeats what the request said, however long; a request of ours must fit what carries it
            assert len(octets) <= (100_000 if octets.startswith(b"SIP/2.0") else 65507), (len(octets), octets[:200])
            start, _, rest = octets.partition(b"\r\n")
            assert start[:8].upper() == b"SIP/2.0 " or start.rstrip().upper().endswith(b"SIP/2.0"), octets[:200]
            assert b"\n\r\n" in rest or b"\n\n" in rest, octets[:200]
            self.heard.append((octets, flow))
            self.conversation.note_heard(octets, self.last)
        self.most_sent = max(self.most_sent, len(sent))

    def _answer(self, octets: bytes) -> bytes:
        """A response to a request of the office: mostly sound, sometimes mutated, sometimes none."""
        chance = self.chance
        if octets.startswith((b"SIP/2.0", b"ACK ")) or chance.random() < 0.3:
            return b""
        status, reason = chance.choice(REASONS)
        head = octets.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        kept = [line for line in head if line.lower().startswith(COPIED)]
        to = next((line for line in head if line.lower().startswith(TO)), b"To: <sip:x@y>")
        tag = b"" if b"tag=" in to else b";tag=%s" % chance.choice((b"p1", b"p2", b"p3"))
        contact = b"Contact: <sip:1002@127.0.0.3:5070>"
        answer = b"\r\n".join([b"SIP/2.0 %d %s" % (status, reason), *kept, to + tag, contact, b"Content-Length: 0",
                               b"", b""])
        return answer if chance.random() < 0.8 else mutate(chance, answer)

    def check_call(self) -> None:
        """A call placed in the middle of all this succeeds."""
        self.calls_placed += 1
        place_call(self.office, self.calls_placed)

    def settle(self) -> dict[str, int]:
        """Let every transaction end (nobody answers any more); what state is left then. Messages that are kept for a
        phone are tried again and again: there is a moment between two tries."""
        for _ in range(120):
            self.office.advance(7)
            self._check_sent(self.office.take_sent())
            if not self.office.office.stack.transactions_open:
                break
        return self.office.sizes()
