# SPDX-License-Identifier: Apache-2.0
"""DIR/gate.sock: what the call server asks of the firewall while calls go on. SOCK_SEQPACKET, JSON arrays, no answers:
`["ban",ADDRESS,SECONDS,REASON] ["unban",ADDRESS] ["open",HOST,PORT] ["close",HOST,PORT] ["only",[[HOST,PORT]...]]
["peers",[[NETWORK,PORT,TRANSPORT]...]]`. A port of RTP stands for that of its RTCP as well. Of peers only the network
counts: a connection comes from any port. A call server that goes away leaves everything as it is; calls go on.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any, Final

from appliance.config.network_kinds import IpNetwork, is_too_wide
from appliance.errors import MachineError
from appliance.system.firewall.elements import Pinhole
from appliance.system.firewall.firewall import Firewall
from appliance.system.named_socket import NamedSocket
from appliance.system.peer_access import is_admitted
from appliance.vocabulary.journal import Journal

SOCKET_NAME: Final = "gate.sock"
CLIENTS_LIMIT: Final = 4
MESSAGES_A_TURN: Final = 64
MESSAGE_LIMIT_OCTETS: Final = 200_000       # what such a socket carries by default
LAST_PORT: Final = 65_535
TEXT_CHARACTERS: Final = 100


class Gate:
    """Serves the socket in the event loop; `firewall` is asked at once, in the loop's thread."""

    def __init__(self, state_directory: str, firewall: Firewall, journal: Journal) -> None:
        self._socket = NamedSocket(state_directory, SOCKET_NAME, "gate socket", "another netd listens there")
        self._firewall = firewall
        self._journal = journal
        self._clients: set[socket.socket] = set()
        self._listening: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Listen, in the running loop. Raises MachineError where that is impossible or another netd does."""
        listening = self._listening = self._socket.open(CLIENTS_LIMIT)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Stop listening, drop every client. Bans and pinholes stay."""
        if self._listening is None or self._loop is None:
            return
        self._loop.remove_reader(self._listening)
        self._socket.close()
        self._listening = None
        for client in tuple(self._clients):
            self._drop(client)

    def _accept(self) -> None:
        if self._listening is None or self._loop is None:
            return
        try:
            client, _address = self._listening.accept()
        except OSError:     # gone again, or no descriptor is left: the next one may find one
            return
        client.setblocking(False)
        if len(self._clients) >= CLIENTS_LIMIT or not is_admitted(client):
            client.close()
            return
        self._clients.add(client)
        self._loop.add_reader(client, self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        for _ in range(MESSAGES_A_TURN):
            try:
                octets, _ancillary, flags, _from = client.recvmsg(MESSAGE_LIMIT_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                octets, flags = b"", 0
            if not octets:
                self._drop(client)
                return
            if flags & socket.MSG_TRUNC:
                self._journal.record("gate_message_too_long", limit_octets=MESSAGE_LIMIT_OCTETS)
                continue
            self._obey(octets)

    def _drop(self, client: socket.socket) -> None:
        self._clients.discard(client)
        if self._loop is not None:
            self._loop.remove_reader(client)
        client.close()

    # ---- what is asked

    def _obey(self, octets: bytes) -> None:
        try:
            message = json.loads(octets)
            self._carry_out(message)
        except (ValueError, TypeError, OverflowError, RecursionError):     # netd survives whatever it is told
            self._journal.record("gate_message_not_understood", message=octets[:TEXT_CHARACTERS].decode("latin-1"))
        except MachineError as error:
            self._journal.record("gate_failed", message=octets[:TEXT_CHARACTERS].decode("latin-1"),
                                 error=error.operation)

    def _carry_out(self, message: Any) -> None:
        """Raises ValueError or TypeError for what is no message, MachineError for what the kernel refuses."""
        match message:
            case ["ban", str(address), int() | float() as seconds, str(reason)]:
                self._ban(address, seconds, reason)
            case ["unban", str(address)]:
                if self._firewall.unban(ip_address(address)):
                    self._journal.record("source_unbanned", address=address)
            case ["open", str(host), int(port)]:
                self._firewall.open_pinholes(read_pair(host, port))
            case ["close", str(host), int(port)]:
                self._firewall.close_pinholes(read_pair(host, port))
            case ["only", list(pairs)]:
                self._firewall.set_pinholes(one for host, port in pairs for one in read_pair(host, port))
            case ["peers", list(peers)]:
                self._firewall.set_peers(self._leave_out_wide(list(read_networks(peers))))
            case _:
                raise ValueError("no message of the gate")

    def _leave_out_wide(self, networks: list[IpNetwork]) -> list[IpNetwork]:
        """Half of the world is no carrier: it would be let in, and nobody of it ever shut out."""
        for one in filter(is_too_wide, networks):
            self._journal.record("peer_refused", network=str(one), why="it is so wide that strangers are in it")
        return [one for one in networks if not is_too_wide(one)]

    def _ban(self, text: str, seconds: float, reason: str) -> None:
        if not seconds > 0:
            raise ValueError("a ban of no time")
        address = ip_address(text)
        told = "".join(one if one.isprintable() else "?" for one in reason[:TEXT_CHARACTERS])
        refusal = self._firewall.ban(address, float(seconds), told)
        if refusal:
            self._journal.record("ban_refused", address=str(address), reason=told, why=refusal)
        else:
            self._journal.record("source_banned", address=str(address), seconds=seconds, reason=told)


def read_pair(host: str, port: int) -> tuple[Pinhole, Pinhole]:
    """The ports of RTP and RTCP (RFC 3550 11). Raises ValueError."""
    if not isinstance(port, int) or not 0 < port < LAST_PORT:
        raise ValueError("no port of RTP")
    address = ip_address(str(host))
    return Pinhole(address, port), Pinhole(address, port + 1)


def read_networks(peers: Iterable[Any]) -> Iterator[IpNetwork]:
    """The networks of peers. Raises ValueError."""
    for network, _port, _transport in peers:
        yield ip_network(str(network))
