# SPDX-License-Identifier: Apache-2.0
"""What a command may ask of the one who typed it; a pipe or `-c` has nobody to ask."""

import sys
from typing import NoReturn, Protocol

from appliance.console.messages.catalog import say
from appliance.errors import OperatorError

END_OF_PASTE = "."


class Interaction(Protocol):
    """The operator. is_terminal: somebody is there to answer."""

    is_terminal: bool

    def ask(self, question: str, proposed: str = "", is_hidden: bool = False) -> str:
        """His answer, without blanks around. Raises OperatorError where nobody can answer, KeyboardInterrupt at ctrl-C,
        EOFError at ctrl-D."""

    def read_pasted(self) -> list[str]:
        """Lines up to one with a dot alone, or ctrl-D. Raises KeyboardInterrupt at ctrl-C."""

    def wait_end(self, limit_s: float) -> bool:
        """Whether q was typed within the limit: for what goes on until somebody has seen enough."""

    def size(self) -> tuple[int, int]:
        """Rows and columns."""


class PipedInteraction:
    """Commands from a pipe: lines to load come the same way, nobody answers questions."""

    is_terminal = False

    def ask(self, question: str, proposed: str = "", is_hidden: bool = False) -> NoReturn:
        """Nobody is there."""
        raise OperatorError("console", question.strip(), say("a terminal, where somebody can answer"))

    def read_pasted(self) -> list[str]:
        """The lines that follow in the pipe."""
        lines = []
        for line in sys.stdin:
            if line.strip() == END_OF_PASTE:
                break
            lines.append(line.rstrip("\r\n"))
        return lines

    def wait_end(self, limit_s: float) -> bool:
        """Nobody types; the time is waited for. Only a signal or a closed pipe ends what goes on."""
        from time import sleep
        sys.stdout.flush()
        sleep(limit_s)
        return False

    def size(self) -> tuple[int, int]:
        """As docs/console.md promises where there is no terminal."""
        return 24, 80
