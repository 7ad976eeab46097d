# SPDX-License-Identifier: Apache-2.0
"""Which address of this machine the kernel would send from: its routing table, asked without a packet being sent."""

import socket

DISCARD_PORT = 9


def find_source_address(host: bytes) -> bytes | None:
    """Our address towards a numeric host without brackets, None where there is no route."""
    family = socket.AF_INET6 if b":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect((host.decode("ascii"), DISCARD_PORT))     # of a datagram socket: only chooses the route
        except OSError:
            return None
        source: str = probe.getsockname()[0]
        return source.encode("ascii")
