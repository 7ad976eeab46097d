# SPDX-License-Identifier: Apache-2.0
"""A listening SOCK_SEQPACKET socket with a name in the state directory, shared as `system.peer_access` says. One
process has it: what a killed one left is taken away, a living one keeps it. Changed by `open` and `close` alone.
"""

import os
import socket
from contextlib import suppress

from appliance.errors import MachineError
from appliance.system.peer_access import PRIVATE_MODE, share_socket
from appliance.system.unix_address import clear_stale_address, open_unix_address


class NamedSocket:
    """purpose: what errors call it; rival: what they say of a process that has it already."""

    __slots__ = ("_directory", "_identity", "_listening", "_name", "_purpose", "_rival")

    def __init__(self, directory: str, name: str, purpose: str, rival: str) -> None:
        self._directory = directory
        self._name = name
        self._purpose = purpose
        self._rival = rival
        self._listening: socket.socket | None = None
        self._identity: tuple[int, int] | None = None

    def open(self, backlog: int) -> socket.socket:
        """Listen, without blocking. Raises MachineError where that is impossible or another process does."""
        path = os.path.join(self._directory, self._name)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            with open_unix_address(self._directory, self._name) as address:
                if not clear_stale_address(address):
                    raise MachineError(f"{self._purpose} {path}: {self._rival}")
                os.fchmod(listening.fileno(), PRIVATE_MODE)     # before bind: the name never exists with a wider mode
                listening.bind(address)
                share_socket(address)
                listening.listen(backlog)
                self._identity = identify_file(address)
        except OSError as error:
            listening.close()
            raise MachineError(f"{self._purpose} {path}: {error.strerror}", error.errno or 0) from error
        except MachineError:
            listening.close()
            raise
        self._listening = listening
        return listening

    def close(self) -> None:
        """Take the name away if it is still ours, then stop listening: who sees a connection end may take the name."""
        if self._listening is None:
            return
        with suppress(FileNotFoundError), open_unix_address(self._directory, self._name) as address:
            if identify_file(address) == self._identity:
                os.unlink(address)
        self._listening.close()
        self._listening = None


def identify_file(path: str) -> tuple[int, int] | None:
    """Device and inode of what is at the path; None for nothing."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
