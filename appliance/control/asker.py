# SPDX-License-Identifier: Apache-2.0
"""Who asks on a control socket, by the kernel's word (unix(7)), and who is told when he leaves."""

import os
import pwd
import socket
from collections.abc import Callable

from appliance.system.peer_access import read_peer, read_peer_groups


class Asker:
    """One connection. groups: all that the process was in when it connected."""

    __slots__ = ("_endings", "groups", "pid", "uid")

    def __init__(self, uid: int, pid: int = 0, groups: frozenset[int] = frozenset()) -> None:
        self.uid = uid
        self.pid = pid
        self.groups = groups
        self._endings: list[Callable[[], None]] = []

    def name(self) -> str:
        """The user's name, or his number where the machine has no name for it."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def is_ours(self) -> bool:
        """Whether it is root, or the daemon's own user."""
        return self.uid in (0, os.geteuid())

    def at_end(self, ending: Callable[[], None]) -> None:
        """Have this called, once, when the connection is gone."""
        self._endings.append(ending)

    def end(self) -> None:
        """For the server: the connection is gone."""
        while self._endings:
            self._endings.pop()()


def identify_asker(connection: socket.socket) -> Asker:
    """Who is at the other end. Raises OSError when he has gone."""
    pid, uid, gid = read_peer(connection)
    return Asker(uid, pid, frozenset((gid, *read_peer_groups(connection))))


def may_ask(asker: Asker, group: int | None) -> bool:
    """Whether this one is answered. group: whose members may ask, None for nobody else."""
    return asker.is_ours() or (group is not None and group in asker.groups)
