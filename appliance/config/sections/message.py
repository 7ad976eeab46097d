# SPDX-License-Identifier: Apache-2.0
"""`set message`: instant messages that wait until a phone registers."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.word_kinds import integer_kind

MAX_WAITING = Leaf(
    "message max-waiting",
    integer_kind(0, 1000, "messages"),
    "How many messages wait for one extension; 0: none, the sender of one to nobody hears 480.",
    default=100,
)
MAX_OCTETS = Leaf(
    "message max-octets",
    integer_kind(1024, 1048576, "octets"),
    "How large all messages that wait for one extension may be together.",
    default=65536,
)
MAX_DAYS = Leaf(
    "message max-days",
    integer_kind(1, 365, "days"),
    "How long a message waits; its own Expires may end it before.",
    default=7,
)

SECTION = Section(
    "message",
    "Messages",
    "Instant messages for an extension without a phone are kept and delivered when one registers (RFC 3428).",
    (MAX_WAITING, MAX_OCTETS, MAX_DAYS),
)
