# SPDX-License-Identifier: Apache-2.0
"""From nothing: the first start writes a configuration, says how a phone registers, and two telephones that were set up
by what it printed call one another. On hosts of their own, since the first start takes the machine's address and 5060.
"""

import re
import subprocess
import time

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.namespaces import Office, require_namespaces
from tests.interop.network import wait_until
from tests.interop.office import require
from tests.interop.server import PROGRAM
from tests.interop.sound import likeness, write_babble, write_chirp

pytestmark = pytest.mark.ours
SERVER, DESK, KITCHEN = "10.77.0.1", "10.77.0.11", "10.77.0.12"
PRINTED = re.compile(r"^\s+(\d+)\s+([a-z0-9-]{8,})$", re.MULTILINE)


@pytest.fixture
def office():
    require_namespaces()
    require("baresip")
    built = Office()
    yield built
    built.close()


@pytest.fixture
def start(office, tmp_path):
    """Starts the program as `make run` does, on a host with a default route; gives what it printed up to `ready`."""
    host = office.add_host(SERVER)
    subprocess.run(["ip", "-n", host, "route", "add", "default", "via", "10.77.0.254"], check=True)
    running = []

    def stop() -> None:
        while running:
            process = running.pop()
            process.terminate()
            assert process.wait(5) == 0

    def start_again() -> str:
        stop()
        output = tmp_path / f"output{len(list(tmp_path.iterdir()))}"
        with output.open("wb") as stream:
            running.append(subprocess.Popen(
                ["ip", "netns", "exec", host, PROGRAM, "run", "--first-start", "--config", tmp_path / "denwaban.conf",
                 "--state", tmp_path / "state"], stdout=stream, stderr=stream, start_new_session=True))
        wait_until(lambda: "ready" in output.read_text().split(), 10, "the line `ready`")
        return output.read_text()
    yield start_again
    stop()


def test_two_phones_set_up_by_what_the_first_start_printed_talk(office, start, network, tmp_path):
    printed = start()
    secrets = dict(PRINTED.findall(printed))
    assert list(secrets) == ["1001", "1002", "1003"]
    assert len(set(secrets.values())) == 3
    assert SERVER in printed
    assert (tmp_path / "denwaban.conf").stat().st_mode & 0o777 == 0o600
    chirp, babble = write_chirp(tmp_path / "chirp.wav"), write_babble(tmp_path / "babble.wav")
    accounts = [Account(user, secrets[user], SERVER, domain=SERVER) for user in ("1001", "1002")]
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
        kitchen.hang_up()
        desk.wait("CALL_CLOSED")
    assert likeness(chirp, kitchen.heard()) > 0.9
    assert likeness(babble, desk.heard()) > 0.9


def test_the_second_start_keeps_the_configuration(start, tmp_path):
    start()
    file = tmp_path / "denwaban.conf"
    before = file.read_text()
    start()
    assert file.read_text() == before
    done = subprocess.run([PROGRAM, "check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "warning:" not in done.stdout + done.stderr, "not even a warning about what we wrote ourselves"
