# SPDX-License-Identifier: Apache-2.0
"""A technician at the console: types on a pseudo-terminal of 80 by 24, TERM=vt100, and reads what comes back."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pexpect

from tests.interop.network import PATIENCE_S
from tests.interop.server import PROGRAM

OPERATIONAL, CONFIGURATION = "denwaban> ", "denwaban# "
LEFTWARDS = re.compile(r"\x1b\[\d+D")                              # the line editor goes back to the line's beginning
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][0-9A-Za-z]|[=>78M])|[\x07\x0e\x0f]")


class Technician:
    """One console; a context manager. transcript: everything that was on the screen, without what moves the cursor."""

    def __init__(self, state: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "console.log").open("w", encoding="utf-8")
        environment = {**os.environ, "TERM": "vt100", "LANG": "C.UTF-8", "LINES": "24", "COLUMNS": "80"}
        self._terminal = pexpect.spawn(str(PROGRAM), ["console", "--state", str(state)], dimensions=(24, 80),
                                       encoding="utf-8", codec_errors="replace", timeout=PATIENCE_S, env=environment)
        self._terminal.logfile_read = self._log
        self.transcript = ""

    def __enter__(self) -> "Technician":
        self.expect(OPERATIONAL)
        return self

    def __exit__(self, *_: object) -> None:
        self._terminal.close(force=True)
        self._log.close()

    def expect(self, *what: str, timeout_s: float = PATIENCE_S) -> int:
        """Wait for one of the texts; which of them came."""
        found = self._terminal.expect_exact(list(what), timeout=timeout_s)
        self.transcript += plain(self._terminal.before + self._terminal.after)
        return found

    def type(self, line: str, *answers: str, timeout_s: float = PATIENCE_S) -> str:
        """A line and Enter; what came until one of the answers (either prompt where none is named), without escapes."""
        began = len(self.transcript)
        self._terminal.send(line + "\r")
        self._terminal.expect_exact("\n", timeout=timeout_s)       # the line itself, echoed
        echoed = plain(self._terminal.before + "\n")
        drawn = next((prompt for prompt in (OPERATIONAL, CONFIGURATION) if self.transcript.endswith(prompt)), "")
        self.transcript += echoed.removeprefix(drawn)              # the editor draws the prompt again
        self.expect(*(answers or (OPERATIONAL, CONFIGURATION)), timeout_s=timeout_s)
        return self.transcript[began:]

    def configure(self, lines: Sequence[str]) -> str:
        """Enter configuration mode and type the lines; what they brought."""
        return self.type("configure", CONFIGURATION) + "".join(self.type(line, CONFIGURATION) for line in lines)


def plain(text: str) -> str:
    """Text as it stands on the screen, nearly: what a redrawn line said last, no escape sequences."""
    return "\n".join(next((part for part in reversed(line.split("\r")) if part.strip()), "")
                     for line in ESCAPES.sub("", LEFTWARDS.sub("\r", text)).split("\n"))
