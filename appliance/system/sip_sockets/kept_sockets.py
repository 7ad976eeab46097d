# SPDX-License-Identifier: Apache-2.0
"""Which SIP sockets outlive the process, in the service manager's store: those that are bound, and phones' connections
over TCP. What comes in while nobody is here waits in the kernel. TLS is not kept: its keys die with us.

A connection is kept while it is between two messages both ways. Octets of half a message that we have read or not
written are lost with us, and a stream without them is noise: better closed at once, so that its phone connects again.
"""

import socket
from typing import Final, NamedTuple

from appliance.sip.flow import UDP, Listener
from appliance.system.descriptor_store import DescriptorStore
from appliance.system.sip_sockets.bound_socket import family_of

CONNECTIONS_LIMIT: Final = 4096     # of LISTEN_FDNAMES, one variable, Linux takes 128 KiB; FileDescriptorStoreMax=
CONNECTION_PREFIX: Final = "c"      # short, for the same reason


class KeptConnection(NamedTuple):
    """One that the last process had. number: what it is kept under."""

    number: int
    opened: socket.socket
    host: bytes
    port: int


class KeptSockets:
    """The descriptor store as the ports of SIP see it."""

    def __init__(self, store: DescriptorStore) -> None:
        self._store = store
        self._is_frozen = not store.is_active
        self._count = 0
        self._next = 1 + max((read_number(name) for name in store.names()), default=0)

    @property
    def is_keeping(self) -> bool:
        """Whether anything is kept at all."""
        return not self._is_frozen

    def freeze(self) -> None:
        """The process leaves: what is kept stays so, whatever is closed in here."""
        self._is_frozen = True

    def drop_rest(self) -> None:
        """Close what nobody has claimed: listeners that the configuration has no more, and their connections."""
        for name in self._store.names():
            self._store.drop(name)

    # ---- sockets that are bound

    def take_bound(self, listener: Listener) -> socket.socket | None:
        """The socket of this very listener, with all that waits in it; None: it has to be bound."""
        name = name_listener(listener)
        found = self._store.look_at(name)
        if found is None:
            return None
        kind = socket.SOCK_DGRAM if listener.transport == UDP else socket.SOCK_STREAM
        if (found.family, found.type) == (family_of(listener), kind) and is_bound_to(found, listener):
            return self._store.take(name)
        self._store.drop(name)
        return None

    def keep_bound(self, listener: Listener, bound: socket.socket) -> None:
        """The same socket again does no harm: the manager knows it."""
        if not self._is_frozen:
            self._store.keep(name_listener(listener), bound.fileno(), False)

    def forget_bound(self, listener: Listener) -> None:
        """The listener is closed for good."""
        if not self._is_frozen:
            self._store.forget(name_listener(listener))

    # ---- connections

    def take_connections(self, listener: Listener) -> list[KeptConnection]:
        """Those that a listener of this address has accepted and that still stand."""
        found = []
        for name in self._store.names():
            number, opened = read_number(name), self._store.look_at(name)
            if not number or opened is None or not is_bound_to(opened, listener):
                continue
            try:
                host, port = opened.getpeername()[:2]
            except OSError:         # its phone has gone meanwhile
                self._store.drop(name)
                continue
            host = host.partition("%")[0].encode("ascii")
            found.append(KeptConnection(number, self._store.take(name), host, port))
        self._count += len(found)
        return found

    def keep_connection(self, descriptor: int) -> int:
        """What it is kept under; 0: it is not."""
        if self._is_frozen or self._count >= CONNECTIONS_LIMIT:
            return 0
        number = self._next
        if not self._store.keep(f"{CONNECTION_PREFIX}{number:x}", descriptor, True):
            return 0
        self._next += 1
        self._count += 1
        return number

    def forget_connection(self, number: int) -> None:
        """It is closed, or in the middle of a message."""
        if not self._is_frozen:
            self._count -= 1
            self._store.forget(f"{CONNECTION_PREFIX}{number:x}")


def name_listener(listener: Listener) -> str:
    """A name for the store, in which colons are not allowed."""
    address = listener.hostport.decode("ascii").replace(":", "_")
    return f"{listener.transport.decode('ascii').lower()}-{listener.name}-{address}"


def is_bound_to(opened: socket.socket, listener: Listener) -> bool:
    """Whether its own end is the address of the listener."""
    address: object = opened.getsockname()[:2]
    return address == (listener.address, listener.port)


def read_number(name: str) -> int:
    """The number in the name of a connection, 0 in any other."""
    try:
        return int(name.removeprefix(CONNECTION_PREFIX), 16) if name.startswith(CONNECTION_PREFIX) else 0
    except ValueError:
        return 0


def keep_nothing() -> KeptSockets:
    """Without a service manager."""
    return KeptSockets(DescriptorStore())
