# SPDX-License-Identifier: Apache-2.0
"""The office's SIP server: registrar, proxy and user agent server in one (RFC 3261 sections 6, 8.2, 16).

It decides for each request who serves it: what is in an admitted dialog is forwarded, everything else is authenticated
first, REGISTER goes to the registrar, calls to extensions go to their bindings.
"""

from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account
from appliance.pbx.authentication import NOBODY, Authentication
from appliance.pbx.call_entry import CallEntry, OutsideCalls
from appliance.pbx.dialog_admission import Admission, decide_admission
from appliance.pbx.dialog_table import Call, DialogTable
from appliance.pbx.instant_message.relay import MessageRelay
from appliance.pbx.neighbour_domains import NeighbourDomains
from appliance.pbx.office_line import OfficeExtensions, OfficeLine, PhoneLocator
from appliance.pbx.overload import Overload
from appliance.pbx.presence.engine_dialogs import EngineDialogs
from appliance.pbx.presence.event_server import METHODS as EVENT_METHODS
from appliance.pbx.presence.event_server import EventServer
from appliance.pbx.proxy.proxy import Proxy
from appliance.pbx.proxy.route_signature import RouteSigner
from appliance.pbx.proxy.routing import (
    OwnAddresses,
    Way,
    bend_to_strict_route,
    drop_headers,
    is_loose,
    read_way,
    repair_strict_route,
    strip_own_maddr,
)
from appliance.pbx.proxy.secure_hops import is_secure, keep_secure
from appliance.pbx.proxy.server_finder import ServerFinder
from appliance.pbx.proxy.target import Destination, Target
from appliance.pbx.redirect import RedirectServer
from appliance.pbx.registrar import Registrar
from appliance.pbx.request_checks import (
    ALLOW,
    Refusal,
    check_forwardable,
    check_served,
    is_call_for_help,
    may_call_himself,
    read_extension,
)
from appliance.pbx.source_limiter import SourceLimiter
from appliance.pbx.target_set import TargetSets
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.sip.transaction.invite_server import InviteServer

OUTSIDE_METHODS = frozenset({b"INVITE", b"OPTIONS"})
"""What a carrier sends outside dialogs."""
DIALOG_METHODS = frozenset({b"BYE", b"PRACK", b"UPDATE", b"INFO"})
"""Which mean nothing outside dialogs (15, RFC 3262 3, RFC 3311 5.2, RFC 6086 4)."""
OPTIONS_LINES = ALLOW + b"Accept: application/sdp\r\nAccept-Encoding: identity\r\nAccept-Language: en, ja\r\n" \
    b"Supported: path, outbound\r\nAllow-Events: presence, dialog, reg, message-summary\r\n"


ASSERTIONS = frozenset({b"p-asserted-identity"})


def name_nobody(message: Message) -> Account:
    """An account that is no extension, to name the caller by."""
    return Account(message.from_user, b"", "", (), ())


class OfficeParts:
    """The elements that the office server joins, made by `assembly`."""

    __slots__ = (
        "authentication",
        "calls",
        "carried",
        "dialogs",
        "events",
        "extensions",
        "finder",
        "limiter",
        "line",
        "messages",
        "near",
        "neighbours",
        "overload",
        "own",
        "proxy",
        "redirects",
        "registrar",
        "signer",
        "stack",
        "targets",
    )

    stack: SipStack
    authentication: Authentication
    calls: CallEntry
    line: OfficeLine
    extensions: OfficeExtensions
    finder: ServerFinder
    registrar: Registrar
    proxy: Proxy
    dialogs: DialogTable
    targets: TargetSets
    own: OwnAddresses
    signer: RouteSigner
    overload: Overload
    limiter: SourceLimiter
    neighbours: NeighbourDomains
    messages: MessageRelay
    redirects: RedirectServer
    events: EventServer
    carried: EngineDialogs
    near: PhoneLocator


class OfficeServer:
    """The transaction user of the office's stack."""

    __slots__ = ("_parts", "extensions")

    def __init__(self, parts: OfficeParts, extensions: frozenset[bytes]) -> None:
        self._parts = parts
        self.extensions = extensions

    # what the stack calls (TransactionUser)

    def request_received(self, message: Message, flow: Flow, now: float) -> None:
        """A request that belongs to no transaction yet."""
        parts = self._parts
        if flow.listener.side and not message.to_tag and not parts.limiter.may_ask(flow.host, now):
            parts.stack.counters["discarded_rate_limited"] += 1
            watch = parts.authentication.watch
            if watch is not None and not parts.authentication.is_trusted(flow):
                watch.note_excess(flow.host, not flow.listener.is_reliable, now)
            return  # no answer: the source may be forged
        if parts.overload.is_pressed and not message.to_tag:
            lines = parts.overload.decide_refusal(message)
            if lines and not (message.method == b"INVITE" and parts.calls.outside.is_emergency(message)):
                parts.stack.reply_stateless(message, flow, 503, lines)
                return
        if b";" in message.uri:
            message = strip_own_maddr(message, parts.own, flow)
        if message.method == b"REGISTER":  # makes no dialog (12): a To tag means nothing in it
            parts.registrar.handle_register(message, flow, now)  # for another domain: refused, not forwarded
        elif message.to_tag:
            self._serve_in_dialog(message, flow, now)
        else:
            self._serve_outside_dialog(message, flow, now)

    def ack_received(self, message: Message, flow: Flow, now: float) -> None:
        """The ACK of a 2xx goes on when its dialog was admitted; any other is dropped, since an ACK has no answer."""
        if self._parts.calls.dialogs.ack_received(message, flow, now):
            return
        message = repair_strict_route(strip_own_maddr(message, self._parts.own, flow), self._parts.own)
        way = read_way(message, self._parts.own, self._parts.signer)
        admission, call = decide_admission(message, way, self._parts.dialogs, self._parts.signer, now)
        if message.max_forwards == 0 or admission is Admission.REFUSED:
            self._parts.stack.counters["discarded_stray_ack"] += 1
            return
        message, target = self._onward(message, flow, way, call)
        if target is None or (admission is Admission.SEALED and not self._is_office_phone(target)):
            self._parts.stack.counters["discarded_unroutable_ack"] += 1
            return
        self._parts.proxy.forward_ack(message, target, now)

    def cancel_received(self, invite: InviteServer, cancel: Message, now: float) -> None:
        """A CANCEL of an INVITE that has no final response yet."""
        if self._parts.calls.dialogs.cancel_received(invite, cancel, now):
            return
        self._parts.proxy.cancel(invite, cancel, now)

    def join_outside(self, outside: OutsideCalls) -> None:
        """From now on INVITEs of carriers have somebody who knows them."""
        self._parts.calls.outside = outside
        self._parts.targets.is_barred = self._parts.finder.is_barred = outside.has_host

    def shut_down(self, now: float) -> None:
        """The server stops: whoever is still being called is let go, whoever calls is told, who talks is parted."""
        self._parts.calls.engine.shut_down(now)
        for invite in self._parts.stack.pending_invites():
            self._parts.proxy.give_up(invite, now)

    # inside

    def _refuse(self, message: Message, flow: Flow, refusal: Refusal, now: float) -> None:
        self._parts.stack.open_server(message, flow, now).respond(refusal.status, now, refusal.lines)

    def _turn_away(self, message: Message, flow: Flow, refusal: Refusal) -> None:
        """Refuse whoever has proved nothing: without a transaction, so that strangers cost no memory (8.2.7)."""
        self._parts.stack.reply_stateless(message, flow, refusal.status, refusal.lines)

    def _serve_in_dialog(self, message: Message, flow: Flow, now: float) -> None:
        """A request with a To tag: the proof is a Record-Route we signed or a dialog we know, never the tag."""
        parts = self._parts
        if parts.calls.dialogs.serve_in_dialog(message, flow, now):
            return
        if message.method == b"SUBSCRIBE" and parts.events.serve_in_dialog(message, flow, now):
            return
        message = repair_strict_route(message, parts.own)
        refusal = check_forwardable(message, flow)
        if refusal is not None:
            self._turn_away(message, flow, refusal)
            return
        way = read_way(message, parts.own, parts.signer)
        admission, call = decide_admission(message, way, parts.dialogs, parts.signer, now)
        if admission is Admission.REFUSED:
            self._turn_away(message, flow, Refusal(481))  # 12.2.2
            return
        if message.via_count > 1 and parts.stack.has_looped(message):
            self._turn_away(message, flow, Refusal(482))
            return
        message, target = self._onward(message, flow, way, call)
        if admission is Admission.SEALED and not self._is_office_phone(target):
            self._turn_away(message, flow, Refusal(481))  # a seal of an unknown dialog opens no way out of the office
            return
        if target is None or (message.uri_scheme == b"sips" and not is_secure(target)):
            self._refuse(message, flow, Refusal(480), now)
            return
        parts.proxy.forward_in_dialog(message, flow, target, call, now)

    def _onward(self, message: Message, flow: Flow, way: Way,
                call: Call | None = None) -> tuple[Message, Destination | None]:
        """The next hop of an in-dialog request: the Route after ours, else the remote target (16.6 steps 6 and 7)."""
        uri, hop, near, size_octets = message.uri, way.next_uri, flow.listener, len(message.data)
        target_at = self._parts.targets.target_at
        if hop is None:
            known = self._flow_of_party(message, call)
            return message, Target(uri, known, way.drop) if known else target_at(uri, uri, near, way.drop, size_octets)
        if is_loose(hop):
            return message, target_at(uri, hop, near, way.drop, size_octets)
        return bend_to_strict_route(message, way.drop), target_at(hop, hop, near, 0, size_octets)

    def _is_office_phone(self, target: Destination | None) -> bool:
        """Whether a target is where one of our phones is registered, or a source that we trust anyway."""
        if not isinstance(target, Target):
            return False
        parts = self._parts
        return parts.targets.has_binding_at(target) or parts.authentication.is_trusted(target.flow)

    def _flow_of_party(self, message: Message, call: Call | None) -> Flow | None:
        """A phone that sits behind a NAT is reached on the flow it has used in this very call. The flow to another
        domain is no phone's: whether its server is on the way of later requests, its Record-Route says."""
        if call is None:
            return None
        if message.from_tag != call.caller_tag:
            uri, flow, is_ours = call.caller_uri, call.caller_flow, b"@" not in call.caller
        else:
            answer = call.answers.get(message.to_tag)
            if answer is None:
                return None
            uri, flow = answer.uri, answer.flow
            is_ours = not call.callee_hostport or call.callee_hostport in self._parts.own
        return flow if is_ours and message.uri == uri and flow.is_open else None

    def _serve_outside_dialog(self, message: Message, flow: Flow, now: float) -> None:
        parts = self._parts
        if message.method in OUTSIDE_METHODS and parts.calls.outside.take(message, flow, now):
            return
        way = read_way(message, parts.own, parts.signer)
        is_here = message.uri_hostport in parts.own or message.uri_scheme == b"tel"
        if is_here and not read_extension(message) and way.next_uri is None:
            self._serve_here(message, flow)
            return
        refusal = check_forwardable(message, flow)
        if refusal is not None:
            self._turn_away(message, flow, refusal)
            return
        if message.via_count > 1 and parts.stack.has_looped(message):
            self._turn_away(message, flow, Refusal(482))
            return
        if message.method in EVENT_METHODS and way.next_uri is None and self._is_ours(message):
            parts.events.serve_outside_dialog(message, flow, now)
            return
        if way.next_uri is None and self._is_ours(message):
            neighbour = parts.neighbours.identify(message, flow)
            if neighbour is not None:       # to our extensions and nowhere else: we relay for our own users alone
                if self._is_strange_emergency(message, flow):
                    self._turn_away(message, flow, Refusal(403))
                    return
                self._route(message, flow, way, neighbour, now)
                return
        caller = parts.authentication.judge(message, flow, now, True)
        if not isinstance(caller, Account):
            parts.stack.reply_stateless(message, flow, caller.status, caller.lines)
            return
        if caller is NOBODY:
            # a trusted source in the name of no extension: to our own extensions and nowhere else
            caller = name_nobody(message)
            may_go_on = way.next_uri is None and self._is_ours(message)
        elif parts.authentication.is_trusted(flow):
            may_go_on = True  # with the rights of its From, whatever domain that names
        else:
            may_go_on = may_call_himself(message, caller.extension)
            if message.header(b"P-Asserted-Identity") is not None:
                message = drop_headers(message, ASSERTIONS)  # RFC 3325 5: an untrusted user asserts nothing
        if not may_go_on:
            self._refuse(message, flow, Refusal(403), now)  # 22.4: credentials of one user, From of another
            return
        self._route(message, flow, way, caller, now)

    def _serve_here(self, message: Message, flow: Flow) -> None:
        """A request to the server itself: section 11 for OPTIONS, 8.2 for everything else."""
        refusal = check_served(message)
        if refusal is None:
            refusal = Refusal(200, OPTIONS_LINES)
        self._turn_away(message, flow, refusal)

    def _route(self, message: Message, flow: Flow, way: Way, caller: Account, now: float) -> None:
        """16.5: an extension of ours, or wherever the remaining Route of one of our users leads."""
        parts = self._parts
        if message.method in DIALOG_METHODS and parts.calls.carries_elsewhere:
            self._refuse(message, flow, Refusal(481), now)  # 15.1.2: every dialog here is one of the engine's
            return
        if way.next_uri is not None or not self._is_ours(message):
            if parts.calls.outside.has_uri(way.next_uri or message.uri):
                self._route_to_trunk(message, flow, caller, now)
                return
            if self._is_carried_elsewhere(message, way, caller):
                if self._is_ours(message) and parts.calls.outside.is_emergency(message):
                    parts.calls.take(message, flow, caller, now)    # help is not asked for by somebody else's proxy
                    return
                parts.calls.take_elsewhere(message, flow, caller, way.drop, now)
                return
            message, target = self._onward(message, flow, way)
            groups = [[target]] if target is not None else []
        else:
            extension = read_extension(message)
            if message.method == b"INVITE" and parts.calls.is_carried(extension):
                parts.calls.take(message, flow, caller, now)
                return
            if extension not in self.extensions:
                self._refuse(message, flow, Refusal(404), now)
                return
            # where our phones are is told to our own users alone: a neighbour's call is carried
            if extension in parts.redirects.extensions and caller.extension in self.extensions:
                parts.redirects.redirect(message, flow, extension, now)
                return
            groups = parts.targets.of_extension(extension, way.drop)
            if message.method == b"MESSAGE" and message.uri_scheme != b"sips":  # a disk is no secure hop (26.2.2)
                parts.messages.relay(message, flow, extension, groups, now)
                return
        if message.uri_scheme == b"sips":
            groups = keep_secure(groups)
        if not groups:
            self._refuse(message, flow, Refusal(480), now)
            return
        parts.proxy.start_request(message, flow, groups, caller.extension, now)

    def _is_carried_elsewhere(self, message: Message, way: Way, caller: Account) -> bool:
        """Whether the engine takes it to another domain: a call of one of our users, but not by a strict router."""
        calls = self._parts.calls
        return (message.method == b"INVITE" and calls.carries_elsewhere and caller.extension in self.extensions
                and (way.next_uri is None or is_loose(way.next_uri)))

    def _is_strange_emergency(self, message: Message, flow: Flow) -> bool:
        """Whether somebody else's user calls for help by our lines: his own domain is who does that for him."""
        parts = self._parts
        return (message.method == b"INVITE" and not parts.authentication.is_trusted(flow)
                and parts.calls.outside.is_emergency(message))

    def _route_to_trunk(self, message: Message, flow: Flow, caller: Account, now: float) -> None:
        """To a trunk's own host: nothing goes there but a call, which is one of the number dialled, with the rights of
        whoever dials it."""
        if message.method == b"INVITE" and (self._is_ours(message) or self._parts.calls.outside.has_uri(message.uri)):
            self._parts.calls.take(message, flow, caller, now)
        else:
            self._refuse(message, flow, Refusal(403), now)

    def _is_ours(self, message: Message) -> bool:
        return message.uri_scheme == b"tel" or message.uri_hostport in self._parts.own or is_call_for_help(message)
