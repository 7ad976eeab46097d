# SPDX-License-Identifier: Apache-2.0
"""What a failure response inside a dialog ends: RFC 5057 section 5.1, tables 1 and 2. Pure, no state."""

from enum import IntEnum
from typing import Final


class Ending(IntEnum):
    """How far a failure reaches."""

    TRANSACTION = 0
    USAGE = 1
    DIALOG = 2


_USAGE: Final = frozenset({405, 480, 481, 489, 501})
_DIALOG: Final = frozenset({404, 410, 416, 482, 483, 484, 485, 502, 604})
_OF_THE_METHOD: Final = frozenset({405, 501})


def decide_ending(status: int, method: bytes, usage_methods: frozenset[bytes]) -> Ending:
    """What a final status of 300 or above ends; usage_methods: those without which the usage cannot live.

    A timeout (408) ends the usage it happened in (RFC 5057 5.2, RFC 3261 12.2.1.2); a 3xx cannot be followed inside a
    dialog and ends only its transaction here, because nothing else was asked to change.
    """
    if status in _DIALOG:
        return Ending.DIALOG
    if status == 408:
        return Ending.USAGE     # 5.1 note 4: the same as a real timeout
    if status == 489 and method not in (b"SUBSCRIBE", b"NOTIFY"):
        return Ending.TRANSACTION   # 5.1 note 12
    if status in _OF_THE_METHOD and method not in usage_methods:
        return Ending.TRANSACTION   # 5.1 note 3
    return Ending.USAGE if status in _USAGE else Ending.TRANSACTION
