# SPDX-License-Identifier: Apache-2.0
"""The other end of a control socket: asks, waits for the answer. Blocking, for the console, scripts and threads."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress

from appliance.control.address import SOCKET_NAME, open_address
from appliance.errors import MachineError, OperatorError

TIMEOUT_S = 10.0
ANSWER_LIMIT_OCTETS = 64 * 1024 * 1024


class ControlClient:
    """A connection to one daemon of a state directory."""

    def __init__(self, state_directory: str, timeout_s: float = TIMEOUT_S, socket_name: str = SOCKET_NAME) -> None:
        """Connect. Raises MachineError when no daemon answers there."""
        self._number = 0
        self._received = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            with open_address(state_directory, socket_name) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise MachineError(f"connect to {socket_name} of {state_directory}: {error.strerror or error}",
                               error.errno or 0) from error

    def ask(self, words: Sequence[object]) -> object:
        """The result of one command. Raises OperatorError when it is refused, MachineError when the daemon is gone."""
        self._send(words)
        answer = self._read_answer()
        while answer.get("id") not in (None, self._number):     # of a question whose asker was interrupted
            answer = self._read_answer()
        return self._take_result(answer)

    def follow(self, words: Sequence[object]) -> Iterator[object]:
        """One result after the other of a command that streams, until the daemon hangs up. Raises as `ask`. To stop,
        close the client."""
        self._send(words)
        yield self._take_result(self._read_answer())
        self._socket.settimeout(None)       # nothing may happen for a long time
        while True:
            yield self._take_result(self._read_answer())

    def _send(self, words: Sequence[object]) -> None:
        self._number += 1
        request = json.dumps({"id": self._number, "command": words}).encode()
        try:
            self._socket.sendall(request + b"\n")
        except ConnectionError:
            pass  # what it said before it hung up is still to be read
        except OSError as error:
            raise MachineError(f"ask the daemon: {error}", error.errno or 0) from error

    def _take_result(self, answer: dict[str, object]) -> object:
        error_said = answer.get("error")
        if answer.get("ok") and error_said is None:
            return answer.get("result")
        if not isinstance(error_said, dict):
            raise MachineError("read the daemon's answer: neither result nor error")
        raise OperatorError(*(str(error_said.get(key, "")) for key in ("path", "said", "allowed", "remedy")))

    def _read_answer(self) -> dict[str, object]:
        line = self._read_line()
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise MachineError("read the daemon's answer: no JSON") from error
        if not isinstance(answer, dict):
            raise MachineError("read the daemon's answer: no JSON object")
        return answer

    def _read_line(self) -> bytes:
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > ANSWER_LIMIT_OCTETS:
                raise MachineError("read the daemon's answer: it does not end")
            try:
                octets = self._socket.recv(256 * 1024)
            except OSError as error:
                raise MachineError(f"read the daemon's answer: {error}", error.errno or 0) from error
            if not octets:
                raise MachineError("read the daemon's answer: it hung up")
            self._received += octets
        line = bytes(self._received[:end])
        del self._received[:end + 1]
        return line

    def close(self) -> None:
        """Hang up; a thread that waits for an answer here wakes."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
