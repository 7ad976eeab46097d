# SPDX-License-Identifier: Apache-2.0
"""When to try again what a server has refused or not answered: its own word, or a delay that grows. Pure."""

from typing import Final

from appliance.native.sip_scanner import Message

FIRST_RETRY_S: Final = 5.0
DOUBLINGS: Final = 8


def read_retry_after(response: Message | None) -> int:
    """RFC 3261 20.33, in seconds; 0 where nothing is said."""
    written = (response.header(b"Retry-After") or b"") if response is not None else b""
    digits = written.partition(b"(")[0].partition(b";")[0].strip()
    return int(digits) if digits.isdigit() and len(digits) < 10 else 0


def decide_delay(failures: int, last_s: float, fraction: float) -> float:
    """Seconds after so many failures before this one: doubled each time up to last_s, of which at least one half; the
    rest by fraction, 0 to 1, so that a thousand phones do not come at once."""
    return min(FIRST_RETRY_S * 2.0 ** min(failures, DOUBLINGS), last_s) * (0.5 + 0.5 * fraction)
