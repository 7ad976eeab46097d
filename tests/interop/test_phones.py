# SPDX-License-Identifier: Apache-2.0
"""The main job: two real telephones register with digest and talk; what each hears is what the other said."""

import time

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.network import wait_until
from tests.interop.office import in_both_roles, require
from tests.interop.server import SECRETS
from tests.interop.sound import likeness, write_babble, write_chirp

TALK_S = 3.0
PAIRS = [("1001", "udp", "1002", "udp"), ("1003", "tcp", "1004", "tcp"), ("1005", "udp", "1006", "tcp"),
         ("1007", "tcp", "1008", "udp")]


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    return write_chirp(folder / "chirp.wav"), write_babble(folder / "babble.wav")


@pytest.fixture
def new_phone(network, server, tmp_path):
    """Makes a phone of one extension at the module's server (not started)."""
    require("baresip")

    def make(user: str, voice, transport: str = "udp", **more: str) -> Baresip:
        account = Account(user, SECRETS[user], f"{server.host}:{server.port}", transport=transport, **more)
        return Baresip(network, tmp_path / user, account, voice)
    return make


def talk(caller: Baresip, callee: Baresip, *, ender: str) -> None:
    caller.wait_registered()
    callee.wait_registered()
    caller.dial(callee.account.user)
    callee.wait("CALL_INCOMING")
    callee.answer()
    caller.wait("CALL_ESTABLISHED")
    callee.wait("CALL_ESTABLISHED")
    time.sleep(TALK_S)
    first, second = (caller, callee) if ender == "caller" else (callee, caller)
    first.hang_up()
    second.wait("CALL_CLOSED")


@in_both_roles
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[1]}-to-{pair[3]}")
def test_two_phones_register_talk_and_hear_one_another(new_phone, voices, pair):
    chirp, babble = voices
    ender = "caller" if pair[1] == "udp" else "callee"
    with new_phone(pair[0], chirp, pair[1]) as caller, new_phone(pair[2], babble, pair[3]) as callee:
        talk(caller, callee, ender=ender)
    assert likeness(chirp, callee.heard()) > 0.9
    assert likeness(babble, caller.heard()) > 0.9
    assert likeness(chirp, caller.heard()) < 0.5, "the comparison must be able to fail"


def test_a_phone_with_the_wrong_password_is_told_so(new_phone, network, server, voices, tmp_path):
    require("baresip")
    account = Account("1001", "wrong", f"{server.host}:{server.port}")
    with Baresip(network, tmp_path / "wrong", account, voices[0]) as phone:
        wait_until(lambda: "401 Unauthorized" in phone.read_log(), 5, "the refusal in the log of the phone")
        assert " 200 OK" not in phone.read_log()


@in_both_roles
def test_the_called_phone_rings_and_the_caller_gives_up(new_phone, voices):
    with new_phone("1001", voices[0]) as caller, new_phone("1002", voices[1]) as callee:
        caller.wait_registered()
        callee.wait_registered()
        caller.dial("1002")
        callee.wait("CALL_INCOMING")
        caller.wait("CALL_RINGING")
        caller.hang_up()
        callee.wait("CALL_CLOSED")


@in_both_roles
def test_hold_and_resume_keep_the_call(new_phone, voices):
    with new_phone("1001", voices[0]) as caller, new_phone("1002", voices[1]) as callee:
        caller.wait_registered()
        callee.wait_registered()
        caller.dial("1002")
        callee.wait("CALL_INCOMING")
        callee.answer()
        caller.wait("CALL_ESTABLISHED")
        callee.wait("CALL_ESTABLISHED")
        caller.hold()
        time.sleep(0.5)
        caller.resume()
        time.sleep(0.5)
        assert not [event for event in caller.events + callee.events if event.get("type") == "CALL_CLOSED"]
        caller.hang_up()
        callee.wait("CALL_CLOSED")


@in_both_roles
def test_two_phones_of_one_extension_ring_together_and_one_wins(new_phone, network, server, voices, tmp_path):
    account = Account("1002", SECRETS["1002"], f"{server.host}:{server.port}")
    desk, kitchen = (Baresip(network, tmp_path / place, account, voices[1]) for place in ("desk", "kitchen"))
    with new_phone("1001", voices[0]) as caller, desk, kitchen:
        for phone in (caller, desk, kitchen):
            phone.wait_registered()
        caller.dial("1002")
        desk.wait("CALL_INCOMING")
        kitchen.wait("CALL_INCOMING")
        desk.answer()
        caller.wait("CALL_ESTABLISHED")
        kitchen.wait("CALL_CLOSED")
        caller.hang_up()
        desk.wait("CALL_CLOSED")
