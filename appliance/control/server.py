# SPDX-License-Identifier: Apache-2.0
"""Control sockets: JSON lines on DIR/NAME, mode 0600, or 0660 where $DENWABAN_GROUP names a group.

A client that sends too long a line or does not read is dropped; long answers are written in pieces so that calls never
wait for a console.
"""

import asyncio
import inspect
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Final

from appliance.control.address import SOCKET_NAME, open_address
from appliance.control.asker import Asker, identify_asker, may_ask
from appliance.control.conversation import Words, read_request, require_plain_words, write_answer, write_refusal
from appliance.control.observed import Observed
from appliance.control.questions import answer_question
from appliance.errors import MachineError, OperatorError
from appliance.system.named_socket import identify_file
from appliance.system.peer_access import PRIVATE_MODE, find_shared_group, share_socket

LINE_LIMIT_OCTETS: Final = 16 * 1024
CLIENTS_LIMIT: Final = 16
PATIENCE_S: Final = 10.0
CLOSING_LIMIT_S: Final = 2.0

Answerer = Callable[[Words, Asker], object]
"""The result of one command: what JSON can hold, an iterator for a list that is written in pieces, an awaitable of
either, which is carried to its end even if nobody waits any more, or an async iterator for a stream: one answer each,
until the asker says anything or leaves. Raises OperatorError or MachineError: the asker is told."""


class LineServer:
    """Answers what is asked on one socket of the state directory."""

    def __init__(self, state_directory: str, socket_name: str, answer: Answerer,
                 line_limit_octets: int = LINE_LIMIT_OCTETS, patience_s: float = PATIENCE_S) -> None:
        self._directory = state_directory
        self._name = socket_name
        self._answer = answer
        self._line_limit_octets = line_limit_octets
        self._patience_s = patience_s
        self._group: int | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._unfinished: set[asyncio.Future[object]] = set()
        self._server: asyncio.AbstractServer | None = None
        self._identity: tuple[int, int] | None = None

    async def open(self) -> None:
        """Bind and listen. Raises MachineError where that is impossible or another daemon answers there."""
        self._group = find_shared_group()
        try:
            listening = self._bind()
        except OSError as error:
            path = os.path.join(self._directory, self._name)
            raise MachineError(f"control socket {path}: {error.strerror}", error.errno or 0) from error
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=self._line_limit_octets)

    async def close(self) -> None:
        """Stop listening, drop every client, wait for what is being carried out, remove the socket if still ours."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in tuple(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        if self._unfinished:
            await asyncio.wait(self._unfinished, timeout=CLOSING_LIMIT_S)
        path = os.path.join(self._directory, self._name)
        if self._identity is not None and self._identity == identify_file(path):
            os.unlink(path)

    def _bind(self) -> socket.socket:
        with open_address(self._directory, self._name) as address:
            self._refuse_rival(address)
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                os.fchmod(listening.fileno(), PRIVATE_MODE)  # before bind: the name never exists with a wider mode
                listening.bind(address)
                share_socket(address)
                listening.listen(CLIENTS_LIMIT)
            except OSError:
                listening.close()
                raise
            self._identity = identify_file(address)
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
        raise MachineError(f"control socket {os.path.join(self._directory, self._name)}: another denwaban runs on "
                           "this state directory; stop it or use another --state")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._clients.add(task)
        asker: Asker | None = None
        try:
            asker = identify_asker(writer.get_extra_info("socket"))
            refused = self._refuse_asker(asker)
            if refused:
                writer.write(write_refusal(refused))
            else:
                await self._converse(asker, reader, writer)
        except (OSError, TimeoutError):
            writer.transport.abort()  # gone, or too slow to be waited for
        except asyncio.CancelledError:
            return      # by `close`; the streams of Python 3.11 would call it unhandled
        finally:
            self._clients.discard(task)
            if asker is not None:
                asker.end()
            writer.close()

    def _refuse_asker(self, asker: Asker) -> OperatorError | None:
        if not may_ask(asker, self._group):
            return OperatorError("control socket", f"user {asker.uid}", f"root or user {os.geteuid()}")
        if len(self._clients) > CLIENTS_LIMIT:
            return OperatorError("control socket", "one client more", f"{CLIENTS_LIMIT} clients at a time",
                                 "close a console")
        return None

    async def _converse(self, asker: Asker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line: bytes | None = await self._read_line(reader, writer)
        while line is not None:
            identity: object = None
            try:
                identity, words = read_request(line)
                result = await self._carry_out(words, asker)
            except (OperatorError, MachineError) as error:
                await self._write(writer, write_refusal(_explain(error), identity))
            else:
                if isinstance(result, AsyncIterator):
                    line = await self._write_stream(identity, result, reader, writer)
                    continue
                for piece in write_answer(identity, result):
                    await self._write(writer, piece)
            line = await self._read_line(reader, writer)

    async def _carry_out(self, words: Words, asker: Asker) -> object:
        result = self._answer(words, asker)
        if not inspect.isawaitable(result):
            return result
        unfinished = asyncio.ensure_future(result)
        self._unfinished.add(unfinished)
        unfinished.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(unfinished)

    async def _write_stream(self, identity: object, results: AsyncIterator[object], reader: asyncio.StreamReader,
                            writer: asyncio.StreamWriter) -> bytes | None:
        """Returns the line that has ended it, None where the asker has left."""
        ending = asyncio.ensure_future(self._read_line(reader, writer))
        following: asyncio.Future[object] | None = None
        try:
            while not ending.done():
                following = asyncio.ensure_future(anext(results, _NOTHING_MORE))
                await asyncio.wait((ending, following), return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    break
                result = following.result()
                if result is _NOTHING_MORE:
                    break
                for piece in write_answer(identity, result):
                    await self._write(writer, piece)
            if following is not None and not following.done():
                following.cancel()
                await asyncio.wait((following,))
            return await ending
        finally:
            ending.cancel()
            if following is not None and not following.done():
                following.cancel()
                await asyncio.wait((following,))        # a generator that still runs cannot be closed
            if inspect.isasyncgen(results):
                await results.aclose()

    async def _read_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """None at the end of the conversation."""
        try:
            return await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None     # the client has left; a line without an end is no request
        except asyncio.LimitOverrunError:
            writer.write(write_refusal(OperatorError("control socket", "a longer line",
                                                     f"{self._line_limit_octets} octets")))
            return None

    async def _write(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        writer.write(piece)
        await asyncio.wait_for(writer.drain(), self._patience_s)
        await asyncio.sleep(0)  # calls first


class ControlServer(LineServer):
    """DIR/control.sock: answers questions about `observed`, and whatever has a command of its own. clock gives
    monotonic seconds."""

    def __init__(self, state_directory: str, observed: Observed, clock: Callable[[], float],
                 patience_s: float = PATIENCE_S) -> None:
        super().__init__(state_directory, SOCKET_NAME, self._answer_words, patience_s=patience_s)
        self._observed = observed
        self._clock = clock
        self.commands: dict[str, Answerer] = {}
        """First word -> who carries it out, beside the questions."""

    def _answer_words(self, words: Words, asker: Asker) -> object:
        plain = require_plain_words(words)
        command = self.commands.get(plain[0]) if plain else None
        if command is not None:
            return command(words, asker)
        return answer_question(plain, self._observed, self._clock())


_NOTHING_MORE: Final = object()


def _explain(error: OperatorError | MachineError) -> OperatorError:
    if isinstance(error, OperatorError):
        return error
    return OperatorError("machine", error.operation, "")
