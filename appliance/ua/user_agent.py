# SPDX-License-Identifier: Apache-2.0
"""A user agent: RFC 3261 section 8 over the stack, with section 11 (OPTIONS) and 22.2 (it may challenge others itself).

It hands every request to the usage whose it is; the usages keep the state.
"""

from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import CallEvents
from appliance.ua.call_taking import begin_call, open_dialog, open_request
from appliance.ua.dialog import Dialog
from appliance.ua.dialog_server import DialogServer
from appliance.ua.handlers import RequestHandler
from appliance.ua.inspection import Refusal, check_request, write_capabilities
from appliance.ua.outgoing_invite import OutgoingInvite
from appliance.ua.outgoing_request import OutgoingRequest, RequestOwner
from appliance.ua.request_draft import RequestDraft

__all__ = ["AgentEvents", "Authenticator", "RequestHandler", "UserAgent"]


class AgentEvents(Protocol):
    """The element that the user agent speaks for."""

    def screen_call(self, request: Message, flow: Flow, now: float) -> CallEvents | Refusal:
        """Who takes this call, or why nobody does."""

    def decide_availability(self, request: Message, now: float) -> int:
        """The status that an INVITE like this OPTIONS would get, 200 for a free line (11.2)."""


class Authenticator(Protocol):
    """Whether the sender of a request is who it says (22.2: one UA may challenge another)."""

    def challenge(self, request: Message, flow: Flow, now: float) -> Refusal | None:
        """401 with WWW-Authenticate, or None for a request whose credentials are good."""


class UserAgent:
    """The transaction user of one stack (sip.stack.TransactionUser). authenticator: None lets everybody call."""

    __slots__ = ("_authenticator", "_core", "_dialogs", "_events", "_handlers")

    def __init__(self, core: AgentCore, events: AgentEvents, authenticator: Authenticator | None = None) -> None:
        self._core = core
        self._events = events
        self._authenticator = authenticator
        self._handlers: dict[bytes, RequestHandler] = {}
        self._dialogs = DialogServer(core.stack, core.dialogs, self._handlers)

    # what its element asks for

    def serve_method(self, method: bytes, handler: RequestHandler) -> None:
        """From now on this method is served, and named in Allow."""
        self._handlers[method] = handler
        if method not in self._core.methods:
            self._core.methods.append(method)

    def draft_call(self, uri: bytes, offer: bytes) -> RequestDraft:
        """An INVITE to this URI (13.2.1); offer: b"" lets the other side offer."""
        core = self._core
        draft = core.draft_request(b"INVITE", uri)
        is_secure = uri[:5].lower() == b"sips:"
        draft.contact = core.profile.secure_contact if is_secure else core.profile.contact
        draft.lines += core.allow_line
        draft.body = offer
        return draft

    def place_call(self, draft: RequestDraft, events: CallEvents, now: float) -> OutgoingInvite:
        """Send the INVITE; the call tells `events` what becomes of it."""
        call = OutgoingInvite(self._core, draft, events)
        call.start(now)
        return call

    def send_request(self, draft: RequestDraft, owner: RequestOwner, now: float,
                     dialog: Dialog | None = None) -> OutgoingRequest:
        """Any other request; `owner` hears of its response."""
        request = OutgoingRequest(self._core, draft, owner, dialog)
        request.send(now)
        return request

    # what the stack says

    def request_received(self, message: Message, flow: Flow, now: float) -> None:
        """TransactionUser."""
        if message.to_tag:
            if self._dialogs.serve_in_dialog(message, flow, now):
                return
            if message.method != b"NOTIFY" or b"NOTIFY" not in self._handlers:
                self._core.stack.reply_stateless(message, flow, 481)    # 12.2.2
                return
        if self._authenticator is not None:
            refusal = self._authenticator.challenge(message, flow, now)
            if refusal is not None:     # 8.2: authentication before everything else, without state (8.2.7)
                self._core.stack.reply_stateless(message, flow, refusal.status, refusal.lines)
                return
        if message.to_tag:
            self._serve_notify(message, flow, now)
        else:
            self._serve_outside(message, flow, now)

    def ack_received(self, message: Message, flow: Flow, now: float) -> None:
        """TransactionUser. A stray one is dropped: an ACK has no answer."""
        self._dialogs.ack_received(message, flow, now)

    def cancel_received(self, invite: InviteServer, cancel: Message, now: float) -> None:
        """TransactionUser."""
        if not self._dialogs.cancel_received(invite, cancel, now):
            invite.respond(487, now)

    # requests

    def _serve_notify(self, message: Message, flow: Flow, now: float) -> None:
        """RFC 6665 4.4.1: a NOTIFY makes the dialog of its subscription; whose it is, its handler knows."""
        server = self._core.stack.open_server(message, flow, now)
        refusal = check_request(message, self._core, self._core.methods)
        if refusal is not None:
            server.respond(refusal.status, now, refusal.lines)
        else:
            self._handlers[b"NOTIFY"].request_received(server, message, None, now)

    def _serve_outside(self, message: Message, flow: Flow, now: float) -> None:
        core = self._core
        server = open_request(core, message, flow, now)
        if server is None:
            return
        if message.method in self._handlers:
            self._handlers[message.method].request_received(server, message, None, now)
        elif isinstance(server, InviteServer):
            self._take_call(server, message, flow, now)
        elif message.method == b"OPTIONS":
            server.respond(self._events.decide_availability(message, now), now, write_capabilities(core))
        else:   # served inside dialogs alone; a NOTIFY here has no subscription (RFC 6665 4.1.3)
            server.respond(481 if message.method == b"NOTIFY" else 405, now, core.allow_line)

    def _take_call(self, server: InviteServer, message: Message, flow: Flow, now: float) -> None:
        dialog = open_dialog(self._core, server, message, now)
        if isinstance(dialog, int):
            return      # before anybody gets ready for it
        verdict = self._events.screen_call(message, flow, now)
        if isinstance(verdict, Refusal):
            server.respond(verdict.status, now, verdict.lines)
        else:
            begin_call(self._core, server, dialog, verdict, now)
