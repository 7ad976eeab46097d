# SPDX-License-Identifier: Apache-2.0
"""A capture becomes the sound that somebody would have heard."""

import io
import math
import random
import wave
from array import array

import pytest

from appliance.native.jitter_buffer import JitterBuffer
from appliance.rtp.concealment import JOINT_UNITS
from appliance.rtp.g711 import PCMA, PCMU, decode_payload
from appliance.rtp.packet import RtpPacket, write_packet
from appliance.rtp.recorder import FRAME_UNITS, Recorder, play_capture
from tests.models.jitter_traces import STREAMS, make_trace, order_arrivals

BEGUN_NS = 5_000_000_000
STEP_NS = 20_000_000


def encode(payload_type, samples):
    """The nearest code of each sample: slow and obvious."""
    values = decode_payload(payload_type, bytes(range(256)))
    return bytes(min(range(256), key=lambda code: abs(values[code] - sample)) for sample in samples)


def speak(count):
    """Samples that repeat nowhere, so that every delay can be found again: a chirp."""
    return [round(8000 * math.sin(2 * math.pi * (200 + index / 40) * index / 8000)) for index in range(count)]


def packetize(payload_type, payload, span=FRAME_UNITS, sequence=65_530, timestamp=2**32 - 400):
    """(arrival, octets), each packet when its last sample has been spoken."""
    return [(BEGUN_NS + begin * 125_000,
             write_packet(RtpPacket(payload_type, (sequence + begin // span) % 65536, (timestamp + begin) % 2**32, 7,
                                    payload[begin:begin + span])))
            for begin in range(0, len(payload), span)]


def hear(arrivals, recorder=None):
    heard = array("h")
    for frame in play_capture(arrivals, recorder):
        assert len(frame) == FRAME_UNITS
        heard += frame
    return heard


def find(heard, spoken):
    """Where `spoken` begins in what was heard, but for its first samples, which are faded in; negative: nowhere."""
    place = heard.tobytes().find(array("h", spoken[JOINT_UNITS:]).tobytes())
    return -1 if place < 0 else place // 2 - JOINT_UNITS


@pytest.mark.parametrize("payload_type", [PCMU, PCMA])
@pytest.mark.parametrize("span", [80, 160, 240, 320])
def test_speech_over_a_good_network_is_heard_sample_for_sample(payload_type, span):
    payload = encode(payload_type, speak(9600))
    position = find(hear(packetize(payload_type, payload, span)), decode_payload(payload_type, payload))
    assert 0 <= position <= 2 * 320


def test_reordered_and_repeated_packets_are_heard_once_and_in_order():
    payload = encode(PCMA, speak(32_000))
    arrivals = packetize(PCMA, payload)
    for place in range(3, len(arrivals) - 1, 7):
        (first_ns, first), (second_ns, second) = arrivals[place:place + 2]
        arrivals[place:place + 2] = [(first_ns, second), (second_ns, first)]
    arrivals += arrivals[10:50:4]
    heard = hear(sorted(arrivals))
    assert find(heard, decode_payload(PCMA, payload)[16_000:]) > 0


def test_lost_packets_leave_short_gaps_and_everything_else_in_its_place():
    payload = encode(PCMU, speak(48_000))
    arrivals = packetize(PCMU, payload)
    chance = random.Random(4)
    lost = {number for number in range(20, len(arrivals)) if chance.random() < 0.05}
    recorder = Recorder(JitterBuffer(limits_ms=(60, 400)))
    heard = hear([packet for number, packet in enumerate(arrivals) if number not in lost], recorder)
    spoken = decode_payload(PCMU, payload)
    begin = find(heard, spoken[:20 * 160])
    assert begin > 0
    for number in set(range(1, len(arrivals))) - lost - {one + 1 for one in lost}:
        assert heard[begin + 160 * number:][:160] == spoken[160 * number:][:160]


def test_telephone_events_and_strangers_are_not_heard():
    payload = encode(PCMU, speak(3200))
    arrivals = packetize(PCMU, payload)
    event = write_packet(RtpPacket(101, 9, 9, 7, b"\x05\x0a\x00\xa0"))
    events = [(arrival_ns + 1, event) for arrival_ns, _ in arrivals]
    strange = [(BEGUN_NS + 2, b""), (BEGUN_NS + 3, b"\x80"), (BEGUN_NS + 4, b"nonsense" * 5),
               (BEGUN_NS + 5, write_packet(RtpPacket(PCMU, 1, 1, 7, b""))),
               (BEGUN_NS + 6, write_packet(RtpPacket(PCMU, 1, 1, 7, bytes(8001))))]
    recorder = Recorder()
    heard = hear(sorted(arrivals + events + strange), recorder)
    assert recorder.unheard == len(events) + len(strange)
    assert find(heard, decode_payload(PCMU, payload)) >= 0


def test_both_laws_may_change_within_a_call():
    samples = speak(6400)
    first, second = encode(PCMU, samples[:3200]), encode(PCMA, samples[3200:])
    arrivals = packetize(PCMU, first)
    arrivals += [(arrival_ns + 20 * STEP_NS, octets) for arrival_ns, octets in
                 packetize(PCMA, second, sequence=65_550, timestamp=2**32 - 400 + 3200)]
    heard = hear(arrivals)
    assert find(heard, decode_payload(PCMU, first) + decode_payload(PCMA, second)) >= 0


@pytest.mark.parametrize("name", ["Wi-Fi", "5 % loss, +-30 ms", "spurts", "drift +200 ppm"])
def test_a_capture_becomes_a_wav_of_its_length(name):
    trace = make_trace(STREAMS[name](), 300)
    payload = encode(PCMU, speak(160))
    arrivals = [(int(arrival_s * 1e9), write_packet(RtpPacket(PCMU, trace[index].sequence, trace[index].timestamp, 1,
                                                              payload))) for arrival_s, index in order_arrivals(trace)]
    recorder = Recorder()
    content = io.BytesIO()
    with wave.open(content, "wb") as written:
        written.setparams((1, 2, 8000, 0, "NONE", ""))
        for frame in play_capture(arrivals, recorder):
            written.writeframes(frame.tobytes())
    content.seek(0)
    with wave.open(content) as read:
        duration_s = read.getnframes() / read.getframerate()
    assert duration_s == pytest.approx((arrivals[-1][0] - arrivals[0][0]) / 1e9 + 0.4, abs=0.03)
    figures = recorder.figures()
    assert figures["played"] + figures["late"] + figures["dropped"] == figures["received"] == len(arrivals)


def test_nothing_captured_is_nothing_heard():
    assert list(play_capture([])) == []
