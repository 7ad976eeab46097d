# SPDX-License-Identifier: Apache-2.0
"""A BYE and what may still come while it is under way: the Mortal state of RFC 5407 2.4, RFC 3261 15.1.1.

It takes the INVITE usage's place in the dialog until the BYE is answered; whatever the answer is, that is the end.
"""

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.outgoing_request import OutgoingRequest

USAGE_METHODS = (b"INVITE", b"ACK", b"BYE", b"PRACK", b"UPDATE")


class Farewell:
    """Says BYE in one dialog."""

    __slots__ = ("_core", "_dialog", "_has_repeated")

    def __init__(self, core: AgentCore, dialog: Dialog) -> None:
        self._core = core
        self._dialog = dialog
        self._has_repeated = False

    def send(self, now: float, lines: bytes = b"") -> None:
        """BYE goes out; lines: further header lines such as Reason (RFC 3326)."""
        self._core.join_dialog(self._dialog, self, USAGE_METHODS)
        draft = self._dialog.draft_request(b"BYE")
        draft.lines = lines
        draft.supported = self._core.profile.supported    # RFC 4028 7.1: in each request
        OutgoingRequest(self._core, draft, self, self._dialog).send(now)

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """RFC 5407 3.2.1, 3.2.2: a BYE that crosses ours is fine, a re-INVITE comes too late."""
        server.respond(200 if request.method == b"BYE" else 481, now)

    def ack_received(self, ack: Message, now: float) -> None:
        """RFC 5407 3.2.4: of a 2xx that nobody waits for any more."""

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""
        self._core.leave_dialog(self._dialog, self)

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. 15.1.1: the session is over even when BYE is refused or gets no answer. A 500 may mean that a
        later request of ours was there first (12.2.2): once more, so that they hear of it."""
        if status == 500 and response is not None and not self._has_repeated:
            self._has_repeated = True
            again = self._dialog.draft_request(b"BYE")
            again.lines = request.draft.lines
            OutgoingRequest(self._core, again, self, self._dialog).send(now)
            return
        self._core.leave_dialog(self._dialog, self)
