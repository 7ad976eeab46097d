# SPDX-License-Identifier: Apache-2.0
"""Which GPIO chip a pin is at: chips are numbered in the order they come, and one that was away may have another number
on its return; its label is its driver's and stays.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping

from appliance.errors import MachineError

ChipList = Callable[[], Mapping[str, str]]
"""The labels of the chips there are, by their names under /dev."""


class ChipPlace:
    """name: as configured, a number (`gpiochip0`) or a label. A number's label is remembered once it was seen."""

    __slots__ = ("_label", "_list_chips", "name")

    def __init__(self, name: str, list_chips: ChipList) -> None:
        self.name = name
        self._list_chips = list_chips
        self._label = ""

    def find(self) -> str:
        """Its name under /dev now. Raises MachineError where it is not there, or nobody can say which it is."""
        chips = self._list_chips()
        if self.name in chips and self._label in ("", chips[self.name]):
            self._label = chips[self.name]
            return self.name
        label = self._label or self.name
        found = [name for name in chips if chips[name] == label]
        if len(found) == 1:
            self._label = label
            return found[0]
        why = f"several chips are called {label}" if found else "no such chip"
        raise MachineError(f"GPIO {self.name}: {why}", errno.ENODEV)
