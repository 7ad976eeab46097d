# SPDX-License-Identifier: Apache-2.0
"""The lines of a GPIO chip that a handset is wired to, by gpiod (the kernel's character device, ABI 2).

Raises MachineError where a chip or a line cannot be had, or is gone; without gpiod no pin can.
"""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final

from appliance.errors import MachineError
from appliance.system.gpio.chips import ChipPlace

gpiod: Any
try:
    import gpiod
    from gpiod.line import Bias, Clock, Direction, Edge, Value
    HAS_GPIOD = True
except ImportError:
    HAS_GPIOD = False

CONSUMER: Final = "denwaban"
EDGES_KEPT: Final = 256             # by the kernel, which keeps 16 else: less than a dial's 0 has
DEBOUNCE: Final = timedelta(milliseconds=2)     # the kernel's; what is longer HookReader sorts out


def list_chips() -> dict[str, str]:
    """Labels of the chips there are, by name. Raises MachineError."""
    _require_gpiod()
    chips: dict[str, str] = {}
    for path in sorted(Path("/dev").glob("gpiochip*")):
        try:
            with gpiod.Chip(str(path)) as chip:
                chips[path.name] = str(chip.get_info().label)
        except OSError:
            chips[path.name] = ""       # just gone, or not ours: `_request` says which
    return chips


def _require_gpiod() -> None:
    if not HAS_GPIOD:
        raise MachineError("gpiod is not installed", errno.ENOPKG)


class HookPin:
    """The hook switch: a pulled-up input whose edges are told with their times."""

    def __init__(self, chip: ChipPlace, line: int, is_active_low: bool) -> None:
        """is_active_low: a lifted receiver connects the line to ground."""
        _require_gpiod()
        self._place = f"GPIO {chip.name} line {line}"
        self._line = line
        self._number = 0                # of the last edge
        settings = gpiod.LineSettings(direction=Direction.INPUT, edge_detection=Edge.BOTH, active_low=is_active_low,
                                      bias=Bias.PULL_UP if is_active_low else Bias.PULL_DOWN,
                                      debounce_period=DEBOUNCE, event_clock=Clock.MONOTONIC)
        self._request: Any = _request(chip, line, settings)

    @property
    def descriptor(self) -> int:
        """Readable when there are edges."""
        return int(self._request.fd)

    def is_lifted(self) -> bool:
        """As the line stands. Raises MachineError."""
        try:
            return bool(self._request.get_value(self._line) == Value.ACTIVE)
        except OSError as error:
            raise _explain(self._place, error) from error

    def read_edges(self) -> list[tuple[bool, float]]:
        """Those that wait: lifted, and when in monotonic seconds. Where the kernel had to drop some, the last one is
        how the line stands. Raises MachineError."""
        try:
            edges = self._request.read_edge_events()
        except OSError as error:
            raise _explain(self._place, error) from error
        moves = [(edge.event_type is edge.Type.RISING_EDGE, edge.timestamp_ns / 1e9) for edge in edges]
        if edges:
            expected, self._number = self._number + len(edges), edges[-1].line_seqno
            if self._number != expected:
                moves.append((self.is_lifted(), monotonic()))
        return moves

    def close(self) -> None:
        """Give the line back."""
        self._request.release()


class OutputPin:
    """A line that drives a bell or a lamp."""

    def __init__(self, chip: ChipPlace, line: int) -> None:
        _require_gpiod()
        self._place = f"GPIO {chip.name} line {line}"
        self._line = line
        self._request: Any = _request(chip, line, gpiod.LineSettings(direction=Direction.OUTPUT))

    def set(self, is_on: bool) -> None:
        """On is high. Raises MachineError."""
        try:
            self._request.set_value(self._line, Value.ACTIVE if is_on else Value.INACTIVE)
        except OSError as error:
            raise _explain(self._place, error) from error

    def close(self) -> None:
        """Give it back."""
        self._request.release()


def _request(chip: ChipPlace, line: int, settings: Any) -> Any:
    path = f"/dev/{chip.find()}"
    try:
        return gpiod.request_lines(path, consumer=CONSUMER, config={line: settings}, event_buffer_size=EDGES_KEPT)
    except (OSError, ValueError) as error:
        raise _explain(f"GPIO {chip.name} line {line}", error) from error


def _explain(place: str, error: OSError | ValueError) -> MachineError:
    number = getattr(error, "errno", None) or 0
    words = {errno.EINVAL: "no such line", errno.EBUSY: "somebody else has it"}.get(number)
    return MachineError(f"{place}: {words or getattr(error, 'strerror', None) or error}", number)
