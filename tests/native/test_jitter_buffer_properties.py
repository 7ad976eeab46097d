# SPDX-License-Identifier: Apache-2.0
"""The island and its oracle give the same answers, octet by octet, whatever comes; and some things always hold."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.native.jitter_buffer import PACKET, JitterBuffer
from tests.models.jitter_buffer_oracle import JitterBufferOracle
from tests.models.jitter_traces import STREAMS, make_trace, play_trace

SETTINGS = st.fixed_dictionaries({
    "clock_rate_hz": st.sampled_from((8000, 16_000, 48_000)),
    "frame": st.sampled_from((40, 80, 160, 240)),
    "late_per_mille": st.sampled_from((0, 1, 10, 100, 500)),
    "limits_ms": st.sampled_from(((0, 400), (40, 80), (0, 1023))),
    "payload_limit": st.just(16)})
SPANS = st.sampled_from((80, 160, 240, 37))
# (steps of the sequence, of the timestamp beyond it, SSRC, octets, nanoseconds later, how many such packets)
SENT = st.tuples(st.one_of(st.just(1), st.integers(-110, 3100), st.integers(0, 65535)),
                 st.one_of(st.just(0), st.integers(-4000, 20_000), st.integers(0, 2**32 - 1)),
                 st.integers(1, 2), st.binary(max_size=17),
                 st.one_of(st.integers(0, 40_000_000), st.integers(0, 5 * 10**9)), st.integers(1, 30))
TAKEN = st.tuples(st.integers(0, 25_000_000), st.integers(1, 40))
ACTIONS = st.lists(st.one_of(SENT, TAKEN), max_size=60)
NETWORKS = st.sampled_from(sorted(STREAMS))


class Pair:
    """Both, called alike; they must never differ."""

    def __init__(self, chosen, span=160):
        self._both = JitterBuffer(**chosen), JitterBufferOracle(**chosen)
        self.now, self.sequence, self.timestamp, self.queued = 10**9, 0, 0, 0
        self.frame, self.span = chosen["frame"], span

    def put(self, steps, units, ssrc, payload, later_ns, count):
        for _ in range(count):
            self.now += later_ns
            self.sequence = (self.sequence + steps) % 65536
            self.timestamp = (self.timestamp + self.span * steps + units) % 2**32
            packet = (len(payload), self.sequence, self.timestamp, ssrc, payload)
            fates = {buffer.put(packet, self.span, self.now) for buffer in self._both}
            assert len(fates) == 1

    def get(self, later_ns, count):
        for _ in range(count):
            self.now += later_ns
            island, oracle = (buffer.get(self.now, self.queued) for buffer in self._both)
            assert island == oracle
            self.queued = (self.queued + island[1]) % self.frame

    def compare(self):
        island, oracle = self._both
        assert (len(island), island.target_ms) == (len(oracle), oracle.target_ms)
        assert island.figures() == oracle.figures()


@given(SETTINGS, SPANS, ACTIONS)
@settings(max_examples=300, deadline=None)
def test_the_island_does_what_the_oracle_does(chosen, span, actions):
    pair = Pair(chosen, span)
    for action in actions:
        (pair.put if len(action) == 6 else pair.get)(*action)
        pair.compare()


@given(NETWORKS, st.integers(0, 1000), st.sampled_from((40, 160)), st.sampled_from((0, 10, 100)))
@settings(max_examples=20, deadline=None)
def test_the_island_plays_every_network_as_the_oracle_does(name, seed, frame, late_per_mille):
    trace = make_trace(STREAMS[name](), 400, seed)
    island, oracle = (kind(frame=frame, late_per_mille=late_per_mille) for kind in (JitterBuffer, JitterBufferOracle))
    assert play_trace(island, trace, frame) == play_trace(oracle, trace, frame)
    assert island.figures() == oracle.figures()


def test_a_scale_that_is_moved_is_moved_alike():
    """4000 packets of clocks that are 3 % apart, both ways: beyond every bin within two windows."""
    for step_ns in (20_600_000, 19_400_000):
        pair = Pair({"clock_rate_hz": 8000, "frame": 160, "late_per_mille": 10})
        for _ in range(4000):
            pair.put(1, 0, 1, b"x", step_ns, 1)
            pair.get(0, 1)
        pair.compare()


@given(NETWORKS, st.integers(0, 1000), st.sampled_from((0, 10, 100)))
@settings(max_examples=60, deadline=None)
def test_packets_are_heard_in_order_once_and_accounted_for(name, seed, late_per_mille):
    trace = make_trace(STREAMS[name](), 600, seed)
    buffer = JitterBuffer(late_per_mille=late_per_mille)
    heard = play_trace(buffer, trace)
    numbers = [index for kind, index, _, _ in heard if kind == PACKET]
    assert numbers == sorted(set(numbers))
    figures = buffer.figures()
    assert figures["played"] == len(numbers)
    assert figures["received"] == figures["played"] + figures["late"] + figures["dropped"] + len(buffer)
    assert all(at_s >= trace[index].arrival_s for kind, index, at_s, _ in heard if kind == PACKET)
