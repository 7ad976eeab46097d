# SPDX-License-Identifier: Apache-2.0
"""The handsets of the box at the console: how they stand, and moving them."""

import pytest

from appliance.console.messages.catalog import ENGLISH, JAPANESE, select_language
from appliance.console.table import measure
from tests.console.desk import Desk

SOUND = {"device_trouble": "", "frames": 100, "xruns": 1, "device_losses": 0, "delay_ms": 41, "sent": 50,
         "received": 49, "playout_late": 0, "playout_lost_units": 160,
         "line": {"jitter_ms": 1.5, "opinion": 4.21, "far_lost_percent": 0.0, "round_trip_ms": 12.5}}
TALKING = {"trouble": "", "name": "desk", "state": "talking", "lifted": True, "extension": "201", "registered": True,
           "address": "127.0.0.1:40000", "dialled": "202", "last_status": 0, "tone": "", "ringing": False,
           "calls": {"active": "sip:202@office.test", "held": "203"}, "sound": SOUND,
           "messages": {"waiting": True, "new": 2, "old": 8, "watched": True}}
ALONE = TALKING | {"name": "porch", "state": "idle", "lifted": False, "extension": "", "registered": False,
                   "calls": {}, "sound": SOUND | {"device_trouble": "sound device hw:9: No such device"}}
DOWN = {"name": "roof", "trouble": "UDP 192.0.2.99:5060: Cannot assign requested address"}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.servers.handsets = {
        "show handsets": [TALKING, ALONE, DOWN], "show handset desk": TALKING, "show handset roof": DOWN,
        "handset desk press 117#": {"name": "desk", "state": "collecting"},
        "handset desk hang-up": {"name": "desk", "state": "idle"}}
    return desk


def test_the_handsets_are_listed_and_what_does_not_stand_says_why(desk: Desk):
    text = desk.type("show handsets")
    assert text.splitlines()[1].split() == ["desk", "201", "talking", "sip:202@office.test,", "203", "yes", "yes"]
    assert text.splitlines()[2].split() == ["porch", "idle", "none"]
    assert text.endswith("roof: UDP 192.0.2.99:5060: Cannot assign requested address\n")
    assert all(measure(line) <= 80 for line in text.splitlines())


def test_one_handset_with_its_card_and_its_calls(desk: Desk):
    lines = [line.split(maxsplit=1) for line in desk.type("sh handset desk").splitlines()]
    assert ["active", "sip:202@office.test"] in lines
    assert ["concealed", "ms      20"] in lines
    assert ["xruns", "1"] in lines
    assert ["messages", "2 new, 8 old"] in lines
    assert any(words[0] == "round" and words[1].split() == ["trip", "ms", "12.5"] for words in lines)
    assert ["opinion", "4.21"] in lines
    assert "Cannot assign" in desk.type("show handset roof")


def test_a_hand_moves_it_and_hears_what_has_come_of_it(desk: Desk):
    assert desk.type("handset desk press 117#") == "desk: collecting\n"
    assert desk.type("ha desk ha") == "desk: idle\n"


def test_which_handsets_there_are_can_be_asked_at_every_place(desk: Desk):
    for before in (["show", "handset"], ["handset"]):
        words = {choice.word: choice.help for choice in desk.session.follow_operational(before)}
        assert words["desk"] == "talking"
        assert words["roof"].startswith("UDP 192.0.2.99")
    moves = [choice.word for choice in desk.session.follow_operational(["handset", "desk"])]
    assert moves == ["lift", "hang-up", "flash", "press", "dial"]
    assert all(choice.help for choice in desk.session.follow_operational(["handset", "desk"]))


@pytest.mark.parametrize(("language", "words"), [(ENGLISH, "no handset runs"), (JAPANESE, "受話器が動いていません")])
def test_where_none_runs_it_says_so_and_what_to_do(language, words):
    desk = Desk()
    desk.servers.silent.add("handset.sock")
    select_language(language)
    try:
        for command in ("show handsets", "show handset desk", "handset desk lift"):
            said = desk.type(command, 1)
            assert said.startswith(words) or words in said.splitlines()[0]
            assert "set handset NAME device DEVICE" in said
    finally:
        select_language(ENGLISH)
