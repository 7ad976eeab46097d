# SPDX-License-Identifier: Apache-2.0
"""A request of ours inside a call's dialog that belongs to neither set-up nor session: INFO (RFC 6086, and the older
forms), MESSAGE, OPTIONS, REFER. What its failure ends beside itself: RFC 5057 5.1.
"""

from typing import Final, Protocol, cast

from appliance.native.sip_scanner import Message
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.dialog_ending import Ending, decide_ending
from appliance.ua.outgoing_request import LOCATING, OutgoingRequest, RequestOwner
from appliance.ua.request_draft import RequestDraft

CALL_METHODS: Final = frozenset({b"INVITE", b"ACK", b"BYE"})


class InDialogHost(Protocol):
    """The call."""

    core: AgentCore
    dialog: Dialog

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""

    @property
    def has_dialog(self) -> bool:
        """Whether requests can be sent inside its dialog now."""

    def lose_peer(self, status: int, now: float) -> None:
        """The other side is gone (12.2.1.2)."""


class InDialogOwner(Protocol):
    """Who sent the request; as outgoing_request.RequestOwner."""

    def provisional_received(self, request: "InDialogRequest", response: Message, now: float) -> None:
        """A 1xx."""

    def request_succeeded(self, request: "InDialogRequest", response: Message, now: float) -> None:
        """A 2xx."""

    def request_refused(self, request: "InDialogRequest", status: int, response: Message | None, now: float) -> None:
        """Nothing more can be tried; 481 where there was no dialog, 408 or 503 without a response where nobody
        answered."""


class InDialogRequest(OutgoingRequest):
    """An outgoing request whose refusal may end the call that it was sent in; its owner hears of the refusal first."""

    __slots__ = ("_host",)

    def __init__(self, host: InDialogHost, draft: RequestDraft, owner: InDialogOwner) -> None:
        super().__init__(host.core, draft, cast(RequestOwner, owner), host.dialog)    # it hears of this request alone
        self._host = host

    def send(self, now: float) -> None:
        """Nothing is sent, and 481 told afterwards, where the call has no dialog (any more)."""
        if self._host.has_dialog:
            super().send(now)
        else:
            self._refusal = (481, None)
            self._enter(LOCATING)
            self._finish(now)

    def _tell(self, now: float) -> None:
        super()._tell(now)
        if self._host.has_dialog and self._ends_call(self._refusal[0]):
            self._host.lose_peer(self._refusal[0], now)

    def _ends_call(self, status: int) -> bool:
        method = self.draft.method
        if method == b"OPTIONS":    # 11.2: any other status says what an INVITE would get, busy for instance
            return status in (408, 481)
        ending = decide_ending(status, method, CALL_METHODS)
        if method == b"REFER":      # RFC 5057 5.1: the usage that ends is the subscription, which is not the call's
            return ending is Ending.DIALOG
        return ending is not Ending.TRANSACTION
