# SPDX-License-Identifier: Apache-2.0
"""An operator's desk for tests: a session on doubles of the servers, with answers that were thought of before."""

from collections.abc import Iterator, Sequence
from typing import Any

from appliance.console.output import Output
from appliance.console.servers import CALLS, CONFIGURATION, HANDSETS, NETWORK, Servers, Unreachable
from appliance.console.session import Session
from appliance.control.questions import answer_question
from appliance.errors import MachineError
from tests.console.configuration_double import ConfigurationDouble
from tests.control.sample_office import SampleOffice


class ServersDouble(Servers):
    """Every daemon in memory. network, handsets: answers by their words; silent: sockets that nobody answers on."""

    def __init__(self, configuration: ConfigurationDouble) -> None:
        super().__init__("/nowhere")
        self.configuration = configuration
        self.network: dict[str, object] = {}
        self.handsets: dict[str, object] = {}
        self.silent: set[str] = set()

    def ask(self, socket_name: str, words: Sequence[Any]) -> object:
        if socket_name in self.silent or (socket_name == NETWORK and not self.network):
            raise Unreachable(socket_name, MachineError(f"connect to {socket_name}", 2))
        if socket_name == CONFIGURATION:
            return self.configuration.answer(list(words))
        if socket_name == NETWORK:
            return self.network[" ".join(words)]
        if socket_name == HANDSETS and self.handsets:
            return self.handsets[" ".join(words)]
        result = answer_question(list(words), SampleOffice(), 42.0)
        return list(result) if isinstance(result, Iterator) else result

    def look(self, socket_name: str, words: Sequence[Any]) -> object:
        try:
            return self.ask(socket_name, words)
        except MachineError:
            return None


class KeptOutput(Output):
    """Keeps everything. text: what came, errors as well."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def write_lines(self, lines: Any, is_whole: bool = False) -> None:
        self.text += "".join(lines)

    def write_error(self, text: str) -> None:
        self.text += f"{text}\n"

    def width(self) -> int:
        return 0

    def take(self) -> str:
        text, self.text = self.text, ""
        return text


class Answers:
    """An operator who has his answers ready. pasted: what he pastes."""

    def __init__(self, *answers: str, pasted: str = "", is_terminal: bool = True) -> None:
        self.is_terminal = is_terminal
        self.asked: list[str] = []
        self.pasted = pasted
        self._answers = list(answers)

    def ask(self, question: str, proposed: str = "", is_hidden: bool = False) -> str:
        self.asked.append(question)
        if not self._answers:
            raise KeyboardInterrupt
        return self._answers.pop(0) or proposed

    def read_pasted(self) -> list[str]:
        return self.pasted.splitlines()

    def wait_end(self, limit_s: float) -> bool:
        return True

    def size(self) -> tuple[int, int]:
        return 24, 80


class Desk:
    """A session and what surrounds it."""

    def __init__(self, *answers: str, configuration: ConfigurationDouble | None = None, pasted: str = "",
                 is_terminal: bool = True) -> None:
        self.configuration = configuration or ConfigurationDouble()
        self.output = KeptOutput()
        self.operator = Answers(*answers, pasted=pasted, is_terminal=is_terminal)
        self.session = Session("/nowhere", is_json=False, output=self.output, interaction=self.operator)
        self.session.servers = self.servers = ServersDouble(self.configuration)

    def type(self, line: str, code: int = 0) -> str:
        """What is printed after a line that ends with this code."""
        assert self.session.run_command(line) == code, self.output.text
        return self.output.take()


__all__ = ["CALLS", "Desk"]
