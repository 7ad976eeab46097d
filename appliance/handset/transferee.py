# SPDX-License-Identifier: Apache-2.0
"""This telephone as the transferee (RFC 5589 6): the other side of its call asks it to talk to somebody else.

One transfer at a time; changed by what becomes of its two calls.
"""

from __future__ import annotations

from appliance.handset.account import Account
from appliance.handset.call_opening import CallOpening
from appliance.handset.call_placement import CallPlacement
from appliance.handset.line import Line
from appliance.handset.phone_call import PhoneCall
from appliance.handset.states import CALLING, TALKING
from appliance.handset.taken_transfer import DECLINED, TakenTransfer, decide_transfer
from appliance.ua.referral import ENDED, Referral


class Transferee:
    """Of one line."""

    __slots__ = ("_account", "_country", "_line", "_opening", "_placement", "_transfer")

    def __init__(self, line: Line, opening: CallOpening, placement: CallPlacement, account: Account,
                 country: str) -> None:
        self._line = line
        self._opening = opening
        self._placement = placement
        self._account = account
        self._country = country
        self._transfer: TakenTransfer | None = None

    @property
    def is_pending(self) -> bool:
        """Whether we are calling whom the other side wants us to talk to."""
        return self._transfer is not None and not self._transfer.is_done

    def asked(self, call: PhoneCall, referral: Referral, now: float) -> None:
        """In the call that is talked in; to be accepted or refused."""
        line, flow = self._line, call.flow
        is_from_server = flow is not None and self._account.is_server(flow)
        status = decide_transfer(call, referral, is_from_server, self._country)
        is_free = call is line.active and line.state is TALKING and self._transfer is None
        other = self._opening.open() if status == 0 and is_free else None
        if other is None:
            referral.refuse(status or DECLINED, now)
            return
        referral.accept(now)
        if referral.state is ENDED:     # too late for an answer: its sender has given up
            other.port.close()
            return
        self._transfer = TakenTransfer(referral, call, other, self._account.core.alarm())
        line.voice.stop_tone()
        line.voice.disconnect()
        line.enter(CALLING)
        draft = self._placement.draft(other, self._transfer.aim(self._account))
        self._transfer.fill(draft)
        self._placement.begin(other, draft, now)

    def progressed(self, status: int, now: float) -> None:
        """A provisional response to the call that is being made."""
        if self._transfer is not None and self.is_pending:
            self._transfer.progressed(status, now)

    def answered(self, now: float) -> None:
        """The call that was being made stands."""
        if self._transfer is not None and self.is_pending:
            self._transfer.answered(now)

    def forget(self, call: PhoneCall) -> None:
        """A call has ended: the former one, once the new one stands, ends the transfer."""
        if self._transfer is not None and self._transfer.is_done and call is self._transfer.former:
            self._transfer = None

    def drop(self, status: int, now: float) -> None:
        """It did not come about: back to who asked for it, where they are still there."""
        transfer, self._transfer = self._transfer, None
        assert transfer is not None
        transfer.failed(status, now)
        self._line.active = None
        transfer.call.hang_up(now)
        if transfer.former.has_ended:
            self._line.lose_active(status, now)
        else:
            self._line.voice.disconnect()
            self._line.resume(transfer.former, now)

    def leave(self, now: float) -> None:
        """The receiver is hung up, or the process ends."""
        transfer, self._transfer = self._transfer, None
        if transfer is not None:
            transfer.leave(now)
