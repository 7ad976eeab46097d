# SPDX-License-Identifier: Apache-2.0
"""How many a second: a bucket of tokens, or one after the other, on a virtual clock. Who takes from it changes it."""


class Rate:
    """a_second: how fast it fills; burst: how much it holds."""

    __slots__ = ("_filled_at", "_tokens", "a_second", "burst")

    def __init__(self, a_second: float, burst: float) -> None:
        self.a_second = a_second
        self.burst = burst
        self._tokens = burst
        self._filled_at = 0.0

    def take(self, now: float) -> bool:
        """Take one; False where there is none."""
        tokens = self._look(now)
        if tokens < 1.0:
            return False
        self._tokens, self._filled_at = tokens - 1.0, now
        return True

    def _look(self, now: float) -> float:
        return min(self.burst, self._tokens + max(0.0, now - self._filled_at) * self.a_second)


class Pace:
    """One at a time: turns are given at least interval_s apart, in the order in which they were asked for."""

    __slots__ = ("_free_at", "interval_s")

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s
        self._free_at = 0.0

    def wait_s(self, now: float) -> float:
        """How long whoever asks now would wait."""
        return max(0.0, self._free_at - now)

    def take(self, now: float) -> float:
        """Take the next turn; how long it is until then."""
        wait_s = self.wait_s(now)
        self._free_at = now + wait_s + self.interval_s
        return wait_s
