# SPDX-License-Identifier: Apache-2.0
"""What the appliance counts, by name. A plain dictionary that reads 0 where nothing was counted yet.

Names are snake_case nouns in the past tense where they are events: `messages_received`, `discarded_malformed`.
"""

from collections import defaultdict


class Counters(defaultdict[str, int]):
    """`counters["registrations_accepted"] += 1`; discards are named `discarded_<reason>`."""

    def __init__(self) -> None:
        super().__init__(int)
