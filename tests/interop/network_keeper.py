# SPDX-License-Identifier: Apache-2.0
"""Stands for the process that looks after the network: tells addresses on DIR/net.sock, writes down what DIR/gate.sock
is told. It changes nothing on the machine.

    with NetworkStandIn(server.state) as stand_in:
        stand_in.tell(wan="127.0.5.1")
"""

import contextlib
import json
import selectors
import socket
import threading
from pathlib import Path


class NetworkStandIn:
    """`gate`: every message that came there, oldest first; `addresses`: what is told now."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.gate: list[list[object]] = []
        self.addresses: dict[str, str | None] = {"wan": None}
        self._watchers: list[socket.socket] = []
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._woken, self._waking = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._is_over = False

    def __enter__(self) -> "NetworkStandIn":
        for name, kind, take in (("net.sock", socket.SOCK_STREAM, self._accept_asker),
                                 ("gate.sock", socket.SOCK_SEQPACKET, self._accept_teller)):
            listening = socket.socket(socket.AF_UNIX, kind)
            path = self.state / name
            path.unlink(missing_ok=True)
            listening.bind(str(path))
            listening.listen(8)
            self._selector.register(listening, selectors.EVENT_READ, take)
        self._selector.register(self._woken, selectors.EVENT_READ, self._end)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waking.send(b"x")
        self._thread.join(10)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._waking.close()

    def tell(self, **addresses: str | None) -> None:
        """From now on these are the addresses of the sides."""
        with self._lock:
            self.addresses |= addresses
            for watcher in self._watchers:
                with contextlib.suppress(OSError):
                    watcher.sendall(self._write())

    def open_ports(self) -> set[tuple[str, int]]:
        """What the gate has been told to let in, all in all."""
        found: set[tuple[str, int]] = set()
        for message in list(self.gate):
            if message[0] == "open":
                found.add((message[1], message[2]))
            elif message[0] == "close":
                found.discard((message[1], message[2]))
            elif message[0] == "only":
                found = {(host, port) for host, port in message[1]}
        return found

    def told(self, verb: str) -> list[list[object]]:
        """The messages with this verb."""
        return [message for message in list(self.gate) if message[0] == verb]

    def _write(self) -> bytes:
        sides = {role: {"interface": role, "address": address, "prefix": 24, "has_carrier": True}
                 for role, address in self.addresses.items()}
        return json.dumps({"id": 1, "ok": True, "result": sides}).encode() + b"\n"

    def _serve(self) -> None:
        while not self._is_over:
            for key, _ in self._selector.select():
                key.data(key.fileobj)

    def _end(self, _socket: socket.socket) -> None:
        self._is_over = True

    def _accept_asker(self, listening: socket.socket) -> None:
        self._selector.register(listening.accept()[0], selectors.EVENT_READ, self._answer)

    def _accept_teller(self, listening: socket.socket) -> None:
        self._selector.register(listening.accept()[0], selectors.EVENT_READ, self._note)

    def _answer(self, asker: socket.socket) -> None:
        line = asker.recv(4096)
        with self._lock:
            if not line:
                self._selector.unregister(asker)
                if asker in self._watchers:
                    self._watchers.remove(asker)
                asker.close()
                return
            question = json.loads(line)
            if question["command"][-1] != "addresses":      # check, apply, revert: nothing is to be done
                answer = {"id": question["id"], "ok": True, "result": {"steps": [], "missing": []}}
                asker.sendall(json.dumps(answer).encode() + b"\n")
                return
            if question["command"][0] == "watch":
                self._watchers.append(asker)
            asker.sendall(self._write())

    def _note(self, teller: socket.socket) -> None:
        octets = teller.recv(1 << 18)
        if not octets:
            self._selector.unregister(teller)
            teller.close()
        else:
            self.gate.append(json.loads(octets))
