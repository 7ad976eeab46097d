# SPDX-License-Identifier: Apache-2.0
"""The other side of a call asks this telephone to talk to somebody else: RFC 3515, RFC 5589 6.1 and 7.3.

The call that the REFER came in stays beside the new one until that is answered, and comes back where it fails.
Changed by the handset, which tells it what becomes of both.
"""

from __future__ import annotations

import re
from typing import Final

from appliance.errors import PeerError
from appliance.handset.account import Account
from appliance.handset.phone_call import PhoneCall
from appliance.numbering.emergency import is_emergency
from appliance.sip.grammar import unescape
from appliance.sip.uri import SipUri
from appliance.ua.alarm import Alarm
from appliance.ua.referral import Referral
from appliance.ua.request_draft import RequestDraft

GRACE_S: Final = 5.0
"""RFC 5589 6.1: the transferor ends its call once it knows; one that does not is left."""
DECLINED: Final = 603
UNAVAILABLE: Final = 503
_NUMBER: Final = re.compile(r"\+?[0-9A-Fa-f*#]+")       # RFC 3966 3


class TakenTransfer:
    """former: the call that the REFER came in; call: the one that it asked for; is_done: that one was answered."""

    __slots__ = ("_alarm", "_referral", "call", "former", "is_done")

    def __init__(self, referral: Referral, former: PhoneCall, call: PhoneCall, alarm: Alarm) -> None:
        self._referral = referral
        self._alarm = alarm
        self.former = former
        self.call = call
        self.is_done = False

    def aim(self, account: Account) -> bytes:
        """Whom to call, by our server whoever it is: it knows whom we may call."""
        target = self._referral.target
        if target[:4].lower() == b"tel:":
            self.call.peer = read_number(target)
            return account.write_uri(self.call.peer)
        self.call.peer = target.decode("utf-8", "replace")
        return target

    def fill(self, draft: RequestDraft) -> None:
        """What the INVITE says of where it comes from (RFC 3892 3), and whose place it takes (RFC 3891 4)."""
        referral = self._referral
        if referral.referred_by:
            draft.lines += b"Referred-By: %s\r\n" % referral.referred_by
        if referral.replaces is not None:
            draft.lines += b"Replaces: %s\r\n" % bytes(referral.replaces)
            draft.required = (*draft.required, b"replaces")

    def progressed(self, status: int, now: float) -> None:
        """A provisional response to the new call."""
        self._referral.report(status, b"", now)

    def answered(self, now: float) -> None:
        """The new call stands."""
        self.is_done = True
        self._referral.report(200, b"", now)
        if not self.former.has_ended:
            self._alarm.set(now + GRACE_S, self._let_go)

    def failed(self, status: int, now: float) -> None:
        """The new call did not come about."""
        self._referral.report(status if status >= 300 else UNAVAILABLE, b"", now)

    def leave(self, now: float) -> None:
        """Nobody is here any more."""
        if not self.is_done:
            self._referral.report(487, b"", now)
        self._let_go(now)

    def _let_go(self, now: float) -> None:
        self._alarm.clear()
        self.former.hang_up(now)


def decide_transfer(former: PhoneCall, referral: Referral, is_from_server: bool, country: str) -> int:
    """0 where the REFER is acted on, else the status for it. Only our own server knows whom it lets transfer; nobody is
    taken off an emergency call, or made to place one."""
    if not is_from_server or former.is_emergency or not former.is_confirmed:
        return DECLINED
    number = read_number(referral.target)
    if referral.target[:4].lower() == b"tel:" and _NUMBER.fullmatch(number) is None:
        return DECLINED
    return DECLINED if is_emergency(number, country) else 0


def read_number(target: bytes) -> str:
    """What a person would dial for a SIP, SIPS or tel URI, without visual separators (RFC 3966 5.1.1)."""
    if target[:4].lower() == b"tel:":
        user = target[4:]
    else:
        try:
            user = unescape(SipUri.parse(target).user or b"")
        except PeerError:
            return ""
    return user.partition(b";")[0].translate(None, b"-.() ").decode("utf-8", "replace")
