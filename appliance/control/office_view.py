# SPDX-License-Identifier: Apache-2.0
"""The running office as the console sees it: satisfies `Observed` by reading, and changes nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from appliance.control.dns_view import describe_no_dns
from appliance.control.event_view import list_presence, list_subscriptions
from appliance.control.message_view import describe_waiting
from appliance.control.observed import (
    Alarm,
    Call,
    CallCounts,
    DnsState,
    MessageCounts,
    Presence,
    Registration,
    Statistics,
    TlsState,
    WaitingMessage,
    WatchedState,
)
from appliance.control.tls_view import describe_no_tls
from appliance.diagnosis.ladder import Ladder, build_ladder
from appliance.diagnosis.tally import MessageTally
from appliance.diagnosis.trace import Trace
from appliance.pbx.assembly import Office
from appliance.pbx.dialog_table import Call as OfficeCall
from appliance.pbx.location import Binding
from appliance.version import VERSION

DISCARDED = "discarded_"


class Machine:
    """What is known of the process. resident_octets, wall_offset: asked when needed; socket_counts: of the sockets;
    tls, dns: how they stand; alarms: by name; started_at: monotonic seconds."""

    __slots__ = ("alarms", "dns", "resident_octets", "socket_counts", "started_at", "tls", "wall_offset")

    def __init__(self, started_at: float, wall_offset: Callable[[], float], resident_octets: Callable[[], int],
                 socket_counts: Callable[[], dict[str, int]]) -> None:
        self.started_at = started_at
        self.wall_offset = wall_offset
        self.resident_octets = resident_octets
        self.socket_counts = socket_counts
        self.tls: Callable[[], TlsState] = describe_no_tls
        self.dns: Callable[[float], DnsState] = describe_no_dns
        self.alarms: dict[str, Alarm] = {}


class OfficeView:
    """Reads office, trace and machine."""

    __slots__ = ("_machine", "_office", "_trace")

    def __init__(self, office: Office, trace: Trace, machine: Machine) -> None:
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
        dialogs = self._office.dialogs
        chosen = [*dialogs.ended, *dialogs.calls()] if is_ended_included else dialogs.calls()
        for call in chosen:
            yield self._describe_call(call, now)

    def call(self, number: int, now: float) -> Call | None:
        """One call by its number."""
        call = self._office.dialogs.find_number(number)
        return None if call is None else self._describe_call(call, now)

    def _describe_call(self, call: OfficeCall, now: float) -> Call:
        return {
            "number": call.number,
            "state": call.state.name.lower(),
            "caller": _text(call.caller),
            "callee": _text(call.callee),
            "started_at": self._wall(call.started_at),
            "answered_at": self._wall(call.answered_at),
            "ended_at": self._wall(call.ended_at),
            "duration_s": int((call.ended_at or now) - call.answered_at) if call.answered_at else 0,
            "status": call.result,
            "call_id": _text(call.call_id),
            "legs": [{"target": _text(leg.target), "state": leg.state, "status": leg.status} for leg in call.legs],
        }

    def ladder(self, number: int) -> Ladder | None:
        """The traced messages of one call."""
        call = self._office.dialogs.find_number(number)
        if call is None:
            return None
        names = {_text(call.caller_flow.hostport): _text(call.caller)}
        for answer in call.answers.values():
            names.setdefault(_text(answer.flow.hostport), _text(call.callee))
        return build_ladder(self._trace.entries_of(frozenset({call.call_id})), names.get)

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
            "calls": self._count_calls(),
            "discarded_by_reason": {name.removeprefix(DISCARDED): count for name, count in sorted(counters.items())
                                    if name.startswith(DISCARDED)},
            "transactions_open": office.stack.transactions_open,
            "bindings": office.location.count_bindings(),
            "counters": dict(sorted(counters.items())),
            "alarms": list(machine.alarms.values()),
        }

    def _count_calls(self) -> CallCounts:
        dialogs = self._office.dialogs
        return {
            "active": len(dialogs),
            "total": dialogs.total,
            "answered": dialogs.answered,
            "failed_by_status": {str(status): count for status, count in sorted(Counter(dialogs.failed).items())},
        }

    def dns(self, now: float) -> DnsState:
        """Name servers and their answers."""
        return self._machine.dns(now)

    def tls(self, now: float) -> TlsState:
        """Certificates, and handshakes that failed."""
        return self._machine.tls()

    def alarms(self, now: float) -> Iterable[Alarm]:
        """What is wrong now."""
        return list(self._machine.alarms.values())

    def _wall(self, at: float) -> str:
        """A monotonic time as UTC, "" for 0.0."""
        if not at:
            return ""
        moment = datetime.fromtimestamp(at + self._machine.wall_offset(), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _count_messages(tally: MessageTally) -> MessageCounts:
    return {"total": tally.total, "octets": tally.octets, "by_method": tally.by_method(), "by_class": tally.by_class()}


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
