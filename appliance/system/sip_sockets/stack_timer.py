# SPDX-License-Identifier: Apache-2.0
"""The one timer of the SIP stack on the event loop: armed at the stack's next deadline, once at a time."""

import asyncio
from collections.abc import Callable
from math import inf
from time import monotonic

from appliance.system.sip_sockets.receiver import SipReceiver


class StackTimer:
    """Calls `stack.handle_deadline` and then `settle` when the stack's next deadline has come."""

    __slots__ = ("_armed_at", "_handle", "_loop", "_settle", "_stack")

    def __init__(self, loop: asyncio.AbstractEventLoop, stack: SipReceiver, settle: Callable[[float], None]) -> None:
        self._loop = loop
        self._stack = stack
        self._settle = settle
        self._armed_at = inf
        self._handle: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Look at the stack's next deadline; called after anything that may have armed an earlier one."""
        deadline = self._stack.next_deadline()
        if deadline is None or deadline >= self._armed_at:
            return      # a deadline that moved later is noticed when the armed one fires
        if self._handle is not None:
            self._handle.cancel()
        self._armed_at = deadline
        self._handle = self._loop.call_at(deadline, self._fire)

    def _fire(self) -> None:
        self._handle = None
        self._armed_at = inf
        now = monotonic()
        self._stack.handle_deadline(now)
        self._settle(now)

    def cancel(self) -> None:
        """No call any more, until `arm`."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._armed_at = inf
