# SPDX-License-Identifier: Apache-2.0
"""The call server's end of the media socket: a `MediaRelay` that never waits, with a stock of ports leased ahead.

While the process that relays is away, commands are dropped and no port is to be had: the user is told when it is lost
and when it is found again, with the sessions it has. Runs on the event loop; changed by its own callbacks and commands.
"""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from appliance.errors import PeerError
from appliance.rtp.relaying import LegMedia, LocalPort, MediaRelayUser, RelayedSession
from appliance.system.media.messages import (
    MESSAGE_LIMIT_OCTETS,
    SOCKET_NAME,
    Message,
    describe_media,
    read_figures,
    read_message,
    read_port,
    read_session,
    read_word,
    write_message,
)

STOCK_SIZE = 32                 # ports leased ahead for each address of ours
WAITING_LIMIT = 8192            # commands that the socket has not taken yet; beyond, the relay counts as lost
RETRY_S = 0.5


class RelayClient:
    """Satisfies `rtp.relaying.MediaRelay` for one user. hosts: our addresses that media may use."""

    def __init__(self, state_directory: str, hosts: Sequence[str], user: MediaRelayUser) -> None:
        self._path = os.path.join(state_directory, SOCKET_NAME)
        self._user = user
        self._hosts = tuple(hosts)
        self._stock: dict[str, deque[LocalPort]] = {host: deque() for host in hosts}
        self._ordered = dict.fromkeys(hosts, 0)
        self._waiting: deque[bytes] = deque()
        self._found: list[RelayedSession] = []
        self._socket: socket.socket | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._readers: dict[str, Callable[[Message], None]] = {
            "leased": self._read_leased, "refused": self._read_refused, "closed": self._read_closed,
            "figures": self._read_told_figures, "silent": self._read_silent, "sessions": self._read_sessions}

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    def open(self) -> None:
        """Connect, now or as soon as there is something to connect to."""
        self._retry = None
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            connecting.connect(self._path)
        except OSError:         # not there yet: it is looked for again
            connecting.close()
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self.open)
            return
        self._socket = connecting
        asyncio.get_running_loop().add_reader(connecting, self._read)
        self._found = []
        self._send({"do": "list"})
        for host in self._hosts:
            self._order(host)

    def close(self) -> None:
        """Leave; sessions go on."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._forget()

    # ---- what a call may ask (rtp.relaying.MediaRelay)

    def take_port(self, host: str) -> LocalPort | None:
        stock = self._stock.get(host)
        if stock is None or self._socket is None:
            return None
        port = stock.popleft() if stock else None
        if len(stock) + self._ordered[host] <= STOCK_SIZE // 2:
            self._order(host)
        return port

    def return_port(self, port: LocalPort) -> None:
        self._send({"do": "return", "port": port})

    def open_session(self, session: str, ports: tuple[LocalPort, LocalPort]) -> None:
        self._send({"do": "open", "session": session, "ports": ports})

    def direct(self, session: str, side: int, media: LegMedia) -> None:
        self._send({"do": "direct", "session": session, "side": side, "media": describe_media(media)})

    def hold(self, session: str, is_held: bool) -> None:
        self._send({"do": "hold", "session": session, "is_held": is_held})

    def close_session(self, session: str) -> None:
        self._send({"do": "close", "session": session})

    def ask_figures(self, session: str) -> None:
        self._send({"do": "figures", "session": session})

    # ---- out

    def _order(self, host: str) -> None:
        count = STOCK_SIZE - len(self._stock[host]) - self._ordered[host]
        self._ordered[host] += count
        self._send({"do": "lease", "host": host, "count": count})

    def _send(self, message: Message) -> None:
        if self._socket is None:
            return
        if len(self._waiting) >= WAITING_LIMIT:
            self._lose()
            return
        self._waiting.append(write_message(message))
        if len(self._waiting) == 1:
            self._flush()

    def _flush(self) -> None:
        """Send in order; what the socket does not take waits for it."""
        sender = self._socket
        if sender is None:
            return
        try:
            while self._waiting:
                sender.send(self._waiting[0])
                self._waiting.popleft()
        except BlockingIOError:
            asyncio.get_running_loop().add_writer(sender, self._flush)
            return
        except OSError:
            self._lose()
            return
        asyncio.get_running_loop().remove_writer(sender)

    # ---- in

    def _read(self) -> None:
        while self._socket is not None:
            try:
                octets = self._socket.recv(4 * MESSAGE_LIMIT_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                octets = b""
            if not octets:
                self._lose()
                return
            try:
                message = read_message(octets)
                self._readers[read_word(message, "told")](message)
            except (PeerError, KeyError):
                self._lose()        # it speaks something else
                return

    def _read_leased(self, message: Message) -> None:
        host = read_word(message, "host")
        ports = [read_port(item) for item in message["ports"]]
        self._stock[host].extend(ports)
        self._ordered[host] -= int(message["asked"])        # more may be asked for, fewer may have come

    def _read_refused(self, message: Message) -> None:
        session = message.get("session")
        if isinstance(session, str):
            self._user.session_refused(session, read_word(message, "why"))

    def _read_closed(self, message: Message) -> None:
        self._user.session_closed(read_word(message, "session"), read_figures(message["figures"]))

    def _read_told_figures(self, message: Message) -> None:
        self._user.figures_told(read_word(message, "session"), read_figures(message["figures"]))

    def _read_silent(self, message: Message) -> None:
        self._user.session_silent(read_word(message, "session"))

    def _read_sessions(self, message: Message) -> None:
        self._found += map(read_session, message["sessions"])
        if message["is_last"]:
            found, self._found = self._found, []
            self._user.relay_found(found)

    def _lose(self) -> None:
        """The relay is gone or not to be trusted: look for it again, and say so."""
        if self._forget():
            self._retry = asyncio.get_running_loop().call_later(RETRY_S, self.open)
            self._user.relay_lost()

    def _forget(self) -> bool:
        if self._socket is None:
            return False
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket.close()
        self._socket = None
        self._waiting.clear()
        for host in self._hosts:
            self._stock[host].clear()
            self._ordered[host] = 0
        return True
