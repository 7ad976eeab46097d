# SPDX-License-Identifier: Apache-2.0
"""The call server's end of the media socket: a `MediaRelay` that never waits, with a stock of ports leased ahead.

While the process that relays is away, commands are dropped and no port is to be had: the user is told when it is lost
and when it is found again, with the sessions it has. Runs on the event loop; changed by its own callbacks and commands.
"""

import asyncio
import select
import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from appliance.errors import PeerError
from appliance.rtp.relaying import LegMedia, LocalPort, MediaRelayUser, RelayedSession
from appliance.system.media.messages import (
    MESSAGE_LIMIT_OCTETS,
    Greeting,
    Message,
    read_count,
    read_direction,
    read_figures,
    read_greeting,
    read_objects,
    read_port,
    read_session,
    read_word,
    write_messages,
)
from appliance.system.media.pinholes import Pinholes
from appliance.system.media.port_stock import PortStock
from appliance.system.media.unclaimed import UnclaimedSessions
from appliance.system.sending_queue import SendingQueue

WAITING_LIMIT = 4096            # messages that the socket has not taken yet; beyond, the relay counts as lost
RETURN_S = 2.0                  # a relay that is lost is back by then, or it is no matter of waiting
DELAY_S = 0.01                  # of what is not urgent
SHORTAGE_S, LONGEST_SHORTAGE_S = 0.1, 5.0   # ports are asked for again after so long where there were not enough


class RelayOwner(Protocol):
    """Who has opened the connection."""

    def relay_greeted(self, greeting: Greeting | None) -> None:
        """What the relay is (None: nothing we know): `begin`, or `end` it."""
    def relay_present(self, session_count: int) -> None:
        """Its sessions are known and ports are there; the user is told right after this."""
    def ports_missing(self, host: str, reason: str) -> None:
        """No port of this address is left or to be had; told once until there are enough again."""
    def connection_ended(self) -> None:
        """It has gone, or we have let it go since it speaks something else."""


class RelayClient:
    """Satisfies `rtp.relaying.MediaRelay` for `user`, who is set before the first wake. settle(now): called after each
    wake in which the user was told something, to send what it has queued.
    """

    def __init__(self, hosts: Sequence[str], owner: RelayOwner, settle: Callable[[float], None]) -> None:
        self.user: MediaRelayUser = UnclaimedSessions(self)
        self.pinholes: Pinholes | None = None       # where a firewall wants to know
        self._owner = owner
        self._settle = settle
        self._stock = PortStock(hosts)
        self._queued: list[Message] = []            # to go out together
        self._is_flush_due = False
        self._delay: asyncio.TimerHandle | None = None
        self._offered: dict[str, int] = {}      # sessions of which at most one side is known: which one, -1 for none
        self._sending = SendingQueue(WAITING_LIMIT, self._lose)
        self._found: list[RelayedSession] = []
        self._unheard: list[Message] = []       # read while ports were waited for
        self._socket: socket.socket | None = None
        self._is_present = False
        self._back_by = 0.0                     # one that was lost is replaced by then, mostly
        self._short: set[str] = set()           # addresses of which no port was left
        self._shortage_s = SHORTAGE_S
        self._shortage: asyncio.TimerHandle | None = None
        self._readers: dict[str, Callable[[Message, float], None]] = {
            "hello": self._read_hello, "leased": self._read_leased, "refused": self._read_refused,
            "closed": self._read_closed, "figures": self._read_told_figures, "silent": self._read_silent,
            "heard": self._read_heard, "quiet": self._read_quiet, "sessions": self._read_sessions}

    @property
    def is_present(self) -> bool:
        """Whether calls may have media now."""
        return self._is_present

    @property
    def is_awaited(self) -> bool:
        """MediaRelay."""
        return self._stock.is_awaited if self._is_present else monotonic() < self._back_by

    def attach(self, connection: socket.socket) -> None:
        """Listen to a relay, which will say what it is."""
        self._socket = connection
        self._sending.begin(connection)
        asyncio.get_running_loop().add_reader(connection, self._read)

    def begin(self) -> None:
        """It is the right one: lease ports, and take up its sessions."""
        self._found = []
        self._order()
        self._send({"do": "list"})      # answered after the orders: then there are ports

    def end(self) -> None:
        """Ask it to end, after everything that it was asked before. It is no loss then when it goes."""
        self._is_present = False
        self._send({"do": "end"})
        self._flush()

    def detach(self) -> None:
        """Listen to it no more. Its sessions go on unless it ends."""
        connection, self._socket = self._socket, None
        if connection is None:
            return
        asyncio.get_running_loop().remove_reader(connection)
        if self._shortage is not None:
            self._shortage.cancel()
            self._shortage = None
        self._queued.clear()
        self._unheard.clear()
        self._offered.clear()
        self._sending.end()
        self._stock.clear()
        self._is_present = False

    def read_rest(self) -> None:
        """The process has ended: what it said last, up to the end of the connection."""
        if self._socket is not None:
            self._read()

    def set_hosts(self, hosts: Sequence[str]) -> None:
        """Other addresses of ours that media may use; ports for new ones are ordered at once."""
        self._give_back(self._stock.set_hosts(hosts))
        self._short &= set(hosts)
        self._order_anew()

    def change_range(self, first: int, last: int) -> None:
        """Other ports from now on; sessions keep theirs."""
        self._send({"do": "range", "first": first, "last": last})
        self._give_back(self._stock.empty())
        self._order_anew()

    def await_ports(self, limit_s: float) -> None:
        """Stand still until each address has some of the ports that are on order, at most limit_s: the next call, which
        may be one for help, is not to be refused for a change of ours. What else the relay says is heard afterwards."""
        self._flush()
        end = monotonic() + limit_s
        while (connection := self._socket) is not None and self._is_present and self._stock.is_awaited:
            poller = select.poll()
            poller.register(connection, select.POLLIN)
            if not poller.poll(max(0.0, end - monotonic()) * 1000.0) or not self._read_ports(connection):
                return

    def _read_ports(self, connection: socket.socket) -> bool:
        """Ports at once, everything else on the next wake; False at the end of the connection, which `_read` sees as
        well."""
        try:
            octets = connection.recv(4 * MESSAGE_LIMIT_OCTETS)
        except OSError:
            return False
        if not octets:
            return False
        if not self._unheard:
            asyncio.get_running_loop().call_soon(self._read)
        try:
            for message in read_objects(octets):
                if message.get("told") == "leased":
                    self._read_leased(message, monotonic())
                else:
                    self._unheard.append(message)
        except (PeerError, KeyError):
            self._unheard.append({})        # which `_read` takes as badly
            return False
        return True

    def _give_back(self, ports: Sequence[LocalPort]) -> None:
        for port in ports:
            self._send_later({"do": "return", "port": port})

    # ---- what a call may ask (rtp.relaying.MediaRelay)

    def take_port(self, host: str) -> LocalPort | None:
        if not self._is_present:
            return None
        port = self._stock.take(host)
        if self._order() and self._stock.is_low(host):
            self._flush_soon()
        return port

    def return_port(self, port: LocalPort) -> None:
        self._send_later({"do": "return", "port": port})

    def open_session(self, session: str, ports: tuple[LocalPort, LocalPort]) -> None:
        if self.pinholes is not None:
            self.pinholes.session_opened(session, ports)
        self._offered[session] = -1
        self._send_later({"do": "open", "session": session, "ports": ports})

    def direct(self, session: str, side: int, media: LegMedia) -> None:
        queued = self._queued
        if queued and queued[-1]["do"] == "open" and queued[-1]["session"] == session and "media" not in queued[-1]:
            queued[-1] |= {"side": side, "media": media}    # mostly the offer: one object, not two
            self._offered[session] = side
            return
        command = {"do": "direct", "session": session, "side": side, "media": media}
        if self._offered.get(session, 1 - side) in (-1, side):
            self._offered[session] = side       # an offer: nobody speaks before there is an answer
            self._send_later(command)
        else:
            self._offered.pop(session, None)
            self._send(command)

    def move_side(self, session: str, side: int, port: LocalPort) -> None:
        if self.pinholes is not None:
            self.pinholes.side_moved(session, side, port)
        self._send({"do": "move", "session": session, "side": side, "port": port})

    def hold(self, session: str, is_held: bool) -> None:
        self._send({"do": "hold", "session": session, "is_held": is_held})

    def close_session(self, session: str) -> None:
        if self.pinholes is not None:
            self.pinholes.session_closed(session)
        self._offered.pop(session, None)
        self._send_later({"do": "close", "session": session})

    def ask_figures(self, session: str) -> None:
        self._send({"do": "figures", "session": session})

    # ---- out

    def _order_anew(self) -> None:
        """A few for each address in a message of their own, since the relay answers each message as a whole."""
        if self._socket is None:
            return
        for host, count in self._stock.order_first():
            self._send({"do": "lease", "host": host, "count": count})
        self._flush()
        if self._order():
            self._flush_soon()

    def _order(self) -> bool:
        """Order what is missing. Whether anything was. What nobody would hear must not count as on order for ever."""
        if self._socket is None:
            return False
        has_ordered = False
        for host, count in self._stock.order():
            has_ordered = True
            self._send_later({"do": "lease", "host": host, "count": count})
        return has_ordered

    def _send(self, message: Message) -> None:
        """Queue for the end of this wake: one message of the socket carries all."""
        if self._socket is None:
            return
        self._queued.append(message)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _send_later(self, message: Message) -> None:
        """Queue for the next message that is urgent, or for a few milliseconds: each wake of the relay costs."""
        if self._socket is None:
            return
        if self._delay is None:
            self._delay = asyncio.get_running_loop().call_later(DELAY_S, self._end_delay)
        self._queued.append(message)

    def _end_delay(self) -> None:
        self._delay = None
        self._flush()

    def _flush(self) -> None:
        self._is_flush_due = False
        if not self._queued:
            return
        messages = list(write_messages(self._queued))
        self._queued.clear()
        self._sending.send(messages)

    # ---- in

    def _read(self) -> None:
        now = monotonic()
        unheard, self._unheard = self._unheard, []
        self._hear(unheard, now)
        while self._socket is not None:
            try:
                octets = self._socket.recv(4 * MESSAGE_LIMIT_OCTETS)
            except BlockingIOError:
                break
            except OSError:
                octets = b""
            if not octets:
                self._lose()
                break
            try:
                messages = read_objects(octets)
            except PeerError:
                self._lose()
                break
            self._hear(messages, now)
        self._settle(now)

    def _hear(self, messages: Sequence[Message], now: float) -> None:
        try:
            for message in messages:
                self._readers[read_word(message, "told")](message, now)
        except (PeerError, KeyError):
            self._lose()        # it speaks something else

    def _read_hello(self, message: Message, _now: float) -> None:
        self._owner.relay_greeted(read_greeting(message))

    def _read_leased(self, message: Message, _now: float) -> None:
        ports = message["ports"]
        asked = read_count(message, "asked", MESSAGE_LIMIT_OCTETS)
        if not isinstance(ports, list):
            raise PeerError("no list of ports")
        host = read_word(message, "host")
        self._stock.add(host, [read_port(item) for item in ports], asked)
        if len(ports) == asked:
            self._short.discard(host)
            self._shortage_s = SHORTAGE_S
            return
        if host not in self._short and self._stock.is_empty(host):     # a small range is leased as a whole
            self._short.add(host)
            self._owner.ports_missing(host, str(message.get("why")))
        if self._shortage is None:
            self._shortage = asyncio.get_running_loop().call_later(self._shortage_s, self._end_shortage)
            self._shortage_s = min(LONGEST_SHORTAGE_S, 2 * self._shortage_s)

    def _end_shortage(self) -> None:
        self._shortage = None
        self._order()

    def _read_refused(self, message: Message, now: float) -> None:
        session = message.get("session")
        if isinstance(session, str):
            self._offered.pop(session, None)
            self.user.session_refused(session, read_word(message, "why"), now)

    def _read_closed(self, message: Message, now: float) -> None:
        self.user.session_closed(read_word(message, "session"), read_figures(message["figures"]), now)

    def _read_told_figures(self, message: Message, now: float) -> None:
        self.user.figures_told(read_word(message, "session"), read_figures(message["figures"]), now)

    def _read_silent(self, message: Message, now: float) -> None:
        figures = read_direction(message["figures"])
        self.user.leg_silent(read_word(message, "session"), read_count(message, "side", 1), figures, now)

    def _read_heard(self, message: Message, now: float) -> None:
        self.user.leg_heard(read_word(message, "session"), read_count(message, "side", 1), now)

    def _read_quiet(self, message: Message, now: float) -> None:
        self.user.session_silent(read_word(message, "session"), now)

    def _read_sessions(self, message: Message, now: float) -> None:
        sessions = message["sessions"]
        if not isinstance(sessions, list):
            raise PeerError("no list of sessions")
        self._found += map(read_session, sessions)
        if message["is_last"]:
            found, self._found = self._found, []
            if self.pinholes is not None:
                self.pinholes.sessions_found(found)
            self._is_present = True
            self._owner.relay_present(len(found))
            self.user.relay_found(found, now)

    def _lose(self) -> None:
        """The relay is gone, or not to be trusted: say so."""
        was_present = self._is_present
        if was_present:
            self._back_by = monotonic() + RETURN_S
        self.detach()
        self._owner.connection_ended()
        if was_present:
            self.user.relay_lost(monotonic())
