# SPDX-License-Identifier: Apache-2.0
"""A call that stands as it is kept on disk, and what the keeper needs of the store. Plain values only; time is wall
time, because a monotonic clock starts anew with every boot.
"""

from typing import NamedTuple, Protocol

KeptKey = tuple[int]
"""The number of the call."""
LIFE_S = 7 * 86400.0
"""How long after its answer a call is believed in at most; whether it lives its two ends say much sooner."""


class KeptRow(NamedTuple):
    """number: of the call; answered_wall_s: seconds since 1970; snapshot: JSON, see call_snapshot."""

    number: int
    answered_wall_s: float
    snapshot: str

    @property
    def key(self) -> KeptKey:
        """What identifies this row in the store."""
        return (self.number,)

    @property
    def expires_wall_s(self) -> float:
        """When nobody believes in it any more, seconds since 1970."""
        return self.answered_wall_s + LIFE_S


class KeptStore(Protocol):
    """Where calls outlive the process. Both are queued and return at once; errors are the store's own affair."""

    def save(self, rows: list[KeptRow]) -> None:
        """Insert or replace rows by their key."""

    def delete(self, keys: list[KeptKey]) -> None:
        """Remove the rows of these keys."""
