# SPDX-License-Identifier: Apache-2.0
"""Notices that the kernel's network has changed, whoever has done it: rtnetlink(7) groups, not read but counted.

What has changed is looked up anew: a message that was lost (ENOBUFS) then costs nothing.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import Final

from appliance.errors import MachineError

NETLINK_ROUTE: Final = 0
GROUPS: Final = 0x1 | 0x10 | 0x40       # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE
DEBOUNCE_S: Final = 0.05
READ_OCTETS: Final = 64 * 1024
READS_A_WAKE: Final = 64


class NetworkEvents:
    """Calls `noticed` once, a moment after a change."""

    def __init__(self, noticed: Callable[[], None]) -> None:
        self._noticed = noticed
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Listen, in the loop that runs. Raises MachineError."""
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC
                                         | socket.SOCK_NONBLOCK, NETLINK_ROUTE)
            self._socket.bind((0, GROUPS))
        except OSError as error:
            raise MachineError(f"listen to rtnetlink: {os.strerror(error.errno or 0)}", error.errno or 0) from error
        asyncio.get_running_loop().add_reader(self._socket, self._drain)

    def close(self) -> None:
        """Stop."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drain(self) -> None:
        assert self._socket is not None     # the reader is there only while it is open
        for _ in range(READS_A_WAKE):
            try:
                self._socket.recv(READ_OCTETS)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:    # of which nothing is lost but how often
                    raise
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DEBOUNCE_S, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._noticed()
