# SPDX-License-Identifier: Apache-2.0
"""The service manager's store of descriptors, sd_pid_notify_with_fds(3): what is open there outlives us, kill -9 too,
and is ours again at the next start, sd_listen_fds_with_names(3).

Without a manager, or with one that has died, everything in here does nothing. Changed by the event loop alone.
"""

import asyncio
import os
import socket
import stat
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

from appliance.system.sd_notify import find_manager

FIRST_DESCRIPTOR: Final = 3             # SD_LISTEN_FDS_START
WAITING_KEEPS_LIMIT: Final = 512        # each holds a descriptor of ours more


class Message(NamedTuple):
    """What the manager has not taken yet. descriptor: a copy that is ours to close, -1 for none."""

    text: bytes
    descriptor: int


class DescriptorStore:
    """address: the manager's socket, None for none; inherited: what the last process had there, by name."""

    def __init__(self, address: str | None = None, inherited: Mapping[str, socket.socket] | None = None) -> None:
        self.is_active = address is not None
        self._address = address
        self._inherited = dict(inherited or {})
        self._sender: socket.socket | None = None
        self._waiting: deque[Message] = deque()
        self._waiting_keeps = 0

    def names(self) -> list[str]:
        """What the last process had there and nobody has taken yet."""
        return list(self._inherited)

    def look_at(self, name: str) -> socket.socket | None:
        """The socket of that name, None where there is none; it stays here."""
        return self._inherited.get(name)

    def take(self, name: str) -> socket.socket:
        """The socket of that name, ours from now on; the manager holds its copy on. Raises KeyError."""
        taken = self._inherited.pop(name)
        taken.setblocking(False)
        return taken

    def drop(self, name: str) -> None:
        """Close what the last process had under that name, here and there. Raises KeyError."""
        self._inherited.pop(name).close()
        self.forget(name)

    def keep(self, name: str, descriptor: int, is_watched: bool) -> bool:
        """Have the manager hold a copy under a name that nothing else has: at most 255 printable ASCII characters, no
        colon. is_watched: it lets go of a connection by itself when both ways of it are closed. False where there is no
        more room for now."""
        if self._waiting_keeps >= WAITING_KEEPS_LIMIT:
            return False
        text = f"FDSTORE=1\nFDNAME={name}" + ("" if is_watched else "\nFDPOLL=0")
        return self._say(text.encode(), descriptor)

    def forget(self, name: str) -> None:
        """Have the manager close what it holds under that name."""
        self._say(f"FDSTOREREMOVE=1\nFDNAME={name}".encode())

    def close(self) -> None:
        """Say no more. What the manager holds stays there."""
        self._end_sender()
        self.is_active = False

    # ---- saying it

    def _say(self, text: bytes, descriptor: int = -1) -> bool:
        if not self.is_active:
            return False
        if not self._waiting and self._send(text, descriptor):
            return True
        if self._sender is None:
            return False        # the manager is gone
        if descriptor >= 0:     # what is said later must be about what is open now, whatever has that number then
            descriptor = os.dup(descriptor)
            self._waiting_keeps += 1
        self._waiting.append(Message(text, descriptor))
        return True

    def _send(self, text: bytes, descriptor: int) -> bool:
        """Whether it is said. The manager reads when it comes to it, and a few datagrams fill its queue (unix(7))."""
        try:
            sender = self._sender or self._connect()
            socket.send_fds(sender, [text], [descriptor] if descriptor >= 0 else [])
        except BlockingIOError:
            asyncio.get_running_loop().add_writer(sender, self._say_waiting)
            return False
        except OSError:         # started anew, it has a socket of its own again; what was to be kept is not
            self._end_sender()
            return False
        return True

    def _connect(self) -> socket.socket:
        assert self._address is not None
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            sender.connect(self._address)
        except OSError:
            sender.close()
            raise
        self._sender = sender
        return sender

    def _say_waiting(self) -> None:
        while self._waiting:
            text, descriptor = self._waiting[0]
            if not self._send(text, descriptor):
                return
            self._waiting.popleft()
            self._let_go(descriptor)
        if self._sender is not None:
            asyncio.get_running_loop().remove_writer(self._sender)

    def _let_go(self, descriptor: int) -> None:
        if descriptor >= 0:
            os.close(descriptor)
            self._waiting_keeps -= 1

    def _end_sender(self) -> None:
        if self._sender is None:
            return
        if self._waiting:
            asyncio.get_running_loop().remove_writer(self._sender)
        while self._waiting:
            self._let_go(self._waiting.popleft().descriptor)
        self._sender.close()
        self._sender = None


def open_descriptor_store() -> DescriptorStore:
    """The one of this process, with what it has inherited. Once: later nothing is inherited any more."""
    return DescriptorStore(find_manager(), take_inherited())


def take_inherited() -> dict[str, socket.socket]:
    """Sockets by name; one of several under a name, what is no socket is closed. No program that we start gets any, nor
    believes it has."""
    names = os.environ.pop("LISTEN_FDNAMES", "")
    count = os.environ.pop("LISTEN_FDS", "")
    owner = os.environ.pop("LISTEN_PID", "")
    if owner != str(os.getpid()) or not count.isdigit():
        return {}
    given = names.split(":") if names else []
    inherited: dict[str, socket.socket] = {}
    for number in range(int(count)):
        descriptor = FIRST_DESCRIPTOR + number
        name = given[number] if number < len(given) else "unknown"
        if name in inherited or not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            continue
        os.set_inheritable(descriptor, False)
        inherited[name] = socket.socket(fileno=descriptor)
    return inherited
