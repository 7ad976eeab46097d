# SPDX-License-Identifier: Apache-2.0
"""The numbers by which people name calls: one row of them, whoever carries the call, also over a restart."""


class CallNumbers:
    """Counts up. last: the highest number so far, 0 before the first."""

    __slots__ = ("last",)

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def next(self) -> int:
        """A number that no call has had."""
        self.last += 1
        return self.last

    def note_taken(self, number: int) -> None:
        """A call of an earlier process has this number: those to come are higher."""
        if number > self.last:
            self.last = number
