# SPDX-License-Identifier: Apache-2.0
"""What the terminal's parts do with keys and sizes: pages, pastes, garbage."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.data_structures import Size
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from appliance.console.line.editor import LINE_CHARACTERS
from appliance.console.line.operator import PASTE_CHARACTERS, Paste
from appliance.console.line.paging import MORE, PagedOutput
from appliance.console.line.terminal import measure_terminal
from appliance.console.output import Output


class TerminalDouble:
    """Keys that were thought of before, a size."""

    def __init__(self, *keys: str, columns: int = 80) -> None:
        self.keys = [KeyPress(key) for key in keys]
        self.asked = 0
        self._size = Size(6, columns)

    def size(self) -> Size:
        return self._size

    def wait_key(self, is_wanted, limit_s=None):
        self.asked += 1
        while self.keys:
            key = self.keys.pop(0)
            if is_wanted(key):
                return key
        return None


LINES = [f"line {number}\n" for number in range(1, 21)]


@pytest.mark.parametrize(("keys", "shown", "asked"), [
    (("q",), 5, 1), ((" ", "q"), 10, 2), ((Keys.Enter, "q"), 6, 2), (("x", "\x00", " ", " ", " "), 20, 3),
    ((Keys.ControlC,), 5, 1)])
def test_output_stops_when_the_screen_is_full(capsys, keys, shown: int, asked: int):
    terminal = TerminalDouble(*keys)
    PagedOutput(terminal, may_show_all=True).write_lines(LINES)
    text = capsys.readouterr().out
    assert sum(line in text for line in LINES) == shown
    assert terminal.asked == asked
    assert text.count(MORE) == asked


def test_without_stopping_where_that_is_asked_for(capsys):
    terminal = TerminalDouble()
    PagedOutput(terminal, may_show_all=True).write_lines(LINES, is_whole=True)
    assert capsys.readouterr().out == "".join(LINES)
    PagedOutput(terminal, may_show_all=True).write_lines(LINES[:5])
    assert terminal.asked == 0


def test_a_line_that_wraps_counts_for_its_rows(capsys):
    terminal = TerminalDouble("q", columns=20)
    PagedOutput(terminal, may_show_all=True).write_lines(["あ" * 30 + "\n", "x" * 41 + "\n"])
    assert MORE in capsys.readouterr().out


def test_sentences_are_parted_between_words_at_the_width_of_the_terminal(capsys):
    output = PagedOutput(TerminalDouble(" ", columns=40), may_show_all=True)
    output.write_prose("it is taken back at noon unless `confirm` or `commit` is typed before")
    output.write_error("extension 1003 name: you say Stores, and meanwhile somebody else has said Workshop")
    assert capsys.readouterr().out == (
        "it is taken back at noon unless\n  `confirm` or `commit` is typed before\n"
        "extension 1003 name: you say Stores, and\n  meanwhile somebody else has said\n  Workshop\n")


def test_a_pipe_gets_sentences_whole(capfd):
    output, sentence = Output(), "one sentence " * 20
    output.write_prose(sentence)
    output.write_error(sentence)
    output.flush()
    assert capfd.readouterr() == (f"{sentence}\n", f"{sentence}\n")


def test_size_of_a_serial_line_that_tells_none():
    with open(os.devnull, "rb") as nothing:
        assert measure_terminal(nothing.fileno(), {}) == Size(24, 80)
        assert measure_terminal(nothing.fileno(), {"LINES": "50", "COLUMNS": "132"}) == Size(50, 132)
        assert measure_terminal(nothing.fileno(), {"LINES": "-1", "COLUMNS": "9999999"}) == Size(24, 80)
        assert measure_terminal(nothing.fileno(), {"LINES": "1", "COLUMNS": "1"}) == Size(4, 20)


def paste(*keys: KeyPress) -> Paste:
    taking = Paste()
    for key in keys:
        if not taking.has_ended():
            taking.take_key(key)
    return taking


def typed(text: str) -> list[KeyPress]:
    named = {"\r": Keys.Enter, "\n": Keys.ControlJ, "\t": Keys.Tab, "\x04": Keys.ControlD, "\x7f": Keys.Backspace}
    return [KeyPress(named.get(one, one), one) for one in text]


def test_lines_end_with_cr_with_lf_and_with_both():
    for ending in ("\r", "\n", "\r\n"):
        taken = paste(*typed(ending.join(["set a 1", "", "set b\t2", ".", "more"])))
        assert taken.lines == ["set a 1", "", "set b 2"]
        assert taken.has_ended()


def test_what_is_begun_at_ctrl_d_counts_and_rubbing_out_works():
    assert paste(*typed("ab\x7f\x7f\x7fset c\x04")).lines == ["set c"]


def test_a_bracketed_paste_is_the_same():
    assert paste(KeyPress(Keys.BracketedPaste, "set a 1\r\nset b 2\r.\r")).lines == ["set a 1", "set b 2"]


def test_ctrl_c_throws_it_away():
    with pytest.raises(KeyboardInterrupt):
        paste(*typed("set a"), KeyPress(Keys.ControlC, "\x03"))


@given(st.lists(st.one_of(st.sampled_from([*Keys]).map(lambda key: KeyPress(key, "\x1b[?")),
                          st.characters().map(lambda one: KeyPress(one, one)))))
def test_garbage_makes_printable_lines_or_nothing(keys: list[KeyPress]):
    keys = [key for key in keys if key.key != Keys.ControlC]
    taken = Paste()
    echoed = "".join(taken.take_key(key) for key in keys)
    assert all(one.isprintable() or one in "\n\b" for one in echoed)
    assert all(line.isprintable() for line in taken.lines)


def test_what_never_ends_is_ended():
    taken = Paste()
    taken.take_key(KeyPress(Keys.BracketedPaste, "x" * (PASTE_CHARACTERS + 10)))
    assert taken.has_ended()
    assert sum(map(len, taken.lines)) == LINE_CHARACTERS + 1


def test_one_command_loads_nothing_of_the_line_editor():
    import subprocess
    script = ("import sys; from appliance.__main__ import main; "
              "main(['console', '--state', '/nowhere', '-c', 'show calls']); "
              "print([name for name in sys.modules if name.startswith(('prompt_toolkit', 'appliance.config', "
              "'appliance.console.line', 'appliance.console.messages.ja'))])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout == "[]\n"
