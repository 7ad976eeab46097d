# SPDX-License-Identifier: Apache-2.0
"""What the earpiece sends into the microphone is taken out again: libspeexdsp's MDF filter, 128 ms long (G.168's idea,
not its tests). One thread's.
"""

from __future__ import annotations

from typing import Any, Final

from appliance.errors import MachineError

FRAME: Final = 160               # those of packets: with frames of 80 the filter learns badly
TAIL: Final = 1024
LIBRARY: Final = "libspeexdsp.so.1"
DECLARATIONS: Final = """
typedef struct SpeexEchoState_ SpeexEchoState;
SpeexEchoState *speex_echo_state_init(int frame_size, int filter_length);
void speex_echo_state_destroy(SpeexEchoState *st);
void speex_echo_cancellation(SpeexEchoState *st, const int16_t *rec, const int16_t *play, int16_t *out);
int speex_echo_ctl(SpeexEchoState *st, int request, void *ptr);
"""
SET_SAMPLING_RATE: Final = 24       # speex_echo.h


class EchoCanceller:
    """Frames of 160 samples at 8000 Hz."""

    def __init__(self) -> None:
        """Raises MachineError where the library is not there."""
        try:
            from cffi import FFI  # type: ignore[import-untyped, import-not-found, unused-ignore]
            self._ffi: Any = FFI()
            self._ffi.cdef(DECLARATIONS)
            self._library: Any = self._ffi.dlopen(LIBRARY)
        except (ImportError, OSError) as error:
            raise MachineError(f"echo canceller: {error}") from error
        self._state: Any = self._library.speex_echo_state_init(FRAME, TAIL)
        rate = self._ffi.new("int *", 8000)
        self._library.speex_echo_ctl(self._state, SET_SAMPLING_RATE, rate)
        self._cleaned: Any = self._ffi.new("int16_t[]", FRAME)
        self._buffer: Any = self._ffi.buffer(self._cleaned)

    def cancel(self, captured: bytes, played: bytes) -> bytes:
        """captured: a frame of the microphone; played: what was given to the earpiece before it, 10 ms earlier."""
        take = self._ffi.from_buffer
        self._library.speex_echo_cancellation(self._state, take("int16_t[]", captured), take("int16_t[]", played),
                                              self._cleaned)
        return bytes(self._buffer)

    def close(self) -> None:
        """A second call does nothing."""
        if self._state is not None:
            self._library.speex_echo_state_destroy(self._state)
            self._state = None
