# SPDX-License-Identifier: Apache-2.0
"""The line that is edited: history in memory alone, TAB completes, ? lists what may follow at once.

prompt_toolkit draws it; colours, mouse and questions to the terminal about itself are off, so that a vt100 on a serial
line is enough.
"""

import sys
from collections.abc import Callable
from typing import Final

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import DummyCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.shortcuts import PromptSession

from appliance.console.completion import Choice, complete_line, list_choices, render_choices
from appliance.console.line.plain_output import PlainOutput
from appliance.console.line.terminal import Terminal
from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.output import Output
from appliance.console.table import wrap_prose
from appliance.errors import OperatorError

LINE_CHARACTERS: Final = 8192
"""As the configuration language has it (config/text.py)."""
CHOICES_SHOWN: Final = 200

Following = Callable[[list[str]], list[Choice]]


class LineEditor:
    """Reads lines of one operator. following: what may stand behind words; it may change from line to line."""

    def __init__(self, terminal: Terminal, output: Output, following: Following) -> None:
        self._terminal = terminal
        self._output = output
        self.following = following
        self._prompt = ""
        self._keys = KeyBindings()
        self._bind_keys()
        drawing = PlainOutput(sys.stdout, terminal.size, term="vt100", default_color_depth=ColorDepth.DEPTH_1_BIT,
                              enable_bell=False, enable_cpr=False)
        self._session: PromptSession[str] = PromptSession(
            input=terminal.input, output=drawing, history=InMemoryHistory(), key_bindings=self._keys,
            completer=DummyCompleter(), complete_while_typing=False, enable_suspend=False,
            enable_open_in_editor=False, mouse_support=False, color_depth=ColorDepth.DEPTH_1_BIT,
            enable_history_search=False)
        self._plain: PromptSession[str] = PromptSession(
            input=terminal.input, output=drawing, key_bindings=self._bind_plain_keys(), enable_suspend=False,
            enable_open_in_editor=False, color_depth=ColorDepth.DEPTH_1_BIT)

    def read_line(self, prompt: str) -> str:
        """One line, or several that were pasted together. Raises EOFError at ctrl-D, KeyboardInterrupt at ctrl-C."""
        self._prompt = prompt
        return self._session.prompt(_keep_blanks(prompt))

    def read_answer(self, question: str, proposed: str = "", is_hidden: bool = False) -> str:
        """What is answered to a question; not remembered. Raises as `read_line`."""
        return self._plain.prompt(_keep_blanks(question), default=proposed, is_password=is_hidden)

    def _bind_keys(self) -> None:
        has_room = Condition(lambda: len(self._session.default_buffer.text) < LINE_CHARACTERS)
        is_quoted = Condition(lambda: self._session.default_buffer.document.text_before_cursor.count('"') % 2 == 1)
        add = self._keys.add
        add(Keys.Tab)(self._complete)
        add("?", filter=~is_quoted)(self._help)
        add(Keys.Any, filter=has_room)(_insert_printable)
        add(Keys.Any, filter=~has_room)(_ignore)
        add(Keys.BracketedPaste)(_insert_pasted)
        for key in (Keys.ControlZ, Keys.ControlBackslash, Keys.ControlS):
            add(key)(_ignore)

    def _bind_plain_keys(self) -> KeyBindings:
        keys = KeyBindings()
        has_room = Condition(lambda: len(self._plain.default_buffer.text) < LINE_CHARACTERS)
        keys.add(Keys.Any, filter=has_room)(_insert_printable)
        keys.add(Keys.Any, filter=~has_room)(_ignore)
        keys.add(Keys.BracketedPaste)(_insert_pasted)
        keys.add(Keys.ControlZ)(_ignore)
        return keys

    def _complete(self, event: KeyPressEvent) -> None:
        before = event.current_buffer.document.text_before_cursor
        try:
            completion = complete_line(before, self.following)
        except OperatorError as error:
            self._print_below(before, self._describe(error))
            return
        if completion.insertion:
            insert_capped(event.current_buffer, completion.insertion)
        elif completion.choices:
            self._print_below(before, self._render(list(completion.choices)))

    def _help(self, event: KeyPressEvent) -> None:
        before = event.current_buffer.document.text_before_cursor
        try:
            text = self._render(list_choices(before, self.following))
        except OperatorError as error:
            text = self._describe(error)
        self._print_below(f"{before}?", text)

    def _render(self, choices: list[Choice]) -> str:
        text = render_choices(choices[:CHOICES_SHOWN], self._terminal.size().columns)
        if len(choices) > CHOICES_SHOWN:
            text += say("  ... and {count} more", count=len(choices) - CHOICES_SHOWN) + "\n"
        return text

    def _describe(self, error: OperatorError) -> str:
        said = f"{error.path}: {say_again(error.said)}"
        allowed = say("allowed: {allowed}", allowed=say_again(error.allowed))
        return wrap_prose(f"{said}\n{allowed}", self._terminal.size().columns) + "\n"

    def _print_below(self, typed: str, text: str) -> None:
        """The line as it was typed, the text below it, then the line again."""
        def write() -> None:
            self._output.write(f"{self._prompt}{typed}\n{text}")
            self._output.flush()
        run_in_terminal(write)


def _keep_blanks(prompt: str) -> FormattedText:
    """prompt_toolkit moves the cursor instead of writing the last blank, unless it has a style: programs that wait for
    the prompt shall see it as it stands in the documentation."""
    return FormattedText([("bg:ansidefault", prompt)])


def insert_capped(buffer: Buffer, text: str) -> None:
    """As much of the text as the line takes."""
    buffer.insert_text(text[:LINE_CHARACTERS - len(buffer.text)])


def _insert_printable(event: KeyPressEvent) -> None:
    if event.data.isprintable():
        insert_capped(event.current_buffer, event.data)


def _insert_pasted(event: KeyPressEvent) -> None:
    """Line ends stay, everything else that cannot be printed goes. A paste that ends its line is typed with enter."""
    text = event.data.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    text = "".join(one for one in text if one == "\n" or one.isprintable())
    event.current_buffer.insert_text(text.removesuffix("\n"))
    if text.endswith("\n"):
        event.current_buffer.validate_and_handle()


def _ignore(_event: KeyPressEvent) -> None:
    """This key does nothing here."""
