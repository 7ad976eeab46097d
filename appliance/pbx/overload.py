# SPDX-License-Identifier: Apache-2.0
"""What is refused when more arrives than can be served: new calls first, calls in progress never (RFC 3261 21.5.4).

The shell says how full the receive buffer is and how fast it is emptied, so how long a datagram waits there: phones say
everything again after half a second. From that follows a share of new calls that is still admitted, lowered by
steps and raised again slowly, so that the server stays busy with calls that succeed instead of swinging between all and
nothing. No clock of its own.
"""

from enum import IntEnum

from appliance.native.sip_scanner import Message

STEP_S = 0.02
"""How often the share may change."""
HIGH_FILL, LOW_FILL = 0.25, 0.08
"""Of the receive buffer: above the one too much is admitted, below the other too little."""
HIGH_WAIT_S, LOW_WAIT_S = 0.15, 0.05
"""The same as the time that a datagram waits there: well below T1 (17.1.1.2), after which everything comes twice."""
DATAGRAM_OCTETS = 1500
"""About what the kernel counts for a datagram of SIP, its own records included."""
SERVICE_WEIGHT = 0.125
PATIENCE_S = 0.2
"""How long a full buffer may be the aftermath of a pause, which is worked off without refusing anybody."""
LOWERED, RAISED = 0.8, 0.02
SHARE_MIN = 0.02
LOOK_LIMIT_S = 0.1
"""Of the time between two looks so much counts at most as patience: a process that others keep from running for a
moment is not slow, and finds two such moments' datagrams waiting as if it had been for as long."""
DROWNING_S = 2.0
"""How long a datagram dropped by the kernel counts."""


class Level(IntEnum):
    """How bad it is."""

    CALM = 0
    BUSY = 1        # a share of the new calls is refused
    DROWNING = 2    # and everything else outside dialogs, but for registrations


class Overload:
    """The share of new calls that is admitted, and the refusals. Retry-After is spread so that phones do not come back
    together."""

    __slots__ = ("_batch_datagrams", "_credit", "_dropped_until", "_has_backlog", "_high_s", "_is_high", "_observed_at",
                 "_refusals", "_service_s", "_stepped_at", "share")

    def __init__(self) -> None:
        self.share = 1.0
        self._credit = 0.0
        self._stepped_at = 0.0
        self._dropped_until = 0.0
        self._is_high = False
        self._high_s = 0.0              # for how long, by looks that found it so
        self._refusals = 0
        self._service_s = 0.0           # of one datagram, while there is always a next one
        self._observed_at = 0.0
        self._batch_datagrams = 0
        self._has_backlog = False

    @property
    def level(self) -> Level:
        """What is refused now."""
        if self._dropped_until:
            return Level.DROWNING
        return Level.BUSY if self.share < 1.0 else Level.CALM

    def is_overloaded(self, now: float) -> bool:
        """Whether anything would be refused now, seen from outside: time heals without anybody looking."""
        healed = self.share + RAISED * (now - self._stepped_at) / STEP_S
        return healed < 1.0 or now < self._dropped_until

    @property
    def is_pressed(self) -> bool:
        """Whether the shell must go on looking at its buffers."""
        return self.share < 1.0 or self._dropped_until > 0.0 or self._is_high

    def observe(self, waiting_octets: int, buffer_octets: int, has_dropped: bool, now: float,
                batch_datagrams: int = 0) -> None:
        """After a batch was taken out, of so many datagrams: octets waiting in the socket, the size of its buffer,
        whether the kernel dropped any."""
        looked_s = min(now - self._observed_at, LOOK_LIMIT_S)
        wait_s = self._estimate_wait(waiting_octets, batch_datagrams, now)
        if has_dropped:
            self._dropped_until = now + DROWNING_S
        elif self._dropped_until and now >= self._dropped_until:
            self._dropped_until = 0.0
        fill = waiting_octets / buffer_octets if buffer_octets else 0.0
        was_high, self._is_high = self._is_high, fill > HIGH_FILL or wait_s > HIGH_WAIT_S
        self._high_s = self._high_s + looked_s if was_high and self._is_high else 0.0
        steps = (now - self._stepped_at) / STEP_S
        if steps < 1.0:
            return
        self._stepped_at = now
        if has_dropped or self._high_s >= PATIENCE_S:
            self.share = max(self.share * LOWERED, SHARE_MIN)
        elif fill < LOW_FILL and wait_s < LOW_WAIT_S:
            # while nothing comes nobody looks: the steps that have passed are made up for
            self.share = min(self.share + RAISED * steps, 1.0)

    def _estimate_wait(self, waiting_octets: int, batch_datagrams: int, now: float) -> float:
        """Seconds until what comes now is served."""
        if self._has_backlog and self._batch_datagrams:     # no time passed without work since the last look
            served_s = (now - self._observed_at) / self._batch_datagrams
            self._service_s += (served_s - self._service_s) * SERVICE_WEIGHT
        self._observed_at, self._batch_datagrams, self._has_backlog = now, batch_datagrams, waiting_octets > 0
        return waiting_octets / DATAGRAM_OCTETS * self._service_s

    def decide_refusal(self, message: Message) -> bytes:
        """The header lines of a 503 for a request outside a dialog, b"" when it is to be served after all."""
        if message.method == b"INVITE":
            self._credit += self.share
            if self._credit >= 1.0:
                self._credit -= 1.0
                return b""
        elif self.level is not Level.DROWNING or message.method == b"REGISTER":
            return b""  # a challenge costs no more than a 503, and a registered phone must stay registered
        self._refusals += 1
        return b"Retry-After: %d\r\n" % (5 + self._refusals % 10)
