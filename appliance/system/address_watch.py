# SPDX-License-Identifier: Apache-2.0
"""Which addresses this machine has on which side, as whoever looks after the network tells it over DIR/net.sock (JSON
lines): once, and at each change. Runs on the event loop; it may come later, go and come again.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from time import monotonic
from typing import Any, Final, NamedTuple

from appliance.errors import MachineError, PeerError
from appliance.system.unix_address import open_unix_address

SOCKET_NAME: Final = "net.sock"
WATCH_REQUEST: Final = b'{"id":1,"command":["watch","addresses"]}\n'
ASK_REQUEST: Final = b'{"id":1,"command":["addresses"]}\n'
LOOK_S: Final = 1.0
ASK_LIMIT_S: Final = 5.0
LINE_LIMIT_OCTETS: Final = 64 * 1024
Addresses = dict[str, str]
"""By role, "wan" and "lan"; without those that have none now."""


class SideFault(NamedTuple):
    """Why a side has no address. kind: of vocabulary.network_alarm; since: monotonic seconds when it was first told."""

    kind: str
    detail: str
    since: float


def ask_addresses(state_directory: str) -> Addresses:
    """What holds now; for a start, which may wait. Raises MachineError where nobody answers."""
    try:
        with connect_network(state_directory) as asking:
            asking.settimeout(ASK_LIMIT_S)
            asking.sendall(ASK_REQUEST)
            with asking.makefile("rb") as answers:
                return read_addresses(answers.readline(LINE_LIMIT_OCTETS))
    except (OSError, PeerError) as error:
        raise MachineError(f"addresses of the network: {error}") from error


def connect_network(state_directory: str) -> socket.socket:
    """A connection, blocking. Raises OSError."""
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        with open_unix_address(state_directory, SOCKET_NAME) as address:
            connecting.connect(address)
    except OSError:
        connecting.close()
        raise
    return connecting


def read_addresses(line: bytes) -> Addresses:
    """The addresses in one answer. Raises PeerError for anything that is none."""
    try:
        answer = json.loads(line)
        result = answer["result"]
        said = {str(role): side["address"] for role, side in result.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PeerError("no answer about addresses", 0, line[:200]) from error
    return {role: _read_address(address) for role, address in said.items() if address}


def _read_address(said: Any) -> str:
    try:
        return str(ip_address(said))
    except ValueError as error:
        raise PeerError(f"no address: {said!r}") from error


def read_faults(line: bytes, before: Mapping[str, SideFault], now: float) -> dict[str, SideFault]:
    """By role, from an answer that `read_addresses` has understood; what was so before has been so since then."""
    found = {}
    for role, side in json.loads(line)["result"].items():
        kind, detail = side.get("fault"), side.get("detail")
        if isinstance(kind, str) and isinstance(detail, str) and kind:
            known = before.get(role)
            is_same = known is not None and known[:2] == (kind, detail)
            found[role] = known if known is not None and is_same else SideFault(kind, detail, now)
    return found


class AddressWatch:
    """changed(addresses): called at the first word and with each that says something else. faults: as told last, by
    role."""

    def __init__(self, state_directory: str, changed: Callable[[Addresses], None]) -> None:
        self._directory = state_directory
        self._changed = changed
        self._told: Addresses | None = None
        self.faults: dict[str, SideFault] = {}
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Watch from now on."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """Watch no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        while True:
            with suppress(OSError, PeerError):      # gone, not there yet, or speaking something else: again
                await self._follow()
            await asyncio.sleep(LOOK_S)

    async def _follow(self) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connect_network(self._directory),
                                                            limit=LINE_LIMIT_OCTETS)
        try:
            writer.write(WATCH_REQUEST)
            while line := await reader.readline():
                addresses = read_addresses(line)
                self.faults = read_faults(line, self.faults, monotonic())
                self._take(addresses)
        except ValueError as error:     # of readline: a longer line than any answer
            raise PeerError("a line without end") from error
        finally:
            writer.close()

    def _take(self, addresses: Addresses) -> None:
        if addresses != self._told:
            self._told = addresses
            self._changed(addresses)
