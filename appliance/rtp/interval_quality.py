# SPDX-License-Identifier: Apache-2.0
"""How one direction of a call has sounded, interval by interval: an estimate over its whole length would forgive a bad
minute of a long call. Whoever gets the relay's figures notes them here; one object for each direction.
"""

from appliance.rtp.quality import Observation, Quality, estimate_quality, opinion_of
from appliance.rtp.relaying import DirectionFigures


class IntervalQuality:
    """latest: of the last interval in which enough was expected, None before the first; worst: of all of them."""

    __slots__ = ("_expected", "_lost", "_rated", "_ratings", "latest", "worst")

    def __init__(self) -> None:
        self._expected = 0
        self._lost = 0
        self._ratings = 0.0         # weighted by what was expected
        self._rated = 0
        self.latest: Quality | None = None
        self.worst: Quality | None = None

    def note(self, figures: DirectionFigures, codec: str) -> None:
        """The figures now; codec: its name in capitals, "" for unknown. Too short an interval waits for the next."""
        seen = observe_interval(self._expected, self._lost, figures)
        quality = estimate_quality(seen, codec)
        if quality is None:
            return
        self._expected, self._lost = figures.expected, figures.lost
        self._ratings += quality.rating * seen.expected
        self._rated += seen.expected
        self.latest = quality
        if self.worst is None or quality.rating < self.worst.rating:
            self.worst = quality

    def begin_anew(self) -> None:
        """What comes next is counted from 0: another relay session of the same leg."""
        self._expected = self._lost = 0

    @property
    def opinion(self) -> float:
        """Of all intervals, each by its length: 1.0 to 4.5, 0.0 where nothing could be said."""
        return opinion_of(self._ratings / self._rated) if self._rated else 0.0


def observe_interval(expected: int, lost: int, figures: DirectionFigures) -> Observation:
    """What has happened since these counts; where a source began anew (RFC 3550 A.1), since its beginning."""
    if figures.expected < expected:
        return Observation(figures.expected, figures.lost, figures.jitter_ms)
    return Observation(figures.expected - expected, figures.lost - lost, figures.jitter_ms)
