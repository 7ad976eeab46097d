# SPDX-License-Identifier: Apache-2.0
"""The message relay (RFC 3428 7): what reaches no phone is kept, answered 202, and delivered when a phone registers.

The office server gives it every MESSAGE to an extension of ours; it changes the mailboxes, and nobody else does.
"""

from collections.abc import Callable, Iterable, Sequence

from appliance.native.sip_scanner import Message
from appliance.pbx.binding import Binding, Change
from appliance.pbx.instant_message.delivery import RETRY_FIRST_S, Delivery
from appliance.pbx.instant_message.mailbox import Mailbox, MailboxLimits, WaitingMessage
from appliance.pbx.instant_message.message_form import build_call_id, find_author, keep_message, read_life_s
from appliance.pbx.instant_message.message_row import MessageKey, MessageRow, MessageStore
from appliance.pbx.instant_message.relayed_request import RelayedRequest
from appliance.pbx.instant_message.verdict import Verdict
from appliance.pbx.proxy.proxy import DATAGRAM_OCTETS_MAX, Proxy
from appliance.pbx.proxy.target import Destination
from appliance.pbx.target_set import TargetSets
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.sip.transaction.server import ServerTransaction
from appliance.vocabulary.journal import Journal

STORE_LIMIT_S = 4.0
"""A disk that has not taken a message by then does not get it: the sender hears 500 and knows."""
RESTART_DELAY_S = 1.0
ADDED_OCTETS_MAX = 2048
"""Room in a datagram for what a delivery adds: Request-URI, Via, Route, tags, Call-ID."""
WALL_STEP_S = 2.0               # a smaller step of the wall clock is not worth writing every message again

CountListener = Callable[[bytes, float], None]
"""Called with extension and time when the number of its waiting messages has changed."""


class MessageRelay:
    """The mailboxes of the office's extensions.

    store: None keeps messages in memory only; wall_offset: wall clock minus monotonic clock, seconds.
    """

    __slots__ = ("_deliveries", "_journal", "_last_number", "_listeners", "_mailboxes", "_proxy", "_stack", "_store",
                 "_targets", "_unstored", "limits", "wall_offset")

    def __init__(self, stack: SipStack, proxy: Proxy, targets: TargetSets, journal: Journal,
                 store: MessageStore | None = None) -> None:
        self._stack = stack
        self._proxy = proxy
        self._targets = targets
        self._journal = journal
        self._store = store
        self._mailboxes: dict[bytes, Mailbox] = {}
        self._deliveries: dict[bytes, Delivery] = {}
        self._unstored: dict[int, WaitingMessage] = {}
        self._last_number = 0
        self._listeners: list[CountListener] = []
        self.limits = MailboxLimits()
        self.wall_offset = 0.0

    # reading

    def count_waiting(self, extension: bytes) -> int:
        """How many messages wait for an extension."""
        mailbox = self._mailboxes.get(extension)
        return len(mailbox.messages) if mailbox else 0

    def mailboxes(self) -> list[Mailbox]:
        """Every mailbox with something in it, by extension; not to be changed by the caller."""
        return [mailbox for _, mailbox in sorted(self._mailboxes.items()) if mailbox.messages]

    def on_change(self, listener: CountListener) -> None:
        """Have every change of a count told to this listener."""
        self._listeners.append(listener)

    # what the office server calls

    def relay(self, message: Message, source: Flow, extension: bytes, groups: Sequence[Sequence[Destination]],
              now: float) -> None:
        """A MESSAGE outside a dialog for an extension of ours: to every phone at once, whatever its q, as any of them
        may be where the person is; kept where there is none, and behind others that are about to be delivered."""
        same = self._find_same(message, extension)
        if same is not None:
            # its sender had no answer from before our restart, or asks by another way
            self.answer(self._stack.open_server(message, source, now), 202, now)
            return
        relayed = RelayedRequest(self, self._stack.timers, extension)
        targets: list[Destination] = [target for group in groups for target in group]
        if targets and not self._goes_behind(message, extension, now):
            self._proxy.start_request(message, source, [targets], b"", now, relayed)
            return
        server = self._stack.open_server(message, source, now)
        if not self._stack.claim_merge(message, server):
            server.respond(482, now)  # RFC 3261 8.2.2.2
            return
        relayed.request_started(server, now)
        if not relayed.may_take_over(480, now):  # 480: nobody is logged in (RFC 3261 21.4.18)
            self.answer(server, 480, now)

    # what location, store and shell call

    def binding_changed(self, extension: bytes, change: Change, binding: Binding) -> None:
        """A listener of `Location`: a phone is there (again)."""
        mailbox = self._mailboxes.get(extension)
        if mailbox and mailbox.messages and change in (Change.ADDED, Change.REFRESHED):
            # `Location` tells no time; the answer to the REGISTER goes out before the timer's next round
            self._deliveries[extension].wake(binding.deadline - binding.granted_s)

    def note_stored(self, keys: Iterable[MessageKey], now: float) -> None:
        """The store has these on disk, or has removed them: from now on 202 is true."""
        for number, in keys:
            waiting = self._unstored.pop(number, None)
            if waiting is not None:
                self._accept(waiting, now)

    def note_all_stored(self, now: float) -> None:
        """The server stops, and the store has closed with everything on disk."""
        self.note_stored([(number,) for number in self._unstored], now)

    def restore(self, rows: Iterable[MessageRow], now: float, wall_now: float) -> None:
        """Take up what was stored; deliveries begin a moment later. A box that believes it is 1970 keeps a message no
        longer than it would keep a new one."""
        dead: list[MessageKey] = []
        for row in sorted(rows):
            left_s = min(row.expires_wall_s - wall_now, self.limits.life_s)
            self._last_number = max(self._last_number, row.number)
            if left_s <= 0:
                dead.append(row.key)
                continue
            waiting = WaitingMessage.restore(self, row)
            waiting.received_at = now - max(0.0, wall_now - row.received_wall_s)
            waiting.ends_at = now + left_s
            self._put(waiting, now)
        if dead and self._store is not None:
            self._store.delete(dead)
        for delivery in self._deliveries.values():
            delivery.wake(now + RESTART_DELAY_S)

    def set_wall_offset(self, wall_offset: float, now: float) -> None:
        """The wall clock was set. Messages end when they would have; only what is on disk is written anew."""
        is_step = abs(wall_offset - self.wall_offset) >= WALL_STEP_S
        self.wall_offset = wall_offset
        if is_step:
            self.write_anew()

    def write_anew(self) -> None:
        """Give the store every message again: what it held is lost, or says the wrong time."""
        if self._store is not None:
            self._store.save([waiting.build_row(self.wall_offset) for mailbox in self._mailboxes.values()
                              for waiting in mailbox.messages])

    def retain(self, is_known: Callable[[bytes], bool], now: float) -> None:
        """Give up the messages of extensions that are not known any more: the configuration has changed."""
        for extension, mailbox in self._mailboxes.items():
            if not is_known(extension):
                for waiting in tuple(mailbox.messages):
                    self._give_up(waiting, "message_orphaned", now)

    # what relayed requests call

    def judge_room(self, request: Message, extension: bytes, now: float) -> int:
        """0 where this message can be kept; otherwise the status that says why not: 480 (full), 413 (too large for any
        mailbox); -1 where nothing is kept (switched off, or its Expires has passed)."""
        if not self.limits.messages or read_life_s(request, now + self.wall_offset, self.limits.life_s) <= 0:
            return -1
        size_octets = keep_message(request, b"", 0.0).size_octets
        # a phone that registers over UDP could never be given what fits into no datagram
        if size_octets > min(self.limits.octets, DATAGRAM_OCTETS_MAX - ADDED_OCTETS_MAX):
            return 413
        mailbox = self._mailboxes.get(extension)
        return 0 if mailbox is None or mailbox.has_room(size_octets, self.limits) else 480

    def keep(self, server: ServerTransaction, request: Message, extension: bytes, now: float) -> WaitingMessage:
        """Put a message into its mailbox; 202 goes out when it is on disk."""
        wall_now = now + self.wall_offset
        self._last_number += 1
        call_id = build_call_id(request)
        waiting = WaitingMessage(self, self._last_number, extension, keep_message(request, call_id, wall_now))
        waiting.received_at = now
        waiting.ends_at = now + read_life_s(request, wall_now, self.limits.life_s)
        waiting.server = server
        self._put(waiting, now)
        self._stack.counters["messages_kept"] += 1
        self._journal.record("message_kept", number=waiting.number, extension=extension,
                             sender=find_author(waiting.kept.sender), octets=waiting.kept.size_octets)
        if self._store is None:
            self._accept(waiting, now)
        else:
            self._unstored[waiting.number] = waiting
            waiting.deadline = now + STORE_LIMIT_S
            self._stack.timers.arm(waiting, waiting.deadline)
            self._store.save([waiting.build_row(self.wall_offset)])
        return waiting

    def release(self, waiting: WaitingMessage, now: float) -> None:
        """No phone has the original request before it any more: from now on it is ours to deliver. Whoever has just not
        taken it is not asked again at once."""
        waiting.is_on_its_way = False
        self._deliveries[waiting.extension].wake(now + RETRY_FIRST_S)

    def answer(self, server: ServerTransaction, status: int, now: float, reason: bytes = b"") -> None:
        """The final response, unless it is too late for one (RFC 4320 4.2)."""
        lines = b'Warning: 399 %s "%s"\r\n' % (server.flow.listener.hostport, reason) if reason else b""
        self._stack.release_merge(server)
        if server.request is not None:
            server.respond(status, now, lines)

    # what deliveries call (Clerk)

    def message_decided(self, waiting: WaitingMessage, verdict: Verdict, status: int, now: float) -> None:
        """Delivered, or refused for good."""
        event = "message_delivered" if verdict is Verdict.DELIVERED else "message_refused"
        self._give_up(waiting, event, now, status)

    # what waiting messages call (DeadlineListener)

    def waiting_due(self, waiting: WaitingMessage, now: float) -> None:
        """The disk has not taken it in time, or nobody has come for it in time."""
        is_unstored = self._unstored.pop(waiting.number, None) is not None
        self._give_up(waiting, "message_not_stored" if is_unstored else "message_expired", now)

    # inside

    def _goes_behind(self, message: Message, extension: bytes, now: float) -> bool:
        """Whether others wait whose turn has come: none overtakes them (RFC 3428 8: in the order of their sending).
        What cannot be kept goes at once all the same: late in its order is better than not at all."""
        mailbox = self._mailboxes.get(extension)
        if not mailbox or mailbox.first is None or not self._deliveries[extension].is_at_work:
            return False
        return self.judge_room(message, extension, now) == 0

    def _find_same(self, message: Message, extension: bytes) -> WaitingMessage | None:
        """The very same request, kept and accepted already."""
        mailbox = self._mailboxes.get(extension)
        if not mailbox or not mailbox.messages:
            return None
        call_id = build_call_id(message)
        return next((one for one in mailbox.messages if one.kept.call_id == call_id and one.server is None), None)

    def _put(self, waiting: WaitingMessage, now: float) -> None:
        extension = waiting.extension
        mailbox = self._mailboxes.get(extension)
        if mailbox is None:
            mailbox = self._mailboxes[extension] = Mailbox(extension)
            self._deliveries[extension] = Delivery(mailbox, self, self._stack, self._targets)
        mailbox.append(waiting)
        if waiting.server is None:
            self._watch_end(waiting)
        self._tell(waiting.extension, now)

    def _watch_end(self, waiting: WaitingMessage) -> None:
        waiting.deadline = waiting.ends_at
        self._stack.timers.arm(waiting, waiting.deadline)

    def _accept(self, waiting: WaitingMessage, now: float) -> None:
        """RFC 3428 7: 202, since end to end delivery is not guaranteed."""
        server, waiting.server = waiting.server, None
        if server is not None:
            self.answer(server, 202, now)
        self._watch_end(waiting)

    def _give_up(self, waiting: WaitingMessage, event: str, now: float, status: int = 0) -> None:
        """It leaves its mailbox, for the reason that the event says."""
        mailbox = self._mailboxes.get(waiting.extension)
        if mailbox is None or waiting not in mailbox.messages:
            return      # it expired while phones had it before them
        mailbox.remove(waiting)
        waiting.deadline = 0.0
        self._unstored.pop(waiting.number, None)
        server, waiting.server = waiting.server, None
        if server is not None:
            self.answer(server, 202 if event == "message_delivered" else 500, now)
        if self._store is not None:
            self._store.delete([(waiting.number,)])
        self._stack.counters[event.replace("message_", "messages_")] += 1
        self._journal.record(event, number=waiting.number, extension=waiting.extension, status=status,
                             waited_s=round(now - waiting.received_at, 1))
        self._tell(waiting.extension, now)

    def _tell(self, extension: bytes, now: float) -> None:
        for listener in self._listeners:
            listener(extension, now)
