# SPDX-License-Identifier: Apache-2.0
"""Streams of 20-ms packets as networks deliver them, and a consumer that plays them out of a jitter buffer.

Every trace is the same for the same seed; sequence numbers and timestamps wrap early in each.
"""

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

CLOCK_RATE_HZ, SPAN, PACKET_S = 8000, 160, 0.02
FIRST_SEQUENCE, FIRST_TIMESTAMP = 65_400, 2**32 - 20_000
PACKET = 1                      # native.jitter_buffer.PACKET
TAIL_FRAMES = 100               # played after the last packet has come


class TracePacket(NamedTuple):
    """sent_s, arrival_s: seconds of the receiver's clock; arrival_s None: lost on the way."""

    sequence: int
    timestamp: int
    sent_s: float
    arrival_s: float | None


Trace = list[TracePacket]
Delay = Callable[[random.Random, float], float]


class Stream(NamedTuple):
    """How packets leave: drift_ppm of the sender's clock, share that is lost, spurts of speech with silence between."""

    delay: Delay
    drift_ppm: float = 0.0
    loss: float = 0.0
    is_spurts: bool = False


class Played(NamedTuple):
    """delay_ms: mean over what was heard, above the fastest packet. unplayed_percent: of the speech that arrived.
    concealed_ms: what was made up, silence between spurts included. longest_gap_ms: without any packet.
    """

    delay_ms: float
    unplayed_percent: float
    concealed_ms: float
    longest_gap_ms: float


def make_trace(stream: Stream, count: int, seed: int = 1) -> Trace:
    chance = random.Random(seed)
    sent_s, timestamp, left, trace = 1.0, FIRST_TIMESTAMP, 0, []
    for index in range(count):
        if stream.is_spurts and left == 0:
            frames = 5 + int(chance.expovariate(1 / 50))
            timestamp += frames * SPAN
            sent_s += frames * PACKET_S * (1 + stream.drift_ppm * 1e-6)
            left = 6 + int(chance.expovariate(1 / 75))
        delay_s = stream.delay(chance, sent_s)
        arrival_s = None if chance.random() < stream.loss else sent_s + delay_s
        trace.append(TracePacket((FIRST_SEQUENCE + index) % 65536, timestamp % 2**32, sent_s, arrival_s))
        sent_s += PACKET_S * (1 + stream.drift_ppm * 1e-6)
        timestamp += SPAN
        left -= 1
    return trace


# ---- what networks do to packets

def cross_lan(chance: random.Random, sent_s: float) -> float:
    return 0.02 + chance.expovariate(1 / 0.0003)


def stall_link(every_s: float, least_s: float, most_s: float, jitter_s: float) -> Delay:
    """A radio link that stops now and then; what has waited comes in a burst, in order."""
    next_s, free_s = every_s, 0.0

    def delay(chance: random.Random, sent_s: float) -> float:
        nonlocal next_s, free_s
        if sent_s >= next_s:
            free_s = sent_s + chance.uniform(least_s, most_s)
            next_s = sent_s + chance.expovariate(1 / every_s)
        free_s = max(sent_s + 0.02 + chance.expovariate(1 / jitter_s), free_s + chance.uniform(0, 0.0005)) \
            if sent_s < free_s else sent_s + 0.02 + chance.expovariate(1 / jitter_s)
        return free_s - sent_s

    return delay


def spike(chance: random.Random, sent_s: float) -> float:
    """Each 7.3 s something holds packets back for up to 200 ms."""
    return 0.02 + chance.expovariate(1 / 0.002) + max(0.0, 0.2 - sent_s % 7.3)


def reorder(chance: random.Random, sent_s: float) -> float:
    """2 % take a way that is 35 ms longer."""
    return 0.02 + chance.expovariate(1 / 0.002) + (0.035 if chance.random() < 0.02 else 0.0)


def vary(mean_s: float, deviation_s: float) -> Delay:
    """Each packet for itself, reordering included, as netem does it with a normal distribution."""
    return lambda chance, sent_s: max(0.001, chance.gauss(mean_s, deviation_s))


def scatter(least_s: float, most_s: float) -> Delay:
    """As netem does it by default."""
    return lambda chance, sent_s: chance.uniform(least_s, most_s)


def swell(chance: random.Random, sent_s: float) -> float:
    """A queue that fills and empties, a cycle each 50 s."""
    return 0.02 + 0.06 * chance.random() * abs(sent_s % 50 - 25) / 25


STREAMS = {
    "LAN": lambda: Stream(cross_lan),
    "Wi-Fi": lambda: Stream(stall_link(2.0, 0.03, 0.12, 0.001)),
    "Wi-Fi, far": lambda: Stream(stall_link(0.7, 0.03, 0.25, 0.004)),
    "spikes": lambda: Stream(spike),
    "drift +200 ppm": lambda: Stream(vary(0.03, 0.004), drift_ppm=200),
    "drift -200 ppm": lambda: Stream(vary(0.03, 0.004), drift_ppm=-200),
    "reordered": lambda: Stream(reorder),
    "5 % loss, +-30 ms": lambda: Stream(scatter(0.02, 0.08), loss=0.05),
    "5 % loss, 30 ms normal": lambda: Stream(vary(0.12, 0.03), loss=0.05),
    "spurts": lambda: Stream(vary(0.05, 0.015), is_spurts=True),
    "spurts, Wi-Fi": lambda: Stream(stall_link(2.0, 0.03, 0.12, 0.001), is_spurts=True),
    "swelling queue": lambda: Stream(swell),
}


def synthetic_traces(count: int, seed: int = 1) -> Iterator[tuple[str, Trace]]:
    for name, make_stream in STREAMS.items():
        yield name, make_trace(make_stream(), count, seed)


def read_recording(text: str) -> Trace:
    """Lines "sequence timestamp arrival" (microseconds) in order of arrival; what is missing was lost. The timestamps
    are the sender's clock."""
    came: dict[int, tuple[int, float]] = {}
    sequence = timestamp = None
    for line in text.splitlines():
        low, units, arrival_us = map(int, line.split())
        sequence = low if sequence is None else sequence + (low - sequence + 32768) % 65536 - 32768
        timestamp = units if timestamp is None else timestamp + (units - timestamp + 2**31) % 2**32 - 2**31
        came.setdefault(sequence, (timestamp, 1.0 + arrival_us / 1e6))
    first = min(came)
    begin = came[first][0]
    trace = []
    for number in range(first, max(came) + 1):
        units, arrival_s = came.get(number, (begin + (number - first) * SPAN, None))
        trace.append(TracePacket(number % 65536, units % 2**32, (units - begin) / CLOCK_RATE_HZ, arrival_s))
    return trace


# ---- playing

def order_arrivals(trace: Trace) -> list[tuple[float, int]]:
    """(arrival_s, index) of what arrives, as it arrives."""
    return sorted((packet.arrival_s, index) for index, packet in enumerate(trace) if packet.arrival_s is not None)


def play_trace(buffer, trace: Trace, frame: int = SPAN) -> list[tuple[int, int, float, int]]:
    """What a sound card gets that takes a frame at a time: (kind, index of the packet or -1, at_s, units)."""
    arrivals = order_arrivals(trace)
    frame_s = frame / CLOCK_RATE_HZ
    begun_s, heard, queued, position, tick = arrivals[0][0], [], 0, 0, 0
    while (now_s := begun_s + tick * frame_s) < arrivals[-1][0] + TAIL_FRAMES * frame_s:
        while position < len(arrivals) and arrivals[position][0] <= now_s:
            arrival_s, index = arrivals[position]
            packet = trace[index]
            buffer.put((0, packet.sequence, packet.timestamp, 1, index.to_bytes(4, "big")), SPAN, int(arrival_s * 1e9))
            position += 1
        while queued < frame:
            kind, span, _, _, payload = buffer.get(int(now_s * 1e9), queued)
            index = -1 if payload is None else int.from_bytes(payload, "big")
            heard.append((kind, index, now_s + queued / CLOCK_RATE_HZ, span))
            queued += span
        queued -= frame
        tick += 1
    return heard


def judge(trace: Trace, heard: list[tuple[int, int, float, int]], frame: int = SPAN) -> Played:
    """How well a trace was played; what was asked for after its last packet does not count as concealed."""
    arrived = [packet for packet in trace if packet.arrival_s is not None]
    fastest_s = min(packet.arrival_s - packet.sent_s for packet in arrived)
    packets = [(at_s - trace[index].sent_s - fastest_s, units) for kind, index, at_s, units in heard if kind == PACKET]
    spoken = sum(units for _, units in packets)
    last_s = max(at_s for kind, _, at_s, _ in heard if kind == PACKET)
    gap = longest = concealed = 0
    for kind, _, at_s, units in heard:
        gap = 0 if kind == PACKET else gap + units
        if at_s <= last_s:
            longest = max(longest, gap)
            concealed += 0 if kind == PACKET else units
    return Played(1000 * sum(delay_s for delay_s, _ in packets) / len(packets),
                  100 * (1 - spoken / (len(arrived) * SPAN)), 1000 * concealed / CLOCK_RATE_HZ,
                  1000 * longest / CLOCK_RATE_HZ)
