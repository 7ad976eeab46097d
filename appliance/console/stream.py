# SPDX-License-Identifier: Apache-2.0
"""Answers of a command that streams, read by a thread, so that the keyboard is heard meanwhile.

The queue is short: where the terminal is slow nothing is read, the server waits, and skips what it cannot tell.
"""

from collections.abc import Sequence
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

from appliance.errors import MachineError, OperatorError

if TYPE_CHECKING:
    from appliance.control.client import ControlClient

ANSWERS_WAITING = 4
LOOK_S = 0.2


class Stream:
    """A context manager: the thread and its connection end with it."""

    def __init__(self, client: "ControlClient", words: Sequence[object]) -> None:
        self._client = client
        self._words = words
        self._answers: Queue[object] = Queue(ANSWERS_WAITING)
        self._is_over = Event()
        self._thread = Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._is_over.set()
        self._client.close()
        self._thread.join(2.0)

    def take(self, limit_s: float) -> object:
        """The next answer, None where none comes within the limit. Raises OperatorError, MachineError as `ask`."""
        try:
            answer = self._answers.get(timeout=limit_s) if limit_s else self._answers.get_nowait()
        except Empty:
            return None
        if isinstance(answer, OperatorError | MachineError):
            raise answer
        return answer

    def _read(self) -> None:
        try:
            for answer in self._client.follow(self._words):
                if not self._put(answer):
                    return
        except (OperatorError, MachineError) as error:
            self._put(error)

    def _put(self, answer: object) -> bool:
        """Whether anybody still wants it."""
        while not self._is_over.is_set():
            try:
                self._answers.put(answer, timeout=LOOK_S)
            except Full:
                continue
            return True
        return False
