# SPDX-License-Identifier: Apache-2.0
"""The control socket of the daemon: DIR/control.sock, mode 0600, for root and for the daemon's own user.

Who asks is known from the kernel (SO_PEERCRED, unix(7)). A client that sends too long a line or does not read is
dropped; long answers are written in pieces so that calls never wait for a console.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable

from appliance.control.address import SOCKET_NAME, open_address
from appliance.control.conversation import answer_line, refusal
from appliance.control.observed import Observed
from appliance.errors import MachineError

LINE_LIMIT_OCTETS = 16 * 1024
CLIENTS_LIMIT = 16
PATIENCE_S = 10.0
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class ControlServer:
    """Answers questions about `observed`; clock gives monotonic seconds."""

    def __init__(self, state_directory: str, observed: Observed, clock: Callable[[], float],
                 patience_s: float = PATIENCE_S) -> None:
        self._directory = state_directory
        self._observed = observed
        self._clock = clock
        self._patience_s = patience_s
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.AbstractServer | None = None
        self._identity: tuple[int, int] | None = None

    async def open(self) -> None:
        """Bind and listen. Raises MachineError where that is impossible or another daemon answers there."""
        try:
            listening = self._bind()
        except OSError as error:
            path = os.path.join(self._directory, SOCKET_NAME)
            raise MachineError(f"control socket {path}: {error.strerror}", error.errno or 0) from error
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LINE_LIMIT_OCTETS)

    async def close(self) -> None:
        """Stop listening, drop every client, remove the socket if it is still ours."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in tuple(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        path = os.path.join(self._directory, SOCKET_NAME)
        if self._identity is not None and self._identity == _identify(path):
            os.unlink(path)

    def _bind(self) -> socket.socket:
        with open_address(self._directory) as address:
            self._refuse_rival(address)
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                os.fchmod(listening.fileno(), 0o600)  # before bind: the name never exists with another mode
                listening.bind(address)
                listening.listen(CLIENTS_LIMIT)
            except OSError:
                listening.close()
                raise
            self._identity = _identify(address)
        listening.setblocking(False)
        return listening

    def _refuse_rival(self, address: str) -> None:
        """Take away what a killed daemon left; leave a living one its socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(address)
            except FileNotFoundError:
                return
            except ConnectionRefusedError:
                os.unlink(address)
                return
        raise MachineError(f"control socket {os.path.join(self._directory, SOCKET_NAME)}: another denwaban runs on "
                           "this state directory; stop it or use another --state")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._clients.add(task)
        try:
            reason = self._refuse_client(writer)
            if reason:
                writer.write(reason)
            else:
                await self._converse(reader, writer)
        except (OSError, TimeoutError):
            writer.transport.abort()  # gone, or too slow to be waited for
        finally:
            self._clients.discard(task)
            writer.close()

    def _refuse_client(self, writer: asyncio.StreamWriter) -> bytes:
        connection = writer.get_extra_info("socket")
        octets = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
        _pid, uid, _gid = _PEER_CREDENTIALS.unpack(octets)
        if uid not in (0, os.geteuid()):
            return refusal(f"user {uid}", f"root or user {os.geteuid()}")
        if len(self._clients) > CLIENTS_LIMIT:
            return refusal("one client more", f"{CLIENTS_LIMIT} clients at a time", "close a console")
        return b""

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return  # the client has left; a line without an end is no request
            except asyncio.LimitOverrunError:
                writer.write(refusal("a longer line", f"{LINE_LIMIT_OCTETS} octets"))
                return
            for piece in answer_line(line, self._observed, self._clock()):
                writer.write(piece)
                await asyncio.wait_for(writer.drain(), self._patience_s)
                await asyncio.sleep(0)  # calls first


def _identify(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return (status.st_dev, status.st_ino)
