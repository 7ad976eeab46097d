# SPDX-License-Identifier: Apache-2.0
"""The jitter buffer as its consumer sees it: one thing that networks or senders do, and what is heard."""

from pathlib import Path

import pytest

from appliance.native.jitter_buffer import (
    DUPLICATE,
    HELD,
    IDLE,
    KEPT,
    LATE,
    LOST,
    OVERSIZED,
    PACKET,
    SILENT,
    STRETCHED,
    WAITING,
    JitterBuffer,
)
from tests.models.jitter_traces import (
    STREAMS,
    Stream,
    cross_lan,
    judge,
    make_trace,
    play_trace,
    read_recording,
    synthetic_traces,
)

RECORDINGS = Path(__file__).parents[1] / "vectors" / "jitter"

MS = 1_000_000
STEP_NS = 20 * MS
SECOND = 1000 * MS
BEGUN = 100 * SECOND
NAMES = {IDLE: "idle", LOST: "lost", WAITING: "waiting", SILENT: "silent", STRETCHED: "stretched"}


class Line:
    """A sender of 20-ms packets and the consumer beside it; packet n leaves at n * 20 ms, at once it is there."""

    def __init__(self, sequence=100, timestamp=5000, **settings):
        self.buffer = JitterBuffer(**settings)
        self.sequence, self.timestamp, self.ssrc = sequence, timestamp, 1

    def put(self, number, late_ms=0, skew=0, ssrc=None):
        """Packet `number` with its number as payload; skew: timestamp units by which its timestamp is off."""
        packet = (8, (self.sequence + number) % 65536, (self.timestamp + 160 * number + skew) % 2**32,
                  self.ssrc if ssrc is None else ssrc, str(number).encode())
        return self.buffer.put(packet, 160, BEGUN + number * STEP_NS + late_ms * MS)

    def get(self, tick):
        """What is heard in frame `tick`, 1 ms after packet `tick` is there: the number of a packet, or the kind."""
        kind, span, skip, payload_type, payload = self.buffer.get(BEGUN + tick * STEP_NS + MS)
        if kind != PACKET:
            assert (span, skip, payload_type, payload) == (160, 0, None, None)
            return NAMES[kind]
        assert (span + skip, payload_type) == (160, 8)
        return int(payload) if span else self.get(tick)

    def run(self, ticks, missing=(), **changes):
        """Packets come in time but for those missing; what is heard."""
        heard = []
        for tick in ticks:
            if tick not in missing:
                self.put(tick, **changes)
            heard.append(self.get(tick))
        return heard


def settled():
    """A line whose packets are played at once: the first delay of a frame went with the packet that was lost."""
    line = Line()
    assert line.run(range(-1000, 200), missing={0})[-1] == 199
    return line


def test_nothing_is_heard_before_the_first_packet():
    buffer = JitterBuffer()
    assert buffer.get(SECOND) == (IDLE, 160, 0, None, None)
    assert buffer.get(SECOND, 40) == (IDLE, 120, 0, None, None)
    assert buffer.target_ms == 0.0


def test_the_first_packets_wait_until_a_little_jitter_would_not_hurt():
    line = Line()
    assert line.run(range(5)) == ["idle", 0, 1, 2, 3]


def test_every_packet_is_heard_once_and_in_order():
    line = Line()
    heard = line.run(range(3000))
    assert heard == ["idle", *range(2999)]


def test_sequence_numbers_and_timestamps_wrap_unheard():
    line = Line(sequence=65530, timestamp=2**32 - 800)
    heard = line.run(range(200))
    assert heard[1:] == list(range(199))


def test_70000_packets_pass_every_wrap_of_the_sequence():
    line = Line(sequence=65000)
    heard = line.run(range(70_000))
    assert heard[1:] == list(range(69_999))
    assert line.buffer.figures()["restarts"] == 0


def test_a_lost_packet_is_told_as_lost_when_later_ones_are_there_and_the_delay_stays():
    line = Line(limits_ms=(60, 400))
    heard = line.run(range(300), missing={203})
    begun = heard.count("idle")
    assert heard == ["idle"] * begun + ["lost" if number == 203 else number for number in range(300 - begun)]


def test_without_delay_nobody_knows_what_is_missing_and_the_next_packet_is_heard_in_its_time():
    line = settled()
    assert line.run(range(200, 210), missing={203}) == [200, 201, 202, "waiting", *range(204, 210)]


def test_packets_that_swap_places_are_heard_in_order_once_the_delay_knows():
    line = Line()
    heard = []
    for tick in range(0, 400, 2):
        for number in (tick + 1, tick):
            line.put(number, late_ms=20 * (number == tick))
        heard += [line.get(tick + 1), line.get(tick + 2)]
    numbers = [number for number in heard[20:] if isinstance(number, int)]
    assert numbers == sorted(numbers)
    assert line.buffer.figures()["late"] <= 1


def test_a_duplicate_is_told_apart_whether_it_waits_or_has_been_heard():
    line = Line()
    assert [line.put(0), line.put(1), line.put(1)] == [KEPT, KEPT, DUPLICATE]
    line.run(range(2, 6))
    assert line.put(1) == LATE


def test_a_stall_is_concealed_and_its_burst_is_not_heard_long_after():
    line = settled()
    stalled = [line.get(tick) for tick in range(200, 209)]
    for number in range(200, 209):
        line.put(number, late_ms=20 * (209 - number))
    heard = line.run(range(209, 230))
    assert stalled == ["waiting"] * 9
    assert heard[0] == 208                          # a frame more than wanted: not worth a packet
    assert heard[-1] == 228
    assert line.buffer.figures()["dropped"] == 8


def test_frequent_stalls_make_the_delay_longer_until_nothing_is_late():
    line = Line()
    for tick in range(2000):
        if tick % 20 == 19:
            for number in range(tick - 4, tick + 1):
                line.put(number, late_ms=20 * (tick - number))
        elif tick % 20 < 15:
            line.put(tick)
        kind = line.get(tick)
        assert tick < 200 or isinstance(kind, int)
    assert 80 <= line.buffer.target_ms <= 90


def test_the_delay_is_shortened_again_by_leaving_packets_out_one_at_a_time():
    line = Line()
    for tick in range(300):
        line.put(tick, late_ms=60 if tick < 250 and tick % 10 == 0 else 0)
        line.get(tick)
    heard = line.run(range(300, 1500))
    assert heard[0] <= 297
    assert heard[-1] == 1498
    left_out = line.buffer.figures()["skipped_units"] // 160
    assert 1 <= left_out <= 4


def test_silence_of_the_sender_is_told_and_the_next_spurt_begins_with_the_wanted_delay():
    line = settled()
    for tick in range(200, 210):        # the packets of ticks 200 to 209 are never sent: their numbers come later
        assert line.get(tick) == "waiting"
    line.sequence -= 10
    heard = line.run(range(210, 215))
    assert heard == list(range(210, 215))
    assert line.buffer.figures()["lost_units"] == 0


def test_silence_known_in_advance_is_silent_not_lost():
    line = settled()
    for number in range(200, 203):
        line.put(number)
    line.sequence -= 2
    line.put(205)
    heard = [line.get(tick) for tick in range(200, 206)]
    assert "silent" in heard
    assert "lost" not in heard


def test_another_ssrc_takes_over_with_its_second_packet_and_loses_neither():
    line = settled()
    assert line.put(200, ssrc=2) == HELD
    line.get(200)
    assert line.put(201, ssrc=2) == KEPT
    line.ssrc = 2
    heard = [line.get(201), *line.run(range(202, 210))]
    assert heard[-7:] == list(range(heard[-7], heard[-7] + 7))
    assert 200 in heard
    assert line.buffer.figures()["restarts"] == 1


def test_a_stranger_among_the_packets_never_takes_over():
    line = settled()
    for tick in range(200, 300):
        line.put(tick)
        assert line.put(tick, ssrc=7) == HELD
        assert line.get(tick) == tick
    assert line.buffer.figures()["restarts"] == 0
    assert line.buffer.figures()["stray"] == 99


@pytest.mark.parametrize("skew", [1_000_000, -1_000_000, 2**31])
def test_a_sender_that_jumps_in_time_is_followed(skew):
    line = settled()
    heard = line.run(range(200, 220), skew=skew)
    assert heard[2:] == list(range(201, 219))       # the first delay of a stream again
    assert line.buffer.figures()["restarts"] == 1
    assert line.buffer.figures()["stray"] == 0


def test_one_packet_with_a_wrong_timestamp_changes_nothing():
    line = settled()
    for tick in range(200, 240):
        line.put(tick, skew=500_000 if tick == 210 else 0)
        heard = line.get(tick)
        assert heard == ("waiting" if tick == 210 else tick)


def test_nobody_waits_for_a_timestamp_that_is_a_second_ahead():
    line = settled()
    for tick in range(200, 240):
        line.put(tick, skew=8000 if tick == 210 else 0)
        heard = line.get(tick)
    assert heard == 239


def test_a_consumer_that_was_away_hears_the_present():
    line = settled()
    for number in range(200, 1000):
        line.put(number)
    assert len(line.buffer) == 64
    assert line.get(999) == 998
    assert line.buffer.figures()["dropped"] == 798


def test_a_hundred_ppm_either_way_cost_at_most_a_frame_in_three_minutes():
    for drift_ppm in (-200.0, 200.0):
        trace = make_trace(Stream(cross_lan, drift_ppm), 9000)
        played = judge(trace, play_trace(JitterBuffer(), trace))
        assert played.unplayed_percent <= 100 * 4 / 9000
        assert played.delay_ms <= 45
        assert played.concealed_ms <= 100


def test_hours_of_drift_keep_the_delay_small():
    """1000 ppm for 40000 packets: the scale of the transit times is moved again and again."""
    for drift_ppm in (-1000.0, 1000.0):
        trace = make_trace(Stream(cross_lan, drift_ppm), 40_000)
        buffer = JitterBuffer()
        played = judge(trace, play_trace(buffer, trace))
        assert buffer.figures()["restarts"] == 0
        assert played.unplayed_percent <= 0.5
        assert buffer.target_ms <= 30


@pytest.mark.parametrize("name", STREAMS)
def test_every_network_is_played_with_few_packets_late(name):
    """1 % may be late; what bursts and their ends cost comes on top."""
    trace = make_trace(STREAMS[name](), 6000)
    played = judge(trace, play_trace(JitterBuffer(late_per_mille=10), trace))
    assert played.unplayed_percent <= 1.6
    assert played.delay_ms <= 215


@pytest.mark.parametrize(("name", "delay_ms"), [("busy_machine", 40), ("full_uplink", 290)])
def test_recorded_networks_are_played_with_few_packets_late(name, delay_ms):
    trace = read_recording((RECORDINGS / f"{name}.txt").read_text(encoding="ascii"))
    played = judge(trace, play_trace(JitterBuffer(late_per_mille=10), trace))
    assert len(trace) >= 3000
    assert played.unplayed_percent <= 1.6
    assert played.delay_ms <= delay_ms


def test_with_netems_jitter_and_loss_no_gap_is_long_and_the_delay_is_bearable():
    trace = make_trace(STREAMS["5 % loss, +-30 ms"](), 9000)
    played = judge(trace, play_trace(JitterBuffer(), trace))
    assert played.delay_ms <= 120
    assert played.longest_gap_ms <= 60
    assert played.unplayed_percent == 0.0


def test_a_consumer_of_short_frames_hears_the_same_packets():
    for _, trace in synthetic_traces(1500):
        whole = {index for _, index, _, _ in play_trace(JitterBuffer(late_per_mille=0), trace)}
        short = {index for _, index, _, _ in play_trace(JitterBuffer(frame=40, late_per_mille=0), trace, 40)}
        assert len(whole ^ short) <= 3


def test_limits_hold_the_delay():
    for limits_ms, least, most in (((60, 400), 60, 80), ((0, 40), 20, 40)):
        line = Line(limits_ms=limits_ms, late_per_mille=0)
        for tick in range(300):
            line.put(tick, late_ms=300 if tick == 150 else 0)
            line.get(tick)
        if limits_ms[0]:
            assert line.buffer.target_ms >= least
        else:
            assert line.buffer.target_ms <= most


def test_what_is_too_large_is_not_kept():
    buffer = JitterBuffer(payload_limit=160)
    assert buffer.put((0, 1, 1, 1, bytes(161)), 160, 0) == OVERSIZED
    assert buffer.put((0, 1, 1, 1, bytes(160)), 160, 0) == KEPT
    assert buffer.figures()["oversized"] == 1


@pytest.mark.parametrize("settings", [
    {"clock_rate_hz": 0}, {"clock_rate_hz": 11025}, {"clock_rate_hz": 200_000}, {"frame": 0}, {"frame": 8001},
    {"late_per_mille": -1}, {"late_per_mille": 1000}, {"limits_ms": (5, 4)}, {"limits_ms": (0, 1024)},
    {"limits_ms": (-1, 4)}, {"payload_limit": 0}, {"payload_limit": 70_000}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError):
        JitterBuffer(**settings)


@pytest.mark.parametrize(("packet", "span", "error"), [
    ((0, 1, 1, 1), 160, TypeError), ([0, 1, 1, 1, b""], 160, TypeError), ((0, 1, 1, 1, "x"), 160, TypeError),
    ((0, 1, 1, 1, b""), 0, ValueError), ((0, 1, 1, 1, b""), 8001, ValueError),
    ((0, 65536, 1, 1, b""), 160, OverflowError), ((0, 1, -1, 1, b""), 160, OverflowError)])
def test_what_is_no_packet_is_refused(packet, span, error):
    with pytest.raises(error):
        JitterBuffer().put(packet, span, 0)


def test_times_and_queues_out_of_range_are_refused():
    buffer = JitterBuffer()
    with pytest.raises(ValueError):
        buffer.put((0, 1, 1, 1, b""), 160, -1)
    with pytest.raises(ValueError):
        buffer.get(-1)
    with pytest.raises(ValueError):
        buffer.get(0, 160)


def test_days_of_uptime_do_not_disturb_the_arithmetic():
    buffer = JitterBuffer(clock_rate_hz=48_000, frame=960)
    century_ns = 100 * 365 * 24 * 3600 * SECOND
    heard = []
    for number in range(10):
        buffer.put((0, number, number * 960, 1, b"x"), 960, century_ns + number * STEP_NS)
        heard.append(buffer.get(century_ns + number * STEP_NS + MS)[0])
    assert heard == [IDLE] + [PACKET] * 9
