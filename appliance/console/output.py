# SPDX-License-Identifier: Apache-2.0
"""Where the console's text goes: straight to standard output and standard error, made fit for what can be shown there.

A terminal that is driven by hand has its pages (console/line/paging.py). Sentences are parted at blanks where a
terminal shows them; a pipe gets them whole.
"""

import os
import sys
from collections.abc import Iterable, Mapping

from appliance.console.table import wrap_prose

SUBSTITUTES = str.maketrans({"…": "~", "—": "-", "→": ">", "×": "x", "·": "."})


class Output:
    """Text to standard output, errors to standard error. may_show_all: False where only ASCII can be shown."""

    def width(self) -> int:
        """Columns of the terminal, 0 where there is none."""
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):       # a pipe, or nothing
            return 0

    def __init__(self, may_show_all: bool = True) -> None:
        self._may_show_all = may_show_all

    def write(self, text: str) -> None:
        """A piece of text, at once."""
        sys.stdout.write(self._fit(text))

    def write_lines(self, lines: Iterable[str], is_whole: bool = False) -> None:
        """Lines with their line ends. is_whole: without stopping at each page."""
        for line in lines:
            sys.stdout.write(self._fit(line))

    def write_prose(self, text: str) -> None:
        """Sentences, a line each; the last line end is added."""
        self.write_sentences(f"{line}\n" for line in text.split("\n"))

    def write_sentences(self, lines: Iterable[str], is_whole: bool = False) -> None:
        """As `write_lines`, for lines that are to be parted at blanks."""
        self.write_lines((f"{part}\n" for line in lines for part in self._wrap(line.rstrip("\n")).split("\n")),
                         is_whole)

    def write_error(self, text: str) -> None:
        """Lines that say what is wrong; the last line end is added."""
        sys.stdout.flush()
        sys.stderr.write(self._wrap(text) + "\n")

    def flush(self) -> None:
        """Nothing waits in a buffer any more."""
        sys.stdout.flush()

    def _wrap(self, text: str) -> str:
        width = self.width()
        return wrap_prose(self._fit(text), width) if width else self._fit(text)

    def _fit(self, text: str) -> str:
        if text.isascii():
            return text
        if self._may_show_all:
            return text.encode("utf-8", "replace").decode()
        return text.translate(SUBSTITUTES).encode("ascii", "replace").decode()


def may_show_unicode(environment: Mapping[str, str], encoding: str) -> bool:
    """Whether the terminal shows more than ASCII, by the locale (POSIX: LC_ALL, LC_CTYPE, LANG). Where none is said,
    the encoding speaks; Python says UTF-8 even where the locale is C."""
    locale = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "")
    if not locale:
        return encoding.lower().replace("-", "") == "utf8"
    return "utf8" in locale.lower().replace("-", "")
