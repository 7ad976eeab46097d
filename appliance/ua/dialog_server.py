# SPDX-License-Identifier: Apache-2.0
"""Serves what comes inside dialogs, whichever core's they are: RFC 3261 12.2.2, RFC 5057. And how a call gets in.

A user agent that has a stack of its own uses it as well as an element that asks it first for every request with a To
tag. It keeps no state but counters.
"""

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.agent_core import AgentCore, DialogDirectory, DialogEntry
from appliance.ua.call_events import CallEvents
from appliance.ua.dialog import Dialog
from appliance.ua.handlers import RequestHandler
from appliance.ua.incoming_invite import IncomingInvite
from appliance.ua.inspection import Refusal, check_request, write_capabilities
from appliance.ua.invite_usage import OFFERED
from appliance.ua.session_change import SessionChange


class DialogServer:
    """dialogs: of every core that shares the stack; handlers: for methods that no usage claims."""

    __slots__ = ("_dialogs", "_handlers", "_stack")

    def __init__(self, stack: SipStack, dialogs: DialogDirectory,
                 handlers: dict[bytes, RequestHandler] | None = None) -> None:
        self._stack = stack
        self._dialogs = dialogs
        self._handlers = {} if handlers is None else handlers

    def serve_in_dialog(self, message: Message, flow: Flow, now: float) -> bool:
        """A request with a To tag, never ACK or CANCEL; False where it is in no dialog of ours.

        The Call-ID and both tags prove it (19.3: 64 bits of ours that nobody can guess); whoever has them may do what
        the RFC lets a peer do, also from another address: it may have moved.
        """
        entry = self._dialogs.find(message)
        if entry is None:
            return False
        self._serve(entry, message, flow, now)
        return True

    def ack_received(self, message: Message, flow: Flow, now: float) -> bool:
        """The ACK of a 2xx; False where it is in no dialog of ours."""
        entry = self._dialogs.find(message)
        if entry is None:
            return False
        usage = entry.usages.get(b"ACK")
        if usage is not None:
            usage.ack_received(message, now)
        return True

    def cancel_received(self, invite: InviteServer, cancel: Message, now: float) -> bool:
        """A CANCEL, answered already, of an INVITE that has no final response yet; False where that is none of ours."""
        owner = invite.owner
        if not isinstance(owner, (IncomingInvite, SessionChange)):
            return False
        owner.cancel_received(cancel, now)
        return True

    def _serve(self, entry: DialogEntry, message: Message, flow: Flow, now: float) -> None:
        core, dialog = entry.core, entry.dialog
        server = self._stack.open_server(message, flow, now)
        if not dialog.admit_request(message):   # 12.2.2
            server.respond(500, now)
            return
        self._note_flow(dialog, flow)
        method = message.method
        refusal = check_request(message, core, core.methods)
        if refusal is not None:
            server.respond(refusal.status, now, refusal.lines)
        elif method in entry.usages:
            entry.usages[method].request_received(server, message, now)
        elif method in self._handlers:
            self._handlers[method].request_received(server, message, dialog, now)
        elif entry.rest is not None:
            entry.rest.request_received(server, message, now)
        elif method == b"OPTIONS":
            server.respond(200, now, write_capabilities(core))
        else:
            server.respond(481, now)    # an INVITE or a BYE in a dialog without an INVITE usage (RFC 5057 4.1)

    def _note_flow(self, dialog: Dialog, flow: Flow) -> None:
        """Where the peer is now. It may move, but one that changes sides is worth a look."""
        known = dialog.flow
        if known is flow:
            return
        if known is not None and known.listener.side is not flow.listener.side:
            self._stack.counters["dialogs_changed_side"] += 1
        dialog.flow = flow


def open_call(core: AgentCore, message: Message, flow: Flow, now: float) -> InviteServer | None:
    """The transaction of an INVITE outside dialogs; None where it was refused (8.2) and answered."""
    server = core.stack.open_server(message, flow, now)
    refusal = check_request(message, core, core.methods)
    if refusal is None and not core.stack.claim_merge(message, server):
        refusal = Refusal(482)      # 8.2.2.2
    if refusal is not None:
        server.respond(refusal.status, now, refusal.lines)
        return None
    return server if isinstance(server, InviteServer) else None


def take_call(core: AgentCore, server: InviteServer, events: CallEvents, now: float) -> IncomingInvite | None:
    """Make an INVITE a call of this core: `events.offered` hears of it. None where it leads to no dialog (12.1.1);
    that is answered. Whether requests in its dialog go by its flow (Dialog.is_on_flow), `events` says in `offered`."""
    message = server.request
    if message is None:     # cancelled while somebody was looking
        return None
    server.tag = server.tag or core.stack.new_tag()
    try:
        dialog = Dialog.of_callee(message, server.tag)
    except PeerError as error:
        server.respond(error.status_hint, now, b"Warning: 399 %s \"%s\"\r\n" % (
            server.source.listener.hostport, error.reason.encode("ascii", "replace")))
        return None
    dialog.flow = server.source
    call = IncomingInvite(core, server, dialog, events)
    call.start(now)
    events.offered(call, call.offer, now)
    if call.state is OFFERED and not call.has_alerted:
        server.respond(100, now)    # 8.2.6.1, 17.2.1: whoever does not answer at once says so
    return call
