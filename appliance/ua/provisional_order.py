# SPDX-License-Identifier: Apache-2.0
"""Reliable provisional responses as the caller gets them: RFC 3262 section 4, one early dialog of one INVITE.

It says which of them count, and sends their PRACKs; only its early dialog changes it.
"""

from typing import Final

from appliance.native.sip_scanner import Message
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.outgoing_request import OutgoingRequest, RequestOwner

RELIABLE: Final = b"100rel"
RSEQ_LIMIT: Final = 2 ** 32
"""RFC 3262 7.1"""


def read_rseq(response: Message) -> int:
    """RSeq of a provisional response that was sent reliably (RFC 3262 4), 0 for any other."""
    if not response.has_require or response.status == 100 or not response.to_tag:
        return 0
    if RELIABLE not in [tag.lower() for tag in response.values(b"Require")]:
        return 0
    written = response.header(b"RSeq") or b""
    return int(written) % RSEQ_LIMIT if written.isdigit() and len(written) <= 10 else 0


class ProvisionalOrder:
    """is_acknowledging: a PRACK of ours has no final response yet."""

    __slots__ = ("_cseq", "_last", "_open")

    def __init__(self) -> None:
        self._cseq = 0
        self._last = 0
        self._open = 0

    def admit(self, response: Message, rseq: int) -> bool:
        """Whether it is the next one; copies and those that came too early are not looked at (RFC 3262 4)."""
        if response.cseq != self._cseq:     # the INVITE was sent again, with credentials perhaps
            self._cseq, self._last = response.cseq, 0
        if self._last and rseq != self._last + 1:
            return False
        self._last = rseq
        return True

    @property
    def is_acknowledging(self) -> bool:
        """Whether a PRACK waits for its answer."""
        return self._open > 0

    def acknowledge(self, core: AgentCore, dialog: Dialog, session: bytes, owner: RequestOwner, now: float) -> None:
        """PRACK for what was admitted last; session: the answer to the offer in it, b"" for none."""
        draft = dialog.draft_request(b"PRACK")
        draft.lines = b"RAck: %d %d INVITE\r\n" % (self._last, self._cseq)
        draft.supported = core.profile.supported
        draft.body = session
        self._open += 1
        OutgoingRequest(core, draft, owner, dialog).send(now)

    def close(self) -> None:
        """A PRACK has had its final response."""
        self._open -= 1
