# SPDX-License-Identifier: Apache-2.0
"""The terminal of this process: its size, its mode between two lines, its keys one by one.

Works on a serial line that reports no size and with a terminal that sends garbage. Whoever types ahead loses nothing:
what the line editor has read already comes first.
"""

import contextlib
import os
import select
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyPress

ROWS: Final = 24
COLUMNS: Final = 80
NARROWEST: Final = 20
LOWEST: Final = 4


def measure_terminal(descriptor: int, environment: Mapping[str, str]) -> Size:
    """What the terminal reports; where it reports nothing LINES and COLUMNS, else 24 by 80."""
    try:
        reported = os.get_terminal_size(descriptor)
        rows, columns = reported.lines, reported.columns
    except OSError:
        rows = columns = 0
    rows = rows or _read_count(environment.get("LINES", "")) or ROWS
    columns = columns or _read_count(environment.get("COLUMNS", "")) or COLUMNS
    return Size(max(rows, LOWEST), max(columns, NARROWEST))


def _read_count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


class Terminal:
    """Standard input and output of an operator. Between lines nothing is echoed, and ctrl-C interrupts."""

    def __init__(self) -> None:
        self.input: Input = Vt100Input(sys.stdin)
        self._descriptor = sys.stdin.fileno()

    def size(self) -> Size:
        """Rows and columns as they are now."""
        return measure_terminal(sys.stdout.fileno(), os.environ)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No echo between lines, ctrl-Z is ignored; at the end everything is as it was."""
        before = termios.tcgetattr(self._descriptor)
        quiet = termios.tcgetattr(self._descriptor)
        quiet[3] &= ~(termios.ECHO | termios.ICANON)
        quiet[3] |= termios.ISIG
        stopping = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        termios.tcsetattr(self._descriptor, termios.TCSANOW, quiet)
        try:
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSANOW, before)
            signal.signal(signal.SIGTSTP, stopping)

    def read_keys(self, limit_s: float | None) -> list[KeyPress]:
        """Keys that were typed ahead or come within the limit, None for no limit; empty when none came. Raises EOFError
        when the terminal is gone, KeyboardInterrupt at ctrl-C."""
        ahead = get_typeahead(self.input)
        if ahead:
            return ahead
        if not select.select([self._descriptor], [], [], limit_s)[0]:
            return []
        keys = self.input.read_keys()
        # an escape sequence may be cut in two; what is alone after this was the key itself
        if not keys and select.select([self._descriptor], [], [], 0.05)[0]:
            keys = self.input.read_keys()
        if self.input.closed:
            raise EOFError
        return keys or self.input.flush_keys()

    def put_back(self, keys: list[KeyPress]) -> None:
        """These were not for us: whoever reads next gets them first."""
        store_typeahead(self.input, keys)

    def wait_key(self, is_wanted: Callable[[KeyPress], bool], limit_s: float | None = None) -> KeyPress | None:
        """The next key that is wanted, others are thrown away; what was typed behind it is kept. None after the
        limit."""
        deadline = None if limit_s is None else time.monotonic() + limit_s
        while True:
            rest_s = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            keys = self.read_keys(rest_s)
            for index, key in enumerate(keys):
                if is_wanted(key):
                    self.put_back(keys[index + 1:])
                    return key
            if deadline is not None and time.monotonic() >= deadline:
                return None
