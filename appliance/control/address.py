# SPDX-License-Identifier: Apache-2.0
"""Where the control sockets are: DIR/control.sock of the call server, and those of its neighbours beside it."""

from contextlib import AbstractContextManager
from typing import Final

from appliance.system.unix_address import open_unix_address

SOCKET_NAME: Final = "control.sock"
CONFIGURING_SOCKET: Final = "config.sock"
NETWORK_SOCKET: Final = "net.sock"


def open_address(state_directory: str, socket_name: str = SOCKET_NAME) -> AbstractContextManager[str]:
    """The address to bind or connect to while the context lasts. Raises OSError when the directory cannot be opened."""
    return open_unix_address(state_directory, socket_name)
