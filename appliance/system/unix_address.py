# SPDX-License-Identifier: Apache-2.0
"""The address of a socket in the state directory, however long its path: a Unix address holds 107 octets, unix(7)."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST_ADDRESS = 107


@contextmanager
def open_unix_address(directory: str, name: str) -> Iterator[str]:
    """The address to bind or connect to while the context lasts. Raises OSError when the directory cannot be opened."""
    path = os.path.join(directory, name)
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield path
        return
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)


def clear_stale_address(address: str) -> bool:
    """Take away what a killed process left there (SOCK_SEQPACKET); False where somebody listens. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(address)
        except FileNotFoundError:
            return True
        except ConnectionRefusedError:
            os.unlink(address)
            return True
    return False
