# SPDX-License-Identifier: Apache-2.0
"""What a handset wants of sound, bell and lamp. The shell satisfies it; tests do with less."""

from typing import NamedTuple, Protocol

from appliance.audio.tones import Tone


class VoicePort(Protocol):
    """A UDP port for one call's voice. address: textual, port: even."""

    address: str
    port: int

    def close(self) -> None:
        """Not wanted any more."""


class RemoteVoice(NamedTuple):
    """Where a call's voice goes, and how. payload_type: PCMU or PCMA; event_payload_type: -1 for none; report_host,
    report_port: for RTCP."""

    host: str
    port: int
    payload_type: int
    event_payload_type: int
    report_host: str
    report_port: int


class Voice(Protocol):
    """Earpiece, microphone, bell, lamp."""

    def open_port(self, address: str) -> VoicePort:
        """At this address of ours. Raises MachineError."""

    def connect(self, port: VoicePort, remote: RemoteVoice) -> None:
        """Microphone and earpiece are this call's."""

    def let_pass(self, sends: bool, hears: bool) -> None:
        """Whether the microphone goes out and the far end is heard."""

    def disconnect(self) -> None:
        """Nobody is there."""

    def play(self, tone: Tone, is_yielding: bool = False, is_over: bool = False) -> None:
        """Sound it; is_yielding: until the far end is heard; is_over: over the far end."""

    def stop_tone(self) -> None:
        """Sound nothing of our own."""

    def press(self, key: str) -> None:
        """Send a key to the far end."""

    def listen_keys(self, listens: bool) -> None:
        """Whether keys in the microphone are looked for."""

    def ring(self, is_ringing: bool) -> None:
        """The bell."""

    def light(self, is_lit: bool) -> None:
        """The lamp."""

    def remind(self, has_messages: bool) -> None:
        """The lamp, while it has nothing else to say: whether messages wait."""
