# SPDX-License-Identifier: Apache-2.0
"""What passes an interface of a namespace, octet by octet, with the kernel's time: the witness of the figures.

A thread reads packet sockets, one a point of observation. IPv4 fragments are put together before UDP is looked at.
"""

import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop.namespaces import call_inside

ETH_P_ALL = 3
SO_TIMESTAMPNS = 35
RECEIVE_BUFFER_OCTETS = 4 << 20
IPV4, UDP = 0x0800, 17
MORE_FRAGMENTS, FRAGMENT_OFFSET = 0x2000, 0x1FFF
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)        # nanoseconds, Ethernet


@dataclass(frozen=True, slots=True)
class Frame:
    """One Ethernet frame; at: seconds since the epoch; is_sent: it left the host that was watched."""

    at: float
    is_sent: bool
    octets: bytes


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram, whole."""

    at: float
    is_sent: bool
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes

    @property
    def is_sip(self) -> bool:
        """A start line and no RTP version; keep-alives and STUN are neither."""
        first = self.payload.split(b"\r\n", 1)[0]
        return first.startswith(b"SIP/2.0 ") or first.endswith(b" SIP/2.0")

    @property
    def is_rtp(self) -> bool:
        """RFC 3550 version 2 and no RTCP packet type (RFC 5761 section 4)."""
        return len(self.payload) >= 12 and self.payload[0] >> 6 == 2 and not 192 <= self.payload[1] <= 223


class Capture:
    """Points of observation by name; a context manager that reads until it is left."""

    def __init__(self) -> None:
        self.frames: dict[str, list[Frame]] = {}
        self._selector = selectors.DefaultSelector()
        self._is_wanted = True
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    def watch(self, name: str, namespace: str, device: str) -> None:
        opened = call_inside(namespace, lambda: open_packet_socket(device))
        self.frames[name] = []
        self._selector.register(opened, selectors.EVENT_READ, self.frames[name])

    def _run(self) -> None:
        while self._is_wanted:
            for key, _ in self._selector.select(0.05):
                assert isinstance(key.fileobj, socket.socket)
                try:
                    octets, control, _flags, address = key.fileobj.recvmsg(65536, 64)
                except OSError:                                    # the interface has gone down: nothing more comes
                    continue
                seconds = next((s + ns / 1e9 for level, kind, value in control if kind == SO_TIMESTAMPNS
                                for s, ns in (struct.unpack("qq", value[:16]),)), time.time())
                key.data.append(Frame(seconds, address[2] == socket.PACKET_OUTGOING, octets))

    def datagrams(self, name: str, since: float = 0) -> list[Datagram]:
        """The UDP datagrams seen at that point so far, in order."""
        frames = [frame for frame in list(self.frames[name]) if frame.at >= since]
        return list(read_datagrams(frames))

    def write(self, folder: Path) -> None:
        """One file a point, for programs that read pcap."""
        for name, frames in self.frames.items():
            with (folder / f"{name}.pcap").open("wb") as stream:
                stream.write(PCAP_HEADER)
                for frame in frames:
                    seconds, rest = divmod(frame.at, 1)
                    size = len(frame.octets)
                    stream.write(struct.pack("<IIII", int(seconds), int(rest * 1e9), size, size) + frame.octets)

    def __enter__(self) -> "Capture":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_wanted = False
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()


def open_packet_socket(device: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
    opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    opened.bind((device, ETH_P_ALL))
    return opened


def read_datagrams(frames: list[Frame]) -> Iterator[Datagram]:
    """UDP over IPv4 out of these frames; a datagram in fragments has the time of its last one."""
    pieces: dict[tuple[bytes, ...], dict[int, tuple[bytes, bool]]] = {}
    for frame in frames:
        if len(frame.octets) < 34 or int.from_bytes(frame.octets[12:14], "big") != IPV4:
            continue
        header_size = (frame.octets[14] & 15) * 4
        header = frame.octets[14:14 + header_size]
        size, number, place = struct.unpack("!HHH", header[2:8])
        if header[9] != UDP:
            continue
        body = frame.octets[14 + header_size:14 + size]
        if place & (MORE_FRAGMENTS | FRAGMENT_OFFSET):
            key = (header[12:20], bytes((frame.is_sent,)), number.to_bytes(2, "big"))
            kept = pieces.setdefault(key, {})
            kept[(place & FRAGMENT_OFFSET) * 8] = body, not place & MORE_FRAGMENTS
            whole = join_pieces(kept)
            if whole is None:
                continue
            body = whole
            del pieces[key]
        ports = struct.unpack("!HH", body[:4])
        source, target = (socket.inet_ntoa(header[at:at + 4]) for at in (12, 16))
        yield Datagram(frame.at, frame.is_sent, (source, ports[0]), (target, ports[1]), body[8:])


def join_pieces(pieces: dict[int, tuple[bytes, bool]]) -> bytes | None:
    """The octets of these fragments (offset -> octets, is the last), None while one is missing."""
    octets, is_last = b"", False
    for offset in sorted(pieces):
        if offset != len(octets):
            return None
        piece, is_last = pieces[offset]
        octets += piece
    return octets if is_last else None
