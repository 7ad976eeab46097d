# SPDX-License-Identifier: Apache-2.0
"""What can be asked of a running phone system, and the exact form of every answer: these are what `--json` prints.

Names are stable, units stand in them; `_at` is UTC in RFC 3339 form; addresses are host:port, brackets round IPv6. The
daemon satisfies `Observed`; nothing here changes any state.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypedDict

from appliance.diagnosis.ladder import Ladder


class Registration(TypedDict):
    """One binding. q: 0.0 to 1.0; source: where the REGISTER came from; path: Route URIs (RFC 3327), nearest first."""

    extension: str
    contact: str
    source: str
    transport: str
    listener: str
    expires_s: int
    q: float
    user_agent: str
    instance: str
    path: list[str]
    registered_at: str


class Leg(TypedDict):
    """One leg of a call, or one way that the proxy tried. target: the URI that was asked for, or the Contact of who
    called; state: trying, ringing, answered, refused, cancelled, ended; status: last response, 0 none; line: "office"
    or a trunk; direction: incoming (they called us), outgoing; number, name, address: of the other side; codec and all
    after it: of what comes from there; loss_percent, jitter_ms: -1.0 where nothing was measured; opinion: an estimate
    of how it sounds (G.107, 1.0 to 4.5), 0.0 unknown."""

    target: str
    state: str
    status: int
    line: str
    direction: str
    number: str
    name: str
    address: str
    call_id: str
    reason: str
    started_at: str
    answered_at: str
    ended_at: str
    codec: str
    packets_received: int
    packets_sent: int
    loss_percent: float
    jitter_ms: float
    opinion: float


class Call(TypedDict):
    """One call. number: ever increasing; state: calling, ringing, answered, ended; status: the final response to the
    caller, 0 before; answered_at, ended_at: "" where it never came to that; duration_s: since the answer, 0 before;
    call_id: of the caller's leg; result: answered, busy, no_answer, refused, cancelled, failed, not_found, blocked, ""
    while it is open; cause: Q.850, 0 none; ended_by: caller, callee, server; reason: in words; trunk: that has it."""

    number: int
    state: str
    caller: str
    caller_name: str
    callee: str
    dialled: str
    started_at: str
    answered_at: str
    ended_at: str
    duration_s: int
    status: int
    call_id: str
    result: str
    cause: int
    ended_by: str
    reason: str
    trunk: str
    is_emergency: bool
    legs: list[Leg]


class Trunk(TypedDict):
    """One connection to the outside. kind: registered, static; state: up, registering, down; fault: wrong_credentials,
    refused, unreachable, dns_failed, overloaded, listener_not_open, channels_full, "" for none; reason: why it is
    not up; server: host:port that is used now; number: ours there; registered_until: "" for never; channels_used,
    channels_limit: calls on it, and how many it takes, 0 no limit; qualify_ms: how long the peer took to answer
    OPTIONS, -1.0 unknown; last_failure, failed_at: what went wrong last, "" for nothing."""

    name: str
    kind: str
    state: str
    fault: str
    reason: str
    server: str
    listener: str
    number: str
    registered_until: str
    channels_used: int
    channels_limit: int
    qualify_ms: float
    is_emergency: bool
    last_failure: str
    failed_at: str


class EvidenceLine(TypedDict):
    """at: "" where it belongs to no moment; text: what was seen."""

    at: str
    text: str


class Explanation(TypedDict):
    """Why a call went as it did. cause: a name of it, good for nothing wrong, not_known; sentence: for a person;
    evidence: in the order of time; remedy: what to do, "" for nothing; also: sentences of what else was noticed."""

    number: int
    cause: str
    sentence: str
    evidence: list[EvidenceLine]
    remedy: str
    also: list[str]


class MessageCounts(TypedDict):
    """Messages of one direction since start; by_method counts requests, by_class responses ("2xx")."""

    total: int
    octets: int
    by_method: dict[str, int]
    by_class: dict[str, int]


class CallCounts(TypedDict):
    """Calls since start; failed_by_status: final response → how many ("486": 3)."""

    active: int
    total: int
    answered: int
    failed_by_status: dict[str, int]


class Alarm(TypedDict):
    """Something that a person should see to. name: snake_case; remedy: what to do; kind, subject, detail: of what the
    sentence was made, for who has it in another language (vocabulary.trunk_alarm); "" where it is one of a kind."""

    name: str
    sentence: str
    remedy: str
    raised_at: str
    kind: str
    subject: str
    detail: str


class Statistics(TypedDict):
    """Everything counted; counters holds every count by its own name. resident_octets: of the daemon's process."""

    version: str
    uptime_s: int
    resident_octets: int
    is_overloaded: bool
    messages_received: MessageCounts
    messages_sent: MessageCounts
    calls: CallCounts
    discarded_by_reason: dict[str, int]
    transactions_open: int
    bindings: int
    counters: dict[str, int]
    alarms: list[Alarm]


class TlsListener(TypedDict):
    """What a listener shows over TLS. certificate: its file; names: whom it is made out to; days_left: negative when it
    has expired; fault: why a newer file could not be taken up, "" where there is none; connections: that stand."""

    listener: str
    address: str
    certificate: str
    names: list[str]
    issuer: str
    valid_from: str
    valid_until: str
    days_left: int
    fault: str
    connections: int


class TlsFailure(TypedDict):
    """A handshake that failed. direction: incoming, outgoing; reason: why, in words."""

    failed_at: str
    listener: str
    peer: str
    direction: str
    reason: str


class TlsState(TypedDict):
    """Certificates of ours, and the last handshakes that failed, oldest first."""

    listeners: list[TlsListener]
    failures: list[TlsFailure]


class DnsServer(TypedDict):
    """A name server. is_silent: it did not answer the last time; answers, silences: how often; last_ms: how long its
    last answer took, -1.0 before the first."""

    address: str
    is_silent: bool
    answers: int
    silences: int
    last_ms: float


class DnsAnswer(TypedDict):
    """A remembered answer. type: A, AAAA, SRV, NAPTR; outcome: found, absent, failed; records: as in a zone file;
    expires_s: when it is asked for again; is_stale: an old one, given because nobody answers; uses: how often."""

    name: str
    type: str
    outcome: str
    records: list[str]
    expires_s: int
    is_stale: bool
    uses: int


class DnsState(TypedDict):
    """Name servers in the order in which they are asked, questions on the wire, and what is remembered."""

    servers: list[DnsServer]
    questions_open: int
    answers: list[DnsAnswer]


class WaitingMessage(TypedDict):
    """An instant message that waits for a phone of its extension. number: the order of delivery; sender: URI of its
    From; size_octets: what it counts against the limit; expires_s: what is left; attempts: how often it was tried."""

    number: int
    extension: str
    sender: str
    content_type: str
    size_octets: int
    received_at: str
    expires_s: int
    attempts: int


class WatchedState(TypedDict):
    """A subscription (RFC 6665). target: the extension that is watched; package: of events; contact: the subscriber's
    URI; address: where notifications go; is_up_to_date: the subscriber has confirmed the present state."""

    target: str
    package: str
    watcher: str
    contact: str
    address: str
    transport: str
    expires_s: int
    is_up_to_date: bool
    call_id: str


class PublishedState(TypedDict):
    """What one phone has published (RFC 3903). basic: "open", "closed" or ""; activities: as RFC 4480 names them."""

    basic: str
    activities: list[str]
    note: str
    expires_s: int


class Presence(TypedDict):
    """What watchers are shown of an extension. basic: "open" or "closed"; publications: the youngest first."""

    extension: str
    basic: str
    is_registered: bool
    is_on_phone: bool
    publications: list[PublishedState]


class RecordQuestion(NamedTuple):
    """Which records. limit: the last so many, or with `after` the first so many above that number; party: who called or
    was called, "" for anybody; since: a moment, or how long ago, as it was written, "" for ever."""

    limit: int
    after: int | None = None
    party: str = ""
    since: str = ""


class Observed(Protocol):
    """The questions. now: monotonic seconds. What is iterated may be produced in pieces while the daemon works on."""

    def registrations(self, now: float) -> Iterable[Registration]:
        """Every binding that has not expired."""

    def calls(self, now: float, is_ended_included: bool) -> Iterable[Call]:
        """Calls in progress, oldest first; the last 100 ended ones before them when asked for."""

    def call(self, number: int, now: float) -> Call | None:
        """One call, None when there is none of this number (any more)."""

    def ladder(self, number: int) -> Ladder | None:
        """The traced messages of all legs of one call, None when there is no such call."""

    def explain_call(self, number: int, now: float) -> Explanation | None:
        """Why it went as it did, None when there is no such call, nor a record of it."""

    def trunks(self, now: float) -> Iterable[Trunk]:
        """Every trunk, in the order of the configuration."""

    def records(self, question: RecordQuestion, now: float) -> Iterable[Call]:
        """Calls that are over, out of their records, oldest first. Raises OperatorError."""

    def messages(self, now: float) -> Iterable[WaitingMessage]:
        """Instant messages that wait, by extension, in the order of delivery."""

    def subscriptions(self, now: float) -> Iterable[WatchedState]:
        """Who watches what, by the watched extension."""

    def presence(self, now: float) -> Iterable[Presence]:
        """Every extension, in order."""

    def statistics(self, now: float) -> Statistics:
        """The counts."""

    def tls(self, now: float) -> TlsState:
        """Certificates, and handshakes that failed."""

    def dns(self, now: float) -> DnsState:
        """Name servers and their answers."""

    def alarms(self, now: float) -> Iterable[Alarm]:
        """What is wrong now."""
