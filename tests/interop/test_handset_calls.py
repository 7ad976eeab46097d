# SPDX-License-Identifier: Apache-2.0
"""The handset of the box and a real telephone: calls both ways, and what each hears of the other."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.baresip import PROGRAM, Account, Baresip
from tests.interop.handset import Handset, build_porch, open_desk
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.server import SECRETS, Server
from tests.interop.sound import likeness, write_babble, write_chirp

pytestmark = [pytest.mark.ours, pytest.mark.skipif(PROGRAM is None, reason="baresip is not installed")]
alsaaudio = pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
TALK_S = 4.5
ALIKE = 0.95
SETTLING_S = 1.6                # until the jitter buffer knows the line


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    return {"chirp": write_chirp(folder / "chirp.wav", 20.0),
            "babble": write_babble(folder / "babble.wav", 20.0)}


@pytest.fixture(scope="module")
def office(network, tmp_path_factory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("office"), network.new_host(), role="b2bua") as running:
        yield running


@pytest.fixture
def desk(office, tmp_path, voices) -> Iterator[Handset]:
    with open_desk(office, tmp_path / "handset", voices["babble"]) as handset:
        yield handset


@pytest.fixture
def new_phone(network, office, tmp_path, voices) -> Iterator[Callable[..., Baresip]]:
    with contextlib.ExitStack() as phones:
        def make(user: str, voice: str) -> Baresip:
            account = Account(user, SECRETS[user], f"{office.host}:{office.port}")
            running = phones.enter_context(Baresip(network, tmp_path / user, account, voices[voice]))
            running.wait_registered()
            return running
        yield make


@pytest.fixture
def phone(new_phone) -> Baresip:
    return new_phone("1002", "chirp")


def compare_pieces(said: Path, heard: Path) -> float:
    """The best of four pieces: on a busy machine a jitter buffer may move within one of them."""
    return max(likeness(said, heard, seconds=1.1, skip_s=skip_s) for skip_s in (SETTLING_S, 2.1, 2.6, 3.1))


def compare_voices(desk: Handset, phone: Baresip, voices, frames: tuple[int, int]) -> None:
    """Once the call has ended: what each has heard is what the other has said. frames: first and last of the talk."""
    phone.wait("CALL_CLOSED")
    phone.wait_recorded()
    assert compare_pieces(voices["babble"], phone.heard()) > ALIKE
    assert compare_pieces(voices["chirp"], desk.heard_wav(*frames)) > ALIKE


def test_the_handset_calls_and_both_hear_each_other(desk, phone, voices):
    desk.ask("lift")
    assert desk.wait_state("dial tone")["tone"] == "dial"
    desk.ask("press", "1002")
    phone.wait("CALL_INCOMING")
    phone.answer()
    desk.wait_state("talking")
    first = desk.frame()
    time.sleep(TALK_S)
    last = desk.frame()
    assert desk.resident_kib() < 40 * 1024
    desk.ask("hang-up")
    assert desk.wait_state("idle")["calls"] == {}
    compare_voices(desk, phone, voices, (first, last))


def test_a_telephone_calls_the_handset_which_rings_and_both_hear_each_other(desk, phone, voices):
    phone.dial("1001")
    assert desk.wait_state("ringing")["ringing"]
    desk.ask("lift")
    phone.wait("CALL_ESTABLISHED")
    first = desk.frame()
    assert desk.wait_state("talking")["calls"]["active"].startswith("sip:1002@")
    time.sleep(TALK_S)
    last = desk.frame()
    phone.hang_up()
    assert desk.wait_state("busy")["tone"] == "busy"
    desk.ask("hang-up")
    desk.wait_state("idle")
    compare_voices(desk, phone, voices, (first, last))


def call_from_desk(desk: Handset, phone: Baresip) -> None:
    desk.ask("press", phone.account.user)
    phone.wait("CALL_INCOMING")
    phone.answer()
    phone.wait("CALL_ESTABLISHED")
    desk.wait_state("talking")


def test_a_flash_holds_toggles_and_hanging_up_joins_the_two(desk, phone, new_phone, office):
    boss = new_phone("1003", "babble")
    desk.ask("lift")
    call_from_desk(desk, phone)
    desk.ask("flash")
    assert desk.wait_state("dial tone")["tone"] == "second dial"
    call_from_desk(desk, boss)
    assert {word: peer[:4] for word, peer in desk.show()["calls"].items()} == {"active": "1003", "held": "1002"}
    desk.ask("flash")
    assert desk.wait_state("talking")["calls"]["active"] == "1002"
    desk.ask("flash")
    assert desk.wait_state("talking")["calls"]["active"] == "1003"
    desk.ask("hang-up")
    wait_until(lambda: desk.show()["calls"] == {}, PATIENCE_S, "the end of both calls here")
    wait_until(lambda: len(office.show("show calls")) == 1, PATIENCE_S, "one call of two")
    told = str(office.show("show calls"))
    assert "1002" in told
    assert "1003" in told
    wait_until(lambda: re.findall(r"audio=64000/64000", phone.read_log()[-400:]), PATIENCE_S, "voices of the two")
    boss.hang_up()
    phone.wait("CALL_CLOSED")


def test_an_address_is_called_without_any_server(network, tmp_path, voices, office, phone):
    with build_porch(tmp_path / "alone", network.new_host(), voices["babble"]) as porch:
        assert not porch.show()["registered"]
        porch.ask("dial", f"sip:1002@{phone.host}:{phone.sip_port}")
        phone.wait("CALL_INCOMING")
        phone.answer()
        porch.wait_state("talking")
        first = porch.frame()
        time.sleep(TALK_S)
        last = porch.frame()
        porch.ask("hang-up")
        compare_voices(porch, phone, voices, (first, last))
