# SPDX-License-Identifier: Apache-2.0
"""A bad line for datagrams: a NAT in front of the phones that loses, doubles and reorders what passes, seeded.

Phones take `host:port` for the server; the server sees each phone at a port of this link.
"""

import random
import selectors
import socket
import threading


class LossyLink:
    """A thread between phones and the server; `passed` and `lost` count datagrams."""

    def __init__(self, server: tuple[str, int], host: str, port: int, *, loss: float, seed: int = 1) -> None:
        self.server, self.host, self.port, self.loss = server, host, port, loss
        self.chance = random.Random(seed)
        self.passed = self.lost = self.doubled = 0
        self._selector = selectors.DefaultSelector()
        self._inside = self._open(port)
        self._outside: dict[tuple[str, int], socket.socket] = {}
        self._phones: dict[socket.socket, tuple[str, int]] = {}
        self._held: tuple[socket.socket, bytes, tuple[str, int]] | None = None
        self._is_wanted = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _open(self, port: int) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((self.host, port))
        self._selector.register(opened, selectors.EVENT_READ)
        return opened

    def outside_of(self, phone: tuple[str, int]) -> socket.socket:
        """The socket by which the server knows this phone."""
        if phone not in self._outside:
            self._outside[phone] = self._open(0)
            self._phones[self._outside[phone]] = phone
        return self._outside[phone]

    def _run(self) -> None:
        while self._is_wanted:
            for key, _ in self._selector.select(0.05):
                source = key.fileobj
                assert isinstance(source, socket.socket)
                octets, sender = source.recvfrom(65536)
                if source is self._inside:
                    self._pass(self.outside_of(sender), octets, self.server)
                else:
                    self._pass(self._inside, octets, self._phones[source])

    def _pass(self, by: socket.socket, octets: bytes, to: tuple[str, int]) -> None:
        if self.chance.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        by.sendto(octets, to)
        if self._held is not None:                                 # the one before, a second time and late
            self.doubled += 1
            held_by, held, held_to = self._held
            held_by.sendto(held, held_to)
            self._held = None
        elif self.chance.random() < self.loss / 4:
            self._held = (by, octets, to)

    def __enter__(self) -> "LossyLink":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_wanted = False
        self._thread.join(5)
        self._selector.close()
        for opened in (self._inside, *self._outside.values()):
            opened.close()
