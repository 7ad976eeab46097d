# SPDX-License-Identifier: Apache-2.0
"""What the answers of the phones mean for a message: delivered, refused for good, or to be tried again (RFC 3428 7)."""

from enum import IntEnum
from typing import Final

TEMPORARY: Final = frozenset({408, 430, 480, 486, 500, 502, 503, 504})
"""The phone is away, busy or in trouble: later it may take the message. 408 and 503 stand for silence and for a
transport that failed, too (RFC 3261 8.1.3.1)."""
UNANSWERED: Final = frozenset({408, 430, 480, 503, 504})
"""Nobody was there: a message that has just been sent is kept. Any other refusal goes to the sender instead."""


class Verdict(IntEnum):
    """Why a message leaves its mailbox."""

    DELIVERED = 0
    REFUSED = 1


def is_refusal(statuses: list[int]) -> bool:
    """Whether answers without any 2xx are a refusal for good: a 6xx speaks for all (RFC 3428 7: "delivered
    successfully, but refused"); otherwise every phone must have refused for good."""
    return any(status >= 600 for status in statuses) or not any(status in TEMPORARY for status in statuses)
