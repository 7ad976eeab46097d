# SPDX-License-Identifier: Apache-2.0
"""Pins that cost nobody anything where they cannot be had: the trouble is told and `retry` tries again, while
everything else of the handset goes on. On the running event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from appliance.errors import MachineError

PinReport = Callable[[str], None]
"""Why the pin cannot be used, "" where it can be again."""


class Output(Protocol):
    """A line that is driven. Raises MachineError where it cannot be."""

    def set(self, is_on: bool) -> None:
        """Either."""

    def close(self) -> None:
        """Given back."""


class Input(Protocol):
    """A hook switch. Raises MachineError where it cannot be read."""

    @property
    def descriptor(self) -> int:
        """Readable when there are edges."""

    def is_lifted(self) -> bool:
        """As the line stands."""

    def read_edges(self) -> list[tuple[bool, float]]:
        """Those that wait."""

    def close(self) -> None:
        """Given back."""


class Trouble:
    """Why a pin cannot be used, told when it changes. words: "" for nothing."""

    __slots__ = ("_report", "words")

    def __init__(self, report: PinReport) -> None:
        self._report = report
        self.words = ""

    def note(self, words: str) -> None:
        """Of the last try."""
        if words != self.words:
            self.words = words
            self._report(words)


class KeptOutput:
    """Bell or lamp; what it was told last it does as soon as it can. Satisfies signals.Pin."""

    def __init__(self, open_pin: Callable[[], Output], report: PinReport) -> None:
        self._open = open_pin
        self._trouble = Trouble(report)
        self._pin: Output | None = None
        self._is_on = False
        self.retry()

    @property
    def trouble(self) -> str:
        """Why it cannot be used, "" where it can."""
        return self._trouble.words

    def retry(self) -> None:
        """Where it is not open."""
        if self._pin is None:
            self._try(self._take)

    def set(self, is_on: bool) -> None:
        """Now, or when it can be had."""
        self._is_on = is_on
        if self._pin is not None:
            self._try(self._drive)

    def _take(self) -> None:
        self._pin = self._open()
        self._drive()

    def _drive(self) -> None:
        if self._pin is not None:
            self._pin.set(self._is_on)

    def _try(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except MachineError as error:
            self._lose()
            self._trouble.note(error.operation)
        else:
            self._trouble.note("")

    def _lose(self) -> None:
        pin, self._pin = self._pin, None
        if pin is not None:
            pin.close()

    def close(self) -> None:
        """Off, and given back."""
        self.set(False)
        self._lose()


class KeptHook:
    """moved(is_lifted, at): edges, and how it stands when it can be read again; at: monotonic seconds."""

    def __init__(self, open_pin: Callable[[], Input], report: PinReport, moved: Callable[[bool, float], None]) -> None:
        self._open = open_pin
        self._trouble = Trouble(report)
        self._moved = moved
        self._pin: Input | None = None

    @property
    def trouble(self) -> str:
        """Why it cannot be used, "" where it can."""
        return self._trouble.words

    def retry(self) -> None:
        """Where it is not open: open it, and tell how it stands."""
        if self._pin is not None:
            return
        try:
            pin = self._pin = self._open()
            is_lifted = pin.is_lifted()
        except MachineError as error:
            self._lose(error)
            return
        asyncio.get_running_loop().add_reader(pin.descriptor, self._read)
        self._trouble.note("")
        self._moved(is_lifted, monotonic())

    def _read(self) -> None:
        assert self._pin is not None
        try:
            edges = self._pin.read_edges()
        except MachineError as error:
            self._lose(error)
            return
        for is_lifted, at in edges:
            self._moved(is_lifted, at)

    def _lose(self, error: MachineError) -> None:
        self.close()
        self._trouble.note(error.operation)

    def close(self) -> None:
        """Given back."""
        pin, self._pin = self._pin, None
        if pin is not None:
            asyncio.get_running_loop().remove_reader(pin.descriptor)
            pin.close()
