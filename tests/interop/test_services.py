# SPDX-License-Identifier: Apache-2.0
"""The daemons as the units run them: four users, one group, restarts one by one, and a commit across them."""

import grp
import json
import os
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import TcpPeer, UdpPeer, register
from tests.interop.server import SECRETS, configuration
from tests.interop.services import GROUP, STRANGER_UID, Service, ask, find_interpreter
from tests.interop.test_restart_keeps_sockets import (
    answer_call,
    build_invite,
    hang_up,
    register_connected,
    take_answer,
)

pytestmark = [pytest.mark.ours,
              pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be several users"),
              pytest.mark.skipif(os.geteuid() == 0 and find_interpreter() is None,
                                 reason="needs root to run as users who may read this checkout")]
MEMBER_UID = 61150


class Box:
    """configd, mediad and the call server on one state directory, made as tmpfiles.d makes it."""

    def __init__(self, folder: Path, host: str) -> None:
        folder.chmod(0o711)
        gid = grp.getgrnam(GROUP).gr_gid
        self.host = host
        self.state = folder / "state"
        self.config = self.state / "config" / "running.conf"
        self.services = tuple(Service(daemon, folder, self.state, self.config)
                              for daemon in ("configd", "mediad", "callserver"))
        self.configd, self.mediad, self.callserver = self.services
        self.config.parent.mkdir(parents=True)
        os.chown(self.state, 0, gid)
        self.state.chmod(0o3770)
        os.chown(self.config.parent, self.configd.uid, gid)
        self.config.parent.chmod(0o2770)
        self.config.write_text(configuration(host, 5060, role="b2bua",
                                             lines=["set media ports 31000-31199", "set emergency none"]))
        os.chown(self.config, self.configd.uid, gid)
        self.config.chmod(0o640)

    def show(self, command: str) -> object:
        done = ask(self.state, command, MEMBER_UID, True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def __enter__(self) -> "Box":
        try:
            for service in self.services:
                service.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for service in reversed(self.services):
            service.close()


@pytest.fixture
def box(network) -> Iterator[Box]:
    with (tempfile.TemporaryDirectory(prefix="denwaban-") as folder,        # every pytest that starts shuts tmp_path's
          Box(Path(folder), network.new_host()) as running):                # parents to other users
        yield running


def address_of(box: Box) -> tuple[str, int]:
    return box.host, 5060


def test_sockets_are_the_groups_and_nobody_elses(box):
    gid = grp.getgrnam(GROUP).gr_gid
    for name in ("config.sock", "media.sock", "control.sock"):
        status = (box.state / name).stat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, gid), name
    assert box.show("show calls") == []
    refused = ask(box.state, "show calls", STRANGER_UID, False)
    assert refused.returncode == 1


def test_a_call_server_that_is_killed_or_restarted_is_back_with_its_calls_and_the_relay_stays(box, network):
    relay = box.mediad.process.pid
    with (UdpPeer(address_of(box), network.new_host()) as caller,
          TcpPeer(address_of(box), network.new_host()) as phone):
        register_connected(phone)
        caller.send(build_invite(caller))
        answer_call(phone)
        answer = take_answer(caller)
        wait_until(lambda: (box.state / "kept_calls.sqlite-wal").exists(), PATIENCE_S, "the call on disk")
        assert box.callserver.end(signal.SIGUSR1) == 0
        box.callserver.start()
        assert box.callserver.end(signal.SIGKILL) == -signal.SIGKILL
        box.callserver.start()
        assert len(box.show("show calls")) == 1
        assert box.mediad.process.poll() is None
        assert box.mediad.process.pid == relay
        hang_up(caller, phone, answer)
        wait_until(lambda: box.show("show calls") == [], PATIENCE_S, "the end of the call")


def test_a_relay_that_is_killed_is_waited_for_and_found_again(box, network):
    box.mediad.end(signal.SIGKILL)
    wait_until(lambda: "media_relay_lost" in box.callserver.errors.read_text(), PATIENCE_S, "the loss being seen")
    box.mediad.start()
    wait_until(lambda: box.callserver.errors.read_text().count('"media_relay_present"') == 2, PATIENCE_S,
               "the relay being there again")
    with (UdpPeer(address_of(box), network.new_host()) as caller,
          TcpPeer(address_of(box), network.new_host()) as phone):
        register_connected(phone)
        caller.send(build_invite(caller))
        answer_call(phone)
        hang_up(caller, phone, take_answer(caller))


def test_the_stop_of_the_call_server_leaves_the_relay_to_its_manager(box):
    assert box.callserver.end(signal.SIGTERM) == 0
    assert box.mediad.process.poll() is None
    assert box.mediad.end(signal.SIGTERM) == 0
    wait_until(lambda: box.mediad.manager.said("STOPPING=1"), PATIENCE_S, "its word")
    assert not (box.state / "media.sock").exists()


def test_relay_with_the_ports_of_yesterday_is_told_to_end_and_the_next_one_is_taken(box):
    box.callserver.end(signal.SIGTERM)
    box.config.write_text(box.config.read_text().replace("31000-31199", "31200-31399"))
    box.callserver.start()
    assert box.mediad.process.wait(PATIENCE_S) == 0
    box.mediad.start()
    wait_until(lambda: '"media_relay_present"' in box.callserver.errors.read_text().rpartition('"unfit"')[2],
               PATIENCE_S, "the right relay")


def test_a_commit_reaches_the_call_server_across_users_and_is_in_the_log_of_all(box, network):
    with UdpPeer(address_of(box), network.new_host()) as phone:
        register(phone, "1001", SECRETS["1001"])
        with socket.socket(socket.AF_UNIX) as operator:
            operator.settimeout(PATIENCE_S)
            operator.connect(str(box.state / "config.sock"))
            lines = operator.makefile("rwb")
            numbers = iter(range(1, 10))

            def say(*words: object) -> dict[str, object]:
                lines.write(json.dumps({"id": next(numbers), "command": words}).encode() + b"\n")
                lines.flush()
                answer = json.loads(lines.readline())
                assert answer["ok"], answer
                return answer["result"]
            session = say("open", "technician")["session"]
            say("edit", session, ["set extension 3001 secret of-3001"])
            say("commit", session, {"comment": "one more"})
        register(phone, "3001", "of-3001")
    told = [(row["daemon"], row["event"]) for row in box.show("show log 500")]
    assert ("config", "configuration_committed") in told
    assert {daemon for daemon, _event in told} == {"calls", "config"}
    status = box.config.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o640, box.configd.uid)
