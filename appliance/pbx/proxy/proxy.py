# SPDX-License-Identifier: Apache-2.0
"""The transaction-stateful proxy (RFC 3261 section 16): it turns targets into copies, copies into client transactions,
and keeps the dialog table true. Which targets a request has is decided by its caller.
"""

from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.pbx.dialog_table import Call, DialogRequest, DialogTable, Leg
from appliance.pbx.proxy.hunt import Hunt
from appliance.pbx.proxy.response_context import ResponseContext, Successor
from appliance.pbx.proxy.route_signature import RouteSigner
from appliance.pbx.proxy.routing import drop_headers
from appliance.pbx.proxy.server_finder import ServerFinder
from appliance.pbx.proxy.target import Destination, NamedTarget, Target
from appliance.sip.flow import TLS, Flow
from appliance.sip.locating.search import Verdict
from appliance.sip.stack import SipStack
from appliance.sip.status import status_line
from appliance.sip.transaction.client import NonInviteClient
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.sip.transaction.invite_client import InviteClient
from appliance.sip.transaction.invite_server import InviteServer

WITHOUT_DIALOG = frozenset({b"MESSAGE", b"OPTIONS", b"PUBLISH"})
"""Methods that never begin a dialog: a Record-Route in them would only cost octets."""
CHANGING = frozenset({b"INVITE", b"UPDATE", b"BYE"})
"""Methods that change the dialog they are sent in: target refreshes and its end (12.2, 12.3, RFC 3311 5.2)."""
ADDED_OCTETS = 160
"""About what our Via and Record-Route add to a copy."""
BREADTH_DEFAULT = 60
BREADTH_NAMES = frozenset({b"max-breadth"})
DATAGRAM_OCTETS_MAX = 65_507
"""What fits into a UDP datagram over IPv4."""


class Follower(Protocol):
    """Knows which redirections are followed here."""

    def find_targets(self, request: Message, response: Message) -> list[list[Destination]]:
        """The target groups of a 3xx; [] where it is not for us to follow."""


class Proxy:
    """Forwards requests and their responses.

    realm: digest credentials of this realm are ours and stay here (22.3); has_record_route: whether we stay in the
    dialogs that begin here (16.6 step 4); follower: decides about 3xx, None: all go up.
    """

    __slots__ = ("_cancelled", "_dialogs", "_finder", "_signer", "_stack", "follower", "has_record_route",
                 "realm")

    def __init__(self, stack: SipStack, dialogs: DialogTable, signer: RouteSigner, realm: bytes,
                 finder: ServerFinder) -> None:
        self._stack = stack
        self._dialogs = dialogs
        self._signer = signer
        self.realm = realm
        self._finder = finder
        self.has_record_route = True
        self._cancelled = CancelOwner()
        self.follower: Follower | None = None

    # what the office server calls

    def start_request(self, message: Message, source: Flow, groups: list[list[Destination]], caller: bytes,
                      now: float, successor: Successor | None = None) -> None:
        """Forward a request outside a dialog to groups of targets, each after the one before has failed (16.6)."""
        stack = self._stack
        server = stack.open_server(message, source, now)
        if not stack.claim_merge(message, server):
            server.respond(482, now)  # 8.2.2.2
            return
        breadth = read_breadth(message)
        if breadth != BREADTH_DEFAULT:
            message = drop_headers(message, BREADTH_NAMES)  # each copy gets its own share
        if breadth < max(map(len, groups)):
            server.respond(440, now)  # RFC 5393 5.3.3.1
            return
        context = ResponseContext(self, server, message, groups, breadth)
        server.owner = context
        if isinstance(server, InviteServer):
            server.send(100, message.reply(status_line(100), b""), now)
            context.call = self._dialogs.open_call(message, caller, source, now)
        if successor is not None:
            context.successor = successor
            successor.request_started(server, now)
        context.start(now)

    def forward_in_dialog(self, message: Message, source: Flow, target: Destination, call: Call | None,
                          now: float) -> None:
        """Forward a request of an admitted dialog."""
        server = self._stack.open_server(message, source, now)
        context = ResponseContext(self, server, message, [[target]])
        server.owner = context
        if isinstance(server, InviteServer):
            server.send(100, message.reply(status_line(100), b""), now)
        if call is not None and message.method in CHANGING:
            context.call = DialogRequest(call, message, source)
        context.start(now)

    def forward_ack(self, message: Message, target: Destination, now: float) -> None:
        """Forward the ACK of a 2xx: no transaction, no response (16.6, 13.2.2.4); to the first address of a name."""
        if isinstance(target, Target):
            self._send_ack(message, target)
            return
        named = target

        def take(flows: list[Flow], _verdict: Verdict, _found_at: float) -> None:
            if flows:
                self._send_ack(message, named.at(flows[0]))
            else:
                self._stack.counters["discarded_unroutable_ack"] += 1
        self._finder.find(named, len(message.data) + ADDED_OCTETS, take, now, message.source_host)

    def _send_ack(self, message: Message, target: Target) -> None:
        via = b"%s%s\r\n" % (target.flow.listener.via_prefix, self._stack.steady_branch(message))
        octets = message.forward(target.uri, via, b"", target.drop, self.realm)
        if fits_flow(octets, target.flow):
            target.flow.outbox.append((octets, target.flow))
        else:
            self._stack.counters["discarded_oversized_ack"] += 1

    def cancel(self, invite: InviteServer, cancel: Message, now: float) -> None:
        """The caller gave up (16.10); its Reason goes along (RFC 3326 2)."""
        context = invite.owner
        if isinstance(context, ResponseContext):
            context.cancel(b"".join(b"Reason: %s\r\n" % value for value in cancel.headers(b"Reason")), now)

    def give_up(self, invite: InviteServer, now: float) -> None:
        """We stop: cancel every branch of a pending INVITE and answer it."""
        context = invite.owner
        if isinstance(context, ResponseContext):
            context.cancel(b"", now)
        if not invite.is_answered:
            invite.respond(503, now)

    # what response contexts call (Forwarder)

    def forward(self, request: Message, arrived: Flow, target: Target, breadth: int) -> tuple[bytes, bytes]:
        """One copy of a request and its branch, 16.6 steps 1-8; no octets when the copy does not fit its flow.

        breadth: how many branches this copy may still become (RFC 5393 5.3.3), 0 where that is not counted.
        """
        lines = target.lines
        if breadth:
            lines += b"Max-Breadth: %d\r\n" % breadth
        # 16.6 step 4: what came over TLS and need not leave over it is recorded whatever is configured
        may_record = self.has_record_route or arrived.listener.transport == TLS
        if may_record and not request.to_tag and request.method not in WITHOUT_DIALOG:
            lines = self._signer.build_lines(request, arrived.listener, target.flow.listener, target.uri) + lines
        branch = self._stack.new_branch(request)
        via = b"%s%s\r\n" % (target.flow.listener.via_prefix, branch)
        octets = request.forward(target.uri, via, lines, target.drop, self.realm)
        return octets if fits_flow(octets, target.flow) else b"", branch

    def begin_hunt(self, context: ResponseContext, target: NamedTarget) -> Hunt:
        """A hunt for the servers of a named target (16.6 step 7), not begun."""
        return Hunt(context, target, self._stack.timers, self._finder.health)

    def search(self, hunt: Hunt, request: Message, now: float) -> None:
        """Begin the lookup of a hunt."""
        size_octets = len(request.data) + ADDED_OCTETS
        hunt.follow(self._finder.find(hunt.target, size_octets, hunt.flows_found, now, request.source_host))

    def send_copy(self, context: ResponseContext, octets: bytes, target: Target, branch: bytes,
                  now: float) -> InviteClient | NonInviteClient:
        """Open the client transaction of one copy (16.6 step 10)."""
        method = octets[:octets.index(b" ")]
        if method == b"INVITE":
            call = context.call
            if isinstance(call, Call):
                call.legs.append(Leg(target.uri, branch))
            return self._stack.send_invite(octets, target.flow, branch, context, now)
        return self._stack.send_request(octets, target.flow, branch, method, context, now)

    def follow(self, request: Message, response: Message) -> list[list[Destination]]:
        """The targets of a 3xx that is followed here; [] where it goes up (16.7 step 4)."""
        return [] if self.follower is None else self.follower.find_targets(request, response)

    def send_cancel(self, context: ResponseContext, client: InviteClient, lines: bytes, now: float) -> None:
        """Cancel one branch (9.1); the CANCEL has the INVITE's branch and a transaction of its own."""
        leg = context.call.find_leg(client.branch) if isinstance(context.call, Call) else None
        if leg is not None:
            leg.is_cancelled = True
        self._stack.send_request(client.build_cancel(lines, now), client.flow, client.branch, b"CANCEL",
                                 self._cancelled, now)

    def note_response(self, context: ResponseContext, client: ClientTransaction, response: Message,
                      now: float) -> None:
        """A response of a branch other than 100: the dialog table follows (12.1)."""
        call = context.call
        if isinstance(call, DialogRequest):
            if 200 <= response.status < 300 and not call.is_bye:
                self._dialogs.note_targets(call, response, client.flow, now)
            return
        if not isinstance(call, Call) or client.method != b"INVITE":
            return
        leg = call.find_leg(client.branch)
        if leg is not None:
            leg.status = response.status
        if response.status < 200:
            self._dialogs.note_provisional(call, response)
        elif response.status < 300:
            self._dialogs.note_answer(call, response, client.flow, now)

    def note_end(self, context: ResponseContext, status: int, now: float) -> None:
        """The final response of a request: an INVITE's decides its call, a BYE's ends it (12.3, RFC 5057)."""
        server = context.server
        self._stack.release_merge(server)
        call = context.call
        if isinstance(call, DialogRequest):
            # RFC 5057: whatever else a BYE gets, its dialog is over
            if call.is_bye and status not in (401, 407):
                self._dialogs.end_dialog(call.call, call.tag, call.sender, now)
        elif isinstance(call, Call) and status >= 300:
            self._dialogs.end_call(call, status, "caller" if status == 487 else "callee", now)


def read_breadth(message: Message) -> int:
    """The Max-Breadth of a request, 60 where it has none; 0 where it cannot be read (RFC 5393 5.3.3)."""
    value = message.header(b"Max-Breadth")
    if value is None:
        return BREADTH_DEFAULT
    return int(value) if value.isdigit() and len(value) < 10 else 0


def fits_flow(octets: bytes, flow: Flow) -> bool:
    """Whether a message fits into one datagram, where the flow carries datagrams (18.1.1)."""
    return len(octets) <= DATAGRAM_OCTETS_MAX or flow.listener.is_reliable


class CancelOwner:
    """Who sent a CANCEL: its responses say nothing that the INVITE's would not (9.1)."""

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        """Whether 200 or 481: the INVITE transaction decides."""

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """The INVITE transaction gives up by itself after 32 s."""

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        """Never for a CANCEL."""
