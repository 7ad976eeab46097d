# SPDX-License-Identifier: Apache-2.0
"""Earpiece, microphone, bell and lamp of one handset. Satisfies handset.voice.Voice; on the event loop's thread."""

from __future__ import annotations

import os
from typing import Protocol

from appliance.audio.tones import Tone
from appliance.handset.voice import RemoteVoice, VoicePort
from appliance.native.handset_audio import ALONE, OVER, YIELDING, HandsetAudio
from appliance.native.sip_sockets import pack_address
from appliance.system.sound.sound_thread import DeviceReport, KeysReport, SoundThread
from appliance.system.sound.voice_ports import EXPEDITED_FORWARDING, UdpVoicePort
from appliance.system.sound.voice_reports import VoiceReports


class Signals(Protocol):
    """Bell and lamp."""

    def ring(self, is_ringing: bool) -> None:
        """With the country's cadence."""

    def light(self, is_lit: bool) -> None:
        """Steady."""

    def remind(self, has_messages: bool) -> None:
        """A short flash now and then."""


class HandsetVoice:
    """audio: of its thread; tone: the name of what sounds, "" for nothing; dscp: the mark of ports opened later."""

    def __init__(self, device: str, cancels_echo: bool, signals: Signals, report: DeviceReport,
                 report_keys: KeysReport) -> None:
        number = int.from_bytes(os.urandom(10), "big")
        self.audio = HandsetAudio(number & 0xFFFFFFFF, number >> 32 & 0xFFFF, number >> 48)
        self._thread = SoundThread(device, self.audio, cancels_echo, report, report_keys)
        self._signals = signals
        self._connected: UdpVoicePort | None = None
        self._reports: VoiceReports | None = None
        self.dscp = EXPEDITED_FORWARDING
        self.tone = ""
        self.is_ringing = False

    def start(self) -> None:
        """Sound from now on."""
        self._thread.start()

    def stop(self) -> None:
        """No more sound; waits for the frame under way."""
        self._thread.stop()
        self._thread.join(2.0)

    def figures(self) -> dict[str, object]:
        """What the card and the network did, for people."""
        thread = self._thread
        return {"device_trouble": thread.trouble, "echo_trouble": thread.echo_trouble,
                "frames": thread.frames, "xruns": thread.xruns,
                "device_losses": thread.losses, "ahead_ms": round(thread.ahead_ms),
                "delay_ms": round(self.audio.delay_ms), **self.audio.figures(),
                "line": self._reports.describe() if self._reports is not None else {}}

    # Voice

    def open_port(self, address: str) -> VoicePort:
        """Voice."""
        return LeasedPort(self, UdpVoicePort(address, self.dscp))

    def connect(self, port: VoicePort, remote: RemoteVoice) -> None:
        """Voice."""
        assert isinstance(port, LeasedPort)
        try:
            address = pack_address(remote.host.encode(), remote.port)
        except ValueError:
            return      # a name in c=: nobody here looks it up
        if self._connected is not port.inner:
            self._close_reports()
            self._connected = port.inner
        self.audio.connect(port.inner.descriptor, address, remote.payload_type, remote.event_payload_type)
        if self._reports is None:
            self._reports = VoiceReports(self.audio, port.inner.control, find_report_place(remote))
        else:
            self._reports.move(find_report_place(remote))

    def let_pass(self, sends: bool, hears: bool) -> None:
        """Voice."""
        self.audio.let_pass(sends, hears)

    def disconnect(self) -> None:
        """Voice."""
        self._close_reports()
        self.audio.disconnect()
        self._connected = None

    def _close_reports(self) -> None:
        if self._reports is not None:
            self._reports.close()
            self._reports = None

    def release(self, port: UdpVoicePort) -> None:
        """Before its socket is closed nobody uses it any more."""
        if self._connected is port:
            self.disconnect()

    def play(self, tone: Tone, is_yielding: bool = False, is_over: bool = False) -> None:
        """Voice."""
        self.tone = tone.name
        mode = YIELDING if is_yielding else OVER if is_over else ALONE
        self.audio.play_tone([segment.write() for segment in tone.segments], tone.again, mode)

    def stop_tone(self) -> None:
        """Voice."""
        self.tone = ""
        self.audio.stop_tone()

    def press(self, key: str) -> None:
        """Voice."""
        self.audio.press(key)

    def listen_keys(self, listens: bool) -> None:
        """Voice."""
        self.audio.listen_keys(listens)

    def ring(self, is_ringing: bool) -> None:
        """Voice."""
        self.is_ringing = is_ringing
        self._signals.ring(is_ringing)

    def light(self, is_lit: bool) -> None:
        """Voice."""
        self._signals.light(is_lit)

    def remind(self, has_messages: bool) -> None:
        """Voice."""
        self._signals.remind(has_messages)


class LeasedPort:
    """A port that says goodbye to the audio before it closes. inner: the sockets."""

    __slots__ = ("_voice", "address", "inner", "port")

    def __init__(self, voice: HandsetVoice, inner: UdpVoicePort) -> None:
        self._voice = voice
        self.inner = inner
        self.address = inner.address
        self.port = inner.port

    def close(self) -> None:
        """VoicePort."""
        self._voice.release(self.inner)
        self.inner.close()


def find_report_place(remote: RemoteVoice) -> tuple[str, int]:
    """Where RTCP goes; beside the voice where `a=rtcp` has a name (RFC 3605 2.1): nobody here looks it up."""
    try:
        pack_address(remote.report_host.encode(), remote.report_port)
    except ValueError:
        return remote.host, min(remote.port + 1, 65535)
    return remote.report_host, remote.report_port
