# SPDX-License-Identifier: Apache-2.0
"""What a handset is doing, and what may follow."""

from enum import IntEnum
from typing import Final


class HandsetState(IntEnum):
    """IDLE: on the hook; DIAL_TONE: lifted, nothing dialled; COLLECTING: digits come; CALLING: nobody has answered yet;
    RINGING: it rings here; TALKING; HELD: the one call there is is held and nothing sounds; BUSY: a tone says why there
    is no call; HOWLER: the receiver was forgotten."""

    IDLE = 0
    DIAL_TONE = 1
    COLLECTING = 2
    CALLING = 3
    RINGING = 4
    TALKING = 5
    HELD = 6
    BUSY = 7
    HOWLER = 8


IDLE, DIAL_TONE, COLLECTING, CALLING, RINGING, TALKING, HELD, BUSY, HOWLER = HandsetState
TRANSITIONS: Final = (
    frozenset({DIAL_TONE, RINGING, CALLING}),
    frozenset({IDLE, COLLECTING, CALLING, TALKING, RINGING, HELD, BUSY}),
    frozenset({IDLE, CALLING, TALKING, RINGING, BUSY}),
    frozenset({IDLE, TALKING, RINGING, BUSY}),
    frozenset({IDLE, TALKING, BUSY}),
    frozenset({IDLE, DIAL_TONE, CALLING, RINGING, TALKING, HELD, BUSY}),
    frozenset({IDLE, TALKING, RINGING, BUSY}),
    frozenset({IDLE, TALKING, RINGING, DIAL_TONE, HOWLER}),
    frozenset({IDLE, RINGING}),
)
"""What may follow each state, by its number. A receiver that is hung up while a call is held or waits rings."""
