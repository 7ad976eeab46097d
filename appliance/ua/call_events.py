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
    EXPIRED = 6
    """Nobody refreshed the session in time (RFC 4028)."""


class Release(NamedTuple):
    """The end of a call. status: of the final response or the one that fits; message: the BYE, CANCEL or response that
    ended it, for Reason and the like; None where there was none."""

    cause: Cause
    status: int
    message: Message | None = None


class Alert(NamedTuple):
    """A provisional response above 100. session: the answer in it, b"" for none (an offer in it comes afterwards, as
    offer_received); fork: the To tag of the early dialog that it belongs to, b"" where it makes none; is_reliable: it
    was sent reliably (RFC 3262)."""

    status: int
    session: bytes
    fork: bytes
    is_reliable: bool
    message: Message


class CallHandle(Protocol):
    """What every call, whoever made it, can be asked by its user; and every early dialog of one."""

    def hang_up(self, now: float, lines: bytes = b"", status: int = 603) -> None:
        """End it in the way its state wants: CANCEL, refusal with this status or BYE; lines: further header lines."""

    def answer_offer(self, session: bytes, now: float) -> bool:
        """Our answer to the offer that has come, or our offer where one was wanted. False where nothing waits for it
        any more: the other side has withdrawn, or an UPDATE was not answered in time."""

    def refuse_offer(self, status: int, now: float, lines: bytes = b"") -> bool:
        """The change is refused; the session stays as it was. An offer in a response cannot be refused: the call, or
        early dialog, ends. False as with answer_offer."""

    def change_session(self, offer: bytes, now: float, prefers_update: bool = False) -> bool:
        """re-INVITE, or UPDATE where that is preferred and the peer allows it, with this offer; b"" to be offered one.
        Before the call is answered: UPDATE, where both sides have come so far and the peer allows it. False while
        another change is under way or none may be made."""


class IncomingCall(CallHandle, Protocol):
    """What a call that comes in can be asked besides, until it is answered. branch: each number is an early dialog with
    a To tag of its own."""

    def alert(self, status: int, now: float, session: bytes = b"", is_reliable: bool = False,
              branch: int = 0) -> None:
        """180, 183 ...; session: an early answer, or sent reliably an offer where the INVITE had none."""

    def answer(self, session: bytes, now: float, branch: int = 0) -> None:
        """200 with the answer, or with our offer where the INVITE had none; of no account where answer and offer have
        been exchanged before."""

    def refuse(self, status: int, now: float, lines: bytes = b"") -> None:
        """A final response of 300 or above; lines: Contact for 3xx, Retry-After, Warning."""


class CallEvents(Protocol):
    """Who hears of one call. After `released` nothing comes any more. What concerns the session of an early dialog
    comes with that early dialog as its handle (early_dialog.EarlyDialog); `fork` is its To tag."""

    def offered(self, call: IncomingCall, offer: bytes, now: float) -> None:
        """A call that was screened and let in is there; offer: its session, b"" where we are to offer."""

    def alerted(self, call: CallHandle, alert: Alert, now: float) -> None:
        """A provisional response above 100."""

    def answer_received(self, call: CallHandle, answer: bytes, now: float) -> None:
        """The answer to our offer."""

    def offer_received(self, call: CallHandle, offer: bytes, now: float) -> None:
        """An offer in a response to an INVITE without one, in a re-INVITE, UPDATE or PRACK: to be answered with
        answer_offer or refuse_offer."""

    def offer_wanted(self, call: CallHandle, now: float) -> None:
        """A re-INVITE without a session: to be answered with answer_offer(our offer) or refuse_offer."""

    def confirmed(self, call: CallHandle, now: float) -> None:
        """Both sides know that the call stands: the ACK was sent or has come."""

    def change_refused(self, call: CallHandle, status: int, now: float) -> None:
        """Our re-INVITE or UPDATE failed; the session stays as it was (14.1)."""

    def request_received(self, call: CallHandle, server: ServerTransaction, request: Message, now: float) -> None:
        """A request in the dialog that belongs to neither set-up nor session (INFO, MESSAGE): to be answered;
        in_dialog_methods.refuse_unwanted does it for who can do nothing with it."""

    def transfer_asked(self, call: CallHandle, referral: Referral, now: float) -> None:
        """The other side wants this call's far end connected to somebody else (REFER, RFC 5589): to be accepted or
        refused."""

    def released(self, call: CallHandle, release: Release, now: float) -> None:
        """The call is over."""
