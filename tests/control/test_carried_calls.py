# SPDX-License-Identifier: Apache-2.0
"""Calls that the engine carries, as the control socket tells them: legs, sound, records, the ladder of both legs."""

import json

import pytest

from appliance.call.call_record import CallRecord
from appliance.console.operate import show_call, show_calls, show_ladder
from appliance.control import observed
from appliance.control.office_view import Machine, OfficeView
from appliance.diagnosis import ladder
from appliance.diagnosis.trace import Trace
from tests.control.answering import answer_line
from tests.control.test_office_view import check_shape
from tests.pbx.presence.test_engine_dialogs import CarriedOffice, leave, ring, take
from tests.pbx.proxy.virtual_office import A, C, answer, head
from tests.pbx.virtual_relay import speech

WALL_OFFSET = 1_700_000_000.0 - 1000.0


class KeptRecords:
    """Satisfies call.call_record.RecordStore and control.call_view.Records."""

    def __init__(self) -> None:
        self.records: dict[int, CallRecord] = {}

    def keep(self, record: CallRecord) -> None:
        self.records[record.number] = record

    def find(self, number: int) -> CallRecord | None:
        return self.records.get(number)

    def read(self, query):
        yield from list(self.records.values())[-query.limit:]


class TracedOffice(CarriedOffice):
    """Everything that comes and goes is traced, and the console may ask."""

    def __init__(self, more: str = "") -> None:
        self.trace = Trace()
        super().__init__(more)
        self.kept = KeptRecords()
        self.office.calls.records = self.kept
        machine = Machine(0.0, lambda: WALL_OFFSET, lambda: 30_000_000, dict)
        machine.records = self.kept
        self.view = OfficeView(self.office, self.trace, machine)

    def send(self, source, octets, transport=b"UDP") -> None:
        listener = next(one for one in self.listeners if one.transport == transport)
        self.trace.append_received([(octets, self._flow_to(listener, source[0].encode(), source[1]))], self.now)
        super().send(source, octets, transport)

    def take(self):
        for listener in self.listeners:
            self.trace.append_sent(tuple(listener.outbox), self.now)
        return super().take()

    def ask(self, command: str):
        line = json.dumps({"id": 1, "command": command.split()}).encode()
        told = json.loads(b"".join(answer_line(line, self.view, self.now)))
        assert told["ok"], told
        return told["result"]


@pytest.fixture
def office() -> TracedOffice:
    office = TracedOffice()
    office.register("202", C)
    return office


def talk(office: TracedOffice, seconds: float = 20.0):
    """201 calls 202, they talk, 201 hangs up."""
    invite = ring(office)
    office.advance(0.25)
    office.send(C, answer(invite, 180))
    office.advance(1.0)
    accepted = take(office, invite)
    office.advance(seconds)
    return accepted


def test_a_call_of_the_engine_has_both_legs(office):
    talk(office)
    (call,) = office.ask("show calls")
    check_shape(call, observed.Call)
    assert (call["number"], call["state"], call["caller"], call["callee"]) == (1, "answered", "201", "202")
    assert (call["result"], call["status"], call["call_id"], call["duration_s"]) == ("answered", 200, "talk", 20)
    inside, outside = call["legs"]
    assert (inside["direction"], inside["number"], inside["address"]) == ("incoming", "201", "192.168.1.11:5060")
    assert (outside["direction"], outside["number"], outside["address"]) == ("outgoing", "202", "192.168.1.12:5060")
    assert [leg["state"] for leg in call["legs"]] == ["answered", "answered"]
    assert inside["call_id"] == "talk" != outside["call_id"]
    assert "outgoing" not in show_calls.render([call])
    assert "192.168.1.12:5060" in show_call.render(call)


def test_calls_of_proxy_and_engine_share_their_numbers(office):
    accepted = talk(office)
    office.office.dialogs.open_call(ring(office, call_id="other"), b"203", office._flow_to(
        office.listeners[0], b"192.168.1.13", 5060), office.now)
    assert [call["number"] for call in office.ask("show calls")] == [1, 2, 3]
    leave(office, accepted)
    assert [call["number"] for call in office.ask("show calls all")] == [1, 2, 3]


def test_what_was_heard_stands_in_the_record(office):
    accepted = talk(office)
    office.relay.figures = (speech(1000), speech(980, lost=20, jitter_ms=4.0))
    leave(office, accepted)
    record = office.kept.records[1]
    assert [leg.packets_received for leg in record.legs] == [1000, 980]
    (call,) = office.ask("show records")
    check_shape(call, observed.Call)
    assert [leg["loss_percent"] for leg in call["legs"]] == [0.0, 2.0]
    assert [leg["packets_sent"] for leg in call["legs"]] == [980, 1000]
    assert (call["state"], call["result"], call["ended_by"]) == ("ended", "answered", "caller")


def test_how_a_call_sounds_is_shown_while_it_goes_on_and_falls_when_the_network_gets_worse(office):
    accepted = talk(office, 9.0)
    opinions = []
    for packets, lost in ((500, 0), (1000, 0), (1400, 100), (1900, 100)):
        office.relay.figures = (speech(packets, lost), speech(packets))
        office.advance(10.0)
        office.relay.tell(office.now)
        (call,) = office.ask("show calls")
        opinions.append(call["legs"][0]["opinion"])
        assert call["legs"][0]["packets_received"] == packets
        assert call["legs"][0]["codec"] == "PCMU"
    assert opinions[0] == opinions[1] == opinions[3]
    assert opinions[2] < opinions[1] - 1.0
    leave(office, accepted)
    record = office.kept.records[1]
    assert opinions[2] < record.legs[0].opinion < opinions[0] < record.legs[1].opinion + 0.01
    assert [leg.codec for leg in record.legs] == ["PCMU", "PCMU"]
    assert record.legs[0].packets_received == 1900
    assert record.legs[0].address == "192.168.1.11:5060"


def test_nobody_talks_and_no_timer_runs(office):
    leave(office, talk(office))
    office.advance(60.0)
    assert office.office.stack.next_deadline() is None or office.office.stack.next_deadline() > office.now + 60.0
    assert office.relay.asked == []


def test_an_old_call_is_shown_and_explained_from_its_record(office):
    accepted = talk(office)
    leave(office, accepted)
    office.office.calls.ended.clear()
    assert office.ask("show call 1")["state"] == "ended"
    explained = office.ask("explain call 1")
    check_shape(explained, observed.Explanation)
    assert explained["cause"] in ("good", "no_audio")


def test_the_ladder_has_both_legs_in_one(office):
    accepted = talk(office)
    office.relay.figures = (speech(1000), speech(980))
    leave(office, accepted)
    shown = office.ask("show call 1 ladder")
    check_shape(shown, ladder.Ladder)
    assert [lane["name"] for lane in shown["participants"]] == ["201", "server", "202"]
    assert len({message["call_id"] for message in shown["messages"]}) == 2
    assert [(one["source"], one["target"], one["label"]) for one in shown["messages"][:5]] == [
        ("201", "server", "INVITE"), ("server", "202", "INVITE"), ("server", "201", "100 Trying"),
        ("202", "server", "180 X"), ("server", "201", "180 Ringing")]
    text = show_ladder.render(shown)
    assert "RTP 1000" in text
    assert "# 201 spoke" in text
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("#"))


def test_a_call_that_is_refused_counts_by_its_status(office):
    invite = ring(office)
    office.send(C, answer(invite, 486))
    office.settle()
    office.send(A, head("ACK", "sip:202@192.168.1.1", A, "italk", "201", "202", 1, "talk", "x"))
    office.advance(1.0)
    calls = office.ask("show statistics")["calls"]
    assert (calls["total"], calls["active"], calls["failed_by_status"]) == (1, 0, {"486": 1})
    (call,) = office.ask("show calls all")
    assert (call["result"], call["status"]) == ("busy", 486)
