# SPDX-License-Identifier: Apache-2.0
"""Who may speak to the Unix sockets of the state directory: root, our own user, and the members of $DENWABAN_GROUP.

Each daemon of a box is a user of its own and all are in one group. Without that variable (`denwaban run` on a desk) the
sockets are for our own user alone. What the kernel says of a peer counts (unix(7)), as it was when the peer connected.
"""

import os
import socket
import struct
from typing import Final

from appliance.errors import MachineError

GROUP_VARIABLE: Final = "DENWABAN_GROUP"
PRIVATE_MODE, SHARED_MODE = 0o600, 0o660
_SO_PEERGROUPS: Final = 59          # asm-generic/socket.h, Linux 4.13; Python has no name for it
_GROUPS_READ: Final = 256           # more groups than anybody is in
_PEER_CREDENTIALS: Final = struct.Struct("3i")      # pid, uid, gid


def find_shared_group() -> int | None:
    """The group that shares our sockets, None for none. Raises MachineError where there is no such group."""
    name = os.environ.get(GROUP_VARIABLE, "")
    if not name:
        return None
    import grp  # not before it is needed: the process that relays is to stay small
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise MachineError(f"group {name} of ${GROUP_VARIABLE} does not exist; systemd-sysusers makes it") from None


def share_socket(path: str) -> None:
    """Open the name of a socket, bound with PRIVATE_MODE, to the group; nothing where there is none. Raises OSError."""
    group = find_shared_group()
    if group is None:
        return
    if os.stat(path).st_gid != group:
        os.chown(path, -1, group)
    os.chmod(path, SHARED_MODE)


def is_admitted(connection: socket.socket) -> bool:
    """Whether the process at the other end of a connected Unix socket may speak to us."""
    _pid, uid, gid = read_peer(connection)
    if uid in (0, os.geteuid()):
        return True
    group = find_shared_group()
    return group is not None and (gid == group or group in read_peer_groups(connection))


def read_peer(connection: socket.socket) -> tuple[int, int, int]:
    """Process, user and group of the peer."""
    octets = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    pid, uid, gid = _PEER_CREDENTIALS.unpack(octets)
    return pid, uid, gid


def read_peer_groups(connection: socket.socket) -> tuple[int, ...]:
    """Its supplementary groups; none where the kernel does not tell."""
    try:
        octets = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _GROUPS_READ)
    except OSError:
        return ()
    return struct.unpack(f"{len(octets) // 4}I", octets)
