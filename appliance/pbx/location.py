# SPDX-License-Identifier: Apache-2.0
"""The location service: which Contacts an address-of-record is bound to (RFC 3261 section 10, RFC 3327, RFC 5626).

The registrar writes, proxies and presence read. An AOR is the extension in canonical form: octets, unescaped.
Everything is in memory; the store is told in batches (see `pending_rows`) and read once, at start.
"""

from collections.abc import Callable, Collection, Iterable
from enum import IntEnum

from appliance.native.sip_scanner import Message
from appliance.pbx.binding import Binding, Change
from appliance.pbx.binding_row import BindingRow
from appliance.pbx.contact_matching import find_binding, has_same, is_out_of_order
from appliance.pbx.expiry import ExpiryCalendar
from appliance.pbx.pending_rows import BindingStore, PendingRows
from appliance.pbx.registration import Registration, RequestedContact
from appliance.pbx.restoring import restore_binding
from appliance.pbx.target_flow import FlowOpener, decide_flow
from appliance.sip.flow import TLS, Listener
from appliance.sip.timers import Timers
from appliance.ua.usage_snapshot import FlowFinder
from appliance.vocabulary.counters import Counters
from appliance.vocabulary.journal import Journal

__all__ = ["Binding", "BindingRow", "BindingStore", "Change", "Location", "Outcome"]

BINDINGS_MAX = 10                   # an AOR (CONTRACT: limits that hold by default)
WALL_STEP_S = 2.0                   # a smaller step of the wall clock is not worth writing every binding again
FORMER_MAX = 4                      # Contact URIs of one binding that dialogs may still be known by
USER_AGENTS_MAX = 512
USER_AGENT_OCTETS_MAX = 120

ChangeListener = Callable[[bytes, Change, Binding], None]
"""Called with AOR, kind and binding after each change, in the order of the changes."""


class Outcome(IntEnum):
    """What became of a REGISTER."""

    DONE = 0
    OUT_OF_ORDER = 1                # 10.3 steps 6 and 7: same Call-ID, CSeq not higher
    FULL = 2                        # the AOR would have too many bindings
    REPEATED = 3                    # two Contacts of the request mean the same binding


class Location:
    """The bindings of every AOR.

    flow_to: the flow from a listener to a numeric address; wall_offset: wall clock minus monotonic clock in seconds,
    kept right by `set_wall_offset`.
    """

    __slots__ = ("_bindings", "_contacts", "_expiry", "_flow_to", "_former", "_listeners", "_pending", "_user_agents",
                 "counters", "journal", "wall_offset")

    def __init__(self, timers: Timers, store: BindingStore | None, flow_to: FlowOpener, counters: Counters,
                 journal: Journal) -> None:
        self._bindings: dict[bytes, list[Binding]] = {}
        self._contacts: dict[bytes, tuple[Binding, ...]] = {}
        self._former: dict[bytes, Binding] = {}
        self._expiry = ExpiryCalendar(timers, self._expire)
        self._pending = PendingRows(timers, store, 0.0) if store is not None else None
        self._flow_to = flow_to
        self.counters = counters
        self.journal = journal
        self._listeners: list[ChangeListener] = []
        self._user_agents: dict[bytes, bytes] = {}
        self.wall_offset = 0.0

    # reading

    def bindings_of(self, aor: bytes) -> list[Binding]:
        """The bindings of an AOR as they came, after a restart in no order; not to be changed by the caller."""
        return self._bindings.get(aor) or []

    def binding_at(self, contact: bytes) -> Binding | None:
        """The youngest binding with exactly this Contact URI: where an in-dialog request to it goes. Else the one that
        has taken the place of a binding with it (RFC 5626 6): the same phone by another connection, whose dialogs know
        it by the Contact of before."""
        found = self._contacts.get(contact)
        return found[-1] if found else self._former.get(contact)

    def aors(self) -> list[bytes]:
        """Every AOR that has a binding."""
        return list(self._bindings)

    def count_bindings(self) -> int:
        """How many bindings there are."""
        return sum(map(len, self._bindings.values()))

    def on_change(self, listener: ChangeListener) -> None:
        """Have every change told to this listener."""
        self._listeners.append(listener)

    # writing: the registrar

    def renew(self, binding: Binding, message: Message, granted_s: int, now: float) -> None:
        """A plain refresh: the same Contact came again by the same way. The caller has seen to that, and to the order
        of Call-ID and CSeq."""
        deadline = now + granted_s
        binding.deadline = deadline
        binding.cseq = message.cseq
        binding.call_id = message.call_id
        if deadline < binding.bucket_begin:
            self._expiry.move_earlier(binding)
        if granted_s != binding.granted_s:
            binding.granted_s = granted_s
            if self._pending is not None:
                self._pending.note_change(binding, now)
        elif not binding.is_pending and self._pending is not None:
            self._pending.note_refresh(binding, now)
        for listener in self._listeners:
            listener(binding.aor, Change.REFRESHED, binding)

    def update(self, registration: Registration, now: float) -> Outcome:
        """Carry out all contacts of a REGISTER, or none of them (10.3 step 7)."""
        current = self.bindings_of(registration.aor)
        matches: list[Binding | None] = []
        for number, requested in enumerate(registration.contacts):
            binding = find_binding(current, requested)
            if binding is not None and is_out_of_order(binding, registration):
                return Outcome.OUT_OF_ORDER
            # 10.3 step 7: it would meet the tentative binding of the other one, with an equal CSeq
            if binding in matches if binding else has_same(registration.contacts[:number], requested):
                return Outcome.REPEATED
            matches.append(binding)
        superseded = self._decide_superseded(registration, current, matches)
        if superseded is None:
            return Outcome.FULL
        for binding in superseded:
            self._drop(binding, Change.REMOVED, now)
        for requested, binding in zip(registration.contacts, matches, strict=True):
            self._apply(registration, requested, binding, now)
        return Outcome.DONE

    def remove_all(self, registration: Registration, now: float) -> Outcome:
        """`Contact: *`: every binding goes, or none does (10.3 step 6)."""
        current = self.bindings_of(registration.aor)
        if any(is_out_of_order(binding, registration) for binding in current):
            return Outcome.OUT_OF_ORDER
        for binding in tuple(current):
            self._drop(binding, Change.REMOVED, now)
        return Outcome.DONE

    # writing: the shell

    def set_wall_offset(self, wall_offset: float, now: float) -> None:
        """The wall clock was set. Bindings end when they would have; only what is on disk is written anew."""
        step_s = abs(wall_offset - self.wall_offset)
        self.wall_offset = wall_offset
        if self._pending is None:
            return
        self._pending.wall_offset = wall_offset
        if step_s >= WALL_STEP_S:
            self.write_anew(now)

    def write_anew(self, now: float) -> None:
        """Have every binding written again: the store has lost what it had."""
        if self._pending is not None:
            for bindings in self._bindings.values():
                for binding in bindings:
                    self._pending.note_change(binding, now)

    def flush(self, now: float) -> None:
        """Hand everything that waits to the store: the server stops."""
        if self._pending is not None:
            self._pending.flush(now)

    def retain(self, is_known: Callable[[bytes], bool], now: float) -> None:
        """Remove the bindings of AORs that are not known any more: the configuration has changed."""
        for aor in [aor for aor in self._bindings if not is_known(aor)]:
            for binding in tuple(self._bindings[aor]):
                self._drop(binding, Change.REMOVED, now)

    def part_with(self, listeners: Collection[Listener], now: float) -> int:
        """These listeners are gone: whoever was reached by them is not registered any more. How many bindings went."""
        lost = [binding for bindings in self._bindings.values() for binding in bindings
                if binding.flow.listener in listeners]
        for binding in lost:
            self._drop(binding, Change.REMOVED, now)
        return len(lost)

    def restore(self, rows: Iterable[BindingRow], now: float, wall_now: float, find_flow: FlowFinder) -> int:
        """Take up what was stored; how many bindings are alive. Nobody is told of them as of changes.

        The time left comes from the wall clock and is never more than what was granted: a box without a clock of its
        own may believe it is 1970. find_flow: what has become of a flow, None where its listener is gone; a binding
        whose connection has not outlived the last process waits, closed, for its phone.
        """
        count = 0
        for row in rows:
            left_s = min(row.expires_wall_s - wall_now, row.granted_s)
            flow = find_flow((row.listener, row.transport, row.source_host, row.source_port))
            if left_s > 0 and flow is not None and len(self.bindings_of(row.aor)) < BINDINGS_MAX:
                binding = restore_binding(row, flow)
                binding.user_agent = self._intern(row.user_agent)
                binding.deadline = now + left_s
                self._attach(binding)
                count += 1
            elif self._pending is not None:
                self._pending.note_dead_row(row.key, now)
        return count

    # inside

    def _decide_superseded(self, registration: Registration, current: list[Binding],
                           matches: list[Binding | None]) -> list[Binding] | None:
        """Which bindings must go so that the AOR stays within its limit; None where it cannot.

        A phone that restarts with another Contact leaves its old binding behind: the first to go are those of the same
        instance, then those whose connection is closed. Nothing else is thrown out: a full AOR is refused, as a binding
        that works is worth more than one that comes.
        """
        grown = len(current)
        for requested, binding in zip(registration.contacts, matches, strict=True):
            if binding is None:
                grown += requested.granted_s > 0
            elif not requested.granted_s:
                grown -= 1
        excess = grown - BINDINGS_MAX
        if excess <= 0:
            return []
        instances = {requested.instance for requested in registration.contacts if requested.granted_s} - {b""}
        untouched = [binding for binding in current if binding not in matches]
        dead = [binding for binding in untouched if binding.instance in instances and not binding.reg_id]
        dead += [binding for binding in untouched if not binding.flow.is_open and binding not in dead]
        return dead[:excess] if len(dead) >= excess else None

    def _apply(self, registration: Registration, requested: RequestedContact, binding: Binding | None,
               now: float) -> None:
        if not requested.granted_s:
            if binding is not None:
                self._drop(binding, Change.REMOVED, now)
            return
        if binding is not None and binding.contact == requested.uri and binding.reg_id == requested.reg_id:
            self._fill(binding, registration, requested, now)
            if binding.deadline < binding.bucket_begin:
                self._expiry.move_earlier(binding)
            self._tell(Change.REFRESHED, binding)
            return
        # another form of the URI, or another URI under the same reg-id: one binding follows the other without a gap
        fresh = Binding(registration.aor, requested.uri, registration.arrival)
        fresh.instance = requested.instance
        fresh.reg_id = requested.reg_id
        if binding is not None:
            self._detach(binding, now)
        self._fill(fresh, registration, requested, now)
        self._attach(fresh)
        if binding is not None and fresh.reg_id and binding.instance == fresh.instance:
            self._take_over_contacts(fresh, binding)
        if binding is not None:
            self._tell(Change.REMOVED, binding)     # first: who goes by instance and reg-id is left with what holds
        self._tell(Change.ADDED, fresh)

    def _fill(self, binding: Binding, registration: Registration, requested: RequestedContact, now: float) -> None:
        """Write into a binding what a REGISTER says of it."""
        flow = decide_flow(registration, requested, self._flow_to)
        # a connection with TLS does not outlive the process, so that a new one is nothing the disk must know soon
        is_refresh = (binding.granted_s == requested.granted_s and binding.path == registration.path
                      and binding.parameters == requested.parameters
                      and (binding.flow is flow or flow.listener.transport == TLS))
        binding.value = requested.value
        binding.q = requested.q
        binding.requested_s = requested.requested_s
        binding.granted_s = requested.granted_s
        binding.deadline = now + requested.granted_s
        binding.call_id = registration.call_id
        binding.cseq = registration.cseq
        binding.instance = requested.instance
        binding.path = registration.path
        binding.user_agent = self._intern(registration.user_agent)
        binding.arrival = registration.arrival
        binding.is_direct = registration.is_direct
        binding.flow = flow
        binding.set_parameters(requested.parameters)
        if self._pending is not None:
            if is_refresh:
                self._pending.note_refresh(binding, now)
            else:
                self._pending.note_change(binding, now)

    def _take_over_contacts(self, fresh: Binding, binding: Binding) -> None:
        """What led to a binding leads to the one that follows it, as long as that lives."""
        former = [contact for contact in (*binding.former, binding.contact) if contact != fresh.contact]
        fresh.former = tuple(former[-FORMER_MAX:])
        for contact in fresh.former:
            self._former[contact] = fresh

    def _attach(self, binding: Binding) -> None:
        self._bindings.setdefault(binding.aor, []).append(binding)
        self._contacts[binding.contact] = (*self._contacts.get(binding.contact, ()), binding)
        self._expiry.put(binding)

    def _detach(self, binding: Binding, now: float) -> None:
        bindings = self._bindings[binding.aor]
        bindings.remove(binding)
        if not bindings:
            del self._bindings[binding.aor]
        others = tuple(other for other in self._contacts[binding.contact] if other is not binding)
        if others:
            self._contacts[binding.contact] = others
        else:
            del self._contacts[binding.contact]
        for contact in binding.former:
            if self._former.get(contact) is binding:
                del self._former[contact]
        self._expiry.take(binding)
        if self._pending is not None:
            self._pending.note_removal(binding, now)

    def _drop(self, binding: Binding, kind: Change, now: float) -> None:
        self._detach(binding, now)
        self._tell(kind, binding)

    def _expire(self, binding: Binding, now: float) -> None:
        self._drop(binding, Change.EXPIRED, now)

    def _tell(self, kind: Change, binding: Binding) -> None:
        self.counters[COUNTER_NAMES[kind]] += 1
        if kind is not Change.REFRESHED:
            flow = binding.flow
            self.journal.record(EVENT_NAMES[kind], aor=binding.aor, contact=binding.contact,
                                expires_s=binding.granted_s, leads_to=flow.hostport, transport=flow.listener.transport)
        for listener in self._listeners:
            listener(binding.aor, kind, binding)

    def _intern(self, user_agent: bytes) -> bytes:
        """One octet string for all phones of one make."""
        user_agent = user_agent[:USER_AGENT_OCTETS_MAX]
        if len(self._user_agents) >= USER_AGENTS_MAX:
            self._user_agents.clear()
        return self._user_agents.setdefault(user_agent, user_agent)


COUNTER_NAMES = ("bindings_added", "bindings_refreshed", "bindings_removed", "bindings_expired")
EVENT_NAMES = ("binding_added", "binding_refreshed", "binding_removed", "binding_expired")
