# SPDX-License-Identifier: Apache-2.0
"""The console at a terminal from its greeting to its end: prompt, command, prompt."""

import os
import sys

from appliance.console.line.editor import LineEditor
from appliance.console.line.operator import TerminalInteraction
from appliance.console.line.paging import PagedOutput
from appliance.console.line.terminal import Terminal
from appliance.console.messages.catalog import choose_language, say, select_language
from appliance.console.output import may_show_unicode
from appliance.console.servers import CONFIGURATION
from appliance.console.session import DONE, PROMPT, Session


def converse(state_directory: str, is_json: bool, language: str) -> int:
    """Until `exit`, ctrl-D, or until the terminal is gone; returns the exit code."""
    terminal = Terminal()
    may_show_all = bool(language) or may_show_unicode(os.environ, sys.stdout.encoding)
    session = Session(state_directory, is_json, PagedOutput(terminal, may_show_all))
    with terminal.held():
        editor = LineEditor(terminal, session.output, session.follow)
        session.interaction = TerminalInteraction(terminal, editor)
        greet(session, choose_language(language, os.environ), may_show_all)
        try:
            while not session.is_over:
                _take_line(session, editor)
                session.output.flush()
        except OSError:
            pass  # the terminal is gone; so is the candidate, with its connection
        finally:
            session.servers.close()
    return DONE


def greet(session: Session, language: str, may_show_all: bool) -> None:
    """The language of the configuration where nobody asked for another; an empty office is offered its setup."""
    text = session.servers.look(CONFIGURATION, ["running"])
    if not isinstance(text, str):
        return
    lines = [line.split() for line in text.splitlines()]
    said = next((words[3] for words in lines if words[:3] == ["set", "system", "language"] and len(words) > 3), "")
    if said and not language and may_show_all:
        select_language(said)
    if not any(words[:2] == ["set", "extension"] for words in lines):
        session.output.write_prose(say("There are no telephones yet. `setup` sets up telephones and an outside line."))


def _take_line(session: Session, editor: LineEditor) -> None:
    try:
        typed = editor.read_line(_prompt(session))
    except KeyboardInterrupt:
        return
    except EOFError:
        _run(session, "exit")
        return
    for line in typed.split("\n"):
        if line.strip() and not session.is_over:
            _run(session, line)


def _prompt(session: Session) -> str:
    if session.configuring is None:
        return PROMPT
    from appliance.console.configure.mode import PROMPT as CONFIGURING_PROMPT
    session.output.write(session.configuring.banner())
    session.output.flush()
    return CONFIGURING_PROMPT


def _run(session: Session, line: str) -> None:
    """One line; ctrl-C ends what it does, never the console."""
    try:
        session.run_command(line)
    except KeyboardInterrupt:
        session.output.write("^C\n")
    except EOFError:
        session.is_over = True
