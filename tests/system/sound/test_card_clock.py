# SPDX-License-Identifier: Apache-2.0
"""From the network to an earpiece, and from a microphone to the network, by the sound thread as it is: cards whose
crystals are off, and threads that stand still. In virtual time.
"""

import socket

import numpy as np
import pytest

from appliance.native.handset_audio import HandsetAudio
from appliance.native.sip_sockets import pack_address
from appliance.rtp.g711 import PCMU, decode_payload
from appliance.rtp.packet import RtpPacket, read_packet, write_packet
from appliance.system.sound.sound_thread import SoundThread
from tests.system.sound.virtual_card import VirtualMachine

PACKET_NS = 20_000_000


def write_voice(seconds: int, seed: int = 5) -> np.ndarray:
    """Noise below 1 kHz: it correlates sharply, and a click in it is plain to see."""
    generator = np.random.default_rng(seed)
    spectrum = np.fft.rfft(generator.standard_normal(seconds * 8000))
    spectrum[np.fft.rfftfreq(seconds * 8000, 1 / 8000) > 1000] = 0
    voice = np.fft.irfft(spectrum)
    return (6000 * voice / np.abs(voice).max()).astype("<i2")


def encode(samples: np.ndarray) -> bytes:
    """PCMU, by looking for the nearest value."""
    values = np.array(decode_payload(PCMU, bytes(range(256))), int)
    order = np.argsort(values, kind="stable")
    middles = (values[order][1:] + values[order][:-1]) / 2
    return order[np.searchsorted(middles, samples)].astype(np.uint8).tobytes()


class StallingAudio:
    """The island; its thread stands still for `stall_s` at each of the times `stalls_s`."""

    def __init__(self, island: HandsetAudio, clock, stalls_s: list[float], stall_s: float) -> None:
        self.hear, self.take_keys, self._island = island.hear, island.take_keys, island
        self._clock, self._stall_s = clock, stall_s
        self._stalls_ns = [clock.now_ns + int(at_s * 1e9) for at_s in stalls_s]

    def speak(self, captured: bytes, now_ns: int) -> None:
        if self._stalls_ns and now_ns >= self._stalls_ns[0]:
            del self._stalls_ns[0]
            self._clock.sleep(self._stall_s)
        self._island.speak(captured, now_ns)


class Talk:
    """A handset's sound thread at a virtual card, and a far end that says `said`, with a clock that is right."""

    def __init__(self, monkeypatch, seconds: int, rates: tuple[float, float] = (8000.0, 8000.0), size: int = 640):
        self.said = write_voice(seconds)
        self.payload = encode(self.said)
        self.machine = VirtualMachine(monkeypatch, self.said, rates, size)
        self.begun_ns = self.machine.clock.now_ns
        self.end_ns = self.begun_ns + (seconds - 2) * 10**9
        self.near, self.far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self.near, self.far):
            one.bind(("127.0.0.1", 0))
        self.far.setblocking(False)
        self.audio = HandsetAudio(1, 1, 1)
        self.audio.connect(self.near.fileno(), pack_address(b"127.0.0.1", self.far.getsockname()[1]), PCMU, -1)
        self.audio.let_pass(True, True)
        self.thread = SoundThread("desk", self.audio, False, lambda _trouble: None, lambda _keys: None)
        self.sent, self.received = 0, []
        self.machine.clock.turned.append(self._turn)

    def stall(self, stalls_s: list[float], stall_s: float) -> None:
        self.thread._audio = StallingAudio(self.audio, self.machine.clock, stalls_s, stall_s)

    def _turn(self, now_ns: int) -> None:
        while self.begun_ns + (self.sent + 1) * PACKET_NS <= now_ns:
            payload = self.payload[160 * self.sent:160 * self.sent + 160]
            packet = RtpPacket(PCMU, self.sent & 0xFFFF, 160 * self.sent, 9, payload)
            self.far.sendto(write_packet(packet), self.near.getsockname())
            self.sent += 1
        while True:
            try:
                self.received.append((now_ns, read_packet(self.far.recv(2048))))
            except BlockingIOError:
                break
        if now_ns >= self.end_ns:
            self.thread.stop()

    def run(self) -> None:
        self.thread.run()
        assert self.thread.trouble == ""
        self.near.close()
        self.far.close()

    def delay_ms(self, at_s: float, span_s: float = 1.0) -> float:
        """How much later than it was said the earpiece sounds what it sounds at this time; nan: nothing like it."""
        earpiece = self.machine.earpiece
        first = int(at_s * earpiece.rate_hz)
        piece = earpiece.heard[first:first + int(span_s * 8000)].astype(float)
        begin = int(at_s * 8000) - 4000
        window = self.said[begin:begin + 4000 + len(piece)].astype(float)
        match = np.correlate(window, piece, "valid")
        place = int(np.argmax(match))
        energy = (piece ** 2).sum() * (window[place:place + len(piece)] ** 2).sum()
        return (4000 - place) / 8 if match[place] > 0.9 * np.sqrt(energy) else float("nan")


def longest_silence(samples: np.ndarray) -> int:
    loud = np.flatnonzero(np.abs(samples) > 30)
    return int(np.diff(loud).max())


@pytest.mark.parametrize(("microphone_hz", "earpiece_hz"), [
    (8001.6, 8001.6), (7998.4, 7998.4), (8000.0, 8001.6), (8000.0, 7998.4)])
def test_a_card_that_is_200_ppm_off_is_followed_for_minutes_without_a_click(monkeypatch, microphone_hz, earpiece_hz):
    talk = Talk(monkeypatch, 600, (microphone_hz, earpiece_hz))
    talk.run()
    delays = [talk.delay_ms(at_s, 0.25) for at_s in range(10, 590, 5)]
    assert np.nanmax(delays) < 75
    assert np.nanmax(delays) - np.nanmin(delays) < 25
    assert np.isnan(delays).mean() < 0.05       # a piece with a frame left out or doubled within it
    assert talk.thread.xruns == 0
    heard = talk.machine.earpiece.heard[8000 * 10:8000 * 590].astype(int)
    assert np.abs(np.diff(heard)).max() < 1.1 * np.abs(np.diff(talk.said.astype(int))).max()
    assert longest_silence(heard) < 80
    assert (talk.audio.figures()["jumps"], talk.audio.figures()["playout_late"]) == (0, 0)
    assert [packet.sequence for _, packet in talk.received[:60000]] == [number + 1 & 0xFFFF for number in range(
        len(talk.received))]


@pytest.mark.parametrize(("stalls_s", "stall_s"), [
    ([20.0], 0.5), ([20.0, 20.6, 21.2, 21.9], 0.5), ([20.0, 20.1, 20.2, 20.3, 20.4], 0.065), ([20.0], 0.015),
    ([20.0, 20.7], 0.079)])
def test_after_stalls_the_voice_is_as_late_as_before(monkeypatch, stalls_s, stall_s):
    talk = Talk(monkeypatch, 32)
    talk.stall(stalls_s, stall_s)
    talk.run()
    before, soon, after = talk.delay_ms(15.0), talk.delay_ms(stalls_s[-1] + 3.0), talk.delay_ms(27.0)
    assert before <= 61                         # 30 of them are in the earpiece's buffer
    assert soon <= before + 25
    assert after <= before + 16                 # a packet, while the window of the jitter buffer knows late ones
    assert (talk.thread.xruns > 0) == (stall_s > 0.04)
    transits = [(now_ns - talk.begun_ns) / 1e6 - packet.timestamp / 8 for now_ns, packet in talk.received]
    assert max(transits[-100:]) < transits[50] + 15      # and what the far end gets is in time for its timestamps
