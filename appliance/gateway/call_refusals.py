# SPDX-License-Identifier: Apache-2.0
"""Whether a carrier refuses every call (RFC 3261 21.4.4, 403): several numbers, one after the other, none let through
between. One number that is refused is that number's affair, or its caller's. Changed by the outcomes of calls.
"""

from typing import Final

NUMBERS: Final = 3
"""So many different numbers refused in a row are all calls."""
MEMORY_S: Final = 3600.0
"""Refusals that are further apart are no row."""
REFUSING: Final = frozenset({402, 403})
"""402 of 21.4.2 is what some say when nothing has been paid."""


class CallRefusals:
    """since: when the row began that has become long enough, 0.0 where calls go out as far as is known."""

    __slots__ = ("_began", "_latest", "_numbers", "since")

    def __init__(self) -> None:
        self._numbers: set[bytes] = set()
        self._began = self._latest = 0.0
        self.since = 0.0

    def note_refusal(self, number: bytes, now: float) -> None:
        """A call to this number was refused with one of REFUSING."""
        if self.since:
            return
        if not self._numbers or now - self._latest > MEMORY_S:
            self._numbers.clear()
            self._began = now
        self._latest = now
        self._numbers.add(number)
        if len(self._numbers) >= NUMBERS:
            self.since = self._began
            self._numbers.clear()

    def note_passage(self) -> None:
        """A call was let through: answered, or refused by somebody it had reached."""
        self._numbers.clear()
        self.since = 0.0
