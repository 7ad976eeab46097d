# SPDX-License-Identifier: Apache-2.0
"""The handset in conversation at a card that keeps exact time: its voice there and back, its cost, and a card that is
pulled out during a call.
"""

import time
from collections.abc import Iterator

import pytest

from tests.interop.baresip import PROGRAM, Account, Baresip
from tests.interop.handset import Handset, write_handset_configuration
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.pjsip_sound import likeness_of_pieces
from tests.interop.server import SECRETS, Server
from tests.interop.sound import write_chirp
from tests.system.sound.jack_card import HAS_PLUGIN, JACKD, REASON, JackCard

pytestmark = [pytest.mark.ours, pytest.mark.skipif(PROGRAM is None, reason="baresip is not installed"),
              pytest.mark.skipif(JACKD is None or not HAS_PLUGIN, reason=REASON)]
pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
TALK_S = 6.0


@pytest.fixture
def card(tmp_path) -> Iterator[JackCard]:
    with JackCard(tmp_path) as plugged:
        yield plugged


@pytest.fixture
def office(network, tmp_path) -> Iterator[Server]:
    with Server(tmp_path / "office", network.new_host(), role="b2bua") as running:
        yield running


@pytest.fixture
def desk(office, tmp_path, card) -> Iterator[Handset]:
    config = write_handset_configuration(office.config, tmp_path)
    with Handset(config, office.state, tmp_path / "handset", None, environment=card.environment) as handset:
        handset.wait_registered()
        wait_until(lambda: handset.show()["sound"]["device_trouble"] == "", PATIENCE_S, "the card")
        yield handset


@pytest.fixture
def phone(network, office, tmp_path) -> Iterator[Baresip]:
    account = Account("1002", SECRETS["1002"], f"{office.host}:{office.port}")
    with Baresip(network, tmp_path / "phone", account, write_chirp(tmp_path / "chirp.wav", 9.0)) as running:
        running.wait_registered()
        yield running


def connect(desk: Handset, phone: Baresip) -> None:
    desk.ask("dial", "1002")
    phone.wait("CALL_INCOMING")
    phone.answer()
    desk.wait_state("talking")


def test_a_voice_goes_through_the_card_and_back_at_little_cost(desk, phone, card, tmp_path):
    connect(desk, phone)
    card.connect()              # what the earpiece sounds the microphone hears: the caller hears itself
    began_s, used_s = time.monotonic(), desk.processor_s()
    before = desk.show()["sound"]
    time.sleep(TALK_S)
    share = (desk.processor_s() - used_s) / (time.monotonic() - began_s)
    after = desk.show()["sound"]
    desk.ask("hang-up")
    phone.wait("CALL_CLOSED")
    phone.wait_recorded()
    # a busy machine makes time jump now and then, at the card and at the phone; what is between is the voice
    assert likeness_of_pieces(tmp_path / "chirp.wav", phone.heard(), skip_s=2.0) > 0.9
    assert after["xruns"] - before["xruns"] <= 5
    print(f"in conversation: {100 * share:.1f} % of a core")
    assert share < 0.1          # a quarter of that on a machine that does nothing else


def test_a_card_that_is_pulled_out_during_a_call_does_not_end_it(desk, phone, card):
    connect(desk, phone)
    card.unplug()
    wait_until(lambda: desk.show()["sound"]["device_trouble"], PATIENCE_S, "news of the loss")
    sent = desk.show()["sound"]["sent"]
    wait_until(lambda: desk.show()["sound"]["sent"] > sent + 50, PATIENCE_S, "silence that goes on")
    assert desk.show()["state"] == "talking"
    card.plug()
    wait_until(lambda: desk.show()["sound"]["device_trouble"] == "", PATIENCE_S, "the card again")
    assert desk.show()["state"] == "talking"
    assert '"sound_device_lost"' in desk.read_log()
    desk.ask("hang-up")
    phone.wait("CALL_CLOSED")
