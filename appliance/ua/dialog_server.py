# SPDX-License-Identifier: Apache-2.0
"""Serves what comes inside dialogs, whichever core's they are: RFC 3261 12.2.2, RFC 5057.

A user agent that has a stack of its own uses it as well as an element that asks it first for every request with a To
tag. It keeps no state but counters.
"""

from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.agent_core import DialogDirectory, DialogEntry
from appliance.ua.dialog import Dialog
from appliance.ua.dialog_guard import DialogGuard, OpenDialogs, is_where_heard
from appliance.ua.handlers import RequestHandler
from appliance.ua.incoming_invite import IncomingInvite
from appliance.ua.inspection import check_request, write_capabilities
from appliance.ua.invite_usage import InviteUsage
from appliance.ua.session_change import SessionChange


class DialogServer:
    """dialogs: of every core that shares the stack; handlers: for methods that no usage claims; guard: judges whoever
    speaks from elsewhere."""

    __slots__ = ("_dialogs", "_handlers", "_stack", "guard")

    def __init__(self, stack: SipStack, dialogs: DialogDirectory,
                 handlers: dict[bytes, RequestHandler] | None = None) -> None:
        self._stack = stack
        self._dialogs = dialogs
        self._handlers = {} if handlers is None else handlers
        self.guard: DialogGuard = OpenDialogs()

    def serve_in_dialog(self, message: Message, flow: Flow, now: float) -> bool:
        """A request with a To tag, never ACK or CANCEL; False where it is in no dialog of ours.

        The Call-ID and both tags name it (19.3). From where the peer was last heard they are enough; it may have moved,
        and whoever speaks from elsewhere is asked by the guard. Until then nothing in the dialog changes.
        """
        entry = self._dialogs.find(message)
        if entry is None:
            return False
        if not (is_where_heard(entry.dialog, flow) or self.guard.may_speak(entry, flow)):
            refusal = self.guard.challenge(entry, message, flow, now)
            if refusal is not None:
                self._stack.counters["refused_in_dialog"] += 1
                self._stack.reply_stateless(message, flow, refusal.status, refusal.lines)
                return True
        self._serve(entry, message, flow, now)
        return True

    def ack_received(self, message: Message, flow: Flow, now: float) -> bool:
        """The ACK of a 2xx; False where it is in no dialog of ours. It cannot be challenged (22.1), and may carry a
        session: from elsewhere it is not looked at."""
        entry = self._dialogs.find(message)
        if entry is None:
            return False
        if not (is_where_heard(entry.dialog, flow) or self.guard.may_speak(entry, flow)):
            self._stack.counters["discarded_stray_ack"] += 1
            return True
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
            usage = entry.usages.get(b"BYE")
            if message.method == b"BYE" and isinstance(usage, InviteUsage):
                usage.bye_received(message, now)    # overtaken or not: its sender has left
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
