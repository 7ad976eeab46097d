# SPDX-License-Identifier: Apache-2.0
"""What a message summary says (RFC 3842 5.2), as far as a telephone without a display can tell it. Pure."""

import re
from typing import Final, NamedTuple

from appliance.errors import PeerError

SUMMARY_LIMIT: Final = 4096
_COUNTS: Final = re.compile(rb"\s*(\d{1,10})\s*/\s*(\d{1,10})")


class WaitingMessages(NamedTuple):
    """is_waiting: whether there is news; new, old: of all kinds together, 0 where only the first was said."""

    is_waiting: bool = False
    new: int = 0
    old: int = 0


NO_MESSAGES: Final = WaitingMessages()


def read_summary(body: bytes) -> WaitingMessages:
    """Raises PeerError for what is no summary."""
    is_waiting: bool | None = None
    new = old = 0
    for line in body[:SUMMARY_LIMIT].splitlines():
        if not line.strip():
            break       # 5.2: headers of single messages follow
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if name == b"messages-waiting":
            is_waiting = value.strip().lower() == b"yes"
        elif name.endswith((b"-message", b"none")) and (counts := _COUNTS.match(value)) is not None:
            new += int(counts[1])
            old += int(counts[2])
    if is_waiting is None:
        raise PeerError("no Messages-Waiting", 400, body, "RFC 3842 5.2")
    return WaitingMessages(is_waiting, new, old)
