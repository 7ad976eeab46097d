# SPDX-License-Identifier: Apache-2.0
"""A call between two real telephones, and what each heard of the other: from recordings and captures."""

import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.demo.observation import answer_at, voice_packets
from tests.interop.baresip import Baresip
from tests.interop.capture import Capture, Datagram
from tests.interop.network import wait_until
from tests.interop.sound import likeness

HEARD = 0.9                                                        # likeness from which a voice counts as heard
TALK_PACKETS = 200                                                 # four seconds of 20 ms
TALK_LIMIT_S = 20.0


@dataclass(frozen=True)
class Party:
    """A phone of the conversation, the point at which its packets are watched and what it says."""

    name: str
    phone: Baresip
    point: str
    voice: Path


@dataclass(frozen=True)
class Direction:
    """One way of a conversation. score: likeness of what was recorded to what was said, 1.0 is identical."""

    speaker: str
    hearer: str
    score: float
    sent: int
    arrived: int
    aimed_at: str
    after_answer_s: float | None
    on_the_way_ms: float | None

    @property
    def is_heard(self) -> bool:
        return self.score >= HEARD

    def in_short(self) -> str:
        if not self.arrived:
            return f"{self.hearer} heard nothing of {self.speaker}"
        late = "" if self.after_answer_s is None else f" after {self.after_answer_s:.2f} s"
        return f"{self.hearer} heard {self.speaker}: {self.score:.3f}{late}"

    def sentence(self) -> str:
        if not self.arrived:
            return f"{self.in_short()}: {self.sent} packets sent to {self.aimed_at}, none arrived"
        way = "" if self.on_the_way_ms is None else f", {self.on_the_way_ms:.1f} ms on the way"
        return f"{self.in_short()} ({self.arrived} of {self.sent} packets{way})"


@dataclass(frozen=True)
class Conversation:
    """One call that is over; `began` in the time of the captures."""

    capture: Capture
    began: float
    callee: Party

    def measure(self, speaker: Party, hearer: Party) -> Direction:
        """One way of it."""
        sent = voice_packets(self.capture.datagrams(speaker.point, self.began), is_sent=True)
        arrived = voice_packets(self.capture.datagrams(hearer.point, self.began), is_sent=False)
        aimed_at = ", ".join(sorted({f"{packet.target[0]}:{packet.target[1]}" for packet in sent})) or "nobody"
        score = likeness(speaker.voice, hearer.phone.heard()) if arrived else 0.0
        answered = answer_at(self.capture, self.callee.point, self.began)
        late = arrived[0].at - answered if arrived and answered else None
        return Direction(speaker.name, hearer.name, score, len(sent), len(arrived), aimed_at, late,
                         median_way_ms(sent, arrived))


def median_way_ms(sent: Iterable[Datagram], arrived: Iterable[Datagram]) -> float | None:
    """From interface to interface, of the packets whose speech can be found again on the other side."""
    left = {packet.payload[12:]: packet.at for packet in sent}
    ways = [packet.at - left[packet.payload[12:]] for packet in arrived if packet.payload[12:] in left]
    return statistics.median(ways) * 1000 if ways else None


def converse(capture: Capture, caller: Party, callee: Party, number: str, ender: Party) -> Conversation:
    """Dial, ring, answer, talk for four seconds, hang up; AssertionError says what did not happen."""
    conversation = Conversation(capture, time.time(), callee)
    caller.phone.dial(number)
    callee.phone.wait("CALL_INCOMING")
    callee.phone.answer()
    for party in (caller, callee):
        party.phone.wait("CALL_ESTABLISHED")

    def have_spoken() -> bool:
        return all(len(voice_packets(capture.datagrams(party.point, conversation.began), is_sent=True)) >= TALK_PACKETS
                   for party in (caller, callee))
    wait_until(have_spoken, TALK_LIMIT_S, "four seconds of voice from both phones")
    ender.phone.hang_up()
    for party in (caller, callee):      # of both: an end that nobody has waited for would be taken for the next call's
        party.phone.wait("CALL_CLOSED")
        party.phone.wait_recorded()
    return conversation
