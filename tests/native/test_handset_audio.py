# SPDX-License-Identifier: Apache-2.0
"""The handset's island between a card and a socket: what goes out, what is heard, bad lines."""

import random
import socket
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.native.handset_audio import ALONE, OVER, YIELDING, HandsetAudio
from appliance.native.jitter_buffer import PACKET, JitterBuffer
from appliance.native.sip_sockets import pack_address
from appliance.rtp.concealment import Concealment
from appliance.rtp.g711 import PCMA, PCMU, decode_payload
from appliance.rtp.packet import RtpPacket, read_packet, write_packet
from appliance.rtp.reception import Reception
from tests.native.handset_line import BEGUN_NS, FRAME_NS, SILENCE, Line

DIAL = [(400.0, 0.0, 0.0, 0.0, -13.0, -13.0, 0)]


@pytest.fixture
def line():
    opened = Line()
    yield opened
    opened.close()


def write_voice(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-20000, 20000, count).astype("<i2")


def test_the_microphone_goes_out_in_packets_of_20_ms_whose_numbers_wrap(line):
    voice = write_voice(1600)
    for begin in range(0, 1600, 80):
        line.turn(voice[begin:begin + 80].tobytes())
    packets = line.read()
    assert [packet.sequence for packet in packets] == [(65530 + step) % 65536 for step in range(10)]
    assert [packet.timestamp for packet in packets] == [(2**32 - 400 + 160 * step) % 2**32 for step in range(10)]
    assert [packet.is_marked for packet in packets] == [True] + [False] * 9
    assert {(packet.ssrc, packet.payload_type, len(packet.payload)) for packet in packets} == {(0xABCD, 0, 160)}


@pytest.mark.parametrize("payload_type", [PCMU, PCMA])
def test_every_sample_is_written_within_half_a_step_of_g711(payload_type):
    line = Line(payload_type)
    samples = np.arange(-32768, 32768, 1).astype("<i2")
    samples = samples[:len(samples) // 160 * 160]
    heard = array("h")
    for begin in range(0, len(samples), 80):
        line.turn(samples[begin:begin + 80].tobytes())
        for packet in line.read():
            heard += decode_payload(payload_type, packet.payload)
    line.close()
    size = np.abs(samples.astype(int))
    half_step = np.maximum(8, size / 32) if payload_type == PCMA else (size + 132) / 32     # steps grow with the chord
    assert (np.abs(np.array(heard).astype(int) - samples) - half_step).max() <= 1


@pytest.mark.parametrize("payload_type", [PCMU, PCMA])
def test_what_g711_can_say_exactly_comes_through_unchanged(payload_type):
    line = Line(payload_type)
    octets = bytes(range(256)) * 5
    samples = np.array(decode_payload(payload_type, octets)).astype("<i2")
    said = array("h")
    for begin in range(0, len(samples), 80):
        line.turn(samples[begin:begin + 80].tobytes())
        for packet in line.read():
            said += decode_payload(payload_type, packet.payload)
    line.close()
    assert list(said) == list(samples)


class SmallRecorder:
    """rtp.recorder with frames of 10 ms: jitter buffer, concealment and tables in Python."""

    def __init__(self) -> None:
        self.buffer = JitterBuffer(8000, 80, payload_limit=1024)
        self.concealment = Concealment()
        self.samples, self.left_out = array("h"), array("h")

    def receive(self, octets: bytes, arrival_ns: int) -> None:
        packet = read_packet(octets)
        self.buffer.put(packet, len(packet.payload), arrival_ns)

    def take_frame(self, now_ns: int) -> array:
        while len(self.samples) < 80:
            kind, span, skip, payload_type, payload = self.buffer.get(now_ns, len(self.samples))
            if kind != PACKET:
                self.samples += self.concealment.conceal(span)
                continue
            decoded = decode_payload(payload_type, payload)
            self.left_out += decoded[:skip]
            if span:
                self.samples += self.concealment.hear(decoded[skip:], self.left_out)
                self.left_out = array("h")
        frame, self.samples = self.samples[:80], self.samples[80:]
        return frame


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.integers(0, 15), st.integers(0, 60))
def test_it_hears_what_the_recorder_in_python_hears(seed, loss_percent, jitter_ms):
    """Same packets at the same times, 10 ms a frame: sample by sample the same."""
    generator = random.Random(seed)
    line, recorder = Line(), SmallRecorder()
    frames = []
    arrivals = []
    for number in range(60):
        if generator.randrange(100) >= loss_percent:
            arrivals.append((number * 2 + generator.uniform(0, jitter_ms / 10), number))
    arrivals.sort()
    for tick in range(140):
        while arrivals and arrivals[0][0] <= tick:
            number = arrivals.pop(0)[1]
            payload = generator.randbytes(160)
            packet = RtpPacket(0, 100 + number, 160 * number, 7, payload)
            line.send(packet)
            recorder.receive(write_packet(packet), line.now_ns + FRAME_NS)
        frames.append(np.abs(line.turn().astype(int) - np.array(recorder.take_frame(line.now_ns))).max())
    line.close()
    assert line.audio.figures()["received"] > 0
    assert max(frames) == 0


def test_a_steady_stream_is_heard_without_a_change():
    line = Line()
    generator = random.Random(3)
    payloads = [generator.randbytes(160) for _ in range(100)]
    heard = []
    for tick in range(220):
        if tick % 2 == 0 and tick // 2 < 100:
            line.send(RtpPacket(0, tick // 2, 80 * tick, 7, payloads[tick // 2]))
        heard.append(line.turn())
    line.close()
    samples = np.concatenate(heard)
    said = np.array(decode_payload(0, b"".join(payloads)))
    begin = int(np.flatnonzero(samples)[0])     # the first packet fades in; behind it all is as it was said
    tail = samples[begin + 800:begin + 800 + 12000]
    offsets = [offset for offset in range(600, 1000) if list(said[offset:offset + 64]) == list(tail[:64])]
    assert offsets
    assert list(said[offsets[0]:offsets[0] + 12000]) == list(tail)


def longest_silence_ms(samples: np.ndarray, threshold: int = 30) -> float:
    quiet = np.concatenate([[False], np.abs(samples) < threshold, [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(int)))
    return max(np.diff(edges)[::2] / 8, default=0.0)


@pytest.mark.parametrize("seed", range(6))
def test_five_percent_loss_and_30_ms_jitter_leave_no_gap_of_60_ms_and_little_delay(seed):
    generator = random.Random(seed)
    line = Line()
    t = np.arange(8000 * 20)
    voice = (8000 * np.sin(2 * np.pi * 440 * t / 8000)).astype("<i2")
    payloads = [encode(voice[begin:begin + 160]) for begin in range(0, len(voice), 160)]
    sendings = sorted((number * 20 + generator.uniform(0, 30) + (25 if generator.random() < 0.02 else 0), number)
                      for number in range(len(payloads)) if generator.random() >= 0.05)
    heard = []
    for tick in range(2000):
        while sendings and sendings[0][0] <= tick * 10:
            number = sendings.pop(0)[1]
            line.send(RtpPacket(0, number % 65536, 160 * number, 7, payloads[number]))
        heard.append(line.turn())
    line.close()
    samples = np.concatenate(heard)[8000:-2000]
    assert longest_silence_ms(samples) < 60
    assert line.audio.delay_ms <= 60
    figures = line.audio.figures()
    assert figures["playout_late"] < 0.03 * figures["received"]


def encode(samples: np.ndarray) -> bytes:
    """By the island itself, whose other tests compare it with the tables."""
    line = Line()
    line.turn(samples[:80].tobytes())
    line.turn(samples[80:].tobytes())
    payload = line.read()[0].payload
    line.close()
    return payload


@pytest.mark.parametrize("drift_ppm", [-200, 200])
def test_a_card_that_runs_fast_or_slow_is_followed_for_ten_minutes(drift_ppm):
    line = Line()
    payload = encode((8000 * np.sin(2 * np.pi * 400 * np.arange(160) / 8000)).astype("<i2"))
    sent = 0
    lost = 0
    frames = 600 * 100
    for tick in range(1, frames):
        line.now_ns = BEGUN_NS + int(tick * FRAME_NS * (1 + drift_ppm / 1e6)) - FRAME_NS
        while sent * 2 * FRAME_NS <= line.now_ns - BEGUN_NS:
            line.send(RtpPacket(0, sent % 65536, 160 * sent % 2**32, 7, payload))
            sent += 1
        heard = line.turn()
        lost += tick > 100 and np.abs(heard).max() < 100
        if tick % 8 == 0:
            line.read()
    line.close()
    figures = line.audio.figures()
    longer = figures["playout_stretched_units"] + figures["playout_waiting_units"]
    moved = abs(figures["playout_skipped_units"] - longer)
    assert lost == 0
    assert figures["playout_late"] <= 10
    assert figures["jumps"] == 0
    assert moved == pytest.approx(600 * 8000 * 200 / 1e6, abs=480)
    assert line.audio.delay_ms <= 30


# ---- keys

def test_a_yielding_tone_sounds_until_the_far_end_is_heard(line):
    line.audio.play_tone(DIAL, 0, YIELDING)
    assert np.abs(np.concatenate([line.turn() for _ in range(10)])).max() > 4000
    for number in range(20):
        line.send(RtpPacket(0, number, 160 * number, 7, b"\xff" * 160))
        line.turn()
        line.turn()
    assert line.audio.has_heard
    assert np.abs(line.turn()).max() < 50


def test_a_tone_alone_is_not_disturbed_and_one_over_the_far_end_is_heard_with_it(line):
    loud = encode((12000 * np.ones(160)).astype("<i2"))
    for begin, mode, most in ((0, ALONE, 5000), (20, OVER, 20000)):
        line.audio.play_tone(DIAL, 0, mode)
        heard = []
        for number in range(begin, begin + 20):
            line.send(RtpPacket(0, number, 160 * number, 7, loud))
            heard += [line.turn(), line.turn()]
        assert most * 0.8 < np.abs(np.concatenate(heard[20:])).max() <= most


# ---- strangers and rubbish

def test_a_stranger_is_counted_and_not_heard(line):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        for number in range(10):
            stranger.sendto(write_packet(RtpPacket(0, number, 160 * number, 7, b"\x00" * 160)), line.near.getsockname())
            assert np.abs(line.turn()).max() == 0
    assert line.audio.figures()["strangers"] == 10


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=1600))
def test_no_datagram_does_any_harm(octets):
    line = Line()
    line.far.sendto(octets, line.near.getsockname())
    line.turn()
    figures = line.audio.figures()
    line.close()
    assert figures["received"] + figures["unheard"] == 1


def test_nothing_passes_that_may_not(line):
    line.audio.let_pass(False, False)
    line.send(RtpPacket(0, 1, 160, 7, b"\x00" * 160))
    assert all(np.abs(line.turn()).max() == 0 for _ in range(20))
    assert line.read() == []


def test_what_waited_while_nobody_listened_is_thrown_away():
    line = Line(is_connected=False)
    for number in range(50):
        line.send(RtpPacket(0, number, 160 * number, 7, b"\x00" * 160))
    line.audio.connect(line.near.fileno(), pack_address(b"127.0.0.1", line.far.getsockname()[1]), 0, -1)
    line.audio.let_pass(True, True)
    line.turn()
    assert line.audio.figures()["received"] == 0
    line.close()


def test_without_a_connection_there_is_silence_and_no_key_can_be_sent():
    audio = HandsetAudio(1, 1, 1)
    assert audio.hear(BEGUN_NS) == SILENCE
    audio.speak(SILENCE, BEGUN_NS)
    assert not audio.press("1")


@pytest.mark.parametrize("segments", [DIAL * 25, []])
def test_tones_that_cannot_be_are_refused(segments):
    with pytest.raises(ValueError, match="segments"):
        HandsetAudio(1, 1, 1).play_tone(segments, 0, ALONE)


# ---- what reports need

def test_what_is_reported_is_what_the_appendix_counts(line):
    """RFC 3550 A.1, A.3, A.8 by the model in rtp.reception, over wrap, loss, keys and another source."""
    model = Reception(7, 65500)
    chance = random.Random(5)
    for number in range(200):
        if number < 2 or chance.random() < 0.9:
            sequence = (65500 + number) & 0xFFFF
            line.send(RtpPacket(0, sequence, 160 * number, 7, b"\x00" * 160))
            model.receive(sequence, 160 * number, (line.now_ns + FRAME_NS) / 1e9)
        line.turn()
        line.turn()
    ssrc, timestamp, sent, octets, heard, highest, expected, received, jitter = line.audio.reporting()
    assert (ssrc, sent, octets) == (0xABCD, 200, 200 * 160)
    assert timestamp % 2**32 == (2**32 - 400 + 200 * 160) % 2**32
    assert (heard, highest, expected) == (7, model.highest_sequence, model.expected)
    assert expected - received == model.lost
    assert abs(jitter / 8 - model.jitter_ms) <= 0.2


def test_one_packet_is_no_source_and_reports_by_mistake_are_not_counted(line):
    line.send(RtpPacket(0, 1, 0, 7, b"\x00" * 160))
    line.turn()
    assert line.audio.reporting()[4] is None
    line.send(RtpPacket(72, 2, 160, 7, b"\x00" * 160))      # RFC 5761 4: a sender report with its marker
    line.turn()
    assert line.audio.reporting()[4] is None
    line.send(RtpPacket(101, 2, 160, 7, b"\x00" * 4))
    line.turn()
    assert line.audio.reporting()[4] == 7


def test_each_connection_is_a_source_of_its_own_whose_counts_begin_at_nothing(line):
    for _ in range(10):
        line.turn()
    first = line.read()[0].ssrc
    other = Line()
    line.audio.connect(other.near.fileno(), pack_address(b"127.0.0.1", other.far.getsockname()[1]), 0, -1)
    line.audio.let_pass(True, True)
    assert line.audio.reporting()[2:7] == (0, 0, None, 0, 0)
    line.turn()
    line.turn()
    second = other.read()[0].ssrc
    other.close()
    assert first == 0xABCD
    assert second != first
    assert line.audio.reporting()[0] == second
