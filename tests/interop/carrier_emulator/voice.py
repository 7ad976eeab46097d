# SPDX-License-Identifier: Apache-2.0
"""The voice of one emulated call: an RTP socket that counts what comes and speaks when it is told to."""

import re
import socket
import struct
from collections.abc import Callable

OCTETS_A_PACKET = 160                                              # 20 ms of PCMU


class EmulatedVoice:
    """`received`: (source, octets) of every datagram; `heard` those that are RTP."""

    def __init__(self, host: str, octets: Callable[[int], bytes] = lambda number: bytes((number % 251,)) * 160) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()
        self.received: list[tuple[tuple[str, int], bytes]] = []
        self.peer: tuple[str, int] | None = None
        self._octets = octets
        self._sent = 0

    def aim(self, session: bytes) -> None:
        """Speak to where this session description says (RFC 4566 section 5.7: the media's c= comes before the
        session's)."""
        media = re.search(rb"^m=audio (\d+)(?:.*\r?\n(?!m=))*", session, re.MULTILINE)
        if not media:
            return
        address = re.search(rb"^c=IN IP4 (\S+)", media[0], re.MULTILINE) or re.search(
            rb"^c=IN IP4 (\S+)", session, re.MULTILINE)
        if address:
            self.peer = address[1].decode(), int(media[1])

    def speak(self, count: int) -> None:
        """So many packets at once; the jitter is not the point."""
        assert self.peer is not None, "nobody has said where to speak to"
        for _ in range(count):
            header = struct.pack("!BBHII", 0x80, 0, self._sent & 0xFFFF, self._sent * OCTETS_A_PACKET, 0xCA221E12)
            self.socket.sendto(header + self._octets(self._sent), self.peer)
            self._sent += 1

    def read(self) -> None:
        try:
            octets, source = self.socket.recvfrom(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return
        self.received.append((source, octets))

    @property
    def heard(self) -> list[tuple[tuple[str, int], bytes]]:
        return [(source, octets) for source, octets in list(self.received)
                if len(octets) >= 12 and octets[0] >> 6 == 2 and not 192 <= octets[1] <= 223]

    def close(self) -> None:
        self.socket.close()
