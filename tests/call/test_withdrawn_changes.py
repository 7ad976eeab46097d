# SPDX-License-Identifier: Apache-2.0
"""Who changes the session and thinks better of it (RFC 3261 9.1, 14.1): both legs are where they were, or go on."""

import pytest

from tests.call.virtual_calls import VirtualCalls
from tests.call.virtual_phone import PhoneCall


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls()


@pytest.fixture
def talk(office) -> tuple[PhoneCall, PhoneCall]:
    return office.connect(office.phone("201"), office.phone("202"))


def test_a_change_that_is_withdrawn_is_withdrawn_on_the_other_leg_and_another_may_follow_at_once(office, talk):
    mine, theirs = talk
    mine.request("INVITE", mine.phone.describe(version=2, port=40100))
    theirs.respond(100)
    mine.cancel()
    assert mine.statuses[-1] == 487
    assert theirs.got("CANCEL")     # RFC 3261 9.1
    mine.request("INVITE", mine.phone.describe(version=3, port=40200))
    theirs.respond(487)
    assert theirs.labels[-1] == "INVITE"
    theirs.answer(version=2)
    mine.acknowledge()
    assert mine.statuses[-1] == 200
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == (mine.phone.address[0], 40200)
    mine.bye()
    office.check_clean()


def test_who_agrees_to_a_change_that_is_withdrawn_is_asked_for_the_session_of_before(office, talk):
    mine, theirs = talk
    mine.request("INVITE", mine.phone.describe(version=2, direction="sendonly"))
    asked = len(theirs.got("INVITE"))
    theirs.respond(180)
    mine.cancel()
    theirs.answer(direction="recvonly", version=2, port=40006)
    again = theirs.got("INVITE")
    assert len(again) == asked + 1
    assert b"a=sendonly" not in again[-1].body
    theirs.answer(version=3, port=40006)
    session, = office.relay.sessions
    assert not office.relay.held.get(session, False)
    assert office.relay.directed[session, 0].rtp == (mine.phone.address[0], 40000)
    assert office.relay.directed[session, 1].rtp == (theirs.phone.address[0], 40006)
    assert mine.statuses[-1] == 487
    mine.request("INVITE", mine.phone.describe(version=4, direction="sendonly"))
    theirs.answer(direction="recvonly", version=4, port=40006)
    mine.acknowledge()
    assert office.relay.held[session]
    mine.bye()
    office.check_clean()
