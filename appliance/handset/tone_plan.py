# SPDX-License-Identifier: Apache-2.0
"""Which tone a failed call ends with: each class of failure sounds different (RFC 3261 21). Pure."""

from typing import Final

from appliance.audio.tones import BUSY, CONGESTION, NO_LINE, REFUSED, UNOBTAINABLE, Tone

_TONES: Final = {
    404: UNOBTAINABLE, 410: UNOBTAINABLE, 414: UNOBTAINABLE, 416: UNOBTAINABLE, 484: UNOBTAINABLE, 485: UNOBTAINABLE,
    604: UNOBTAINABLE,
    486: BUSY, 600: BUSY,
    401: NO_LINE, 403: REFUSED, 407: NO_LINE, 433: REFUSED, 603: REFUSED, 607: REFUSED, 608: REFUSED,
    480: CONGESTION, 487: BUSY,
}


def decide_tone(status: int) -> Tone:
    """For the status that a call has ended with; 0: nobody was there to say anything."""
    if status == 0:
        return NO_LINE
    return _TONES.get(status, CONGESTION)
