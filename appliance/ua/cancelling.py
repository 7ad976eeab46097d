# SPDX-License-Identifier: Apache-2.0
"""CANCEL of an INVITE of ours: RFC 3261 9.1. No state of its own."""

from typing import Final

from appliance.native.sip_scanner import Message
from appliance.sip.stack import SipStack
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.sip.transaction.invite_client import InviteClient


class _NobodyListens:
    """Nothing depends on what a CANCEL is answered (9.1; RFC 5057 note 8)."""

    __slots__ = ()

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        pass

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        pass

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        pass


_NOBODY: Final = _NobodyListens()


def cancel_transaction(stack: SipStack, client: ClientTransaction, lines: bytes, now: float) -> None:
    """CANCEL with these header lines (Reason), where it may go now: after a provisional response, before a final one,
    once (9.1)."""
    if isinstance(client, InviteClient) and client.may_cancel:
        stack.send_request(client.build_cancel(lines, now), client.flow, client.branch, b"CANCEL", _NOBODY, now)
