# SPDX-License-Identifier: Apache-2.0
"""An office that answers the control socket's questions from memory, for tests."""

from collections.abc import Iterator

from appliance.control.observed import (
    Alarm,
    Call,
    DnsState,
    Explanation,
    Leg,
    Presence,
    RecordQuestion,
    Registration,
    Statistics,
    TlsState,
    Trunk,
    WaitingMessage,
    WatchedState,
)
from appliance.diagnosis.ladder import Ladder
from appliance.errors import OperatorError


def make_registration(extension: str, expires_s: int = 3600, contact: str = "") -> Registration:
    return {"extension": extension, "contact": contact or f"sip:{extension}@192.168.1.11:5060",
            "source": "192.168.1.11:5060", "transport": "udp", "listener": "office", "expires_s": expires_s, "q": 1.0,
            "user_agent": "phone/1.0", "instance": "", "path": [], "registered_at": "2026-11-22T11:00:00Z"}


def make_leg(direction: str, number: str, state: str = "answered", status: int = 200) -> Leg:
    return {"target": f"sip:{number}@192.168.1.12:5060", "state": state, "status": status, "line": "office",
            "direction": direction, "number": number, "name": "", "address": "192.168.1.12:5060", "reason": "",
            "call_id": "a84b4c76e66710@192.168.1.11", "started_at": "2026-11-22T11:00:00.250Z", "answered_at": "",
            "ended_at": "", "codec": "", "packets_received": 0, "packets_sent": 0, "loss_percent": -1.0,
            "jitter_ms": -1.0, "opinion": 0.0}


def make_border_call(number: int) -> Call:
    """201 has called out over the carrier."""
    call = make_call(number)
    inside, outside = make_leg("incoming", "201"), make_leg("outgoing", "05033334444")
    heard = {"codec": "PCMU", "packets_received": 3000, "packets_sent": 2990, "jitter_ms": 1.25}
    inside.update(heard, address="192.168.1.11:5060", loss_percent=0.0, opinion=4.41)
    outside.update(heard, line="carrier", address="198.51.100.1:5060", loss_percent=2.5, opinion=4.05)
    call.update(caller_name="Reception", callee="05033334444", dialled="005033334444", trunk="carrier",
                legs=[inside, outside])
    return call


def make_trunk(name: str = "carrier", state: str = "up") -> Trunk:
    return {"name": name, "kind": "registered", "state": state, "fault": "", "reason": "",
            "server": "198.51.100.1:5060", "listener": "wan", "number": "05011112222",
            "registered_until": "2026-11-22T12:00:00Z", "channels_used": 1,
            "channels_limit": 4, "qualify_ms": 12.4, "is_emergency": True, "last_failure": "", "failed_at": ""}


def make_call(number: int, state: str = "answered", status: int = 200) -> Call:
    is_ended = state == "ended"
    is_answered = status == 200
    return {"number": number, "state": state, "caller": "201", "callee": "202",
            "caller_name": "", "dialled": "202", "cause": 0, "reason": "", "trunk": "", "is_emergency": False,
            "result": "answered" if is_answered else "busy", "ended_by": "callee" if is_ended else "",
            "started_at": "2026-11-22T11:00:00.250Z", "answered_at": "2026-11-22T11:00:04Z" if is_answered else "",
            "ended_at": "2026-11-22T11:01:09Z" if is_ended else "",
            "duration_s": 65 if is_answered else 0, "status": status, "call_id": "a84b4c76e66710@192.168.1.11",
            "legs": [make_leg("outgoing", "202", "answered" if is_answered else "refused", status)]}


class SampleOffice:
    """Satisfies control.observed.Observed."""

    def __init__(self) -> None:
        self.registered = [make_registration("201"), make_registration("202", 59)]
        self.known_calls = [make_call(1, "ended", 486), make_call(2)]
        self.raised: list[Alarm] = []
        self.known_trunks = [make_trunk()]
        self.kept = [make_call(number, "ended") for number in range(1, 1201)]
        self.questions: list[RecordQuestion] = []

    def registrations(self, now: float) -> Iterator[Registration]:
        yield from self.registered

    def calls(self, now: float, is_ended_included: bool) -> list[Call]:
        return [call for call in self.known_calls if is_ended_included or call["state"] != "ended"]

    def call(self, number: int, now: float) -> Call | None:
        return next((call for call in self.known_calls if call["number"] == number), None)

    def ladder(self, number: int) -> Ladder | None:
        if number != 2:
            return None
        return {"participants": [{"name": "201", "address": "192.168.1.11:5060"},
                                 {"name": "server", "address": "192.168.1.1:5060"}],
                "media": [], "messages": [{
                    "offset_s": 0.0, "source": "201", "target": "server", "transport": "udp", "label": "INVITE",
                    "start_line": "INVITE sip:202@office.test SIP/2.0", "method": "INVITE", "status": 0, "cseq": 1,
                    "call_id": "a84b4c76e66710@192.168.1.11", "is_retransmission": False, "size_octets": 400,
                    "text": "INVITE sip:202@office.test SIP/2.0\r\n\r\n"}]}

    def explain_call(self, number: int, now: float) -> Explanation | None:
        if number != 1:
            return None
        return {"number": 1, "cause": "busy", "sentence": "202 is busy", "remedy": "", "also": [],
                "evidence": [{"at": "2026-11-22T11:00:00.512Z", "text": "486 Busy Here to INVITE came from 192.0.2.1"},
                             {"at": "", "text": "nobody knows when"}]}

    def trunks(self, now: float) -> list[Trunk]:
        return self.known_trunks

    def records(self, question: RecordQuestion, now: float) -> Iterator[Call]:
        self.questions.append(question)
        if question.since == "never":
            raise OperatorError("since", "never", "a date")
        after = question.after or 0
        rows = [call for call in self.kept if call["number"] > after]
        for call in rows[:question.limit]:
            if question.party == "broken" and call["number"] > 150:
                raise OperatorError("records", "read", "a file that can be read")
            yield call

    def messages(self, now: float) -> list[WaitingMessage]:
        return [{"number": 7, "extension": "202", "sender": "sip:201@office.test", "content_type": "text/plain",
                 "size_octets": 312, "received_at": "2026-11-22T11:00:00Z", "expires_s": 604800, "attempts": 2}]

    def subscriptions(self, now: float) -> list[WatchedState]:
        return [{"target": "202", "package": "dialog", "watcher": "201", "contact": "sip:201@192.168.1.11:5060",
                 "address": "192.168.1.11:5060", "transport": "udp", "expires_s": 3000, "is_up_to_date": True,
                 "call_id": "lamp-1@192.168.1.11"}]

    def presence(self, now: float) -> list[Presence]:
        return [{"extension": "201", "basic": "open", "is_registered": True, "is_on_phone": True, "publications": []},
                {"extension": "202", "basic": "closed", "is_registered": True, "is_on_phone": False, "publications": [
                    {"basic": "closed", "activities": ["away", "meeting"], "note": "back at two", "expires_s": 60},
                    {"basic": "open", "activities": [], "note": "", "expires_s": 90}]}]

    def statistics(self, now: float) -> Statistics:
        return {"version": "0.1.0", "uptime_s": int(now), "resident_octets": 25 * 1048576, "is_overloaded": False,
                "messages_received": {"total": 3, "octets": 1200, "by_method": {"INVITE": 2}, "by_class": {"2xx": 1}},
                "messages_sent": {"total": 1, "octets": 400, "by_method": {}, "by_class": {"1xx": 1}},
                "calls": {"active": 1, "total": 2, "answered": 1, "failed_by_status": {"486": 1}},
                "discarded_by_reason": {"no_start_line": 4}, "transactions_open": 2, "bindings": 2,
                "counters": {"retransmissions_received": 5}, "alarms": self.raised}

    def dns(self, now: float) -> DnsState:
        return {"servers": [{"address": "192.0.2.53:53", "is_silent": False, "answers": 4, "silences": 1,
                             "last_ms": 12.5},
                            {"address": "192.0.2.54:53", "is_silent": True, "answers": 0, "silences": 2,
                             "last_ms": -1.0}],
                "questions_open": 1,
                "answers": [{"name": "_sip._udp.other.test", "type": "SRV", "outcome": "found",
                             "records": ["0 0 5060 one.other.test."], "expires_s": 3200, "is_stale": False, "uses": 2},
                            {"name": "one.other.test", "type": "A", "outcome": "found", "records": ["192.0.2.7"],
                             "expires_s": 21, "is_stale": True, "uses": 2},
                            {"name": "nowhere.test", "type": "NAPTR", "outcome": "absent", "records": [],
                             "expires_s": 290, "is_stale": False, "uses": 0}]}

    def tls(self, now: float) -> TlsState:
        return {"listeners": [{"listener": "office", "address": "192.168.1.1:5061", "certificate": "/etc/office.pem",
                               "names": ["office.test", "192.168.1.1"], "issuer": "Office CA",
                               "valid_from": "2026-01-01T00:00:00.000Z", "valid_until": "2026-12-31T00:00:00.000Z",
                               "days_left": 39, "fault": "", "connections": 3}],
                "failures": [{"failed_at": "2026-11-22T11:00:00.250Z", "listener": "office",
                              "peer": "other.test (192.0.2.7:5061)", "direction": "outgoing",
                              "reason": "expired on 2026-11-01"}]}

    def alarms(self, now: float) -> list[Alarm]:
        return self.raised
