# SPDX-License-Identifier: Apache-2.0
"""The sound of one handset (ext/handset_audio.pyx): frames of a sound card, RTP with G.711, tones, keys."""

from collections.abc import Sequence

ALONE: int
"""How a tone sounds: instead of the far end."""
YIELDING: int
"""Until the far end is heard (RFC 3960 3.2: early media only where there are packets)."""
OVER: int
"""Over the far end."""
KEY_WORDS: str
"""Every key, at the place that is its number in RFC 4733 3.2."""

_Segment = tuple[float, float, float, float, float, float, int]
"""Two frequencies in Hz (0.0 for none; both 0.0: silence), modulation in Hz and its depth (0.0 to 1.0), level at the
beginning and at the end in dBm0, duration in ms (0 for ever)."""

class HandsetAudio:
    """A frame is 80 samples of 16 bits at 8000 Hz, 160 octets. `hear` and `speak` are one thread's, a frame each; the
    rest may be called by others. ssrc, sequence, timestamp: at random (RFC 3550 5.1)."""

    has_heard: bool
    """Whether the far end has been heard since it was connected or the last tone began."""
    delay_ms: float
    """What the jitter buffer aims at, above the fastest packet."""

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None: ...
    def connect(self, descriptor: int, remote: bytes, payload_type: int, event_payload_type: int) -> None: ...
    """The socket (not owned; what waits in it is thrown away when it is another than before), where to send (a packed
    address: only that host is heard), PCMU 0 or PCMA 8, and the number of telephone events, -1 where keys are sent as
    sound. Nothing passes before `let_pass`. Raises ValueError."""
    def let_pass(self, sends: bool, hears: bool) -> None: ...
    """Whether the microphone goes out, and the far end is heard. Keys go the microphone's way: those that wait when it
    is shut are never sent."""
    def disconnect(self) -> None: ...
    """The socket is not used any more."""
    def play_tone(self, segments: Sequence[_Segment], again: int, mode: int) -> None: ...
    """At most 24 segments; again: the number of the one that follows the last, -1 for silence; mode: ALONE, YIELDING or
    OVER. Raises ValueError."""
    def stop_tone(self) -> None: ...
    def press(self, key: str, duration_ms: int = 120) -> bool: ...
    """Send a key to the far end, after those that wait. False where nobody is there, nothing may be sent, or 32 wait.
    Raises ValueError."""
    def listen_keys(self, listens: bool) -> None: ...
    """Whether to look for DTMF in the microphone (Q.24)."""
    def take_keys(self) -> str: ...
    """The keys found since the last time, 32 at most."""
    def hear(self, now_ns: int) -> bytes: ...
    """The next frame for the earpiece; now_ns: monotonic, about 10 ms after the last one."""
    def speak(self, captured: bytes, now_ns: int) -> None: ...
    """A frame of the microphone; every second one sends a packet."""
    def change_source(self, now_ns: int) -> None: ...
    """Another SSRC from now on, since somebody else has this one (RFC 3550 8.2); counted as a collision."""
    def reporting(self) -> tuple[int, int, int, int, int | None, int, int, int, int]: ...
    """For RTCP (RFC 3550 6.4): our SSRC, which each connection and each collision has anew, the timestamp of this
    moment, packets and octets sent by it; the SSRC heard (None before it is found valid, A.1), its highest extended
    sequence number, packets expected and received, jitter in timestamp units."""
    def figures(self) -> dict[str, int]: ...
    """sent, sent_octets, send_failures, received, received_octets, strangers, unheard, jumps (of the card's clock),
    collisions (of SSRC), looped (packets of our own that came back) and, with "playout_" in front, the jitter buffer's;
    since it was connected."""
