# SPDX-License-Identifier: Apache-2.0
"""One sound device, both ways, 8000 Hz mono in frames of 10 ms (alsa-lib by pyalsaaudio). Its thread alone uses it.

Nothing waits longer than a moment: a device that gives nothing is as gone as one that says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
from typing import Any, Final

from appliance.errors import MachineError
from appliance.system.sound.earpiece_level import AHEAD_FRAMES, FRAME, EarpieceLevel

try:
    import alsaaudio  # type: ignore[import-untyped, import-not-found, unused-ignore]
except ImportError:
    alsaaudio = None

_ErrorHandler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)


def _keep_quiet(*_said: object) -> None:
    """alsa-lib writes every failed try to standard error; what matters comes back as an error as well."""


_ERROR_HANDLER: Final = _ErrorHandler(_keep_quiet)      # alsa-lib has its address
if alsaaudio is not None:
    ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_ERROR_HANDLER)

RATE_HZ: Final = 8000
FRAME_OCTETS: Final = 2 * FRAME
PERIODS: Final = 8
SILENCE: Final = bytes(FRAME_OCTETS)
LOST_MS: Final = 300                # a device that gives nothing for so long is gone


class SoundCard:
    """xruns: how often the thread came too late, or the two sides did not run alike; both are survived. waiting: in the
    earpiece's buffer, in samples, 0 where the device cannot tell; has_clock: whether it has ever let us wait."""

    def __init__(self, device: str) -> None:
        """Raises MachineError where it is absent or busy."""
        if alsaaudio is None:
            raise MachineError("pyalsaaudio is not installed", errno.ENOPKG)
        self.xruns = 0
        self.waiting = 0
        self.has_clock = False
        self._pending = b""
        self._level = EarpieceLevel()
        self._capture: Any = None
        self._playback: Any = None
        try:
            self._capture = self._open(alsaaudio.PCM_CAPTURE, device)
            self._playback = self._open(alsaaudio.PCM_PLAYBACK, device)
            self._size = find_buffer_size(self._playback)
            self._poll = select.poll()
            for descriptor, events in self._capture.polldescriptors():
                self._poll.register(descriptor, events)
            self._prime()
            self._read()                # starts it
        except alsaaudio.ALSAAudioError as error:
            self.close()
            raise MachineError(f"sound device {device}: {error}", errno.ENODEV) from error

    @staticmethod
    def _open(direction: int, device: str) -> Any:
        return alsaaudio.PCM(type=direction, mode=alsaaudio.PCM_NONBLOCK, device=device, rate=RATE_HZ, channels=1,
                             format=alsaaudio.PCM_FORMAT_S16_LE, periodsize=FRAME, periods=PERIODS)

    def read(self) -> bytes:
        """The next frame of the microphone, waited for. Raises MachineError where the device is gone."""
        try:
            while len(self._pending) < FRAME_OCTETS:
                if not self._read():
                    self._wait()
        except alsaaudio.ALSAAudioError as error:
            raise MachineError(f"sound device: {error}", errno.ENODEV) from error
        frame, self._pending = self._pending[:FRAME_OCTETS], self._pending[FRAME_OCTETS:]
        return frame

    def _wait(self) -> None:
        self.has_clock = True
        ready = self._poll.poll(LOST_MS)
        if not ready:
            raise MachineError("sound device: it gives nothing", errno.ENODEV)
        forget = getattr(self._capture, "polldescriptors_revents", None)
        if forget is not None:          # plugins forget their wake only so; pyalsaaudio before 0.11 has none
            forget(ready)

    def _read(self) -> bool:
        """Take what is there; whether there was anything."""
        count, samples = self._capture.read()
        if count < 0:
            self._note_error(count)
            return False
        self._pending += samples
        return bool(count)

    def count_wanted(self) -> int:
        """How many frames the earpiece is to have now. Raises MachineError where the device is gone."""
        if not self._size:
            return 1
        try:
            free = int(self._playback.avail())
        except alsaaudio.ALSAAudioError as error:
            raise MachineError(f"sound device: {error}", errno.ENODEV) from error
        self.waiting = self._size - free if free >= 0 else 0        # below: it has run dry, as `write` will hear
        return self._level.decide_frames(self.waiting)

    def write(self, frame: bytes) -> None:
        """A frame for the earpiece. Raises MachineError where the device is gone."""
        try:
            written = self._playback.write(frame)
            if written < 0:
                self._note_error(written)
                self._prime()
                written = self._playback.write(frame)
        except alsaaudio.ALSAAudioError as error:
            raise MachineError(f"sound device: {error}", errno.ENODEV) from error
        if written == 0:
            self.xruns += 1             # full: its clock is slower than the microphone's, and one frame is left out

    def _prime(self) -> None:
        for _ in range(AHEAD_FRAMES):
            self._playback.write(SILENCE)
        self._level.begin()

    def _note_error(self, number: int) -> None:
        if -number != errno.EPIPE:
            raise MachineError(f"sound device: {os.strerror(-number)}", -number)
        self.xruns += 1

    def close(self) -> None:
        """A second call does nothing."""
        for one in (self._capture, self._playback):
            if one is not None:
                drop_samples(one)
                one.close()
        self._capture = self._playback = None


def find_buffer_size(playback: Any) -> int:
    """In samples; 0 where pyalsaaudio cannot tell how much of it is free (before 0.11)."""
    return int(playback.info()["buffer_size"]) if hasattr(playback, "avail") else 0


def drop_samples(one: Any) -> None:
    """What has not sounded will not: closing would wait for it, on a device that is gone for ever."""
    drop = getattr(one, "drop", None)       # pyalsaaudio before 0.11 has none
    if drop is not None:
        with contextlib.suppress(alsaaudio.ALSAAudioError):
            drop()
