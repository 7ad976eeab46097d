# SPDX-License-Identifier: Apache-2.0
"""Commands of a call server carried out on the relay: sessions by name, ports by lease.

Sessions belong to no connection: whoever asks for the list adopts them. Leases do, and go back when it ends. `now` is
monotonic seconds. Changed by `obey`, `release` and `find_silent` alone.
"""

import os
import socket
import struct
from _blake2 import blake2b  # what `hashlib` gives, which brings OpenSSL with it: 4 MiB
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from appliance.errors import MachineError, PeerError
from appliance.native.packet_relay import PacketRelay
from appliance.native.sip_sockets import pack_address
from appliance.rtp.relaying import DirectionFigures, Figures, LegMedia, LocalPort, RelayedSession
from appliance.system.media.messages import (
    SESSIONS_AN_OBJECT,
    Message,
    describe_session,
    read_count,
    read_media,
    read_port,
    read_word,
)
from appliance.system.media.port_pool import Lease, PortPool

LEASES_LIMIT = 4096                 # pairs of ports of one connection; one command may ask for 64
LEASES_A_COMMAND = 64
LEG_SILENCE_S = 10.0                # of one leg
SESSION_SILENCE_S = 60.0            # of both
NO_ADDRESS = b""
FRESH = LegMedia(None, dscp=-1)     # of whom nothing was said: every payload type passes, nothing is marked
SOCKADDR_IN6_OCTETS = 28
PORT_LIMIT = 65535
_PORT = struct.Struct("!2xH")       # sockaddr_in and sockaddr_in6 have it at the same place
Leases = dict[LocalPort, Lease]


class Session:
    """What the relay knows by a handle, which reads the sockets of `leases`. silent: per side, whether it was told so;
    media: what was said of it last, None for something of which only a part was done.
    """

    __slots__ = ("handle", "is_held", "is_told_silent", "leases", "media", "name", "silent")

    def __init__(self, name: str, handle: int, leases: tuple[Lease, Lease]) -> None:
        self.name = name
        self.handle = handle
        self.leases = leases
        self.is_held = False
        self.silent = [False, False]
        self.media: list[LegMedia | None] = [FRESH, FRESH]
        self.is_told_silent = False

    @property
    def ports(self) -> tuple[LocalPort, LocalPort]:
        """Ours, side 0 and side 1."""
        return self.leases[0].port, self.leases[1].port

    def silence_begins(self) -> None:
        """It counts from now: nobody has been told of any."""
        self.silent = [False, False]
        self.is_told_silent = False


class RelayDesk:
    """Joins one PacketRelay and one PortPool."""

    def __init__(self, relay: PacketRelay, pool: PortPool, leases_limit: int = LEASES_LIMIT,
                 leg_silence_s: float = LEG_SILENCE_S, session_silence_s: float = SESSION_SILENCE_S) -> None:
        self._relay = relay
        self._pool = pool
        self._leases_limit = leases_limit
        self._leg_silence_s = leg_silence_s
        self._session_silence_s = session_silence_s
        self._secret = os.urandom(16)
        self._sessions: dict[str, Session] = {}
        self._names: dict[int, str] = {}
        self._commands: dict[str, Callable[[Message, Leases, float], Iterator[Message]]] = {
            "lease": self._lease, "return": self._return, "open": self._open, "direct": self._direct,
            "hold": self._hold, "close": self._close, "figures": self._figures, "list": self._list,
            "move": self._move, "range": self._change_range}

    def obey(self, message: Message, leases: Leases, now: float) -> list[Message]:
        """Do what one connection with these leases wants; what to tell it. A wrong command is told, not raised."""
        name = message.get("do")
        command = self._commands.get(name) if isinstance(name, str) else None
        try:
            if command is None:
                raise PeerError("an unknown command")
            return list(command(message, leases, now))
        except (PeerError, MachineError) as error:
            return [{"told": "refused", "do": name, "session": message.get("session"), "why": str(error)}]

    def release(self, leases: Leases, now: float) -> None:
        """A connection has ended: what it leased and did not use goes back."""
        for lease in leases.values():
            self._pool.give_back(lease, now)
        leases.clear()

    def find_silent(self) -> list[Message]:
        """What to tell everybody: legs that have fallen silent or are heard again, sessions that are silent."""
        silences: dict[int, list[float]] = {}
        for handle, side, silent_s in self._relay.find_silent(min(self._leg_silence_s, self._session_silence_s)):
            silences.setdefault(handle, [0.0, 0.0])[side] = silent_s
        told: list[Message] = []
        for session in self._sessions.values():
            silent = silences.get(session.handle)
            if silent is not None or True in session.silent:
                told += self._tell_changes(session, silent or [0.0, 0.0])
        return told

    def _tell_changes(self, session: Session, silent_s: list[float]) -> Iterator[Message]:
        for side in (0, 1):
            is_silent = silent_s[side] >= self._leg_silence_s
            if is_silent and not session.silent[side]:
                yield {"told": "silent", "session": session.name, "side": side,
                       "figures": self._read_side(session, side)}
            elif session.silent[side] and not is_silent:
                yield {"told": "heard", "session": session.name, "side": side}
            session.silent[side] = is_silent
        is_quiet = min(silent_s) >= self._session_silence_s
        if is_quiet and not session.is_told_silent:
            yield {"told": "quiet", "session": session.name}
        session.is_told_silent = is_quiet

    def find_last_packet(self) -> float:
        """Monotonic seconds of the last packet of any session; 0.0 when none ever came."""
        return max((figures.last_s or 0.0 for session in self._sessions.values()
                    for figures in self._read_figures(session)), default=0.0)

    @property
    def session_count(self) -> int:
        return len(self._sessions)

    def _lease(self, message: Message, leases: Leases, now: float) -> Iterator[Message]:
        host, count = read_word(message, "host"), read_count(message, "count", LEASES_A_COMMAND)
        ports: list[LocalPort] = []
        failure = ""
        for _ in range(count):
            if len(leases) >= self._leases_limit:
                failure = "as many leases as there may be"
                break
            try:
                lease = self._pool.lease(host, now)
            except MachineError as error:
                failure = str(error)
                break
            leases[lease.port] = lease
            ports.append(lease.port)
        yield {"told": "leased", "host": host, "asked": count, "ports": ports, "why": failure}

    def _return(self, message: Message, leases: Leases, now: float) -> Iterator[Message]:
        lease = leases.pop(read_port(message.get("port")), None)
        if lease is not None:
            self._pool.give_back(lease, now)
        return iter(())

    def _open(self, message: Message, leases: Leases, now: float) -> Iterator[Message]:
        """With the first `direct` in the same object, where that is known."""
        name = read_word(message, "session")
        ports = message.get("ports")
        if not isinstance(ports, list) or len(ports) != 2:
            raise PeerError("a session has two ports")
        first, second = map(read_port, ports)
        if name in self._sessions or first == second or first not in leases or second not in leases:
            raise PeerError("the session is there already, or its ports are not leased")
        handle = self._join(leases[first], leases[second], self._derive_key(name))
        self._sessions[name] = Session(name, handle, (leases.pop(first), leases.pop(second)))
        self._names[handle] = name
        return self._direct(message, leases, now) if "media" in message else iter(())

    def _derive_key(self, session: str) -> bytes:
        """Under which the names in RTCP are hidden: one for the sound and the picture of a call, whose names belong
        together, and another one for the next call."""
        call = session.rpartition("/")[0] or session
        return blake2b(call.encode(), digest_size=16, key=self._secret).digest()

    def _join(self, first: Lease, second: Lease, key: bytes) -> int:
        try:
            first.set_read(True)
            second.set_read(True)
            return self._relay.open_session((first.rtp, first.rtcp), (second.rtp, second.rtcp), key)
        except OverflowError as error:
            raise MachineError("as many sessions as there may be") from error
        except OSError as error:
            raise MachineError(f"session: {error.strerror}", error.errno or 0) from error

    def _direct(self, message: Message, _leases: Leases, _now: float) -> Iterator[Message]:
        session, side = self._session(message), read_count(message, "side", 1)
        media = read_media(message.get("media"))
        try:
            addresses = pack_media(media)
            refuse_circle(addresses[0], session.ports)
            self._relay.direct(session.handle, side, addresses, media.is_behind_nat)
            if media.other_host is not None and session.media[1 - side] is FRESH:
                expected = pack_media(LegMedia(None, None, media.other_host))
                self._relay.direct(session.handle, 1 - side, expected, False)
            self._mark(session, side, media)
            session.silence_begins()
        except (ValueError, OverflowError) as error:
            raise PeerError(f"media: {error}") from error
        return iter(())

    def _mark(self, session: Session, side: int, media: LegMedia) -> None:
        """What comes from this side, in its numbers; what goes out to it, with its DSCP. Said again, it is done."""
        before, session.media[side] = session.media[side], None
        if before is None or media.payloads != before.payloads:
            self._relay.map_payloads(session.handle, side, media.payloads)
        self._mark_sockets(session, side, media.dscp)
        session.media[side] = media

    def _mark_sockets(self, session: Session, side: int, dscp: int) -> None:
        """A mark is the sockets': those of an earlier call mostly have it already."""
        lease = session.leases[side]
        if dscp != lease.dscp:
            self._relay.set_dscp(session.handle, side, dscp)
            lease.dscp = dscp

    def _move(self, message: Message, leases: Leases, now: float) -> Iterator[Message]:
        """One side gets another port of another address; the other side notices nothing."""
        session = self._session(message)
        side, port = read_count(message, "side", 1), read_port(message.get("port"))
        lease = leases.get(port)
        if lease is None:
            raise PeerError("the port is not leased")
        try:
            lease.set_read(True)
            self._relay.move_side(session.handle, side, (lease.rtp, lease.rtcp))
        except OSError as error:
            raise MachineError(f"moving a side: {error.strerror}", error.errno or 0) from error
        del leases[port]
        self._pool.give_back_closed(session.ports[side], now)
        session.leases = (lease, session.leases[1]) if side == 0 else (session.leases[0], lease)
        media = session.media[side]
        if media is not None:
            self._mark_sockets(session, side, media.dscp)
        session.silence_begins()
        return iter(())

    def _change_range(self, message: Message, _leases: Leases, _now: float) -> Iterator[Message]:
        first, last = read_count(message, "first", PORT_LIMIT), read_count(message, "last", PORT_LIMIT)
        self._pool.change_range(first, last)
        return iter(())

    def _hold(self, message: Message, _leases: Leases, _now: float) -> Iterator[Message]:
        session = self._session(message)
        session.is_held = bool(message.get("is_held"))
        self._relay.hold(session.handle, session.is_held)
        session.silence_begins()
        return iter(())

    def _close(self, message: Message, _leases: Leases, now: float) -> Iterator[Message]:
        session = self._session(message)
        figures = tuple(map(read_counts, self._relay.close_session(session.handle, True)))
        del self._sessions[session.name], self._names[session.handle]
        for lease in session.leases:
            lease.set_read(False)
            self._pool.give_back(lease, now)
        yield {"told": "closed", "session": session.name, "figures": figures}

    def _figures(self, message: Message, _leases: Leases, _now: float) -> Iterator[Message]:
        session = self._session(message)
        yield {"told": "figures", "session": session.name, "figures": self._read_figures(session)}

    def _list(self, _message: Message, _leases: Leases, _now: float) -> Iterator[Message]:
        sessions = tuple(self._sessions.values())
        for first in range(0, max(1, len(sessions)), SESSIONS_AN_OBJECT):
            part = sessions[first:first + SESSIONS_AN_OBJECT]
            yield {"told": "sessions", "is_last": first + SESSIONS_AN_OBJECT >= len(sessions), "sessions": [
                describe_session(RelayedSession(session.name, session.ports, session.is_held,
                                                self._read_figures(session))) for session in part]}

    def _session(self, message: Message) -> Session:
        session = self._sessions.get(read_word(message, "session"))
        if session is None:
            raise PeerError("an unknown session")
        return session

    def _read_figures(self, session: Session) -> Figures:
        return self._read_side(session, 0), self._read_side(session, 1)

    def _read_side(self, session: Session, side: int) -> DirectionFigures:
        return read_counts(self._relay.statistics(session.handle, side))


def read_counts(counts: Sequence[Any]) -> DirectionFigures:
    """What the island has counted, with its addresses as people read them."""
    return DirectionFigures(*counts[:-3], *map(unpack_address, counts[-3:]))


def unpack_address(packed: bytes) -> tuple[str, int] | None:
    """(host, port) of a packed sockaddr; None for none."""
    if not packed:
        return None
    port = int(_PORT.unpack_from(packed)[0])
    if len(packed) < SOCKADDR_IN6_OCTETS:
        return socket.inet_ntop(socket.AF_INET, packed[4:8]), port
    return socket.inet_ntop(socket.AF_INET6, packed[8:24]), port


def refuse_circle(announced: bytes, ports: tuple[LocalPort, LocalPort]) -> None:
    """Raises PeerError where a session is to send to itself: its packets would go round for ever."""
    if announced in [_pack(port) for port in ports]:
        raise PeerError("media to the session's own port")


def pack_media(media: LegMedia) -> tuple[bytes, bytes, bytes]:
    """The three addresses of `PacketRelay.direct`. Raises ValueError for what is no numeric address."""
    signalling = (media.signalling_host, 0) if media.signalling_host is not None else None
    return _pack(media.rtp), _pack(media.rtcp), _pack(signalling)


@lru_cache(maxsize=4096)    # all that is said of a call names the same few
def _pack(address: tuple[str, int] | None) -> bytes:
    return pack_address(address[0].encode(), address[1]) if address is not None else NO_ADDRESS
