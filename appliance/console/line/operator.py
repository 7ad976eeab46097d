# SPDX-License-Identifier: Apache-2.0
"""The operator at the terminal: satisfies console.interaction.Interaction."""

import sys
from typing import Final

from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from appliance.console.interaction import END_OF_PASTE
from appliance.console.line.editor import LINE_CHARACTERS, LineEditor
from appliance.console.line.terminal import Terminal

LINE_ENDS: Final = (Keys.Enter, Keys.ControlJ)
RUBBED_OUT: Final = "\b \b"
PASTE_CHARACTERS: Final = 4 * 1024 * 1024
"""More than any configuration has; whoever pours in garbage for ever is stopped."""


class TerminalInteraction:
    """Asks through the line editor, reads keys of the terminal."""

    is_terminal = True

    def __init__(self, terminal: Terminal, editor: LineEditor) -> None:
        self._terminal = terminal
        self._editor = editor

    def ask(self, question: str, proposed: str = "", is_hidden: bool = False) -> str:
        """The answer to a question."""
        return self._editor.read_answer(question, proposed, is_hidden).strip()

    def read_pasted(self) -> list[str]:
        """Plain lines, echoed here: fast enough for whatever a serial line brings."""
        paste = Paste()
        while not paste.has_ended():
            keys = self._terminal.read_keys(None)
            for index, key in enumerate(keys):
                sys.stdout.write(paste.take_key(key))
                if paste.has_ended():
                    self._terminal.put_back(keys[index + 1:])
                    break
            sys.stdout.flush()
        return paste.lines

    def wait_end(self, limit_s: float) -> bool:
        """Whether q was typed."""
        sys.stdout.flush()
        return self._terminal.wait_key(lambda key: key.key in ("q", "Q", Keys.ControlC, Keys.ControlD),
                                       limit_s) is not None

    def size(self) -> tuple[int, int]:
        """Rows and columns as they are now."""
        size = self._terminal.size()
        return size.rows, size.columns


class Paste:
    """Keys to lines; pure. lines: whole ones so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._has_ended = False
        self._line: list[str] = []
        self._characters = 0
        self._is_after_enter = False

    def has_ended(self) -> bool:
        """Whether a dot alone or ctrl-D came, or too much."""
        return self._has_ended

    def take_key(self, key: KeyPress) -> str:
        """What is to be echoed. Raises KeyboardInterrupt at ctrl-C."""
        is_second_half = key.key == Keys.ControlJ and self._is_after_enter      # CR LF ends one line, not two
        self._is_after_enter = key.key == Keys.Enter
        if is_second_half:
            return ""
        if key.key == Keys.BracketedPaste:
            return "".join(map(self._take_character, key.data.replace("\r\n", "\n")))
        if key.key == Keys.ControlC:
            raise KeyboardInterrupt
        if key.key == Keys.ControlD:
            self._end()
            return "\n"
        if key.key in LINE_ENDS:
            return self._take_character("\n")
        if key.key == Keys.Backspace:
            is_something = bool(self._line)
            del self._line[-1:]
            return RUBBED_OUT if is_something else ""
        return self._take_character(" " if key.key == Keys.Tab else key.data)

    def _take_character(self, character: str) -> str:
        if self._has_ended:
            return ""
        if character in ("\n", "\r"):
            line = "".join(self._line)
            self._line.clear()
            if line.strip() == END_OF_PASTE:
                self._end()
            else:
                self.lines.append(line)
            return "\n"
        if len(character) != 1 or not character.isprintable():
            return ""
        self._characters += 1
        if len(self._line) <= LINE_CHARACTERS:      # one too many is enough to be refused
            self._line.append(character)
        if self._characters >= PASTE_CHARACTERS:
            self._end()
        return character

    def _end(self) -> None:
        if self._line:
            self.lines.append("".join(self._line))
            self._line.clear()
        self._has_ended = True
