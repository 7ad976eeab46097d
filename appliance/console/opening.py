# SPDX-License-Identifier: Apache-2.0
"""`denwaban console`: one command, commands from a pipe, or a conversation at a terminal."""

import os
import sys
from collections.abc import Iterable

from appliance.console.messages.catalog import choose_language, select_language
from appliance.console.output import Output, may_show_unicode
from appliance.console.servers import explain_silence
from appliance.console.session import DONE, UNREACHABLE, WRONG, Session
from appliance.errors import MachineError, OperatorError


def run_console(state_directory: str, command: str | None, is_json: bool, language: str = "") -> int:
    """The console's whole life; returns the exit code. language: "" for what the locale says."""
    select_language(choose_language(language, os.environ))
    output = Output(bool(language) or may_show_unicode(os.environ, sys.stdout.encoding))
    session = Session(state_directory, is_json, output)
    try:
        if command is not None:
            return session.run_command(command)
        if sys.stdin.isatty() and sys.stdout.isatty():
            from appliance.console.line.conversation import converse
            return converse(state_directory, is_json, language)
        return run_lines(session, sys.stdin)
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return DONE
    except KeyboardInterrupt:
        return DONE


def run_lines(session: Session, lines: Iterable[str]) -> int:
    """Commands from a pipe, one a line; the worst exit code."""
    worst = DONE
    for line in lines:
        if not line.strip():
            continue
        worst = max(worst, session.run_command(line))
        session.output.flush()
        if session.is_over:
            break
    if session.configuring is not None and not session.is_over:
        worst = max(worst, leave_candidate(session))
    return worst


def leave_candidate(session: Session) -> int:
    """The end of the input in configuration mode: what is lost is said."""
    try:
        return session.configuring.try_to_leave() if session.configuring is not None else DONE
    except OperatorError as error:
        session.print_error(error)
        return WRONG
    except MachineError as error:
        session.output.write_error(explain_silence(error, session.servers.directory))
        return UNREACHABLE
