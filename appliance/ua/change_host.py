# SPDX-License-Identifier: Apache-2.0
"""What a change of session needs to know of the call or early dialog whose session it is, and what it tells it."""

from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.dialog import Dialog
from appliance.ua.offer_answer import OfferAnswer
from appliance.ua.outgoing_request import OutgoingRequest


class ChangeHost(Protocol):
    """The call or early dialog whose session it is."""

    dialog: Dialog
    exchange: OfferAnswer

    @property
    def owns_call_id(self) -> bool:
        """Whether it sent the first INVITE (14.1)."""

    @property
    def is_ours(self) -> bool:
        """Whether an exchange that is open besides our changes hangs on an INVITE of ours."""

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""

    def peer_supports(self, tag: bytes) -> bool:
        """Whether the other side has said that it knows this extension (20.37)."""

    def learn_peer(self, message: Message) -> None:
        """What it says of its abilities counts from now on (20.5)."""

    def accept_invite(self, server: ServerTransaction, request: Message, session: bytes, now: float) -> None:
        """Answer 200 with this session and repeat it until the ACK comes."""

    def write_interval(self, request: Message, now: float) -> bytes:
        """The session timer's lines of our 2xx (RFC 4028 9)."""

    def draft_interval(self, request: OutgoingRequest) -> None:
        """The session timer's part of our request (RFC 4028 7.4)."""

    def read_interval(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """The session timer's part of a 2xx to it (RFC 4028 7.2)."""

    def change_asked(self, offer: bytes, now: float) -> None:
        """They want another session; b"" where we are to offer."""

    def change_answered(self, answer: bytes, now: float) -> None:
        """Their answer to our offer."""

    def change_offered(self, offer: bytes, now: float) -> None:
        """Their offer in the 2xx to our re-INVITE without one."""

    def change_failed(self, status: int, now: float) -> None:
        """Our change is refused for good."""

    def change_lapsed(self, now: float) -> None:
        """Theirs was not answered in time and is refused."""

    def refresh_failed(self, status: int, now: float) -> None:
        """Our session refresh is refused."""

    def lose_peer(self, status: int, now: float) -> None:
        """The other side is gone (12.2.1.2)."""

    def break_off(self, status: int, now: float) -> None:
        """An offer that cannot be refused cannot be taken."""
