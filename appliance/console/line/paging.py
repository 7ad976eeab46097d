# SPDX-License-Identifier: Apache-2.0
"""Pages: output stops when the screen is full, --More-- waits for a key."""

import sys
from collections.abc import Iterable
from typing import Final

from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from appliance.console.line.terminal import Terminal
from appliance.console.output import Output
from appliance.console.table import measure

MORE: Final = "--More--"
ERASED: Final = "\r" + " " * len(MORE) + "\r"
PAGE_KEYS: Final = (" ", "f")
LINE_KEYS: Final = (Keys.Enter, Keys.ControlJ, Keys.Down, "j")
END_KEYS: Final = ("q", "Q", Keys.ControlC, Keys.ControlD)


class PagedOutput(Output):
    """Output of one operator at a terminal; errors come where everything else comes."""

    def __init__(self, terminal: Terminal, may_show_all: bool) -> None:
        super().__init__(may_show_all)
        self._terminal = terminal

    def width(self) -> int:
        """Columns of the terminal as they are now."""
        return self._terminal.size().columns

    def write_error(self, text: str) -> None:
        """What is wrong, on the same screen."""
        self.write(self._wrap(text) + "\n")

    def write_lines(self, lines: Iterable[str], is_whole: bool = False) -> None:
        """Lines, a page at a time; q ends it."""
        left = self._terminal.size().rows - 1
        for line in lines:
            text = self._fit(line)
            rows = self._count_rows(text)
            if rows > left and not is_whole:
                left = self._ask_for_more(rows)
                if left == 0:
                    return
            sys.stdout.write(text)
            left -= rows

    def _count_rows(self, line: str) -> int:
        return max(1, -(-measure(line.rstrip("\n")) // self._terminal.size().columns))

    def _ask_for_more(self, rows: int) -> int:
        """How many rows may follow, 0 for none."""
        sys.stdout.write(MORE)
        sys.stdout.flush()
        key = self._terminal.wait_key(_is_answer)
        sys.stdout.write(ERASED)
        if key is None or key.key in END_KEYS:
            return 0
        return max(rows, self._terminal.size().rows - 1 if key.key in PAGE_KEYS else 1)


def _is_answer(key: KeyPress) -> bool:
    return key.key in (*PAGE_KEYS, *LINE_KEYS, *END_KEYS)
