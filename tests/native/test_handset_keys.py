# SPDX-License-Identifier: Apache-2.0
"""Keys of a handset: out as events or in the voice, and those heard in its microphone."""

import numpy as np
import pytest

from appliance.native.handset_audio import HandsetAudio
from appliance.rtp.g711 import PCMU, decode_payload
from appliance.rtp.telephone_event import KEYS, EventReader, read_event
from tests.native.handset_line import Line

LOW_HZ, HIGH_HZ = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
PAD = ("123A", "456B", "789C", "*0#D")


@pytest.fixture
def line():
    opened = Line()
    yield opened
    opened.close()


def test_a_key_is_an_event_told_once_with_its_marker_and_three_ends(line):
    assert line.audio.press("5", 100)
    for _ in range(40):
        line.turn()
    events = [packet for packet in line.read() if packet.payload_type == 101]
    readings = [read_event(packet.payload) for packet in events]
    assert [reading.duration for reading in readings] == [160, 320, 480, 640, 800, 800, 800]
    assert [reading.is_end for reading in readings] == [False] * 4 + [True] * 3
    assert [packet.is_marked for packet in events] == [True] + [False] * 6
    assert len({packet.timestamp for packet in events}) == 1


def test_keys_pressed_together_come_one_by_one_and_the_voice_goes_on(line):
    for key in KEYS:
        assert line.audio.press(key)
    for _ in range(600):
        line.turn()
    packets = line.read()
    reader = EventReader()
    keys = [event.key for packet in packets if packet.payload_type == 101
            and (event := reader.receive(packet.payload, packet.timestamp))]
    assert "".join(keys) == KEYS
    assert packets[-1].payload_type == 0
    assert [packet.sequence for packet in packets] == [(65530 + step) % 65536 for step in range(len(packets))]


def test_while_nothing_may_be_sent_no_key_is_and_none_waits_for_later(line):
    assert line.audio.press("1", 100)
    assert line.audio.press("2", 100)
    for _ in range(4):
        line.turn()
    assert {packet.payload_type for packet in line.read()} == {101}
    line.audio.let_pass(False, True)
    assert not line.audio.press("3", 100)
    for _ in range(40):
        line.turn()
    assert line.read() == []
    line.audio.let_pass(True, True)
    for _ in range(40):
        line.turn()
    assert {packet.payload_type for packet in line.read()} == {PCMU}


def test_a_key_in_the_voice_falls_silent_with_the_voice():
    line = Line(event_payload_type=-1)
    assert line.audio.press("1", 400)
    for _ in range(6):
        line.turn()
    line.audio.let_pass(False, False)
    line.turn()
    line.audio.let_pass(True, True)
    line.read()
    for _ in range(6):
        line.turn()
    heard = [decode_payload(PCMU, packet.payload) for packet in line.read()]
    line.close()
    assert heard
    assert max(abs(sample) for samples in heard[1:] for sample in samples) < 10


def test_more_keys_than_can_wait_are_refused(line):
    assert [line.audio.press("1") for _ in range(33)] == [True] * 32 + [False]


@pytest.mark.parametrize(("key", "duration_ms"), [("", 100), ("12", 100), ("x", 100), ("1", 10), ("1", 60000)])
def test_what_is_no_key_is_refused(line, key, duration_ms):
    with pytest.raises(ValueError, match="to 6000 ms"):
        line.audio.press(key, duration_ms)


def test_without_telephone_events_keys_are_heard_in_the_voice():
    line, ear = Line(event_payload_type=-1), HandsetAudio(1, 1, 1)
    ear.listen_keys(True)
    for key in KEYS:
        line.audio.press(key)
    heard = ""
    for _ in range(500):
        line.turn()
        for packet in line.read():
            samples = np.array(decode_payload(0, packet.payload)).astype("<i2")
            for half in (samples[:80], samples[80:]):
                ear.speak(half.tobytes(), 0)
            heard += ear.take_keys()
    line.close()
    assert heard == KEYS


def write_key(key: str, duration_ms: int, low_dbm0: float = -10.0, high_dbm0: float = -10.0,
              error: float = 1.0) -> np.ndarray:
    row = next(place for place, keys in enumerate(PAD) if key in keys)
    t = np.arange(duration_ms * 8) / 8000
    low = 32124 * 10 ** ((low_dbm0 - 3.17) / 20) * np.sin(2 * np.pi * LOW_HZ[row] * error * t)
    return low + 32124 * 10 ** ((high_dbm0 - 3.17) / 20) * np.sin(2 * np.pi * HIGH_HZ[PAD[row].index(key)] * error * t)


def detect(samples: np.ndarray) -> str:
    audio = HandsetAudio(1, 1, 1)
    audio.listen_keys(True)
    keys = ""
    whole = np.concatenate([samples, np.zeros(800)]).clip(-32768, 32767).astype("<i2")
    for begin in range(0, len(whole) - 79, 80):
        audio.speak(whole[begin:begin + 80].tobytes(), 0)
        keys += audio.take_keys()
    return keys


PAUSE = np.zeros(50 * 8)


@pytest.mark.parametrize(("low_dbm0", "high_dbm0", "error"), [
    (-10, -10, 1.0), (-3, -3, 1.0), (-24, -24, 1.0), (-34, -34, 1.0), (-10, -15, 1.0), (-15, -10, 1.0),
    (-10, -10, 1.015), (-10, -10, 0.985)])
def test_keys_are_heard_as_q24_wants(low_dbm0, high_dbm0, error):
    said = np.concatenate([np.concatenate([write_key(key, 50, low_dbm0, high_dbm0, error), PAUSE]) for key in KEYS])
    assert detect(said) == KEYS


def test_a_key_that_is_held_is_one_key_and_the_same_one_twice_are_two():
    assert detect(write_key("7", 2000)) == "7"
    assert detect(np.concatenate([write_key("7", 60), PAUSE, write_key("7", 60)])) == "77"


@pytest.mark.parametrize("sound", [
    write_key("5", 15), write_key("5", 100, -50, -50), write_key("5", 100, -10, -24), write_key("5", 200, error=1.045),
    9000 * np.sin(2 * np.pi * 697 * np.arange(8000) / 8000), 5000 * np.sin(2 * np.pi * 400 * np.arange(8000) / 8000)],
    ids=["short", "soft", "twisted", "off", "one of two", "dial tone"])
def test_what_is_no_key_is_not_heard_as_one(sound):
    assert detect(sound) == ""


def test_keys_are_heard_in_noise():
    generator = np.random.default_rng(2)
    said = np.concatenate([np.concatenate([write_key(key, 60), PAUSE]) for key in KEYS])
    assert detect(said + generator.normal(0, 300, len(said))) == KEYS


def test_ten_minutes_of_babble_are_no_key():
    """Q.24's talk-off, on noise with the resonances and the rhythm of speech."""
    generator = np.random.default_rng(9)
    count = 8000 * 60
    for _ in range(10):
        spectrum = np.fft.rfft(generator.standard_normal(count))
        hertz = np.fft.rfftfreq(count, 1 / 8000)
        formants = sum(np.exp(-((hertz - centre) / width) ** 2) for centre, width in
                       ((generator.uniform(300, 900), 120), (generator.uniform(1000, 2000), 200), (2500, 300)))
        voice = np.fft.irfft(spectrum * formants, count)
        assert detect(9000 * voice / np.abs(voice).max() * 2) == ""


# ---- tones and the far end
