# SPDX-License-Identifier: Apache-2.0
"""Telling the service manager how we are, sd_notify(3), and that we are alive, sd_watchdog_enabled(3)."""

import faulthandler
import os
import socket
from typing import Final

NOTIFY_VARIABLE: Final = "NOTIFY_SOCKET"
PINGS_A_LIMIT: Final = 4        # so that one may come late
STANDARD_ERROR: Final = 2


def find_manager() -> str | None:
    """The address of the service manager's socket, None where nobody listens."""
    address = os.environ.get(NOTIFY_VARIABLE, "")
    if not address.startswith(("/", "@")):
        return None
    return "\0" + address[1:] if address.startswith("@") else address       # the abstract name space, unix(7)


def notify_manager(state: str) -> bool:
    """Send `READY=1`, `STOPPING=1`, `RELOADING=1` ... to $NOTIFY_SOCKET; False where nobody listens. Never raises."""
    address = find_manager()
    if address is None:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
        try:
            sender.sendto(state.encode(), address)
        except OSError:     # a manager that went away is no reason to stop serving
            return False
    return True


def read_watchdog_limit_s() -> float | None:
    """How long the manager waits for a sign of life before it ends us; None where it does not."""
    limit = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID", "")
    if not limit.isdigit() or int(limit) == 0 or (owner and owner != str(os.getpid())):
        return None
    return int(limit) / 1_000_000


def read_ping_interval_s() -> float | None:
    """How often to call `say_alive`, None where nobody waits for it. Where we are ended for silence (SIGABRT), standard
    error says from now on what every thread was doing."""
    limit_s = read_watchdog_limit_s()
    if limit_s is None or find_manager() is None:
        return None
    faulthandler.enable(STANDARD_ERROR)
    return limit_s / PINGS_A_LIMIT


def say_alive() -> None:
    """Once."""
    notify_manager("WATCHDOG=1")
