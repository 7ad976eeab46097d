# SPDX-License-Identifier: Apache-2.0
"""How a request outside dialogs gets in, and an INVITE becomes a call: RFC 3261 8.2 and 12.1.1. No state of its own."""

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import CallEvents
from appliance.ua.dialog import Dialog
from appliance.ua.incoming_invite import IncomingInvite
from appliance.ua.inspection import Refusal, check_request
from appliance.ua.invite_usage import OFFERED


def open_request(core: AgentCore, message: Message, flow: Flow, now: float) -> ServerTransaction | None:
    """The transaction of a request outside dialogs; None where it was refused (8.2) and answered."""
    server = core.stack.open_server(message, flow, now)
    refusal = check_request(message, core, core.methods)
    if refusal is None and not core.stack.claim_merge(message, server):
        refusal = Refusal(482)      # 8.2.2.2
    if refusal is not None:
        server.respond(refusal.status, now, refusal.lines)
        return None
    return server


def open_call(core: AgentCore, message: Message, flow: Flow, now: float) -> InviteServer | None:
    """The same for an INVITE."""
    server = open_request(core, message, flow, now)
    return server if isinstance(server, InviteServer) else None


def take_call(core: AgentCore, server: InviteServer, message: Message, events: CallEvents, now: float) -> int | None:
    """Make an INVITE a call of this core: `events.offered` hears of it. The status where it leads to no dialog
    (12.1.1), which is answered with it; None for a call."""
    dialog = open_dialog(core, server, message, now)
    if isinstance(dialog, int):
        return dialog
    begin_call(core, server, dialog, events, now)
    return None


def open_dialog(core: AgentCore, server: InviteServer, message: Message, now: float) -> Dialog | int:
    """12.1.1: what an INVITE leads to; the status where it leads to none, which is answered with it."""
    server.tag = server.tag or core.stack.new_tag()
    try:
        dialog = Dialog.of_callee(message, server.tag)
    except PeerError as error:
        server.respond(error.status_hint, now, b"Warning: 399 %s \"%s\"\r\n" % (
            server.source.listener.hostport, error.reason.encode("ascii", "replace")))
        return error.status_hint
    dialog.flow = server.source
    dialog.is_on_flow = core.serves_phones
    return dialog


def begin_call(core: AgentCore, server: InviteServer, dialog: Dialog, events: CallEvents, now: float) -> None:
    """The rest of `take_call`, for who has to know first that nothing is in the way."""
    call = IncomingInvite(core, server, dialog, events)
    call.start(now)
    events.offered(call, call.offer, now)
    if call.state is OFFERED and not call.has_alerted:
        server.respond(100, now)    # 8.2.6.1, 17.2.1: whoever does not answer at once says so
