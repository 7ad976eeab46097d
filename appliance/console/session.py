# SPDX-License-Identifier: Apache-2.0
"""`denwaban console`: one command and its output, or a prompt.

Exit codes: 0 done, 1 the server cannot be reached, 2 the command is wrong. Everything is imported when it is needed:
`-c` answers in less than a tenth of a second.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from appliance.console.commands import resolve_command
from appliance.errors import MachineError, OperatorError

if TYPE_CHECKING:
    from appliance.control.client import ControlClient

DONE, UNREACHABLE, WRONG = 0, 1, 2
PROMPT = "denwaban> "
LOCAL_MODULES = ("show_help", "leave_console")


class Session:
    """Commands of one operator on one state directory; connects when the first question comes."""

    def __init__(self, state_directory: str, is_json: bool) -> None:
        self._directory = state_directory
        self._is_json = is_json
        self._client: ControlClient | None = None
        self.is_over = False

    def run_command(self, line: str) -> int:
        """Carry out one line; prints its output, or two lines of error."""
        try:
            return self._print_output(line)
        except OperatorError as error:
            print(f"{error.path}: {error.said}\nallowed: {error.allowed}", file=sys.stderr)
            return WRONG
        except MachineError as error:
            self._hang_up()
            print(_explain_silence(error, self._directory), file=sys.stderr)
            return UNREACHABLE

    def _print_output(self, line: str) -> int:
        command, words = resolve_command(line)
        operation = import_module(f"appliance.console.operate.{command.module}")
        if command.module in LOCAL_MODULES:
            self.is_over = command.module == "leave_console"
            sys.stdout.write(operation.render(None))
            return DONE
        if hasattr(operation, "stream"):
            for text in operation.stream(self._ask, words):
                sys.stdout.write(text)
            return DONE
        result = self._ask(getattr(operation, "ask", list)(words))
        if self._is_json:
            import json
            sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
        else:
            sys.stdout.write(operation.render(result))
        return DONE

    def _ask(self, words: list[str]) -> object:
        if self._client is None:
            from appliance.control.client import ControlClient
            self._client = ControlClient(self._directory)
        return self._client.ask(words)

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def run_console(state_directory: str, command: str | None, is_json: bool) -> int:
    """The console's whole life; returns the exit code."""
    session = Session(state_directory, is_json)
    try:
        if command is not None:
            return session.run_command(command)
        return _run_lines(session)
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        return DONE


def _run_lines(session: Session) -> int:
    is_terminal = sys.stdin.isatty()
    worst = DONE
    for line in _read_prompted() if is_terminal else sys.stdin:
        if not line.strip():
            continue
        worst = max(worst, session.run_command(line))
        sys.stdout.flush()
        if session.is_over:
            break
    return DONE if is_terminal else worst


def _read_prompted() -> Iterator[str]:
    """Lines typed at the prompt until ctrl-D; ctrl-C throws the line away."""
    try:
        import readline  # noqa: F401  line editing and history for input()
    except ImportError:
        pass  # a plain line then
    while True:
        try:
            yield input(PROMPT)
        except KeyboardInterrupt:
            print()
        except EOFError:
            print()
            return


def _explain_silence(error: MachineError, directory: str) -> str:
    import errno
    if error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
        return (f"denwaban is not running on the state directory {directory}\n"
                "start it: denwaban run --config FILE --state DIR; or name the right one: --state DIR")
    if error.errno in (errno.EACCES, errno.EPERM):
        return (f"the control socket in {directory} is not for this user\n"
                "use the console as root or as the user that denwaban runs as")
    return f"denwaban on {directory} does not answer: {error.operation}\ntry again; its journal says what it is doing"
