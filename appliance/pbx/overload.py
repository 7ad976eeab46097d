# SPDX-License-Identifier: Apache-2.0
"""What is refused when more arrives than can be served: new work first, calls in progress last (RFC 3261 21.5.4).

The shell says how full the receive buffer is; this decides, without a clock of its own.
"""

from enum import IntEnum

from appliance.native.sip_scanner import Message

CALM_AFTER_S = 1.0
"""How long a sign of overload counts."""


class Level(IntEnum):
    """How bad it is."""

    CALM = 0
    BUSY = 1        # no new calls
    DROWNING = 2    # nothing new at all


class Overload:
    """Holds the level and turns it into refusals. Retry-After is spread so that phones do not come back together."""

    __slots__ = ("_last_sign", "_refusals", "level")

    def __init__(self) -> None:
        self.level: Level = Level.CALM
        self._last_sign = 0.0
        self._refusals = 0

    @property
    def is_pressed(self) -> bool:
        """Whether the shell must go on looking at its buffers."""
        return self.level > 0

    def observe(self, waiting_octets: int, buffer_octets: int, has_dropped: bool, now: float) -> None:
        """After a full batch: octets waiting in the socket, the size of its buffer, whether the kernel dropped any."""
        fill = waiting_octets / buffer_octets if buffer_octets else 0.0
        if has_dropped or fill > 0.8:
            self._note(Level.DROWNING, now)
        elif fill > 0.5:
            self._note(max(Level.BUSY, self.level), now)
        elif self.level and now - self._last_sign > CALM_AFTER_S:
            self.level = Level.CALM

    def _note(self, level: Level, now: float) -> None:
        self.level = level
        self._last_sign = now

    def decide_refusal(self, message: Message) -> bytes:
        """The header lines of a 503 for a request outside a dialog, b"" when it is to be served after all."""
        if self.level is Level.CALM or (self.level is Level.BUSY and message.method != b"INVITE"):
            return b""
        self._refusals += 1
        return b"Retry-After: %d\r\n" % (5 + self._refusals % 10)
