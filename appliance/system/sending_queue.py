# SPDX-License-Identifier: Apache-2.0
"""Messages on their way to a local socket (SOCK_SEQPACKET), in order: what it does not take waits for it.

Runs on the event loop; changed by what is sent, and by the socket's readiness.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Iterable


class SendingQueue:
    """For one socket after the other. limit: messages that may wait; lose: called when more would, or when the socket
    carries nothing any more."""

    __slots__ = ("_limit", "_lose", "_socket", "_waiting")

    def __init__(self, limit: int, lose: Callable[[], None]) -> None:
        self._limit = limit
        self._lose = lose
        self._socket: socket.socket | None = None
        self._waiting: deque[bytes] = deque()

    def begin(self, connection: socket.socket) -> None:
        """From now on to this one, which does not block."""
        self._socket = connection

    def end(self) -> None:
        """Forget it, and what waited for it."""
        gone, self._socket = self._socket, None
        self._waiting.clear()
        if gone is not None:
            asyncio.get_running_loop().remove_writer(gone)

    def send(self, messages: Iterable[bytes]) -> bool:
        """Now, or when the socket takes them. False where there is none, or none any more."""
        if self._socket is None:
            return False
        is_blocked = bool(self._waiting)
        self._waiting.extend(messages)
        if len(self._waiting) > self._limit:
            self._lose()
        elif not is_blocked:
            self._send_waiting()
        return self._socket is not None

    def _send_waiting(self) -> None:
        sender = self._socket
        if sender is None:
            return
        try:
            while self._waiting:
                sender.send(self._waiting[0])
                self._waiting.popleft()
        except BlockingIOError:
            asyncio.get_running_loop().add_writer(sender, self._continue)
        except OSError:
            self._lose()

    def _continue(self) -> None:
        """The socket takes more."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_writer(self._socket)
            self._send_waiting()
