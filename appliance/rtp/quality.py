# SPDX-License-Identifier: Apache-2.0
"""How speech probably sounds, from loss, jitter and delay: the E-model (ITU-T G.107, G.113 Appendix I).

Its defaults stand for everything that a relay cannot know. An estimate of one direction; too few
packets are unknown, not excellent.
"""

from typing import NamedTuple

BASIC_R = 93.2                  # G.107 with all defaults: Ro - Is at 0 ms
ENOUGH_PACKETS = 50             # a second of speech
JITTER_BUFFER_LEAST_MS = 20.0
JITTER_BUFFER_PER_JITTER = 2.0  # an adaptive buffer adds about twice the mean deviation
PACKETIZATION_MS = 20.0


class Impairment(NamedTuple):
    """G.113 Appendix I: equipment_impairment (Ie) and loss_robustness (Bpl) of a codec."""

    equipment_impairment: float
    loss_robustness: float


IMPAIRMENTS = {
    "PCMU": Impairment(0.0, 25.1),      # with packet loss concealment (G.711 Appendix I)
    "PCMA": Impairment(0.0, 25.1),
    "G729": Impairment(11.0, 19.0),
    "GSM": Impairment(20.0, 10.0),
    "iLBC": Impairment(11.0, 32.0),
}
UNKNOWN_CODEC = Impairment(5.0, 15.0)   # no table says; neither flattering nor damning


class Observation(NamedTuple):
    """What one direction has shown. expected: packets; lost: never heard; one_way_delay_ms: network alone, if known."""

    expected: int
    lost: int
    jitter_ms: float
    one_way_delay_ms: float = 0.0


class Quality(NamedTuple):
    """rating: R, 0 to 93.2; opinion: mean opinion score, 1.0 to 4.4 for narrow-band speech."""

    rating: float
    opinion: float


def estimate_quality(seen: Observation, codec: str = "PCMU") -> Quality | None:
    """None: unknown, too little was heard or expected to say anything."""
    if seen.expected < ENOUGH_PACKETS:
        return None
    impairment = IMPAIRMENTS.get(codec, UNKNOWN_CODEC)
    loss_percent = 100.0 * min(1.0, max(0, seen.lost) / seen.expected)
    buffer_ms = JITTER_BUFFER_LEAST_MS + JITTER_BUFFER_PER_JITTER * max(0.0, seen.jitter_ms)
    delay_ms = max(0.0, seen.one_way_delay_ms) + buffer_ms + PACKETIZATION_MS
    rating = max(0.0, BASIC_R - _delay_impairment(delay_ms) - _loss_impairment(impairment, loss_percent))
    return Quality(rating, opinion_of(rating))


def _loss_impairment(impairment: Impairment, loss_percent: float) -> float:
    """G.107 Ie,eff with random loss (BurstR 1)."""
    share = loss_percent / (loss_percent + impairment.loss_robustness)
    return impairment.equipment_impairment + (95.0 - impairment.equipment_impairment) * share


def _delay_impairment(delay_ms: float) -> float:
    """Id by the piecewise line of Cole and Rosenbluth (2001), within one point of G.107 below 400 ms."""
    return 0.024 * delay_ms + (0.11 * (delay_ms - 177.3) if delay_ms > 177.3 else 0.0)


def opinion_of(rating: float) -> float:
    """The mean opinion score of a rating (G.107 Annex B)."""
    if rating <= 6.5:
        return 1.0                  # the cubic dips below one here, and would rise again towards zero
    if rating >= 100.0:
        return 4.5
    return max(1.0, 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6)
