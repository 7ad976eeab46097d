# SPDX-License-Identifier: Apache-2.0
"""The socket of the process that relays: DIR/media.sock, SOCK_SEQPACKET, for root and the own user (SO_PEERCRED).

A client that does not read is dropped; the sessions go on without it. Runs on the event loop of its process.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable

from appliance.errors import MachineError, PeerError
from appliance.system.media.messages import MESSAGE_LIMIT_OCTETS, SOCKET_NAME, Message, read_message, write_message
from appliance.system.media.relay_desk import Leases, RelayDesk

CLIENTS_LIMIT = 4
MESSAGES_A_TURN = 64
SILENCE_CHECK_S = 1.0
_PEER_CREDENTIALS = struct.Struct("3i")         # pid, uid, gid


class RelayServer:
    """Serves `desk`; clock gives monotonic seconds."""

    def __init__(self, state_directory: str, desk: RelayDesk, clock: Callable[[], float]) -> None:
        self._path = os.path.join(state_directory, SOCKET_NAME)
        self._desk = desk
        self._clock = clock
        self._clients: dict[socket.socket, Leases] = {}
        self._listening: socket.socket | None = None
        self._check: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Listen on the running loop. Raises MachineError where that is impossible or another process answers there."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            self._refuse_rival()
            os.fchmod(listening.fileno(), 0o600)        # before bind: the name never exists with another mode
            listening.bind(self._path)
            listening.listen(CLIENTS_LIMIT)
        except OSError as error:
            listening.close()
            raise MachineError(f"media socket {self._path}: {error.strerror}", error.errno or 0) from error
        self._listening = listening
        asyncio.get_running_loop().add_reader(listening, self._accept)
        self._plan_check()

    def close(self) -> None:
        """Stop listening and drop every client; sessions are the relay's."""
        for client in tuple(self._clients):
            self._drop(client)
        if self._check is not None:
            self._check.cancel()
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None
            os.unlink(self._path)

    def _refuse_rival(self) -> None:
        """Take away what a killed process left; leave a living one its socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            try:
                probe.connect(self._path)
            except FileNotFoundError:
                return
            except ConnectionRefusedError:
                os.unlink(self._path)
                return
        raise MachineError(f"media socket {self._path}: another process relays on this state directory")

    def _plan_check(self) -> None:
        self._check = asyncio.get_running_loop().call_later(SILENCE_CHECK_S, self._tell_silent)

    def _tell_silent(self) -> None:
        for message in self._desk.find_silent():
            for client in tuple(self._clients):
                self._send(client, message)
        self._plan_check()

    def _accept(self) -> None:
        if self._listening is None:
            return
        try:
            client, _address = self._listening.accept()
        except OSError:     # the client has gone again, or no descriptor is left: the next one may find one
            return
        _pid, uid, _gid = _PEER_CREDENTIALS.unpack(
            client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size))
        if uid not in (0, os.geteuid()) or len(self._clients) >= CLIENTS_LIMIT:
            client.close()
            return
        client.setblocking(False)
        self._clients[client] = {}
        asyncio.get_running_loop().add_reader(client, self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        for _ in range(MESSAGES_A_TURN):
            try:
                octets = client.recv(MESSAGE_LIMIT_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                octets = b""
            if not octets:
                self._drop(client)
                return
            self._answer(client, octets)
            if client not in self._clients:
                return

    def _answer(self, client: socket.socket, octets: bytes) -> None:
        try:
            message = read_message(octets)
        except PeerError:
            self._drop(client)      # it speaks something else
            return
        for told in self._desk.obey(message, self._clients[client], self._clock()):
            self._send(client, told)
            if client not in self._clients:
                return

    def _send(self, client: socket.socket, message: Message) -> None:
        try:
            client.send(write_message(message))
        except OSError:
            self._drop(client)      # gone, or it does not read

    def _drop(self, client: socket.socket) -> None:
        leases = self._clients.pop(client, None)
        if leases is None:
            return
        asyncio.get_running_loop().remove_reader(client)
        client.close()
        self._desk.release(leases, self._clock())
