# SPDX-License-Identifier: Apache-2.0
"""Server and telephones on hosts of their own, behind one switch: real interfaces, real addresses, cables to pull."""

import time

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.namespaces import Office, require_namespaces
from tests.interop.network import wait_until
from tests.interop.office import require
from tests.interop.server import SECRETS, Server
from tests.interop.sound import likeness, write_babble, write_chirp

pytestmark = pytest.mark.ours
SERVER, DESK, KITCHEN = "10.77.0.1", "10.77.0.11", "10.77.0.12"


@pytest.fixture
def office():
    require_namespaces()
    require("baresip")
    built = Office()
    yield built
    built.close()


def test_two_phones_on_two_hosts_talk_until_a_cable_is_pulled(office, network, tmp_path):
    chirp, babble = write_chirp(tmp_path / "chirp.wav"), write_babble(tmp_path / "babble.wav")
    host = office.add_host(SERVER)
    with Server(tmp_path / "server", SERVER, namespace=host) as server:
        accounts = [Account(user, SECRETS[user], SERVER) for user in ("1001", "1002")]
        places = [(office.add_host(DESK), DESK), (office.add_host(KITCHEN), KITCHEN)]
        with (Baresip(network, tmp_path / "desk", accounts[0], chirp, places[0]) as desk,
              Baresip(network, tmp_path / "kitchen", accounts[1], babble, places[1]) as kitchen):
            desk.wait_registered()
            kitchen.wait_registered()
            desk.dial("1002")
            kitchen.wait("CALL_INCOMING")
            kitchen.answer()
            desk.wait("CALL_ESTABLISHED")
            kitchen.wait("CALL_ESTABLISHED")
            time.sleep(3)
            desk.hang_up()
            kitchen.wait("CALL_CLOSED")
            entries = server.show("show registrations")
            assert {entry["source"].partition(":")[0] for entry in entries} == {DESK, KITCHEN}
            assert likeness(chirp, kitchen.heard()) > 0.9
            assert likeness(babble, desk.heard()) > 0.9
            office.unplug(places[1][0])
            desk.dial("1002")
            wait_until(lambda: server.show("show calls"), 5, "the call to a phone that is not there any more")
            desk.hang_up()
            desk.wait("CALL_CLOSED")                               # the caller need not wait for it
            for phone in (desk, kitchen):
                phone.kill()                                       # they would wait for answers that nobody gives
