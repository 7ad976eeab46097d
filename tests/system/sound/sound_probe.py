# SPDX-License-Identifier: Apache-2.0
"""A sound thread in a process of its own: words on standard input, JSON on standard output. An argument: the library of
an echo canceller, without one there is none.
"""

import json
import sys
import time

import numpy as np

from appliance.audio.tones import DIAL
from appliance.native.handset_audio import ALONE, HandsetAudio
from appliance.system.sound import echo_canceller
from appliance.system.sound.sound_thread import SoundThread


class ListeningAudio:
    """The island, and what the microphone gave it last; a stall holds up its thread once."""

    def __init__(self) -> None:
        self.island = HandsetAudio(1, 2, 3)
        self.captured: list[bytes] = []
        self.stall_s = 0.0

    def speak(self, captured: bytes, now_ns: int) -> None:
        self.captured = [*self.captured[-99:], captured]
        stall_s, self.stall_s = self.stall_s, 0.0
        time.sleep(stall_s)
        self.island.speak(captured, now_ns)

    def hear(self, now_ns: int) -> bytes:
        return self.island.hear(now_ns)

    def take_keys(self) -> str:
        return self.island.take_keys()


def describe_heard(frames: list[bytes]) -> dict[str, float]:
    samples = np.frombuffer(b"".join(frames), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return {"hertz": float(np.argmax(spectrum) * 8000 / len(samples)), "peak": float(np.abs(samples).max())}


def main() -> None:
    audio, reports = ListeningAudio(), []
    echo_canceller.LIBRARY = (sys.argv[1:] or [""])[0]
    thread = SoundThread("desk", audio, len(sys.argv) > 1, reports.append, lambda keys: None)
    thread.start()
    for line in sys.stdin:
        word = line.strip()
        answer: dict[str, object] = {}
        if word == "figures":
            answer = {"frames": thread.frames, "xruns": thread.xruns, "losses": thread.losses,
                      "ahead_ms": thread.ahead_ms,
                      "trouble": thread.trouble, "echo_trouble": thread.echo_trouble, "now_s": time.monotonic()}
        elif word == "tone":
            audio.island.play_tone([segment.write() for segment in DIAL.segments], DIAL.again, ALONE)
        elif word == "stall":
            audio.stall_s = 0.3
        elif word == "heard":
            answer = describe_heard(audio.captured)
        elif word == "reports":
            answer = {"reports": reports}
        print(json.dumps(answer), flush=True)
    thread.stop()
    thread.join(5)


if __name__ == "__main__":
    main()
