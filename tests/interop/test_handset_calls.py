# SPDX-License-Identifier: Apache-2.0
"""The handset of the box and a real telephone: calls both ways, and what each hears of the other."""

import time
from collections.abc import Iterator

import pytest

from tests.interop.baresip import PROGRAM, Account, Baresip
from tests.interop.handset import Handset, write_file_card
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
    return {"chirp": write_chirp(folder / "chirp.wav"), "babble": write_babble(folder / "babble.wav")}


@pytest.fixture(scope="module")
def office(network, tmp_path_factory) -> Iterator[Server]:
    lines = ["set handset desk extension 1001", "set handset desk device desk", "set handset desk echo-cancel false",
             "set emergency none"]
    with Server(tmp_path_factory.mktemp("office"), network.new_host(), lines=lines, role="b2bua") as running:
        yield running


@pytest.fixture
def desk(office, tmp_path, voices) -> Iterator[Handset]:
    folder = tmp_path / "handset"
    folder.mkdir()
    with Handset(office.config, office.state, folder, write_file_card(folder, voices["babble"])) as handset:
        handset.wait_registered()
        yield handset


@pytest.fixture
def phone(network, office, tmp_path, voices) -> Iterator[Baresip]:
    account = Account("1002", SECRETS["1002"], f"{office.host}:{office.port}")
    with Baresip(network, tmp_path / "phone", account, voices["chirp"]) as running:
        running.wait_registered()
        yield running


def compare_voices(desk: Handset, phone: Baresip, voices, frames: tuple[int, int]) -> None:
    """Once the call has ended: what each has heard is what the other has said. frames: first and last of the talk."""
    phone.wait("CALL_CLOSED")
    phone.wait_recorded()
    assert likeness(voices["babble"], phone.heard(), skip_s=SETTLING_S) > ALIKE
    assert likeness(voices["chirp"], desk.heard_wav(*frames), skip_s=SETTLING_S) > ALIKE


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
