# SPDX-License-Identifier: Apache-2.0
"""Who hears of a call that is over. Its usage lives on for 32 s, for copies of the final response (RFC 3261 17.1.1.2);
what it would tell then nobody wants to know, and nobody is to be kept for it.
"""

from typing import Final

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Alert, CallHandle, IncomingCall, Release
from appliance.ua.in_dialog_methods import refuse_unwanted
from appliance.ua.referral import Referral


class Nobody:
    """Satisfies ua.call_events.CallEvents."""

    __slots__ = ()

    def offered(self, call: IncomingCall, offer: bytes, now: float) -> None:
        """CallEvents."""

    def alerted(self, call: CallHandle, alert: Alert, now: float) -> None:
        """CallEvents."""

    def answer_received(self, call: CallHandle, answer: bytes, now: float) -> None:
        """CallEvents."""

    def offer_received(self, call: CallHandle, offer: bytes, now: float) -> None:
        """CallEvents."""

    def offer_wanted(self, call: CallHandle, now: float) -> None:
        """CallEvents."""

    def confirmed(self, call: CallHandle, now: float) -> None:
        """CallEvents."""

    def change_refused(self, call: CallHandle, status: int, now: float) -> None:
        """CallEvents."""

    def request_received(self, call: CallHandle, server: ServerTransaction, request: Message, now: float) -> None:
        """CallEvents."""
        refuse_unwanted(server, request, now)

    def transfer_asked(self, call: CallHandle, referral: Referral, now: float) -> None:
        """CallEvents."""
        referral.refuse(481, now)

    def released(self, call: CallHandle, release: Release, now: float) -> None:
        """CallEvents."""


NOBODY: Final = Nobody()
