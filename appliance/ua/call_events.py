# SPDX-License-Identifier: Apache-2.0
"""What an INVITE usage tells the element above it, in the past tense; sessions are opaque octets (SDP)."""

from enum import IntEnum
from typing import NamedTuple, Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.referral import Referral


class Cause(IntEnum):
    """Why a call is over."""

    WE_LEFT = 0
    PEER_LEFT = 1
    REFUSED = 2
    """By the peer, with the status."""
    CANCELLED = 3
    """Before it was answered, by whoever called."""
    LOST = 4
    """The other side does not answer or knows nothing of the dialog."""
    BROKEN = 5
    """The other side broke the protocol."""


class Release(NamedTuple):
    """The end of a call. status: of the final response or the one that fits; message: the BYE, CANCEL or response that
    ended it, for Reason and the like; None where there was none."""

    cause: Cause
    status: int
    message: Message | None = None


class Alert(NamedTuple):
    """A provisional response above 100. session: the answer or the offer in it, b"" for none; fork: the To tag of the
    early dialog that it belongs to, b"" where it makes none; is_reliable: it was sent reliably (RFC 3262)."""

    status: int
    session: bytes
    fork: bytes
    is_reliable: bool
    message: Message


class CallHandle(Protocol):
    """What every call, whoever made it, can be asked by its user."""

    def hang_up(self, now: float, lines: bytes = b"") -> None:
        """End it in the way its state wants: CANCEL, refusal or BYE; lines: further header lines."""

    def answer_offer(self, session: bytes, now: float) -> None:
        """Our answer to the offer that has come, or our offer where one was wanted."""

    def refuse_offer(self, status: int, now: float) -> None:
        """The re-INVITE is refused; the session stays as it was."""

    def change_session(self, offer: bytes, now: float) -> bool:
        """re-INVITE with this offer, or b"" to be offered one; False while another change is under way."""


class IncomingCall(CallHandle, Protocol):
    """What a call that comes in can be asked besides, until it is answered."""

    def alert(self, status: int, now: float, session: bytes = b"") -> None:
        """180, 183 ...; session: an early answer."""

    def answer(self, session: bytes, now: float) -> None:
        """200 with the answer, or with our offer where the INVITE had none."""

    def refuse(self, status: int, now: float, lines: bytes = b"") -> None:
        """A final response of 300 or above; lines: Contact for 3xx, Retry-After, Warning."""


class CallEvents(Protocol):
    """Who hears of one call. After `released` nothing comes any more."""

    def offered(self, call: IncomingCall, offer: bytes, now: float) -> None:
        """A call that was screened and let in is there; offer: its session, b"" where we are to offer."""

    def alerted(self, call: CallHandle, alert: Alert, now: float) -> None:
        """A provisional response above 100."""

    def answer_received(self, call: CallHandle, answer: bytes, now: float) -> None:
        """The answer to our offer."""

    def offer_received(self, call: CallHandle, offer: bytes, now: float) -> None:
        """An offer in a 2xx or a re-INVITE: to be answered with answer_offer or, for a re-INVITE, refuse_offer."""

    def offer_wanted(self, call: CallHandle, now: float) -> None:
        """A re-INVITE without a session: to be answered with answer_offer(our offer) or refuse_offer."""

    def confirmed(self, call: CallHandle, now: float) -> None:
        """Both sides know that the call stands: the ACK was sent or has come."""

    def change_refused(self, call: CallHandle, status: int, now: float) -> None:
        """Our re-INVITE failed; the session stays as it was (14.1)."""

    def request_received(self, call: CallHandle, server: ServerTransaction, request: Message, now: float) -> None:
        """A request in the dialog that belongs to neither set-up nor session (INFO, MESSAGE): to be answered;
        in_dialog_methods.refuse_unwanted does it for who can do nothing with it."""

    def transfer_asked(self, call: CallHandle, referral: Referral, now: float) -> None:
        """The other side wants this call's far end connected to somebody else (REFER, RFC 5589): to be accepted or
        refused."""

    def released(self, call: CallHandle, release: Release, now: float) -> None:
        """The call is over."""
