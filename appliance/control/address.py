# SPDX-License-Identifier: Apache-2.0
"""Where the control socket is: DIR/control.sock, however long DIR is (a Unix address holds 107 octets, unix(7))."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SOCKET_NAME = "control.sock"
LONGEST_ADDRESS = 107


@contextmanager
def open_address(state_directory: str) -> Iterator[str]:
    """The address to bind or connect to while the context lasts. Raises OSError when the directory cannot be opened."""
    path = os.path.join(state_directory, SOCKET_NAME)
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield path
        return
    descriptor = os.open(state_directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
