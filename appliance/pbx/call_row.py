# SPDX-License-Identifier: Apache-2.0
"""A call as it is kept on disk, and what the dialog table needs of the store that keeps it.

Plain values only. Time is wall time, because a monotonic clock starts anew with every boot.
"""

from typing import NamedTuple, Protocol

CALL_LIFE_S = 12 * 3600.0
"""How long after its answer a call of a process that is gone is believed in: its BYE may have been missed."""

CallKey = tuple[int, bytes]
"""Number and callee's tag: one row for each phone that answered."""


class CallRow(NamedTuple):
    """One confirmed dialog of a call; what else is said of the call is the same in all its rows.

    number, call_id, caller_tag, caller, callee, callee_extension, callee_hostport, caller_identity: as of `Call`;
    X_uri: remote target, b"" unknown; X_listener, X_transport, X_host, X_port: the flow to that side;
    started_wall_s, answered_wall_s: seconds since 1970.
    """

    number: int
    callee_tag: bytes
    call_id: bytes
    caller_tag: bytes
    caller: bytes
    callee: bytes
    callee_extension: bytes
    callee_hostport: bytes
    caller_identity: bytes
    caller_uri: bytes
    caller_listener: str
    caller_transport: bytes
    caller_host: bytes
    caller_port: int
    callee_uri: bytes
    callee_listener: str
    callee_transport: bytes
    callee_host: bytes
    callee_port: int
    started_wall_s: float
    answered_wall_s: float

    @property
    def key(self) -> CallKey:
        """What identifies this row in the store."""
        return (self.number, self.callee_tag)

    @property
    def expires_wall_s(self) -> float:
        """When nobody believes in it any more, seconds since 1970."""
        return self.answered_wall_s + CALL_LIFE_S


class CallStore(Protocol):
    """Where calls outlive the process. Calls are queued and return at once; errors are its own affair."""

    def save(self, rows: list[CallRow]) -> None:
        """Insert or replace rows by their key."""

    def delete(self, keys: list[CallKey]) -> None:
        """Remove the rows of these keys."""
