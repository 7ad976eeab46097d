# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is in the offer/answer exchange of one dialog: RFC 3264 section 4, RFC 3261 13.2.1, RFC 6337.

Sessions are opaque octets here. The usage that owns the dialog changes it.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError


class Exchange(IntEnum):
    """IDLE: nothing is open; the other two wait for the answer of the other side, or for ours."""

    IDLE = 0
    LOCAL_OFFER = 1
    REMOTE_OFFER = 2


IDLE, LOCAL_OFFER, REMOTE_OFFER = Exchange
TRANSITIONS: Final = (
    frozenset({LOCAL_OFFER, REMOTE_OFFER}),
    frozenset({IDLE}),
    frozenset({IDLE}),
)
"""What may follow each state, by its number."""


class OfferAnswer:
    """local, remote: the sessions agreed on last, b"" before the first agreement; offered: the open offer."""

    __slots__ = ("local", "offered", "remote", "state")

    def __init__(self) -> None:
        self.state = IDLE
        self.offered = b""
        self.local = b""
        self.remote = b""

    @property
    def is_agreed(self) -> bool:
        """Whether there has been a whole exchange."""
        return bool(self.local and self.remote)

    def send_offer(self, session: bytes) -> None:
        """Our offer goes out."""
        self._enter(LOCAL_OFFER)
        self.offered = session

    def receive_offer(self, session: bytes) -> None:
        """Their offer has come."""
        self._enter(REMOTE_OFFER)
        self.offered = session

    def send_answer(self, session: bytes) -> None:
        """Our answer goes out."""
        if self.state is not REMOTE_OFFER:
            raise MisuseError("an answer without an offer")
        self._enter(IDLE)
        self.local, self.remote, self.offered = session, self.offered, b""

    def receive_answer(self, session: bytes) -> None:
        """Their answer has come."""
        if self.state is not LOCAL_OFFER:
            raise MisuseError("an answer where none is awaited")
        self._enter(IDLE)
        self.local, self.remote, self.offered = self.offered, session, b""

    def may_correct(self, answer: bytes) -> bool:
        """Whether their answer is still this one, and nothing else is open."""
        return self.state is IDLE and self.remote == answer

    def correct_answer(self, session: bytes) -> None:
        """They have said their answer once more, and otherwise."""
        if self.state is not IDLE:
            raise MisuseError("another answer while something is open")
        self.remote = session

    def drop_offer(self) -> None:
        """The open offer was refused or its request failed: the session stays as it was (RFC 3261 14.1)."""
        if self.state is not IDLE:
            self._enter(IDLE)
        self.offered = b""

    def _enter(self, state: Exchange) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"offer/answer: {self.state.name} to {state.name}")
        self.state = state
