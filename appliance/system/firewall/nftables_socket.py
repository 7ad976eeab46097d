# SPDX-License-Identifier: Apache-2.0
"""The socket to nftables: transactions that happen or do not, and questions.

The kernel carries a transaction out while it is sent, so its answers are there when `send` returns: nothing waits.
It belongs to the network namespace in which it was opened.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from appliance.errors import MachineError
from appliance.system.firewall.netlink_octets import (
    ACKNOWLEDGE,
    DONE,
    DUMP,
    ERROR,
    HEADER,
    REQUEST,
    Received,
    read_attributes,
    read_messages,
    write_message,
    write_netfilter,
)

NETLINK_NETFILTER: Final = 12
SOL_NETLINK: Final = 270
EXTENDED_ACK, CAPPED_ACK = 11, 10
SEND_BUFFER_FORCE, RECEIVE_BUFFER_FORCE = 32, 33        # asm-generic/socket.h; Python has no names for them
NFTABLES: Final = 10                    # NFNL_SUBSYS_NFTABLES
BATCH_BEGIN, BATCH_END = 0x10, 0x11
FAMILY_INET: Final = 1                  # IPv4 and IPv6 in one table
BUFFER_OCTETS: Final = 4 * 1024 * 1024
ANSWER_OCTETS: Final = 256 * 1024
ANSWERS_LIMIT: Final = 100_000          # messages of one dump: none of ours has more
_ERROR_NUMBER: Final = struct.Struct("=i")
_SHOWN_TEXT: Final = 1                  # NLMSGERR_ATTR_MSG


class Order(NamedTuple):
    """One message of a transaction. words: for whoever reads why it was refused."""

    words: str
    kind: int
    flags: int
    body: bytes


class NftablesSocket:
    """Whoever holds it may use it from one thread."""

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
            self._socket.bind((0, 0))
            for option in (EXTENDED_ACK, CAPPED_ACK):
                self._socket.setsockopt(SOL_NETLINK, option, 1)
            self._socket.setblocking(False)
        except OSError as error:
            raise MachineError(f"netlink socket to nftables: {error.strerror}", error.errno or 0) from error
        self._sequence = 0
        self._widen(SEND_BUFFER_FORCE, socket.SO_SNDBUF)
        self._widen(RECEIVE_BUFFER_FORCE, socket.SO_RCVBUF)

    def _widen(self, force: int, option: int) -> None:
        """A transaction is one datagram; only the machine's administrator may have more than the usual buffer."""
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, force, BUFFER_OCTETS)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, option, BUFFER_OCTETS)

    def close(self) -> None:
        self._socket.close()

    def carry_out(self, orders: Sequence[Order], is_trial: bool = False) -> None:
        """All of it or nothing. is_trial: the kernel judges it and forgets it. Raises MachineError by the words of what
        was refused."""
        first = self._sequence + 1
        parts = [self._number(BATCH_BEGIN, REQUEST, write_netfilter(0, resource=NFTABLES))]
        for order in orders:
            parts.append(self._number(NFTABLES << 8 | order.kind, REQUEST | order.flags, order.body))
        # Every message that fails is told, the last one tells success as well: without it nothing has happened.
        parts[-1] = acknowledge(parts[-1])
        if not is_trial:        # a batch without end is taken back after it was judged
            parts.append(self._number(BATCH_END, REQUEST, write_netfilter(0, resource=NFTABLES)))
        try:
            self._socket.send(b"".join(parts))
            refused, is_heard = self._take_verdict(first + 1, first + len(orders))
        except OSError as error:
            raise MachineError(f"nftables: {error.strerror or error}", error.errno or 0) from error
        if refused is not None:
            index, number, reason = refused
            what = orders[index].words if 0 <= index < len(orders) else "the transaction"
            raise MachineError(f"nftables: {what}: {reason or os.strerror(number)}", number)
        if not is_heard:
            raise MachineError("nftables: the kernel has not answered")

    def _take_verdict(self, first: int, last: int) -> tuple[tuple[int, int, str] | None, bool]:
        """(index, errno, text) of the first order that was refused, None for none; whether the last one was told."""
        refused: tuple[int, int, str] | None = None
        is_heard = False
        while True:
            try:
                octets = self._socket.recv(ANSWER_OCTETS)
            except BlockingIOError:
                return refused, is_heard
            for message in read_messages(octets):
                if message.kind != ERROR or not first - 1 <= message.sequence <= last + 1:
                    continue
                (number,) = _ERROR_NUMBER.unpack_from(message.body)
                is_heard = is_heard or message.sequence == last
                if number and refused is None:
                    refused = message.sequence - first, -number, read_reason(message)

    def ask(self, kind: int, body: bytes, is_dump: bool = True) -> Iterator[bytes]:
        """What the kernel has of something: the attributes of each. Nothing where there is no such thing."""
        flags = REQUEST | (DUMP if is_dump else ACKNOWLEDGE)
        message = self._number(NFTABLES << 8 | kind, flags, body)
        asked = self._sequence
        try:
            self._socket.send(message)
            yield from self._take_answers(asked)
        except FileNotFoundError:
            return
        except OSError as error:
            raise MachineError(f"nftables: {error.strerror or error}", error.errno or 0) from error

    def _take_answers(self, asked: int) -> Iterator[bytes]:
        found: list[bytes] = []
        while len(found) < ANSWERS_LIMIT:
            for message in read_messages(self._socket.recv(ANSWER_OCTETS)):
                if message.sequence != asked:
                    continue
                if message.kind == DONE:
                    yield from found
                    return
                if message.kind == ERROR:
                    (number,) = _ERROR_NUMBER.unpack_from(message.body)
                    if number:
                        raise OSError(-number, os.strerror(-number))
                    yield from found
                    return
                found.append(message.body[4:])
        raise OSError(0, "an answer without end")

    def _number(self, kind: int, flags: int, body: bytes) -> bytes:
        self._sequence = (self._sequence + 1) & 0x7FFFFFFF
        return write_message(kind, flags, self._sequence, body)


def acknowledge(message: bytes) -> bytes:
    """The message, with the wish to hear of it."""
    length, kind, flags, sequence, port = HEADER.unpack_from(message)
    return HEADER.pack(length, kind, flags | ACKNOWLEDGE, sequence, port) + message[HEADER.size :]


def read_reason(message: Received) -> str:
    """What the kernel says beside the number, "" for nothing."""
    try:
        attributes = dict(read_attributes(message.body, _ERROR_NUMBER.size + HEADER.size))
    except ValueError:
        return ""
    return attributes.get(_SHOWN_TEXT, b"").rstrip(b"\0").decode("utf-8", "replace")
