# SPDX-License-Identifier: Apache-2.0
"""Where the control socket is: DIR/control.sock."""

from contextlib import AbstractContextManager

from appliance.system.unix_address import open_unix_address

SOCKET_NAME = "control.sock"


def open_address(state_directory: str) -> AbstractContextManager[str]:
    """The address to bind or connect to while the context lasts. Raises OSError when the directory cannot be opened."""
    return open_unix_address(state_directory, SOCKET_NAME)
