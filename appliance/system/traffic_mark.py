# SPDX-License-Identifier: Apache-2.0
"""The mark that says how a network is to treat what a socket sends (DSCP, RFC 2474). No state."""

import contextlib
import socket


def mark_traffic(one: socket.socket, dscp: int) -> None:
    """dscp: 0 to 63. A kernel that refuses it sends unmarked: the call goes on."""
    level, name = ((socket.IPPROTO_IPV6, socket.IPV6_TCLASS) if one.family == socket.AF_INET6
                   else (socket.IPPROTO_IP, socket.IP_TOS))
    with contextlib.suppress(OSError):
        one.setsockopt(level, name, dscp << 2)
