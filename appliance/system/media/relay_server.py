# SPDX-License-Identifier: Apache-2.0
"""The socket of the process that relays: DIR/media.sock, SOCK_SEQPACKET, for whom `system.peer_access` admits, and the
loop that serves it. A client that does not read is dropped; the sessions go on without it.

Changed by `serve` alone, in one thread. It has no asyncio: a process that does this little should be small.
"""

import selectors
import signal
import socket
from collections import deque
from collections.abc import Callable

from appliance.errors import PeerError
from appliance.system.media.messages import (
    MESSAGE_LIMIT_OCTETS,
    SOCKET_NAME,
    Greeting,
    Message,
    describe_greeting,
    read_objects,
    write_messages,
)
from appliance.system.media.relay_desk import Leases, RelayDesk
from appliance.system.named_socket import NamedSocket
from appliance.system.peer_access import is_admitted
from appliance.system.sd_notify import read_ping_interval_s, say_alive

CLIENTS_LIMIT = 4
MESSAGES_A_TURN = 64
WAITING_LIMIT = 1024            # messages that a client has not read
CHECK_S = 1.0
ALONE_QUIET_S = 60.0            # without a call server: no packet for so long, and nobody talks any more
ALONE_LONGEST_S = 600.0


class Client:
    """One connection: what it has leased, what it has not read yet."""

    __slots__ = ("connection", "is_blocked", "leases", "waiting")

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.leases: Leases = {}
        self.waiting: deque[bytes] = deque()
        self.is_blocked = False


class RelayServer:
    """Serves `desk`; clock gives monotonic seconds. Left alone by its first client, it ends when nobody talks any more;
    without one (a unit of its own) it ends when it is told to. is_relaying: what it tells the service manager."""

    def __init__(self, state_directory: str, desk: RelayDesk, greeting: Greeting, clock: Callable[[], float],
                 is_relaying: Callable[[], bool] = lambda: True) -> None:
        self._socket = NamedSocket(state_directory, SOCKET_NAME, "media socket",
                                   "another process relays on this state directory")
        self._desk = desk
        self._greeting = greeting
        self._clock = clock
        self._clients: dict[int, Client] = {}
        self._listening: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._is_over = False
        self._is_owned = False
        self._alone_since: float | None = None
        self._next_check = 0.0
        self._is_relaying = is_relaying
        self._ping_interval_s = read_ping_interval_s()
        self._next_ping = clock()

    def open(self, owner: socket.socket | None) -> None:
        """Listen; owner: the connection to the call server that has started us. Raises MachineError where that is
        impossible or another process answers there."""
        listening = self._listening = self._socket.open(CLIENTS_LIMIT)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)
        if owner is not None:
            self._is_owned = True
            self._take_in(owner)

    def serve(self) -> None:
        """Until SIGTERM, SIGINT, the command `end`, or nobody needs us any more."""
        woken, waking = socket.socketpair()
        for one in (woken, waking):
            one.setblocking(False)
        signal.set_wakeup_fd(waking.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note_signal)
        self._selector.register(woken, selectors.EVENT_READ, None)
        while not self._is_over:
            for key, mask in self._selector.select(self._next_wake_s()):
                if key.data is None:
                    woken.recv(64)
                elif isinstance(key.data, Client):
                    self._serve(key.data, mask)
                else:
                    key.data()
            self._look_around()

    def close(self) -> None:
        """Stop listening and drop every client; sessions are the relay's. The name goes first: who sees the connection
        end may take it."""
        if self._listening is None:
            return
        self._socket.close()
        self._listening = None
        for client in tuple(self._clients.values()):
            self._drop(client)

    # ---- time

    def _note_signal(self, _number: int, _frame: object) -> None:
        self._is_over = True

    def _next_wake_s(self) -> float | None:
        """How long nothing happens but messages: for ever where there is nothing to look after."""
        now = self._clock()
        wakes = [] if self._ping_interval_s is None else [self._next_ping]
        if self._desk.session_count or self._alone_since is not None:
            wakes.append(self._next_check)
        return max(0.0, min(wakes) - now) if wakes else None

    def _look_around(self) -> None:
        now = self._clock()
        if self._ping_interval_s is not None and now >= self._next_ping:
            self._next_ping = now + self._ping_interval_s
            if self._is_relaying():
                say_alive()
        if self._clients or not self._is_owned:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        if self._alone_since is not None and self._desk.session_count == 0:
            self._is_over = True        # nothing to hand over
        if now < self._next_check:
            return
        self._next_check = now + CHECK_S
        told = self._desk.find_silent()
        for client in tuple(self._clients.values()) if told else ():
            self._tell(client, told)
        if self._alone_since is not None and may_leave(now, self._alone_since, self._desk.find_last_packet()):
            self._is_over = True

    # ---- clients

    def _accept(self) -> None:
        if self._listening is None:
            return
        try:
            connection, _address = self._listening.accept()
        except OSError:     # the client has gone again, or no descriptor is left: the next one may find one
            return
        if not is_admitted(connection) or len(self._clients) >= CLIENTS_LIMIT:
            connection.close()
            return
        self._take_in(connection)

    def _take_in(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        client = self._clients[connection.fileno()] = Client(connection)
        self._selector.register(connection, selectors.EVENT_READ, client)
        self._tell(client, [describe_greeting(self._greeting)])

    def _serve(self, client: Client, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush(client)
        if not mask & selectors.EVENT_READ:
            return
        for _ in range(MESSAGES_A_TURN):
            if not self._is_served(client):
                return
            try:
                octets = client.connection.recv(MESSAGE_LIMIT_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                octets = b""
            if not octets:
                self._drop(client)
                return
            self._answer(client, octets)

    def _is_served(self, client: Client) -> bool:
        return self._clients.get(client.connection.fileno()) is client

    def _answer(self, client: Client, octets: bytes) -> None:
        try:
            messages = read_objects(octets)
        except PeerError:
            self._drop(client)      # it speaks something else
            return
        told: list[Message] = []
        for message in messages:
            if message.get("do") == "end":
                self._is_over = True
                continue
            answer = self._desk.obey(message, client.leases, self._clock())
            told += answer
            if message.get("do") == "range" and not answer:     # whoever comes next is greeted with these
                self._greeting = self._greeting._replace(first=message["first"], last=message["last"])
        self._tell(client, told)

    def _tell(self, client: Client, told: list[Message]) -> None:
        client.waiting.extend(write_messages(told))
        if len(client.waiting) > WAITING_LIMIT:
            self._drop(client)
        elif client.waiting and not client.is_blocked:
            self._flush(client)

    def _flush(self, client: Client) -> None:
        """Send in order; what the client has not read yet waits for it."""
        is_blocked = False
        try:
            while client.waiting:
                client.connection.send(client.waiting[0])
                client.waiting.popleft()
        except BlockingIOError:
            is_blocked = True
        except OSError:
            self._drop(client)
            return
        if is_blocked != client.is_blocked:
            client.is_blocked = is_blocked
            writing = selectors.EVENT_WRITE if is_blocked else 0
            self._selector.modify(client.connection, selectors.EVENT_READ | writing, client)

    def _drop(self, client: Client) -> None:
        if self._clients.pop(client.connection.fileno(), None) is None:
            return
        self._selector.unregister(client.connection)
        client.connection.close()
        self._desk.release(client.leases, self._clock())


def may_leave(now: float, alone_since: float, last_packet: float) -> bool:
    """Whether a relay without call server may end: its calls are over as far as it can see, or nobody comes back."""
    return now - max(alone_since, last_packet) >= ALONE_QUIET_S or now - alone_since >= ALONE_LONGEST_S
