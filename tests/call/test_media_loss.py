# SPDX-License-Identifier: Apache-2.0
"""Calls whose relay is lost, whose phones fall silent, whose carrier sees us at another address."""

import pytest

from tests.call.surviving_calls import SurvivingCalls
from tests.call.virtual_calls import CARRIER
from tests.call.virtual_phone import read_media
from tests.pbx.virtual_relay import SILENCE, speech

RELAY_LOST = "the media relay was lost"


@pytest.fixture
def office() -> SurvivingCalls:
    return SurvivingCalls()


def connect(office: SurvivingCalls):
    mine, theirs = office.connect(office.phone("201"), office.phone("202"))
    office.run(1.0)
    return mine, theirs


def accept_renewal(office: SurvivingCalls, first, second, directions: tuple[str, str] = ("", "")) -> None:
    """Both sides answer the offer of new media."""
    second.respond(200, second.pending[-1], second.phone.describe(port=40002, version=9, direction=directions[1]))
    first.respond(200, first.pending[-1], first.phone.describe(version=9, direction=directions[0]))
    office.run(1.0)


# the relay


def test_a_call_that_stands_gets_other_ports_on_both_sides(office):
    mine, theirs = connect(office)
    before = set(office.relay.sessions)
    office.lose_relay()
    accept_renewal(office, mine, theirs)
    session, = office.relay.sessions
    assert session not in before
    ports = {port.port for port in office.relay.sessions[session]}
    assert ports == {read_media(one.got("INVITE")[-1])[0][1] for one in (mine, theirs)}
    mine.bye()
    office.check_clean()
    assert office.records.kept[0].reason == ""


def test_a_held_call_stays_held(office):
    mine, theirs = connect(office)
    mine.request("INVITE", mine.phone.describe(direction="sendonly", version=7))
    theirs.respond(200, theirs.pending[-1], theirs.phone.describe(port=40002, direction="recvonly", version=7))
    mine.acknowledge()
    office.lose_relay()
    assert b"a=sendonly" in theirs.got("INVITE")[-1].body
    accept_renewal(office, mine, theirs, ("sendonly", "recvonly"))
    assert b"a=recvonly" in mine.got("INVITE")[-1].body
    session, = office.relay.sessions
    assert office.relay.held[session]
    mine.bye()
    office.check_clean()


@pytest.mark.parametrize("status", [488, 603])
def test_a_call_whose_phone_wants_no_other_media_ends_with_a_reason(office, status):
    mine, theirs = connect(office)
    office.lose_relay()
    theirs.respond(status, theirs.pending[-1])
    assert mine.has_left
    assert theirs.has_left
    office.check_clean()
    assert office.records.kept[0].reason == RELAY_LOST


def test_a_phone_that_is_busy_with_a_change_is_asked_when_it_is_done(office):
    mine, theirs = connect(office)
    mine.request("INVITE", mine.phone.describe(direction="sendonly", version=7))
    asked = theirs.pending[-1]
    office.lose_relay()
    theirs.respond(200, asked, theirs.phone.describe(port=40002, direction="recvonly", version=7))
    mine.acknowledge()
    office.run(2.0)
    accept_renewal(office, mine, theirs, ("sendonly", "recvonly"))
    assert len(office.relay.sessions) == 1
    mine.bye()
    office.check_clean()


def test_a_call_that_rings_rings_on_and_gets_media_with_its_answer(office):
    alice, bob = office.phone("201"), office.phone("202")
    mine = alice.invite("202")
    theirs = bob.ringing
    theirs.respond(180)
    before = set(office.relay.sessions)
    office.lose_relay()
    assert not mine.last(503)
    theirs.answer()
    mine.acknowledge()
    office.tell_figures()
    office.run(1.0)
    accept_renewal(office, mine, theirs)
    session, = office.relay.sessions
    assert session not in before
    mine.bye()
    office.check_clean()


def test_an_invite_that_comes_while_the_relay_is_replaced_waits_for_the_next_one(office):
    alice, bob = office.phone("201"), office.phone("202")
    office.relay.ports_left, office.relay.is_awaited = 0, True
    mine = alice.invite("202")
    office.run(0.5)
    assert mine.statuses == [100]
    assert not bob.calls
    office.relay.ports_left, office.relay.is_awaited = None, False
    office.run(0.2)
    bob.ringing.answer()
    mine.acknowledge()
    assert mine.last(200)
    mine.bye()
    office.check_clean()


def test_it_waits_two_seconds_and_not_for_ever(office):
    alice, bob = office.phone("201"), office.phone("202")
    office.relay.ports_left, office.relay.is_awaited = 0, True
    mine = alice.invite("202")
    office.run(1.5)
    assert mine.statuses == [100]
    office.run(1.5)
    assert mine.last().status == 503
    assert not bob.calls
    office.check_clean()


def test_who_gives_up_while_the_relay_is_replaced_rings_nobody(office):
    alice, bob = office.phone("201"), office.phone("202")
    office.relay.ports_left, office.relay.is_awaited = 0, True
    mine = alice.invite("202")
    office.run(0.5)
    mine.cancel()
    office.relay.ports_left, office.relay.is_awaited = None, False
    office.run(3.0)
    assert mine.last().status == 487
    assert not bob.calls
    office.check_clean()


def test_a_relay_that_is_lost_again_meanwhile_is_replaced_again(office):
    mine, theirs = connect(office)
    office.lose_relay()
    second = set(office.relay.sessions)
    office.lose_relay()
    accept_renewal(office, mine, theirs)
    office.run(1.0)
    accept_renewal(office, mine, theirs)
    (call,) = office.engine.calls.values()
    assert second.isdisjoint(call.bridge.pair.list_sessions())
    assert len({message.cseq for message in theirs.got("INVITE")}) == 3
    mine.bye()
    office.check_clean()


# silence


def fall_silent(office: SurvivingCalls, side: int, figures=None) -> None:
    session, = office.relay.sessions
    office.relay.user.leg_silent(session, side, figures or speech(), office.now)
    office.settle()


def test_a_phone_that_was_unplugged_frees_the_call_within_25_s_of_its_silence(office):
    mine, theirs = connect(office)
    del office.by_address[theirs.phone.address]
    office.watches_topology = False
    fall_silent(office, 1)
    office.run(25.0)
    assert mine.has_left
    assert not office.engine.calls
    office.run(40.0)
    office.tell_figures()
    (record,) = office.records.kept
    assert (record.reason, record.ended_by) == ("network lost", "server")
    assert record.legs[1].reason == "network lost"


def test_a_phone_that_is_only_mute_is_asked_again_and_again_and_lives(office):
    mine, theirs = connect(office)
    fall_silent(office, 1)
    for _time in range(10):
        theirs.respond(200, theirs.pending[-1])
        office.run(50.0)
    theirs.respond(200, theirs.pending[-1])
    assert len({message.cseq for message in theirs.got("OPTIONS")}) > 8
    assert list(office.engine.calls) == [1]
    session, = office.relay.sessions
    office.relay.user.leg_heard(session, 1, office.now)
    asked = len(theirs.got("OPTIONS"))
    office.run(300.0)
    assert len(theirs.got("OPTIONS")) == asked
    mine.bye()
    office.check_clean()


def test_a_mute_phone_that_is_unplugged_later_is_found_out(office):
    mine, theirs = connect(office)
    fall_silent(office, 1)
    theirs.respond(200, theirs.pending[-1])
    office.run(80.0)
    assert mine.has_left


def test_a_silence_that_began_while_nobody_listened_is_looked_at(office):
    mine, theirs = connect(office)
    office.figures = (speech(last_s=office.now), speech(last_s=office.now - 60.0))
    office.crash()
    assert theirs.labels[-1] == "OPTIONS"
    assert "OPTIONS" not in mine.labels


def test_a_phone_that_was_never_heard_is_left_alone(office):
    _mine, theirs = connect(office)
    fall_silent(office, 1, SILENCE)
    office.run(60.0)
    assert "OPTIONS" not in theirs.labels


# our address


@pytest.fixture
def trunk_call():
    """An office behind a NAT, in a call over its trunk."""
    office = SurvivingCalls(CARRIER)
    alice, carrier = office.phone("201"), office.carrier()
    office.watches_topology = False
    move(office, b"198.18.0.1:5060")
    mine, theirs = office.connect(alice, carrier, "0312345678")
    office.run(1.0)
    return office, mine, theirs


def move(office: SurvivingCalls, hostport: bytes) -> None:
    """The NAT before us has another outside address."""
    trunk = office.gateway.trunks["carrier"]
    trunk.core.profile.mapped["wan"] = hostport
    office.engine.readdress(trunk, office.now)
    office.settle()


def test_another_outside_address_is_told_to_the_carrier_alone(trunk_call):
    office, mine, theirs = trunk_call
    heard, commands = len(mine.heard), len(office.relay.commands)
    ports = read_media(theirs.invite)
    assert b"c=IN IP4 198.18.0.1\r\n" in theirs.invite.body
    move(office, b"198.18.0.2:1024")
    asked = theirs.got("INVITE")[-1]
    assert b"@198.18.0.2:1024" in asked.contact
    assert b"c=IN IP4 198.18.0.2\r\n" in asked.body
    assert read_media(asked) == ports
    theirs.respond(200, asked, theirs.phone.describe(port=40002))
    assert theirs.labels[-1] == "ACK"
    assert len(mine.heard) == heard
    assert all(command[0] == "direct" for command in office.relay.commands[commands:])
    mine.request("INVITE", mine.phone.describe(direction="sendonly", version=7))     # and all goes on as before
    assert b"c=IN IP4 198.18.0.2\r\n" in theirs.got("INVITE")[-1].body
    theirs.respond(200, theirs.pending[-1], theirs.phone.describe(port=40002, direction="recvonly", version=7))
    mine.acknowledge()
    theirs.bye()
    office.check_clean()


def test_a_carrier_that_is_busy_with_a_change_hears_of_it_afterwards(trunk_call):
    office, mine, theirs = trunk_call
    mine.request("INVITE", mine.phone.describe(direction="sendonly", version=7))
    asked = theirs.pending[-1]
    move(office, b"198.18.0.2:5060")
    assert theirs.pending[-1] is asked
    theirs.respond(200, asked, theirs.phone.describe(port=40002, direction="recvonly", version=7))
    mine.acknowledge()
    office.run(1.0)
    told = theirs.pending[-1]
    assert b"c=IN IP4 198.18.0.2\r\n" in told.body
    assert b"a=sendonly" in told.body


def test_a_call_that_rings_hears_of_it_when_it_is_answered():
    office = SurvivingCalls(CARRIER)
    alice, carrier = office.phone("201"), office.carrier()
    office.watches_topology = False
    move(office, b"198.18.0.1:5060")
    mine = alice.invite("0312345678")
    theirs = carrier.ringing
    theirs.respond(180)
    move(office, b"198.18.0.2:5060")
    theirs.answer()
    mine.acknowledge()
    office.run(1.0)
    assert b"c=IN IP4 198.18.0.2\r\n" in theirs.pending[-1].body


def test_a_carrier_that_will_not_hear_of_it_keeps_the_call(trunk_call):
    office, mine, theirs = trunk_call
    move(office, b"198.18.0.2:5060")
    theirs.respond(488, theirs.pending[-1])
    mine.request("INFO", b"Signal=1\r\n", "Content-Type: application/dtmf-relay\r\n")
    assert theirs.pending[-1].method == b"INFO"
    theirs.respond(200, theirs.pending[-1])
    mine.bye()
    assert theirs.has_left


def test_no_re_invite_is_sent_because_of_a_restart(trunk_call):
    office, _mine, theirs = trunk_call
    heard = len(theirs.heard)
    office.crash()
    assert office.gateway.trunks["carrier"].core.profile.mapped == {"wan": b"198.18.0.1:5060"}
    office.run(5.0)
    assert len(theirs.heard) == heard


def test_a_voice_that_stops_behind_a_nat_lets_the_line_look_for_its_address_within_two_seconds(trunk_call):
    office, _mine, _theirs = trunk_call
    trunk = office.gateway.trunks["carrier"]
    looked = []
    trunk.suspect = looked.append

    def talk(seconds: float, is_heard: bool) -> None:
        end = office.now + seconds
        while office.now < end:
            if is_heard:
                heard_at = office.now
                office.relay.figures = (speech(last_s=heard_at), speech(last_s=heard_at))
            office.run(0.05)
            office.tell_figures()
    talk(5.0, True)
    assert not looked
    fell_silent_at = office.now
    talk(4.0, False)
    (looked_at,) = looked
    assert looked_at - fell_silent_at < 1.7
    talk(20.0, False)
    assert len(looked) == 1     # not again and again


def test_nobody_asks_where_no_nat_is(office):
    connect(office)
    office.run(5.0)
    assert not office.relay.asked


def test_an_address_that_changes_again_and_again_is_told_when_it_has_settled(trunk_call):
    office, _mine, theirs = trunk_call
    before = len(theirs.got("INVITE"))
    for last in (2, 3, 4):
        move(office, b"198.18.0.%d:5060" % last)
    assert len(theirs.got("INVITE")) == before + 1      # at once, and the others are waited for
    theirs.respond(200, theirs.pending[-1], theirs.phone.describe(port=40002))
    for last in (5, 6, 7):
        move(office, b"198.18.0.%d:5060" % last)
    office.run(0.5)
    assert len(theirs.got("INVITE")) == before + 1
    office.run(1.0)
    assert len(theirs.got("INVITE")) == before + 2
    told = theirs.pending[-1]
    assert b"c=IN IP4 198.18.0.7\r\n" in told.body
    assert b"@198.18.0.7:5060" in told.contact
    theirs.respond(200, told, theirs.phone.describe(port=40002))
    office.run(60.0)
    assert len(theirs.got("INVITE")) == before + 2
    theirs.bye()
    office.check_clean()


def test_a_leg_that_rings_while_the_address_changes_is_told_once():
    office = SurvivingCalls(CARRIER)
    alice, carrier = office.phone("201"), office.carrier()
    office.watches_topology = False
    move(office, b"198.18.0.1:5060")
    mine = alice.invite("0312345678")
    theirs = carrier.ringing
    theirs.respond(180)
    for last in (2, 3, 4):
        move(office, b"198.18.0.%d:5060" % last)
    theirs.answer()
    mine.acknowledge()
    office.run(0.4)
    theirs.respond(200, theirs.pending[-1], theirs.phone.describe(port=40002))
    office.run(10.0)
    assert [b"c=IN IP4 198.18.0.4\r\n" in one.body for one in theirs.got("INVITE")] == [False, True]
    theirs.bye()
    office.check_clean()


def test_glare_while_the_address_changes_is_tried_again_with_the_last_one(trunk_call):
    """RFC 3261 14.1: 491, and after a while once more."""
    office, _mine, theirs = trunk_call
    move(office, b"198.18.0.2:5060")
    refused = theirs.pending[-1]
    theirs.respond(491, refused)
    move(office, b"198.18.0.3:5060")
    office.run(2.0)
    assert not theirs.pending
    office.run(2.2)
    theirs.respond(200, theirs.pending[-1], theirs.phone.describe(port=40002))
    office.run(1.2)
    told = theirs.pending[-1]
    assert b"@198.18.0.3:5060" in told.contact
    assert b"c=IN IP4 198.18.0.3\r\n" in told.body
