# SPDX-License-Identifier: Apache-2.0
"""Bell and lamp: the country's cadence on one line, steady, blinking or flashing on the other. On the running event
loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from appliance.audio.tones import REMIND_MS, RING_MS


class Pin(Protocol):
    """Something that is on or off."""

    def set(self, is_on: bool) -> None:
        """Either."""

    def close(self) -> None:
        """Off, and given back."""


class Cadence:
    """On and off in turn, on first. is_on: at this moment; changed: called after each change."""

    def __init__(self, on_off_ms: Sequence[int], changed: Callable[[], None]) -> None:
        self._on_off_ms = on_off_ms
        self._changed = changed
        self._next: asyncio.TimerHandle | None = None
        self.is_on = False

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return self._next is not None

    def run(self, is_wanted: bool) -> None:
        """From now on, or no more."""
        if is_wanted and self._next is None:
            self._beat(0)
        elif not is_wanted and self._next is not None:
            self._next.cancel()
            self._next = None
            self.is_on = False
            self._changed()

    def _beat(self, place: int) -> None:
        self.is_on = place == 0
        self._next = asyncio.get_running_loop().call_later(self._on_off_ms[place] / 1000, self._beat, 1 - place)
        self._changed()


class HandsetSignals:
    """ringer, lamp: None where there is none."""

    def __init__(self, ringer: Pin | None, lamp: Pin | None) -> None:
        self._ringer = ringer
        self._lamp = lamp
        self._is_lit = False
        self._bell = Cadence(RING_MS, self._sound)
        self._reminder = Cadence(REMIND_MS, self._show)

    @property
    def is_sounding(self) -> bool:
        """The bell at this moment."""
        return self._bell.is_on

    def ring(self, is_ringing: bool) -> None:
        """One second on, two off, until told to stop."""
        self._bell.run(is_ringing)

    def light(self, is_lit: bool) -> None:
        """The lamp; while it rings it blinks with the bell."""
        self._is_lit = is_lit
        self._show()

    def remind(self, has_messages: bool) -> None:
        """A short flash of the lamp now and then, until told to stop."""
        self._reminder.run(has_messages)

    def _sound(self) -> None:
        if self._ringer is not None:
            self._ringer.set(self._bell.is_on)
        self._show()

    def _show(self) -> None:
        """A bell that rings goes before messages that wait."""
        if self._lamp is not None:
            is_flash = self._reminder.is_on and not self._bell.is_running
            self._lamp.set(self._is_lit or self._bell.is_on or is_flash)

    def close(self) -> None:
        """Everything off."""
        self.ring(False)
        self.remind(False)
        for pin in (self._ringer, self._lamp):
            if pin is not None:
                pin.close()
