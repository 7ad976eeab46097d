# SPDX-License-Identifier: Apache-2.0
"""Events of the office's users: SUBSCRIBE, PUBLISH and the state that they are about (RFC 6665, RFC 3903).

The office server hands it what is for it. What changes in calls and bindings is noted where it happens and told to the
watchers right after, once for each watcher however much has changed.
"""

from typing import Final

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account
from appliance.pbx.dialog_table import Call, CallState
from appliance.pbx.location import Binding, Change
from appliance.pbx.presence.dialog_package import DialogPackage
from appliance.pbx.presence.event_package import EventPackage
from appliance.pbx.presence.event_parts import EventParts
from appliance.pbx.presence.message_summary_package import MailboxCounts, MessageSummaryPackage
from appliance.pbx.presence.notifier import Notifier
from appliance.pbx.presence.observed_dialog import ChangedCall, DialogSource, write_dialog
from appliance.pbx.presence.presence_package import PresencePackage
from appliance.pbx.presence.publications import ACCEPT, Publications
from appliance.pbx.presence.refusals import Refusals
from appliance.pbx.presence.registration_package import RegistrationPackage, describe_contact, identify
from appliance.pbx.presence.subscriber_flow import SubscriberFlows
from appliance.pbx.presence.subscription import ACTIVE, Subscription
from appliance.pbx.presence.subscription_server import SubscriptionServer, explain_refusal
from appliance.pbx.request_checks import read_extension, unescape_user
from appliance.sip.flow import TLS, Flow

METHODS: Final = frozenset({b"SUBSCRIBE", b"PUBLISH"})
AT_ONCE: Final = 0.001
"""A deadline that has always passed: the timer's next look."""


class EventServer:
    """Serves events. extensions: the office's users, replaced when the configuration changes."""

    __slots__ = ("_carried", "_changed_bindings", "_changed_calls", "_changed_carried", "_changed_presence", "_dialogs",
                 "_mailboxes", "_messages", "_packages", "_parts", "_presence", "_refusals", "_registrations", "_stack",
                 "_untold", "deadline", "extensions", "notifier", "publications", "subscribing")

    def __init__(self, parts: EventParts, extensions: frozenset[bytes]) -> None:
        self._parts = parts
        self._stack = parts.stack
        self.extensions = extensions
        self.deadline = 0.0
        self._changed_calls: dict[Call, None] = {}
        self._changed_carried: dict[ChangedCall, None] = {}
        self._carried: DialogSource | None = None
        self._changed_bindings: dict[tuple[bytes, bytes], tuple[Change, Binding]] = {}
        self._messages: dict[bytes, None] = {}
        self._untold: list[Subscription] = []
        self._mailboxes: list[MailboxCounts] = []
        self._refusals = Refusals(parts.journal)
        flows = SubscriberFlows(parts.targets)
        self.notifier = Notifier(parts.stack, flows, parts.subscription_store, parts.journal, parts.wall_offset)
        self.publications = Publications(parts.stack, parts.publication_store, self._note_presence,
                                         parts.wall_offset)
        self._changed_presence: dict[bytes, None] = {}
        self._presence = PresencePackage(parts.domain, self.publications.renderings_of, self.is_registered,
                                         self.is_on_phone)
        self._dialogs = DialogPackage(parts.domain, self._calls_of, self._is_ours)
        self._registrations = RegistrationPackage(parts.domain, parts.location.bindings_of)
        packages: list[EventPackage] = [self._presence, self._dialogs, self._registrations,
                                        MessageSummaryPackage(parts.domain, self._mailboxes)]
        self._packages = packages
        self.subscribing = SubscriptionServer(parts.stack, self.notifier, flows, self._refusals,
                                              {package.name: package for package in packages})
        parts.location.on_change(self._note_binding)
        parts.dialogs.on_change(self._note_call)

    def add_mailbox(self, mailbox: MailboxCounts) -> None:
        """One more that keeps messages for users."""
        self._mailboxes.append(mailbox)
        mailbox.on_change(self._note_messages)

    def add_calls(self, source: DialogSource) -> None:
        """Who carries calls beside the proxy: their lamps, and who is on the phone."""
        self._carried = self._dialogs.source = source
        source.on_change(self._note_carried)

    def rename(self, domain: bytes) -> None:
        """The office has another domain from now on."""
        for package in self._packages:
            package.domain = domain

    # requests, from the office server

    def serve_outside_dialog(self, message: Message, flow: Flow, now: float) -> None:
        """A SUBSCRIBE or PUBLISH whose Request-URI is an address of this office."""
        if message.uri_scheme == b"sips" and flow.listener.transport != TLS:     # 26.2.2
            self._stack.reply_stateless(message, flow, 416)
            return
        account = self._authenticate(message, flow, now)
        if account is None:
            return
        target = read_extension(message)
        if target not in self.extensions:
            self._stack.open_server(message, flow, now).respond(404, now)   # RFC 3903 6 step 1
        elif message.method == b"SUBSCRIBE":
            self._flush(now)
            self.subscribing.open(message, flow, account, target, now)
        else:
            self._publish(message, flow, account, target, now)

    def serve_in_dialog(self, message: Message, flow: Flow, now: float) -> bool:
        """A SUBSCRIBE with a To tag; False where its dialog is none of ours."""
        subscription = self.notifier.find((message.call_id, message.to_tag, message.from_tag))
        if subscription is None:
            return False
        if not is_proved_by_dialog(subscription, message, flow):
            account = self._authenticate(message, flow, now)
            if account is None:
                return True
            if account.extension != subscription.watcher:
                self._stack.open_server(message, flow, now).respond(403, now)
                return True
        self._flush(now)
        self.subscribing.refresh(subscription, message, flow, now)
        return True

    def _authenticate(self, message: Message, flow: Flow, now: float) -> Account | None:
        """The user who sent this; None: it has been answered. A notifier is a user agent: 401 (RFC 6665 4.2.1.3)."""
        account = self._parts.authentication.judge(message, flow, now, False)
        if not isinstance(account, Account):
            self._stack.reply_stateless(message, flow, account.status, account.lines)
            return None
        if unescape_user(message.from_user) != account.extension:
            self._stack.open_server(message, flow, now).respond(403, now)   # credentials of one user, From of another
            return None
        return account

    def _publish(self, message: Message, flow: Flow, account: Account, target: bytes, now: float) -> None:
        server = self._stack.open_server(message, flow, now)
        if not self._stack.claim_merge(message, server):
            server.respond(482, now)    # 8.2.2.2
            return
        try:
            if account.extension != target:
                raise PeerError("another user's", 403, target, "RFC 3903 14.1")
            self._flush(now)
            lines = self.publications.publish(message, target, now)
        except PeerError as error:
            lines = explain_refusal(error, flow, self.publications.policy)
            if error.status_hint == 489:
                lines = b"Allow-Events: presence\r\n" + lines
            elif error.status_hint == 415:
                lines = ACCEPT + lines
            server.respond(error.status_hint, now, lines)
            self._stack.counters["publications_refused"] += 1
            self._refusals.note("publication_refused", account.extension, error, message, flow, now)
        else:
            self._stack.counters["publications_accepted"] += 1
            server.respond(200, now, lines)
            self._flush(now)

    # what the packages ask

    def _calls_of(self, extension: bytes) -> list[Call]:
        return [call for call in self._parts.dialogs.calls()
                if call.caller == extension or (call.callee_extension == extension
                                                and self._is_ours(call.callee_hostport))]

    def _is_ours(self, hostport: bytes) -> bool:
        """Whether a Request-URI there meant this office; a tel URI has no host."""
        return not hostport or hostport in self._parts.own

    def is_registered(self, extension: bytes) -> bool:
        """Whether any phone of this extension is registered."""
        return bool(self._parts.location.bindings_of(extension))

    def is_on_phone(self, extension: bytes) -> bool:
        """Whether this extension is in a call that was answered."""
        return any(call.state is CallState.ANSWERED for call in self._calls_of(extension)) or (
            self._carried is not None and self._carried.is_talking(extension))

    # what changes

    def note_restored(self, subscriptions: list[Subscription]) -> None:
        """Subscriptions have been taken up after a restart; nobody has told their subscribers anything since."""
        self._untold += subscriptions
        self._look_soon()

    def _note_presence(self, target: bytes) -> None:
        """Of the publications."""
        self._changed_presence[target] = None
        self._look_soon()

    def _note_binding(self, aor: bytes, change: Change, binding: Binding) -> None:
        """Of the location service: a binding came or went; a refresh only matters to who could not be reached."""
        watched = self.notifier.watched_by(aor)
        if change is not Change.REFRESHED or (watched and any(one.is_full_due for one in watched)):
            self._changed_bindings[aor, binding.key[1]] = (change, binding)
            self._look_soon()

    def _note_call(self, call: Call) -> None:
        """Of the dialog table. A call that nobody watches costs a microsecond at most."""
        targets = self.notifier.targets
        if call.caller in targets or call.callee_extension in targets or self._dialogs.is_told(call):
            self._changed_calls[call] = None
            self._look_soon()

    def _note_carried(self, call: ChangedCall) -> None:
        """Of whoever carries calls beside the proxy; who is concerned is asked only where anybody watches."""
        if self.notifier.targets or self._dialogs.is_carried_told(call):
            self._changed_carried[call] = None
            self._look_soon()

    def _note_messages(self, extension: bytes) -> None:
        """Of a mailbox."""
        self._messages[extension] = None
        self._look_soon()

    def _look_soon(self) -> None:
        if not self.deadline:
            self.deadline = AT_ONCE
            self._stack.timers.arm(self, AT_ONCE)

    def due(self, now: float) -> None:
        """The timer's call, right after something has changed."""
        self.deadline = 0.0
        self._flush(now)

    def _flush(self, now: float) -> None:
        """Tell the watchers everything that has been noted."""
        if self._untold:
            untold, self._untold = self._untold, []
            for subscription in untold:
                if subscription.is_full_due and subscription.state is ACTIVE:
                    self.notifier.tell_full(subscription, now)
        if self._changed_calls:
            calls, self._changed_calls = self._changed_calls, {}
            for call in calls:
                self._tell_call(call, now)
        if self._changed_carried:
            carried, self._changed_carried = self._changed_carried, {}
            for one in carried:
                self._tell_carried(one, now)
        if self._changed_bindings:
            bindings, self._changed_bindings = self._changed_bindings, {}
            for (aor, _identity), (change, binding) in bindings.items():
                self._tell_binding(aor, change, binding, now)
        if self._messages:
            extensions, self._messages = self._messages, {}
            for extension in extensions:
                self._tell_messages(extension, now)
        if self._changed_presence:
            extensions, self._changed_presence = self._changed_presence, {}
            for extension in extensions:
                self.notifier.note_change(self._presence, extension, {}, now)

    def _tell_call(self, call: Call, now: float) -> None:
        self._dialogs.note_tags(call)
        parties = {call.caller}
        if self._is_ours(call.callee_hostport):
            parties.add(call.callee_extension)
        for extension in parties & self.extensions:
            if self.notifier.is_watched(self._dialogs.name, extension):
                self.notifier.note_change(self._dialogs, extension, self._dialogs.describe(call, extension, now), now)
            if call.answered_at:
                self._changed_presence[extension] = None
        self._dialogs.note_told(call)

    def _tell_carried(self, call: ChangedCall, now: float) -> None:
        source = self._carried
        if source is None:
            return
        for extension in self.extensions.intersection(source.extensions_of(call)) & self.notifier.targets.keys():
            changed = self._dialogs.list_changes(call, extension, now)
            if changed and self.notifier.is_watched(self._dialogs.name, extension):
                elements = {dialog.identity: write_dialog(dialog) for dialog in changed}
                self.notifier.note_change(self._dialogs, extension, elements, now)
            if any(dialog.is_or_was_confirmed for dialog in changed):
                self._changed_presence[extension] = None
        if source.has_ended(call):
            self._dialogs.forget_carried(call)

    def _tell_binding(self, aor: bytes, change: Change, binding: Binding, now: float) -> None:
        if change is not Change.REFRESHED:
            self._changed_presence[aor] = None
            elements = {identify(binding.key[1]): describe_contact(binding, change, now)}
            self.notifier.note_change(self._registrations, aor, elements, now)
        if change in (Change.ADDED, Change.REFRESHED):
            self.notifier.retry(aor, now)

    def _tell_messages(self, extension: bytes, now: float) -> None:
        package = self.subscribing.packages[MessageSummaryPackage.name]
        self.notifier.note_change(package, extension, {}, now)

    # the shell

    def reconfigure(self, extensions: frozenset[bytes], now: float) -> None:
        """Another configuration: who is no user any more neither watches, nor is watched, nor publishes."""
        self.extensions = extensions
        self.publications.retain(extensions)
        self.subscribing.retain(extensions, now)

    def set_wall_offset(self, wall_offset: float) -> None:
        """The wall clock was set. Nothing ends sooner or later; what is on disk is written anew."""
        self.notifier.set_wall_offset(wall_offset)
        self.publications.set_wall_offset(wall_offset)


def is_proved_by_dialog(subscription: Subscription, message: Message, flow: Flow) -> bool:
    """Whether a SUBSCRIBE with the Call-ID and both tags of a subscription needs no credentials: our tag is one that
    nobody can guess, it comes from where the dialog lives, and it is no copy of the one before."""
    return (flow.listener is subscription.listener and flow.host == subscription.flow.host
            and message.cseq != subscription.remote_cseq)
