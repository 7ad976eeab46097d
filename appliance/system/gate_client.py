# SPDX-License-Identifier: Apache-2.0
"""The call server's end of DIR/gate.sock: whom the firewall is to shut out, what it is to let in. SOCK_SEQPACKET, one
JSON array a message, fire-and-forget; whoever looks after the network may come later, go and come again.

Runs on the event loop; changed by its own callbacks, `open`, `close` and what it is told to send.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Sequence
from typing import Final

from appliance.system.sending_queue import SendingQueue
from appliance.system.unix_address import open_unix_address
from appliance.vocabulary.journal import Journal

SOCKET_NAME: Final = "gate.sock"
LOOK_S: Final = 1.0             # between two tries to reach it
WAITING_LIMIT: Final = 4096     # messages that it has not taken yet; beyond, it is let go and told everything anew
LIST_LIMIT: Final = 4096        # entries of one message

Place = tuple[str, int]
"""A numeric address of ours and an RTP port on it; RTCP goes with it."""
Peer = tuple[str, int, str]
"""Who may speak SIP to us from outside: a numeric address, its port, the transport in small letters."""


class GateClient:
    """list_open, list_peers: all of it, for whoever comes."""

    def __init__(self, state_directory: str, journal: Journal) -> None:
        self._directory = state_directory
        self._journal = journal
        self._socket: socket.socket | None = None
        self._sending = SendingQueue(WAITING_LIMIT, self._lose)
        self._look: asyncio.TimerHandle | None = None
        self._is_missed = False
        self.list_open: Callable[[], Sequence[Place]] = tuple
        self.list_peers: Callable[[], Sequence[Peer]] = tuple

    @property
    def is_connected(self) -> bool:
        """Whether what is said now is heard."""
        return self._socket is not None

    def open(self) -> None:
        """Reach it, now or as soon as it is there."""
        if self._socket is None and self._look is None:
            self._connect()

    def close(self) -> None:
        """Leave it; what it has been told stays so."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._detach()

    # what it is told

    def ban(self, address: str, seconds: int, reason: str) -> bool:
        """Shut out an address; False where nobody is there to do it."""
        return self._say(["ban", address, seconds, reason])

    def open_port(self, host: str, port: int) -> None:
        """Let audio in at this RTP port and the RTCP port above it."""
        self._say(["open", host, port])

    def close_port(self, host: str, port: int) -> None:
        """Let nothing in there any more."""
        self._say(["close", host, port])

    def tell_open(self) -> None:
        """Exactly these are open."""
        self._say_list("only", self.list_open())

    def tell_peers(self) -> None:
        """Exactly these may speak SIP."""
        self._say_list("peers", self.list_peers())

    # inside

    def _say_list(self, verb: str, entries: Sequence[tuple[object, ...]]) -> None:
        """In one message; a list beyond any office's is cut, which leaves doors shut."""
        self._say([verb, [list(entry) for entry in entries[:LIST_LIMIT]]])

    def _say(self, message: list[object]) -> bool:
        return self._sending.send((json.dumps(message, separators=(",", ":")).encode(),))

    def _connect(self) -> None:
        self._look = None
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            with open_unix_address(self._directory, SOCKET_NAME) as address:
                connecting.connect(address)
        except OSError as error:
            connecting.close()
            if not self._is_missed:
                self._is_missed = True
                self._journal.record("gate_absent", reason=error.strerror or str(error))
            self._look_again()
            return
        self._is_missed = False
        self._socket = connecting
        self._sending.begin(connecting)
        asyncio.get_running_loop().add_reader(connecting, self._read)
        self._journal.record("gate_reached")
        self.tell_peers()
        self.tell_open()

    def _look_again(self) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_S, self._connect)

    def _read(self) -> None:
        """It never says anything but its end."""
        if self._socket is None:
            return
        try:
            if self._socket.recv(4096):
                return
        except BlockingIOError:
            return
        except OSError:
            pass        # the end as well
        self._lose()

    def _lose(self) -> None:
        self._detach()
        self._look_again()

    def _detach(self) -> None:
        lost, self._socket = self._socket, None
        self._sending.end()
        if lost is not None:
            asyncio.get_running_loop().remove_reader(lost)
            lost.close()
