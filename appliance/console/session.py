# SPDX-License-Identifier: Apache-2.0
"""The commands of one operator, in the two modes, whoever types them: `-c`, a pipe, a terminal.

Exit codes: 0 done, 1 the server cannot be reached, 2 the command is wrong. Everything is imported when it is needed:
`-c` answers in less than a tenth of a second.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from appliance.console.commands import resolve_command
from appliance.console.interaction import Interaction, PipedInteraction
from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.output import Output
from appliance.console.pipes import Piped, filter_text, read_pipes
from appliance.console.servers import CALLS, CONFIGURATION, Servers, Unreachable, explain_silence
from appliance.errors import MachineError, OperatorError

if TYPE_CHECKING:
    from appliance.console.completion import Choice
    from appliance.console.configure.mode import ConfigurationMode

DONE, UNREACHABLE, WRONG = 0, 1, 2
PROMPT = "denwaban> "


class Session:
    """Commands of one operator on one state directory; connects when the first question comes.

    configuring: configuration mode while the session is in it.
    """

    def __init__(self, state_directory: str, is_json: bool, output: Output | None = None,
                 interaction: Interaction | None = None) -> None:
        self.servers = Servers(state_directory)
        self.output = output or Output()
        self.interaction: Interaction = interaction or PipedInteraction()
        self.configuring: ConfigurationMode | None = None
        self.is_over = False
        self.is_json = is_json

    def run_command(self, line: str) -> int:
        """Carry out one line in the mode that the session is in; prints its output, or two lines of error."""
        try:
            piped = read_pipes(line)
            if self.configuring is None:
                return self.run_operational(piped)
            return self._run_configuring(self.configuring, piped)
        except OperatorError as error:
            self.print_error(error)
            return WRONG
        except MachineError as error:
            self._note_silence(error)
            return UNREACHABLE

    def print_error(self, error: OperatorError) -> None:
        """What is wrong where, what is allowed, and what to do where that is more."""
        allowed = say("allowed: {allowed}", allowed=say_again(error.allowed)) if error.allowed else ""
        said = f"{error.path}: {say_again(error.said)}"
        self.output.write_error("\n".join(filter(None, (said, allowed, say_again(error.remedy)))))

    def _note_silence(self, error: MachineError) -> None:
        self.output.write_error(explain_silence(error, self.servers.directory))
        if self.configuring is not None and isinstance(error, Unreachable) is False:
            self.configuring = None
            self.servers.hang_up(CONFIGURATION)
            self.output.write_error(say("what was changed and not committed is gone"))

    def _run_configuring(self, mode: "ConfigurationMode", piped: Piped) -> int:
        if self.is_json:
            piped = piped._replace(is_json=True)
        code = mode.run_command(piped)
        if mode.is_over:
            self.configuring = None
        return code

    def run_operational(self, piped: Piped) -> int:
        """A command of operational mode. Raises OperatorError and MachineError."""
        command, words = resolve_command(piped.words)
        if piped.compare is not None:
            raise OperatorError("| compare", piped.words.strip(), say("`show | compare` in configuration mode"))
        operation = import_module(f"appliance.console.operate.{command.module}")
        if hasattr(operation, "act"):
            code: int = operation.act(self, words)
            return code
        is_prose = getattr(operation, "IS_PROSE", False) and not (self.is_json or piped.is_json)
        write = self.output.write_sentences if is_prose else self.output.write_lines
        write(filter_text(self._render(operation, words, piped.is_json), piped.filters), piped.is_whole)
        return DONE

    def _render(self, operation: Any, words: list[str], is_json: bool) -> Iterator[str]:
        server = getattr(operation, "SERVER", CALLS)

        def ask(asked: list[str]) -> object:
            return self.servers.ask(server, asked)
        if hasattr(operation, "stream"):
            yield from operation.stream(ask, words)
            return
        if hasattr(operation, "collect"):
            result = operation.collect(self.servers, words)
        else:
            result = ask(operation.ask(words) if hasattr(operation, "ask") else words)
        if self.is_json or is_json:
            import json
            yield json.dumps(result, indent=2, ensure_ascii=False) + "\n"
        else:
            yield operation.render(result)

    def follow_operational(self, words: list[str]) -> "list[Choice]":
        """What may stand behind these words in operational mode."""
        from appliance.console.live_objects import follow_words
        return follow_words(words, self.servers)

    def follow(self, words: list[str]) -> "list[Choice]":
        """What may stand behind these words in the mode that the session is in. Raises OperatorError; where the
        configuration service is silent, nothing is known."""
        if self.configuring is None:
            return self.follow_operational(words)
        try:
            return self.configuring.follow(words)
        except MachineError:
            return []
