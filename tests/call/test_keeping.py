# SPDX-License-Identifier: Apache-2.0
"""Calls over a crash of the call server: what is on disk and when, and that both ends notice nothing."""

import json

import pytest

from appliance.pbx.presence.engine_dialogs import EngineDialogs
from appliance.ua.usage_snapshot import CSEQ_AHEAD
from tests.call.surviving_calls import SurvivingCalls
from tests.call.virtual_calls import CARRIER
from tests.call.virtual_phone import read_media


@pytest.fixture
def office() -> SurvivingCalls:
    return SurvivingCalls()


def connect(office: SurvivingCalls, talk_s: float = 1.0):
    alice, bob = office.phone("201"), office.phone("202")
    mine, theirs = office.connect(alice, bob)
    office.run(talk_s)
    return mine, theirs


def hold(one, other, direction: str = "sendonly") -> None:
    """A re-INVITE that the other side answers."""
    one.request("INVITE", one.phone.describe(direction=direction, version=7))
    other.respond(200, other.pending[-1], other.phone.describe(direction="recvonly" if direction == "sendonly" else "",
                                                              port=40002, version=7))
    one.acknowledge()


def test_an_answered_call_is_on_disk_within_half_a_second_and_not_before_it_may_be_short(office):
    connect(office, talk_s=0.2)
    assert not office.disk.rows
    office.run(0.25)
    assert list(office.disk.rows) == [(1,)]


def test_a_call_that_ends_at_once_never_gets_there(office):
    mine, _theirs = connect(office, talk_s=0.1)
    mine.bye()
    office.run(3.0)
    assert office.disk.writes == 0


def test_the_end_of_a_call_takes_it_off_the_disk(office):
    mine, _theirs = connect(office)
    mine.bye()
    office.run(0.5)
    assert not office.disk.rows


def test_a_call_that_nobody_changes_is_written_once(office):
    connect(office, talk_s=600.0)
    assert office.disk.writes == 1


def test_calls_that_are_answered_together_are_one_write(office):
    alice, bob = office.phone("201"), office.phone("202")
    for _number in range(5):
        office.connect(alice, bob)
    office.run(1.0)
    assert office.disk.writes == 1
    assert len(office.disk.rows) == 5


def test_a_call_that_rings_is_not_on_disk_and_gone_after_a_crash(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.invite("202")
    bob.ringing.respond(180)
    office.run(5.0)
    assert not office.disk.rows
    assert office.relay.sessions
    assert office.crash() == 0
    assert not office.relay.sessions


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_the_next_process_has_the_call_and_either_side_ends_it(office, who):
    mine, theirs = connect(office, 100.0)
    before = office.engine.calls[1]
    heard = len(mine.heard), len(theirs.heard)
    assert office.crash() == 1
    office.run(60.0)
    assert (len(mine.heard), len(theirs.heard)) == heard      # nothing was sent
    assert not office.relay.commands
    (call,) = office.engine.calls.values()
    assert (call.number, call.state.name, call.answered_at) == (1, "ANSWERED", pytest.approx(before.answered_at))
    one, other = (mine, theirs) if who == "caller" else (theirs, mine)
    one.bye()
    assert one.last(200, "BYE")
    assert other.has_left
    office.check_clean()
    (record,) = office.records.kept
    assert (record.number, record.result, record.ended_by) == (1, "answered", who)
    assert (record.started_at, record.answered_at) == (before.record.started_at, before.record.answered_at)
    assert record.ended_at - record.answered_at == pytest.approx(161.0, abs=0.2)
    assert [(leg.direction, leg.number, leg.status, leg.call_id) for leg in record.legs] == [
        ("incoming", "201", 200, mine.call_id), ("outgoing", "202", 200, theirs.call_id)]
    assert not office.disk.rows


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_hold_and_resume_work_after_it(office, who):
    mine, theirs = connect(office)
    office.crash()
    one, other = (mine, theirs) if who == "caller" else (theirs, mine)
    session, = office.relay.sessions
    hold(one, other)
    asked = other.got("INVITE")[-1]
    assert b"a=sendonly" in asked.body
    assert asked.cseq > CSEQ_AHEAD or other is mine
    assert b"a=recvonly" in one.last(200, "INVITE").body
    assert office.relay.held == {session: True}
    hold(one, other, "sendrecv")
    assert office.relay.held == {session: False}
    assert list(office.relay.sessions) == [session]
    mine.bye()
    office.check_clean()


def test_what_is_said_after_it_continues_the_session_of_before(office):
    """RFC 3264 8: the same o= line with a version one higher, the same ports."""
    mine, theirs = connect(office)
    before = theirs.invite.body.splitlines()[1].split()
    ports = read_media(theirs.invite)
    office.crash()
    hold(mine, theirs)
    after = theirs.got("INVITE")[-1]
    origin = after.body.splitlines()[1].split()
    assert origin[:2] + origin[3:] == before[:2] + before[3:]
    assert int(origin[2]) == int(before[2]) + 1
    assert read_media(after) == ports


def test_a_held_call_is_held_after_it(office):
    mine, theirs = connect(office)
    hold(mine, theirs)
    office.run(1.0)
    office.crash()
    (call,) = office.engine.calls.values()
    assert call.bridge.pair.is_held
    hold(mine, theirs, "sendrecv")
    assert not call.bridge.pair.is_held


def test_it_outlives_crash_after_crash(office):
    mine, theirs = connect(office)
    for _time in range(3):
        assert office.crash() == 1
        office.run(1.0)
        hold(mine, theirs)
        hold(mine, theirs, "sendrecv")
        office.run(1.0)
    numbers = [message.cseq for message in theirs.got("INVITE")[1:]]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 3 * CSEQ_AHEAD
    theirs.bye()
    office.check_clean()


def test_a_phone_that_moves_is_found_where_it_is(office):
    mine, theirs = connect(office)
    moved = office.phones["202"]
    del office.by_address[moved.address]
    moved.address = ("192.168.1.12", 6060)
    office.by_address[moved.address] = moved
    theirs.request("OPTIONS")
    office.run(20.0)
    office.crash()
    office.watches_topology = False
    mine.bye()
    assert theirs.has_left


def test_sequence_numbers_that_run_away_are_written(office):
    mine, theirs = connect(office)
    writes = office.disk.writes
    for _number in range(CSEQ_AHEAD // 2 + 10):
        mine.request("INFO", b"Signal=1\r\n", "Content-Type: application/dtmf-relay\r\n")
        theirs.respond(200, theirs.pending[-1])
    office.run(20.0)
    assert office.disk.writes == writes + 1
    saved = json.loads(office.disk.rows[1,].snapshot)
    assert max(leg["usage"]["local_cseq"] for leg in saved["legs"]) > CSEQ_AHEAD // 2


def test_a_call_over_a_trunk_counts_as_one_of_its_channels_again():
    office = SurvivingCalls(CARRIER)
    alice, carrier = office.phone("201"), office.carrier()
    mine, theirs = office.connect(alice, carrier, "0312345678")
    office.run(1.0)
    assert office.crash() == 1
    assert office.gateway.trunks["carrier"].calls == 1
    theirs.bye()
    assert mine.has_left
    office.check_clean()
    assert office.records.kept[0].trunk == "carrier"


def test_a_call_whose_trunk_is_gone_is_ended_at_the_phone():
    office = SurvivingCalls(CARRIER)
    alice, carrier = office.phone("201"), office.carrier()
    mine, _theirs = office.connect(alice, carrier, "0312345678")
    office.run(1.0)
    office._find_line = lambda name: office.office.line if name == "office" else None
    office.crash()
    assert mine.has_left
    assert b"503" in mine.got("BYE")[0].header(b"Reason")
    office.check_clean()
    (record,) = office.records.kept
    assert (record.ended_by, record.reason, record.trunk) == ("server", "lost in a restart", "carrier")


def test_a_call_that_has_a_record_already_is_over(office):
    mine, _theirs = connect(office)
    office.ended.add(1)
    assert office.crash() == 0
    assert not office.disk.rows
    assert not office.relay.sessions
    heard = len(mine.heard)
    office.run(5.0)
    assert len(mine.heard) == heard


@pytest.mark.parametrize("snapshot", ["", "{}", "[]", '{"form": 2}', '{"form": 1, "dialled": 3}'])
def test_what_cannot_be_read_is_dropped(office, snapshot):
    connect(office)
    office.disk.rows[1,] = office.disk.rows[1,]._replace(snapshot=snapshot)
    assert office.crash() == 0
    office.run(1.0)
    assert not office.disk.rows
    assert not office.relay.sessions


@pytest.mark.parametrize("what", ["pair", "bridge", "legs"])
def test_what_can_be_read_in_part_is_ended(office, what):
    mine, theirs = connect(office)
    saved = json.loads(office.disk.rows[1,].snapshot)
    if what == "legs":
        saved["legs"][1]["usage"]["call_id"] = 7
    else:
        saved[what] = {}
    office.disk.rows[1,] = office.disk.rows[1,]._replace(snapshot=json.dumps(saved))
    office.crash()
    assert mine.has_left
    assert theirs.has_left or what == "legs"
    office.check_clean()


def test_numbers_go_on_above_those_of_the_calls(office):
    connect(office)
    office.crash()
    alice = office.phones["201"]
    office.register("202", office.phones["202"].address)
    office.connect(alice, office.phones["202"])
    assert list(office.engine.calls) == [1, 2]


def test_a_clock_that_is_wrong_does_not_put_a_call_into_the_future(office):
    connect(office)
    office.wall_lag = 10_000.0
    office.crash()
    (call,) = office.engine.calls.values()
    assert call.answered_at <= office.now


def test_calls_without_their_relay_get_media_anew(office):
    mine, theirs = connect(office)
    office.crash(has_relay=False)
    asked = theirs.got("INVITE")[-1]
    theirs.respond(200, asked, theirs.phone.describe(port=40002))
    offered = mine.got("INVITE")[-1]
    mine.respond(200, offered, mine.phone.describe())
    session, = office.relay.sessions
    ports = {port.port for port in office.relay.sessions[session]}
    assert ports == {read_media(asked)[0][1], read_media(offered)[0][1]}
    mine.bye()
    office.check_clean()


def test_a_transferred_call_goes_on_between_those_who_talk(office):
    mine, theirs = connect(office)
    carol = office.phone("203")
    office.watches_topology = False
    theirs.request("REFER", b"", "Refer-To: <sip:203@192.168.1.1>\r\nContact: <sip:202@192.168.1.12:5060>\r\n")
    target = carol.ringing
    target.respond(180)
    target.answer()
    mine.respond(200, mine.pending[-1], mine.phone.describe(version=5))
    for notice in tuple(theirs.pending):
        theirs.respond(200, notice)
    office.run(3.0)
    if not theirs.has_left:
        theirs.bye()
    office.run(1.0)
    assert office.crash() == 1
    (call,) = office.engine.calls.values()
    assert [leg.party.number for leg in call.bridge.legs] == [b"201", b"203"]
    hold(mine, target)
    target.bye()
    assert mine.has_left
    office.check_clean()
    (record,) = office.records.kept
    assert (record.number, record.callee) == (1, "203")
    assert [leg.number for leg in record.legs] == ["201", "202", "203"]
    assert all(leg.ended_at for leg in record.legs)


def test_a_transferor_that_waits_is_let_go_by_the_next_process(office):
    mine, theirs = connect(office)
    carol = office.phone("203")
    office.watches_topology = False
    theirs.request("REFER", b"", "Refer-To: <sip:203@192.168.1.1>\r\nContact: <sip:202@192.168.1.12:5060>\r\n")
    carol.ringing.answer()
    mine.respond(200, mine.pending[-1], mine.phone.describe(version=5))
    office.run(0.5)         # it has not hung up yet
    assert not theirs.has_left
    office.crash()
    assert theirs.has_left
    assert not mine.has_left
    mine.bye()
    assert carol.ringing.has_left


def test_lamps_show_the_calls_of_before(office):
    mine, theirs = connect(office)
    office.crash()
    dialogs = EngineDialogs(office.engine, b"192.168.1.1")
    for one, is_caller in ((mine, True), (theirs, False)):
        (dialog,) = dialogs.dialogs_of(one.phone.user.encode(), office.now)
        assert (dialog.state, dialog.call_id.decode(), dialog.is_initiator) == (b"confirmed", one.call_id, is_caller)
        assert dialogs.is_talking(one.phone.user.encode())
