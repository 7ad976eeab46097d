# SPDX-License-Identifier: Apache-2.0
"""Which of several final responses goes upstream (RFC 3261 16.7 step 6), as a pure ranking."""

PREFERRED = frozenset({401, 407, 415, 420, 484})
"""4xx that tell the caller how to try again."""
GENERATED = frozenset({408, 480, 487})
"""4xx that say least: a busy phone beats an absent one."""


def rank_response(status: int) -> int:
    """Lower is better: any 6xx first, then the lowest class; within a class what helps the caller most."""
    if status >= 600:
        return 0
    if status == 503:
        return 590  # another 5xx is better: 503 would be taken as our own state
    if status in PREFERRED:
        return 400
    if status in GENERATED:
        return 420
    return status // 100 * 100 + 10


def decide_upstream_status(status: int) -> int:
    """16.7 step 6: a branch's 503 says nothing about us, so it goes up as 500."""
    return 500 if status == 503 else status
