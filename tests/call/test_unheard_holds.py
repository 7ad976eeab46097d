# SPDX-License-Identifier: Apache-2.0
"""Carriers that take no re-INVITE for a hold, and what may be said to a carrier at all in later changes."""

import re

import pytest

from tests.call.virtual_calls import CARRIER, VirtualCalls

HIKARI = CARRIER + "set trunk carrier profile hikari-direct\n"
OUTSIDE, OURS = "0312345678", "05011112222"
VIDEO = "m=video 40010 RTP/AVP 97\r\na=rtpmap:97 H264/90000"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls(HIKARI)


@pytest.fixture
def carrier(office):
    return office.carrier()


def media_lines(body: bytes) -> list[bytes]:
    return re.findall(rb"(?m)^m=.*(?=\r$)", body)


def version_of(body: bytes) -> int:
    return int(re.search(rb"(?m)^o=\S+ \S+ (\d+)", body)[1])


def change(call, body: bytes):
    """A re-INVITE of a phone; its answer."""
    call.request("INVITE", body)
    response = call.last()
    if response.status == 200:
        call.acknowledge()
    return response


@pytest.mark.parametrize("is_inwards", [False, True], ids=["outwards", "inwards"])
def test_a_hold_and_its_end_are_answered_here_and_the_carrier_hears_nothing(office, carrier, is_inwards):
    alice = office.phone("201")
    if is_inwards:
        theirs, mine = office.connect(carrier, alice, OURS, codecs="0")
    else:
        mine, theirs = alice.invite(OUTSIDE), carrier.ringing
        theirs.answer(codecs="0")
        mine.acknowledge()
    before = len(theirs.heard)
    first = version_of(mine.last(200).body if not is_inwards else mine.invite.body)
    held = change(mine, alice.describe(direction="sendonly", version=2))
    assert b"a=recvonly\r\n" in held.body
    assert version_of(held.body) == first + 1
    assert [command[2] for command in office.relay.commands if command[0] == "hold"] == [True]
    resumed = change(mine, alice.describe(direction="sendrecv", version=3))
    assert b"a=sendrecv\r\n" in resumed.body
    assert version_of(resumed.body) == first + 2
    assert media_lines(resumed.body)[0].split()[3:] == [b"0"]
    assert [command[2] for command in office.relay.commands if command[0] == "hold"] == [True, False]
    assert len(theirs.heard) == before
    mine.bye()
    office.check_clean()


def test_a_call_goes_on_where_the_phone_has_moved_while_it_held(office, carrier):
    alice = office.phone("201")
    mine, _theirs = office.connect(alice, carrier, OUTSIDE, codecs="0")
    change(mine, alice.describe(direction="sendonly", version=2))
    change(mine, alice.describe(port=41000, version=3))
    directed = [command for command in office.relay.commands if command[0] == "direct"]
    assert directed[-1][3] == ("192.168.1.11", 41000)
    mine.bye()
    office.check_clean()


def test_an_old_hold_by_address_is_one_as_well(office, carrier):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carrier, OUTSIDE, codecs="0")
    before = len(theirs.heard)
    assert change(mine, alice.describe(address="0.0.0.0", version=2)).status == 200
    assert office.relay.commands[-1][2] is True
    assert len(theirs.heard) == before
    mine.bye()
    office.check_clean()


def test_another_change_still_goes_to_the_carrier_and_only_with_what_it_takes(office, carrier):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carrier, OUTSIDE, codecs="0")
    mine.request("INVITE", alice.describe(VIDEO, codecs="0 8 9", version=2))
    offer = theirs.invite.body
    assert media_lines(offer)[0].endswith(b"RTP/AVP 0")
    assert media_lines(offer)[1].startswith(b"m=video 0 ")
    assert b"a=ptime:20\r\n" in offer
    theirs.respond(200, None, carrier.describe("m=video 0 RTP/AVP 97", codecs="0"))
    assert mine.last().status == 200
    mine.acknowledge()
    mine.bye()
    office.check_clean()


def test_what_the_carrier_offers_is_answered_with_what_it_takes(office, carrier):
    alice = office.phone("201")
    call = carrier.invite(OURS, carrier.describe(VIDEO, codecs="0 8"))
    alice.ringing.respond(200, None, alice.describe(VIDEO, codecs="0 8"))
    answer = call.last(200).body
    assert media_lines(answer)[0].endswith(b"RTP/AVP 0")
    assert media_lines(answer)[1].startswith(b"m=video 0 ")
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_a_carrier_that_takes_holds_hears_of_them():
    office = VirtualCalls(CARRIER)
    carrier, alice = office.carrier(), office.phone("201")
    mine, theirs = office.connect(alice, carrier, OUTSIDE)
    mine.request("INVITE", alice.describe(direction="sendonly", version=2))
    assert b"a=sendonly\r\n" in theirs.invite.body
    theirs.respond(200, None, carrier.describe(direction="recvonly"))
    assert mine.last().status == 200
    mine.acknowledge()
    mine.bye()
    office.check_clean()
