# SPDX-License-Identifier: Apache-2.0
"""Who asks on a control socket, by the kernel's word (SO_PEERCRED, SO_PEERGROUPS: unix(7)), and who may.

Root and the daemon's own user always; where $DENWABAN_GROUP names a group, its members as well.
"""

import array
import errno
import grp
import os
import pwd
import socket
import struct
from collections.abc import Callable

from appliance.errors import MachineError

GROUP_VARIABLE = "DENWABAN_GROUP"
SO_PEERGROUPS = 59      # asm-generic/socket.h; the socket module has no name for it
GROUPS_OCTETS = 1024     # as much as the socket module takes: 256 groups
_PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Asker:
    """One connection. at_end: what is called, once, when it is gone."""

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

    def at_end(self, ending: Callable[[], None]) -> None:
        """Have this called when the connection is gone."""
        self._endings.append(ending)

    def end(self) -> None:
        """For the server: the connection is gone."""
        while self._endings:
            self._endings.pop()()


def identify_asker(connection: socket.socket) -> Asker:
    """Who is at the other end. Raises OSError when he has gone."""
    octets = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    pid, uid, gid = _PEER_CREDENTIALS.unpack(octets)
    return Asker(uid, pid, frozenset((gid, *_list_groups(connection))))


def _list_groups(connection: socket.socket) -> "array.array[int]":
    groups = array.array("I")
    try:
        groups.frombytes(connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, GROUPS_OCTETS))
    except OSError as error:
        if error.errno != errno.ERANGE:     # more groups than we read count for nothing
            raise
    return groups


def find_group() -> int | None:
    """The group whose members may ask, None for nobody else. Raises MachineError where there is no such group."""
    name = os.environ.get(GROUP_VARIABLE, "")
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise MachineError(f"{GROUP_VARIABLE}: this machine has no group {name}") from error


def may_ask(asker: Asker, group: int | None) -> bool:
    """Whether this one is answered."""
    return asker.uid in (0, os.geteuid()) or (group is not None and group in asker.groups)
