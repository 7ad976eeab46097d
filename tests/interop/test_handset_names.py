# SPDX-License-Identifier: Apache-2.0
"""The handset calls addresses with names in them: a name server, a telephone that waits there, and nobody."""

from collections.abc import Iterator

import pytest

from tests.interop.baresip import PROGRAM, Account, Baresip
from tests.interop.handset import Handset, build_porch
from tests.interop.name_server import NameServer
from tests.interop.server import SECRETS, Server
from tests.interop.sound import write_babble

pytestmark = [pytest.mark.ours, pytest.mark.skipif(PROGRAM is None, reason="baresip is not installed")]
alsaaudio = pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
ZONE = """
plain.test. 60 IN A 127.0.0.1
phones.test. 60 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.phones.test.
_sip._udp.phones.test. 60 IN SRV 1 1 {port} host.phones.test.
host.phones.test. 60 IN A 127.0.0.1
"""


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_babble(tmp_path_factory.mktemp("voices") / "babble.wav", 20.0)


@pytest.fixture(scope="module")
def phone(network, tmp_path_factory, voice) -> Iterator[Baresip]:
    with Server(tmp_path_factory.mktemp("office"), network.new_host()) as office:
        account = Account("1002", SECRETS["1002"], f"{office.host}:{office.port}")
        with Baresip(network, tmp_path_factory.mktemp("1002"), account, voice) as running:
            running.wait_registered()
            yield running


@pytest.fixture
def names(network, phone) -> Iterator[NameServer]:
    with NameServer(network.new_host(), ZONE.format(port=phone.sip_port)) as server:
        yield server


@pytest.fixture
def porch(network, tmp_path, voice, names) -> Iterator[Handset]:
    with build_porch(tmp_path / "handset", network.new_host(), voice, f"set system dns {names.address}") as handset:
        yield handset


@pytest.mark.parametrize("address", ["sip:1002@phones.test", "sip:1002@plain.test:{port}"])
def test_a_name_is_called(porch, phone, address):
    porch.ask("dial", address.format(port=phone.sip_port))
    phone.wait("CALL_INCOMING")
    phone.answer()
    porch.wait_state("talking")
    assert porch.resident_kib() < 40 * 1024
    porch.ask("hang-up")
    porch.wait_state("idle")
    phone.wait("CALL_CLOSED")


def test_a_name_that_nobody_has_is_unobtainable(porch, names):
    porch.ask("dial", "sip:1002@nobody.test")
    assert porch.wait_state("busy")["tone"] == "unobtainable"
    assert "nobody.test A" in names.asked


def test_a_dead_name_server_is_congestion_and_hangs_nothing_up(porch, names):
    names.is_silent = True
    porch.ask("dial", "sip:1002@phones.test")
    assert porch.show()["state"] == "calling"       # it answers meanwhile
    assert porch.wait_state("busy")["tone"] == "congestion"
