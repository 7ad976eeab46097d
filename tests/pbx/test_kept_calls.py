# SPDX-License-Identifier: Apache-2.0
"""Calls that outlive the process: what is written, what is not, and what watchers and phones see after a restart."""

import pytest

from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.pbx.call_row import CALL_LIFE_S
from appliance.pbx.dialog_table import CallState
from appliance.pbx.presence.restoring_events import EventRestorer
from appliance.pbx.restoring_calls import CallRestorer
from appliance.system.store.subscription_store import EventRows
from appliance.vocabulary.journal import SilentJournal
from tests.pbx.presence.event_office import (
    DIALOG_INFO,
    PHONES,
    EventOffice,
    MemoryRows,
    call,
    document,
    hang_up,
    pick_up,
)
from tests.pbx.proxy.virtual_office import A, C, answer, head
from tests.work import assert_in_proportion, count_work

WALL_OFFSET = 1_700_000_000.0


class KeepingOffice(EventOffice):
    """An office whose calls are on a disk; 203 watches 202."""

    def __init__(self, more: str = "") -> None:
        self.call_rows = MemoryRows()
        super().__init__(more)
        for user in ("201", "202"):
            self.register(user, PHONES[user])
        self.subscribe("203", "202", "dialog", 80_000)
        self.notifies()

    def _assemble(self):
        surroundings = Surroundings(self._flow_to, self._octets, SilentJournal())
        surroundings.signing_key = self.signing_key
        surroundings.subscription_store = self.subscription_rows
        surroundings.publication_store = self.publication_rows
        surroundings.call_store = self.call_rows
        surroundings.wall_offset = WALL_OFFSET
        return assemble_office(self.configuration, self.listeners, surroundings)

    def restart(self, lost_s: float = 0.0) -> int:
        """kill -9, and `lost_s` seconds later a new process; how many calls it takes up."""
        for listener in self.listeners:
            listener.outbox.clear()
        self.now += lost_s
        self.office = self._assemble()
        wall_now = self.now + WALL_OFFSET
        restored = CallRestorer(self.office.dialogs, self.office.stack.timers, self.find_flow).restore(
            sorted(self.call_rows.rows.values()), self.now, wall_now)
        rows = EventRows(list(self.subscription_rows.rows.values()), [])
        EventRestorer(self.office.events, self.find_flow).restore(rows, self.now, wall_now)
        self.settle()
        return restored

    def calls(self):
        return self.office.dialogs.calls()


@pytest.fixture
def office() -> KeepingOffice:
    return KeepingOffice()


def dialogs_of(notify) -> list[tuple[str, str, str]]:
    return [(dialog.get("call-id"), dialog.findtext(f"{DIALOG_INFO}state"), dialog.findtext(f"{DIALOG_INFO}duration"))
            for dialog in document(notify).iter(f"{DIALOG_INFO}dialog")]


def test_call_is_written_a_moment_after_its_answer_and_taken_out_when_it_ends(office):
    accepted = pick_up(office, call(office, "201", "202"))
    office.advance(1.5)
    assert office.call_rows.rows == {}
    office.advance(1)
    (row,) = office.call_rows.rows.values()
    assert (row.call_id, row.callee_tag, row.callee_uri) == (b"talk", b"callee", b"sip:202@192.168.1.12:5060")
    hang_up(office, accepted)
    office.advance(1.5)
    assert office.call_rows.rows == {}


def test_short_calls_and_calls_that_nobody_answers_are_never_written(office):
    for number in range(5):
        hang_up(office, pick_up(office, call(office, "201", "202", f"short{number}")))
        office.advance(40)
    office.send(C, answer(call(office, "201", "202", "busy"), 486))
    office.advance(10)
    assert office.call_rows.writes == 0


def test_many_calls_share_their_writes(office):
    for number in range(10):
        pick_up(office, call(office, "201", "202", f"c{number}"))
        office.advance(0.1)
    office.advance(4)
    assert len(office.call_rows.rows) == 10
    assert office.call_rows.writes <= 2


def test_after_a_restart_the_lamp_shows_the_call_and_bye_of_the_caller_ends_it(office):
    accepted = pick_up(office, call(office, "201", "202"))
    office.advance(30)
    office.notifies()
    assert office.restart(10) == 1
    (full,) = office.notifies()
    assert document(full).get("state") == "full"
    assert dialogs_of(full) == [("talk", "confirmed", "40")]
    hang_up(office, accepted)
    (end,) = office.notifies()
    state = next(document(end).iter(f"{DIALOG_INFO}state"))
    assert (state.text, state.get("event")) == ("terminated", "remote-bye")
    office.advance(2)
    assert office.call_rows.rows == {}
    assert office.calls() == []


def test_after_a_restart_bye_of_the_callee_ends_it_without_any_record_route():
    office = KeepingOffice("set sip record-route false\n")
    pick_up(office, call(office, "201", "202"))
    office.advance(5)
    office.restart()
    office.notifies()
    office.send(C, head("BYE", "sip:201@192.168.1.11:5060", C, "bye", "202", "201", 1, "talk", "from201", "callee"))
    ((bye, address),) = office.take()
    assert (bye.method, address) == (b"BYE", A)
    office.send(A, answer(bye, 200))
    office.settle()
    (end,) = office.notifies()
    assert next(document(end).iter(f"{DIALOG_INFO}state")).get("event") == "local-bye"


def test_restored_call_is_what_it_was(office):
    pick_up(office, call(office, "201", "202"))
    office.advance(5)
    (before,) = office.calls()
    office.restart(5)
    (after,) = office.calls()
    assert after is not before
    for name in ("number", "key", "caller", "callee", "callee_extension", "callee_hostport", "caller_identity",
                 "caller_uri", "caller_flow", "callee_tags", "state", "result", "kept_tags"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.started_at == pytest.approx(before.started_at)
    assert after.answered_at == pytest.approx(before.answered_at)
    assert after.answers[b"callee"].flow is before.answers[b"callee"].flow
    assert [leg.state for leg in after.legs] == ["answered"]


def test_numbers_go_on_above_those_of_restored_calls(office):
    for number in range(3):
        pick_up(office, call(office, "201", "202", f"c{number}"))
    office.advance(5)
    office.restart()
    office.register("202", C)
    pick_up(office, call(office, "201", "202", "new"))
    assert [(one.number, one.call_id) for one in office.calls()] == [(1, b"c0"), (2, b"c1"), (3, b"c2"), (4, b"new")]
    assert office.office.dialogs.total == 1


def test_one_of_two_phones_that_answered_has_gone_and_the_other_is_restored(office):
    other = ("192.168.1.14", 5060)
    office.register("202", other)
    office.send(A, head("INVITE", "sip:202@192.168.1.1", A, "fork", "201", "202", call_id="fork",
                        extra="Contact: <sip:201@192.168.1.11:5060>\r\n"))
    invites = {a: m for m, a in office.take() if m.method == b"INVITE" and m.is_request}
    for phone, tag in ((C, "c"), (other, "e")):
        office.send(phone, answer(invites[phone], 200, tag, f"Contact: <sip:202@{phone[0]}:5060>\r\n"))
    office.advance(4)
    assert sorted(key[1] for key in office.call_rows.rows) == [b"c", b"e"]
    office.send(A, head("BYE", "sip:202@192.168.1.12:5060", A, "bye", "201", "202", 2, "fork", "c"))
    (bye,) = [message for message in office.settle() if message.is_request]
    office.send(C, answer(bye, 200))
    office.advance(4)
    assert [key[1] for key in office.call_rows.rows] == [b"e"]
    office.restart()
    (restored,) = office.calls()
    assert restored.callee_tags == [b"e"]
    assert restored.answers[b"e"].uri == b"sip:202@192.168.1.14:5060"


def test_target_that_has_moved_is_the_one_that_is_restored(office):
    pick_up(office, call(office, "201", "202"))
    office.advance(4)
    office.send(A, head("UPDATE", "sip:202@192.168.1.12:5060", A, "up", "201", "202", 2, "talk", "callee",
                        extra="Contact: <sip:201@192.168.1.11:5062>\r\n"))
    (update,) = [message for message in office.settle() if message.is_request]
    office.send(C, answer(update, 200, extra="Contact: <sip:202@192.168.1.12:5060>\r\n"))
    office.advance(4)
    office.restart()
    (restored,) = office.calls()
    assert restored.caller_uri == b"sip:201@192.168.1.11:5062"


def test_restored_call_whose_bye_was_missed_ends_twelve_hours_after_its_answer(office):
    pick_up(office, call(office, "201", "202"))
    office.advance(5)
    office.restart(3600)
    assert len(office.calls()) == 1
    office.now += CALL_LIFE_S - 3610
    office.settle()
    assert len(office.calls()) == 1
    office.now += 10
    office.settle()
    assert office.calls() == []
    assert office.office.dialogs.ended[-1].ended_by == "server"
    office.advance(2)
    assert office.call_rows.rows == {}


def test_call_that_is_too_old_is_not_taken_up_and_its_row_goes(office):
    pick_up(office, call(office, "201", "202"))
    office.advance(5)
    assert office.restart(CALL_LIFE_S) == 0
    assert office.calls() == []
    assert office.call_rows.rows == {}


def test_call_over_a_listener_that_is_gone_is_not_taken_up(office):
    pick_up(office, call(office, "201", "202"))
    office.advance(5)
    (key, row), = office.call_rows.rows.items()
    office.call_rows.rows[key] = row._replace(caller_listener="removed")
    assert office.restart() == 0
    assert office.call_rows.rows == {}


def test_stopping_hands_over_what_was_answered_a_moment_ago(office):
    pick_up(office, call(office, "201", "202"))
    office.office.dialogs.kept.flush()
    assert office.restart() == 1
    assert office.calls()[0].state is CallState.ANSWERED


def test_wall_clock_that_is_set_has_every_call_written_anew(office):
    pick_up(office, call(office, "201", "202"))
    office.advance(5)
    (before,) = office.call_rows.rows.values()
    office.office.dialogs.set_wall_offset(WALL_OFFSET + 1, office.now)
    office.advance(5)
    assert list(office.call_rows.rows.values()) == [before]
    office.office.dialogs.set_wall_offset(WALL_OFFSET + 3600, office.now)
    office.advance(5)
    (after,) = office.call_rows.rows.values()
    assert after.answered_wall_s == pytest.approx(before.answered_wall_s + 3600)


def test_keeping_a_call_takes_the_same_work_however_many_are_kept(office):
    """Noting the answer, its share of the hand-over with its row, and taking the row out again."""
    pick_up(office, call(office, "201", "202"))
    (one,) = office.calls()
    kept = office.office.dialogs.kept

    def prepare(count):
        copies = [type(one)(one.number, one.call_id, one.caller_tag, one.caller, one.caller_flow)
                  for _ in range(count)]
        for copy in copies:
            copy.callee_tags, copy.answers = one.callee_tags, one.answers

        def act():
            for copy in copies:
                kept.note_change(copy, office.now)
            kept.flush()
            for copy in copies:
                kept.note_end(copy, office.now)
            kept.flush()
        return act
    assert_in_proportion(prepare, 100)
    assert count_work(prepare(100)) < 100 * 370     # 250 with Python 3.11
