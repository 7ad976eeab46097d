# SPDX-License-Identifier: Apache-2.0
"""An operator at DIR/config.sock, and parts of the system that stand in for netd and the call server."""

import json
import socket
import threading
from pathlib import Path


class Refused(AssertionError):
    """The service said no. error: its four words."""

    def __init__(self, error: dict[str, str]) -> None:
        super().__init__(str(error))
        self.error = error


class HungUp(AssertionError):
    """It has gone."""


class ConfigDesk:
    """A connection with a session of its own."""

    def __init__(self, state: Path, user: str = "hanako") -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(state / "config.sock"))
        self._lines = self._socket.makefile("rb")
        self.session = self.look("open", user)["session"]

    def look(self, *words: object) -> object:
        """A command that names no session."""
        try:
            self._socket.sendall(json.dumps({"id": 1, "command": words}).encode() + b"\n")
            line = self._lines.readline()
        except ConnectionError:
            line = b""
        if not line.endswith(b"\n"):
            raise HungUp(words)
        answer = json.loads(line)
        if not answer["ok"]:
            raise Refused(answer["error"])
        return answer["result"]

    def ask(self, command: str, *words: object) -> object:
        return self.look(command, self.session, *words)

    def edit(self, *lines: str) -> None:
        assert self.ask("edit", list(lines)) == []

    def commit(self, comment: str = "", **options: object) -> dict[str, object]:
        return self.ask("commit", {"comment": comment, **options})

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "ConfigDesk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class StandInPart:
    """A daemon that takes up what it is told: DIR/NAME answers check, apply, revert. text: what it runs; refuses: said
    to the next `apply`."""

    def __init__(self, state: Path, name: str, text: str) -> None:
        self.text, self.before = text, text
        self.refuses = ""
        self.told: list[str] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(state / name))
        self._listening.listen(8)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    try:
                        connection.sendall(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
                    except ConnectionError:     # whoever asked was killed
                        break

    def _answer(self, request: dict[str, object]) -> dict[str, object]:
        word, *rest = request["command"]
        self.told.append(word)
        if word == "apply":
            if self.refuses:
                return {"id": request["id"], "ok": False, "error": {
                    "path": "step 3 of 5", "said": self.refuses, "allowed": "", "remedy": ""}}
            self.before, self.text = self.text, Path(rest[0]).read_text(encoding="utf-8")
        elif word == "revert":
            self.text = self.before
        return {"id": request["id"], "ok": True, "result": {"steps": [f"{word} it"] if word == "check" else []}}

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)
