# SPDX-License-Identifier: Apache-2.0
"""The handset as its unit runs it: a user of its own beside the call server's, waiting until a commit names one."""

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
from tests.interop.services import GROUP, STRANGER_UID, Service, ask, find_interpreter
from tests.interop.test_services import MEMBER_UID, Box

pytestmark = [pytest.mark.ours,
              pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be several users"),
              pytest.mark.skipif(os.geteuid() == 0 and find_interpreter() is None,
                                 reason="needs root to run as users who may read this checkout")]


class HandsetBox(Box):
    """The same box with the service of the handsets beside it."""

    def __init__(self, folder: Path, host: str) -> None:
        super().__init__(folder, host)
        self.handset = Service("handset", folder, self.state, self.config)
        self.services = (*self.services, self.handset)

    def commit(self, *lines: str) -> None:
        """As a technician in configuration mode."""
        with socket.socket(socket.AF_UNIX) as operator:
            operator.settimeout(PATIENCE_S)
            operator.connect(str(self.state / "config.sock"))
            stream = operator.makefile("rwb")

            def say(*words: object) -> dict[str, str]:
                stream.write(json.dumps({"id": 1, "command": words}).encode() + b"\n")
                stream.flush()
                answer = json.loads(stream.readline())
                assert answer["ok"], answer
                return answer["result"] or {}
            session = say("open", "technician")["session"]
            say("edit", session, list(lines))
            say("commit", session, {"comment": "a handset"})

    def is_registered(self) -> bool:
        done = ask(self.state, "show handset desk", MEMBER_UID, True)
        return done.returncode == 0 and bool(json.loads(done.stdout).get("registered"))

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.handset.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


@pytest.fixture
def box(network) -> Iterator[HandsetBox]:
    with (tempfile.TemporaryDirectory(prefix="denwaban-") as folder,
          HandsetBox(Path(folder), network.new_host()) as running):
        yield running


def test_a_commit_that_names_a_handset_wakes_it_and_one_that_names_none_lets_it_rest(box):
    pid = box.handset.process.pid
    assert box.resident_kib() < 15 * 1024
    assert "no handset runs" in ask(box.state, "show handsets", MEMBER_UID, True).stderr
    box.commit("set handset desk extension 1001", "set handset desk device null")
    wait_until(box.is_registered, PATIENCE_S, "registration")
    status = (box.state / "handset.sock").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, grp.getgrnam(GROUP).gr_gid)
    assert ask(box.state, "show handsets", STRANGER_UID, False).returncode == 1
    assert "handset_started" not in box.callserver.errors.read_text()
    box.commit("delete handset desk")
    wait_until(lambda: len(box.handset.manager.said("READY=1")) == 3, PATIENCE_S, "its rest")
    assert not (box.state / "handset.sock").exists()
    assert box.resident_kib() < 15 * 1024
    assert (box.handset.process.poll(), box.handset.process.pid) == (None, pid)
    assert box.handset.end(signal.SIGTERM) == 0


def test_a_handset_that_is_killed_in_a_call_is_there_again_and_the_other_side_is_told(box):
    box.commit("set handset desk extension 1001", "set handset desk device null",
               "set handset porch extension 1002", "set handset porch device null")
    wait_until(box.is_registered, PATIENCE_S, "registration")
    wait_until(lambda: all(one["registered"] for one in box.show("show handsets")), PATIENCE_S, "the other one")
    assert ask(box.state, "handset desk dial 1002", MEMBER_UID, True).stdout == "desk: calling\n"
    wait_until(lambda: box.show("show handset porch")["state"] == "ringing", PATIENCE_S, "the bell")
    ask(box.state, "handset porch lift", MEMBER_UID, True)
    wait_until(lambda: box.show("show handset desk")["state"] == "talking", PATIENCE_S, "the talk")
    assert box.handset.end(signal.SIGKILL) == -signal.SIGKILL
    box.handset.start()
    wait_until(box.is_registered, PATIENCE_S, "registration again")
    assert box.show("show handset desk")["state"] == "idle"
    wait_until(lambda: box.show("show calls") == [], 3 * PATIENCE_S, "the end of the call whose talkers are gone")
