# SPDX-License-Identifier: Apache-2.0
"""Telling the service manager how we are, sd_notify(3)."""

import os
import socket


def notify_manager(state: str) -> bool:
    """Send `READY=1`, `STOPPING=1`, `RELOADING=1` ... to $NOTIFY_SOCKET; False where nobody listens. Never raises."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]        # the abstract name space, unix(7)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
        try:
            sender.sendto(state.encode(), address)
        except OSError:     # a manager that went away is no reason to stop serving
            return False
    return True
