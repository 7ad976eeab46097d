# SPDX-License-Identifier: Apache-2.0
"""The running office as the console sees it: satisfies `Observed` by reading, and changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from appliance.control.call_view import CallView, Records, describe_call, write_moment
from appliance.control.card_alarms import list_card_alarms
from appliance.control.dns_view import describe_no_dns
from appliance.control.engine_calls import EngineCalls
from appliance.control.event_view import list_presence, list_subscriptions
from appliance.control.explanation_view import describe_explanation
from appliance.control.message_view import describe_waiting
from appliance.control.network_alarms import list_network_alarms
from appliance.control.observed import (
    Alarm,
    Call,
    DnsState,
    Explanation,
    MessageCounts,
    Presence,
    RecordQuestion,
    Registration,
    Statistics,
    TlsState,
    Trunk,
    WaitingMessage,
    WatchedState,
)
from appliance.control.proxied_calls import ProxiedCalls
from appliance.control.tls_view import describe_no_tls
from appliance.control.trunk_alarms import list_trunk_alarms
from appliance.control.trunk_view import describe_trunk
from appliance.diagnosis.call_ladder import build_call_ladder
from appliance.diagnosis.explain.evidence import Evidence
from appliance.diagnosis.explain.rules import explain_call
from appliance.diagnosis.ladder import Ladder
from appliance.diagnosis.tally import MessageTally
from appliance.diagnosis.trace import Trace
from appliance.pbx.assembly import Office
from appliance.pbx.location import Binding
from appliance.system.address_watch import SideFault
from appliance.system.card_watch import CardMishap
from appliance.version import VERSION
from appliance.vocabulary.trunk_state import NoTrunks, TrunksObserved

DISCARDED = "discarded_"


class Machine:
    """What is known of the process. resident_octets, wall_offset: asked when needed; socket_counts: of the sockets;
    tls, dns, trunks, network_faults, card_mishaps: how they stand; alarms: by name; started_at: monotonic seconds;
    records: of calls that are over."""

    __slots__ = ("alarms", "card_mishaps", "dns", "network_faults", "records", "resident_octets", "socket_counts",
                 "started_at", "tls", "trunks", "wall_offset")

    def __init__(self, started_at: float, wall_offset: Callable[[], float], resident_octets: Callable[[], int],
                 socket_counts: Callable[[], dict[str, int]]) -> None:
        self.started_at = started_at
        self.wall_offset = wall_offset
        self.resident_octets = resident_octets
        self.socket_counts = socket_counts
        self.tls: Callable[[], TlsState] = describe_no_tls
        self.dns: Callable[[float], DnsState] = describe_no_dns
        self.alarms: dict[str, Alarm] = {}
        self.network_faults: Callable[[], Mapping[str, SideFault]] = dict
        self.card_mishaps: Callable[[float], Iterable[CardMishap]] = lambda _now: ()
        self.records: Records | None = None
        self.trunks: TrunksObserved = NoTrunks()


class OfficeView:
    """Reads office, trace and machine."""

    __slots__ = ("_calls", "_machine", "_office", "_trace")

    def __init__(self, office: Office, trace: Trace, machine: Machine) -> None:
        proxied, carried = ProxiedCalls(office.dialogs, machine.wall_offset), EngineCalls(office.calls)
        self._calls = CallView([proxied, carried], machine.records)
        self._office = office
        self._trace = trace
        self._machine = machine

    def registrations(self, now: float) -> Iterator[Registration]:
        """Every binding that has not expired, by extension."""
        location = self._office.location
        for aor in sorted(location.aors()):
            for binding in location.bindings_of(aor):
                yield self._describe_binding(binding, now)

    def _describe_binding(self, binding: Binding, now: float) -> Registration:
        source = binding.arrival or binding.flow
        return {
            "extension": _text(binding.aor),
            "contact": _text(binding.contact),
            "source": _text(source.hostport),
            "transport": _text(source.listener.transport).lower(),
            "listener": source.listener.name,
            "expires_s": max(0, int(binding.deadline - now)),
            "q": binding.q / 1000,
            "user_agent": _text(binding.user_agent),
            "instance": _text(binding.instance),
            "path": [_text(value) for value in binding.path],
            "registered_at": self._wall(binding.deadline - binding.granted_s),
        }

    def calls(self, now: float, is_ended_included: bool) -> Iterator[Call]:
        """Calls in progress, oldest first; the last ended ones before them when asked for."""
        return self._calls.list_calls(self._wall_s(now), is_ended_included)

    def call(self, number: int, now: float) -> Call | None:
        """One call by its number."""
        call = self._calls.find_call(number)
        return None if call is None else describe_call(call, self._wall_s(now))

    def ladder(self, number: int) -> Ladder | None:
        """The traced messages of one call, all its legs."""
        call = self._calls.find_call(number)
        return None if call is None else build_call_ladder(call, self._trace)

    def explain_call(self, number: int, now: float) -> Explanation | None:
        """Why it went as it did."""
        call = self._calls.find_call(number)
        if call is None:
            return None
        states = {state.name: state for state in self._machine.trunks.trunk_states(now)}
        entries = self._trace.entries_of(call.call_ids())
        called = frozenset(name.encode() for name in (call.callee, call.dialled) if name)
        evidence = Evidence(call, entries, self._trace.registrations_of(called), states, self._machine.wall_offset())
        return describe_explanation(explain_call(evidence))

    def records(self, question: RecordQuestion, now: float) -> Iterator[Call]:
        """Calls that are over, oldest first."""
        return self._calls.list_records(question, self._wall_s(now))

    def trunks(self, now: float) -> Iterator[Trunk]:
        """Every trunk."""
        for state in self._machine.trunks.trunk_states(now):
            yield describe_trunk(state, self._wall)

    def messages(self, now: float) -> Iterator[WaitingMessage]:
        """Instant messages that wait, by extension."""
        for mailbox in self._office.messages.mailboxes():
            for waiting in tuple(mailbox.messages):
                yield describe_waiting(waiting, now, self._wall(waiting.received_at))

    def subscriptions(self, now: float) -> Iterator[WatchedState]:
        """Who watches what."""
        return list_subscriptions(self._office.events, now)

    def presence(self, now: float) -> Iterator[Presence]:
        """What watchers are shown of every extension."""
        return list_presence(self._office.events, now)

    def statistics(self, now: float) -> Statistics:
        """The counts."""
        office, machine = self._office, self._machine
        counters = {**office.counters, **machine.socket_counts()}
        return {
            "version": VERSION,
            "uptime_s": int(now - machine.started_at),
            "resident_octets": machine.resident_octets(),
            "is_overloaded": office.overload.is_overloaded(now),
            "messages_received": _count_messages(self._trace.received),
            "messages_sent": _count_messages(self._trace.sent),
            "calls": self._calls.count_calls(),
            "discarded_by_reason": {name.removeprefix(DISCARDED): count for name, count in sorted(counters.items())
                                    if name.startswith(DISCARDED)},
            "transactions_open": office.stack.transactions_open,
            "bindings": office.location.count_bindings(),
            "counters": dict(sorted(counters.items())),
            "alarms": self.alarms(now),
        }

    def dns(self, now: float) -> DnsState:
        """Name servers and their answers."""
        return self._machine.dns(now)

    def tls(self, now: float) -> TlsState:
        """Certificates, and handshakes that failed."""
        return self._machine.tls()

    def alarms(self, now: float) -> list[Alarm]:
        """What is wrong now."""
        machine = self._machine
        return [*machine.alarms.values(), *list_card_alarms(machine.card_mishaps(now), self._wall),
                *list_network_alarms(machine.network_faults(), now, self._wall),
                *list_trunk_alarms(machine.trunks.trunk_states(now), self._wall)]

    def _wall(self, at: float) -> str:
        """A monotonic time as UTC, "" for 0.0."""
        return write_moment(self._wall_s(at)) if at else ""

    def _wall_s(self, at: float) -> float:
        return at + self._machine.wall_offset()


def _count_messages(tally: MessageTally) -> MessageCounts:
    return {"total": tally.total, "octets": tally.octets, "by_method": tally.by_method(), "by_class": tally.by_class()}


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
