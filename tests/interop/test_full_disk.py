# SPDX-License-Identifier: Apache-2.0
"""The state directory on a really full, then a really read-only disk: telephony goes on, a person is told."""

import os
import shutil
import subprocess

import pytest

from tests.interop.config_desk import ConfigDesk, Refused
from tests.interop.network import wait_until
from tests.interop.office import party, register_sipp
from tests.interop.raw_sip import UdpPeer, register
from tests.interop.server import SECRETS
from tests.interop.test_calls import callee_answers, caller_hangs_up

pytestmark = pytest.mark.ours
SIZE_OCTETS = 1 << 20
MANY = {f"20{number:02}": f"secret-{number}" for number in range(100)}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one mebibyte; away again afterwards, whatever happened."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small file system")
    place = tmp_path / "small-disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_OCTETS}", "tmpfs", place], check=False)
    if done.returncode != 0:
        pytest.skip("needs root to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place) -> None:
    """Take every octet that is left."""
    try:
        with (place / "filler").open("wb", buffering=0) as stream:
            while True:
                stream.write(b"\0" * 512)
    except OSError:
        assert shutil.disk_usage(place).free == 0


def alarms(server) -> list[str]:
    return [alarm["name"] for alarm in server.show("show alarms")]


def test_full_disk_registrations_and_calls_go_on_and_an_alarm_is_raised(new_server, small_disk, network, new_sipp):
    with new_server(state=small_disk / "state", secrets=SECRETS | MANY) as server:
        fill(small_disk)
        with UdpPeer((server.host, server.port), network.new_host()) as peer:
            where = f"{peer.hostport.decode()};x={'y' * 200}"
            for user, secret in MANY.items():
                register(peer, user, secret, contact=f"<sip:{user}@{where}>")
        wait_until(lambda: server.journal("alarm_raised"), 10, "an alarm in the journal")
        assert alarms(server)
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1002")
        called.start(callee_answers(), party("1002", "1001")).wait_listening()
        calling.start(caller_hangs_up(), party("1001", "1002")).finish()
        called.finish()
        (small_disk / "filler").unlink()
        wait_until(lambda: not alarms(server), 75, "the alarm to end when there is room again")   # back-off: 60 s
        server.kill()
        server.start()                                             # what was learned meanwhile has been written
        assert {entry["extension"] for entry in server.show("show registrations")} >= {*MANY}


def test_disk_that_is_full_from_the_start_does_not_hinder_the_start(new_server, small_disk, network):
    (small_disk / "state").mkdir()
    fill(small_disk)
    with (new_server(state=small_disk / "state") as server,
          UdpPeer((server.host, server.port), network.new_host()) as peer):
        register(peer, "1001", SECRETS["1001"])
        wait_until(lambda: server.journal("alarm_raised"), 10, "an alarm in the journal")


def test_full_disk_a_commit_is_refused_whole_and_made_once_there_is_room(new_server, small_disk, network):
    with new_server(state=small_disk / "state", lines=["set emergency none"]) as server:
        before = server.config.read_text()
        with ConfigDesk(server.state) as desk, UdpPeer((server.host, server.port), network.new_host()) as phone:
            fill(small_disk)
            desk.edit("set extension 1100 secret later-1100")
            for options in ({}, {"confirmed_minutes": 1}):
                with pytest.raises(Refused, match="No space left") as refused:
                    desk.commit(**options)
                assert "everything is as it was" in refused.value.error["remedy"]
            assert server.config.read_text() == before
            assert server.journal("configuration_loaded") == []
            (small_disk / "filler").unlink()
            assert desk.commit()["revision"] == 2
            register(phone, "1100", "later-1100")


def test_full_disk_a_commit_that_nobody_confirms_is_taken_back(new_server, small_disk, network):
    with new_server(state=small_disk / "state", lines=["set emergency none"]) as server:
        before = server.config.read_text()
        with ConfigDesk(server.state) as desk:
            desk.edit("delete extension 1002")
            desk.commit(confirmed_minutes=0.05)
        fill(small_disk)
        wait_until(lambda: server.journal("configuration_taken_back"), 30, "the old configuration again")
        assert server.config.read_text() == before
        with UdpPeer((server.host, server.port), network.new_host()) as peer:
            register(peer, "1002", SECRETS["1002"])
        (small_disk / "filler").unlink()
        with ConfigDesk(server.state) as desk:
            wait_until(lambda: desk.look("revisions")[0]["how"] == "confirmed-reverted", 30, "its entry in the history")
