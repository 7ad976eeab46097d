# SPDX-License-Identifier: Apache-2.0
"""Bell and lamp: the country's cadence on one line, steady, blinking or flashing on the other. On the running event
loop."""

from __future__ import annotations

import asyncio
from typing import Protocol

from appliance.audio.tones import REMIND_MS, RING_MS


class Pin(Protocol):
    """Something that is on or off."""

    def set(self, is_on: bool) -> None:
        """Either."""

    def close(self) -> None:
        """Off, and given back."""


class HandsetSignals:
    """ringer, lamp: None where there is none. is_sounding: the bell at this moment."""

    def __init__(self, ringer: Pin | None, lamp: Pin | None) -> None:
        self._ringer = ringer
        self._lamp = lamp
        self._is_lit = False
        self._is_flashing = False
        self._next: asyncio.TimerHandle | None = None
        self._next_flash: asyncio.TimerHandle | None = None
        self.is_sounding = False

    def ring(self, is_ringing: bool) -> None:
        """One second on, two off, until told to stop."""
        if is_ringing and self._next is None:
            self._beat(0)
        elif not is_ringing and self._next is not None:
            self._next.cancel()
            self._next = None
            self._sound(False)

    def _beat(self, place: int) -> None:
        self._sound(place == 0)
        self._next = asyncio.get_running_loop().call_later(RING_MS[place] / 1000, self._beat, 1 - place)

    def _sound(self, is_on: bool) -> None:
        self.is_sounding = is_on
        if self._ringer is not None:
            self._ringer.set(is_on)
        self._show()

    def light(self, is_lit: bool) -> None:
        """The lamp; while it rings it blinks with the bell."""
        self._is_lit = is_lit
        self._show()

    def remind(self, has_messages: bool) -> None:
        """A short flash of the lamp now and then, until told to stop."""
        if has_messages and self._next_flash is None:
            self._flash(0)
        elif not has_messages and self._next_flash is not None:
            self._next_flash.cancel()
            self._next_flash = None
            self._is_flashing = False
            self._show()

    def _flash(self, place: int) -> None:
        self._is_flashing = place == 0
        self._next_flash = asyncio.get_running_loop().call_later(REMIND_MS[place] / 1000, self._flash, 1 - place)
        self._show()

    def _show(self) -> None:
        """A bell that rings goes before messages that wait."""
        if self._lamp is not None:
            is_flash = self._is_flashing and self._next is None
            self._lamp.set(self._is_lit or self.is_sounding or is_flash)

    def close(self) -> None:
        """Everything off."""
        self.ring(False)
        self.remind(False)
        for pin in (self._ringer, self._lamp):
            if pin is not None:
                pin.close()
