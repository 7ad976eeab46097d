# SPDX-License-Identifier: Apache-2.0
"""The Subscription-State header as a subscriber reads it: RFC 6665 4.1.3 and 8.2.3. Pure."""

from typing import Final, NamedTuple

ACTIVE: Final = b"active"
TERMINATED_WORD: Final = b"terminated"
AT_ONCE: Final = frozenset({b"deactivated", b"timeout"})
"""Reasons after which to subscribe anew immediately (4.1.3)."""
NEVER: Final = frozenset({b"rejected", b"noresource", b"invariant"})
"""Reasons after which it would not help."""


class SubscriptionWord(NamedTuple):
    """word: active, pending, terminated, or one that came later (read as pending); reason: of an end, b"" for none;
    expires_s: -1 where it does not say; retry_after_s: 0 where it does not say."""

    word: bytes
    reason: bytes
    expires_s: int
    retry_after_s: int


def read_state(value: bytes | None) -> SubscriptionWord | None:
    """None for a NOTIFY that does not say."""
    if value is None:
        return None
    word, *parameters = (part.strip().lower() for part in value.split(b";"))
    if not word:
        return None
    named: dict[bytes, bytes] = {}
    for parameter in parameters:
        name, _, written = parameter.partition(b"=")
        named.setdefault(name.strip(), written.strip())
    return SubscriptionWord(word, named.get(b"reason", b""), _read_seconds(named.get(b"expires", b""), -1),
                            _read_seconds(named.get(b"retry-after", b""), 0))


def _read_seconds(written: bytes, otherwise: int) -> int:
    return int(written[:9]) if written.isdigit() else otherwise
