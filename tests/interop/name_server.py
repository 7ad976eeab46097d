# SPDX-License-Identifier: Apache-2.0
"""A small name server on loopback, in a thread: a zone in text, over UDP and TCP, with faults to order.

`faults[name]` is a function of the query's octets and the honest answer: what it gives is sent instead, in order.
"""

import socket
import threading
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.zone

Fault = Callable[[bytes, bytes], list[bytes]]


class NameServer:
    """Authoritative for one zone; everything else does not exist. asked: "NAME TYPE" of every query, in order."""

    def __init__(self, host: str, zone_text: str, origin: str = "test.", port: int = 0) -> None:
        self.zone = dns.zone.from_text(zone_text, origin, relativize=False, check_origin=False)
        self.asked: list[str] = []
        self.faults: dict[str, Fault] = {}
        self.is_silent = False
        self._is_closing = False
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind((host, port))
        self.host, self.port = self._datagrams.getsockname()
        self._streams = socket.create_server((host, self.port))
        self._threads = [threading.Thread(target=self._serve_datagrams, daemon=True),
                         threading.Thread(target=self._serve_streams, daemon=True)]
        for thread in self._threads:
            thread.start()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def answer(self, octets: bytes) -> list[bytes]:
        """What goes back, a datagram each."""
        query = dns.message.from_wire(octets)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        self.asked.append(f"{name} {dns.rdatatype.to_text(question.rdtype)}")
        if self.is_silent:
            return []
        response = self._look_up(query)
        honest = response.to_wire(max_size=65535)
        fault = self.faults.get(name)
        return [honest] if fault is None else fault(octets, honest)

    def _look_up(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        question = query.question[0]
        name, seen = question.name, set()
        while name not in seen:
            seen.add(name)
            node = self.zone.get_node(name)
            if node is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                break
            found = self.zone.get_rrset(name, question.rdtype)
            if found is not None:
                response.answer.append(found)
                break
            alias = self.zone.get_rrset(name, dns.rdatatype.CNAME)
            if alias is None:
                break
            response.answer.append(alias)
            name = alias[0].target
        return response

    def _serve_datagrams(self) -> None:
        while True:
            octets, source = self._datagrams.recvfrom(65535)
            if self._is_closing:
                return
            for answer in self.answer(octets):
                self._datagrams.sendto(answer, source)

    def _serve_streams(self) -> None:
        while True:
            try:
                connection, _ = self._streams.accept()
            except OSError:
                return
            with connection:
                size = int.from_bytes(connection.recv(2), "big")
                for answer in self.answer(connection.recv(size)):
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def close(self) -> None:
        """Wake both threads and let them end."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            self._is_closing = True
            waker.sendto(b"", (self.host, self.port))
        self._streams.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._datagrams.close()
        self._streams.close()

    def __enter__(self) -> "NameServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
