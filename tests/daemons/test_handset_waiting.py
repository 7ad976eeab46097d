# SPDX-License-Identifier: Apache-2.0
"""The handset service of a box without handsets: what wakes it, what it costs, how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.daemons.handset_waiting import names_handset
from tests.interop.network import PATIENCE_S, wait_until

OFFICE = ("# denwaban-config 1\nset system domain office.test\nset sip listener office address 127.0.0.1\n"
          "set sip listener office port 0\n")
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("text", "expected"), [
    ("set handset desk device null\n", True),
    (OFFICE + '  set  "handset"\tdesk device null', True),
    (OFFICE, False),
    ("# set handset desk device null\n", False),
    ("set extension 201 name handset\n", False),
    ("set handsets desk\n", False),
])
def test_lines_about_handsets_are_seen_at_a_glance(tmp_path, text, expected):
    config = tmp_path / "denwaban.conf"
    config.write_text(text)
    assert names_handset(str(config)) is expected


def test_no_file_names_no_handset(tmp_path):
    assert not names_handset(str(tmp_path / "none"))


class Waiting:
    """`denwaban handset` as a process; its standard output is in `said`."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "denwaban.conf"
        self.config.write_text(OFFICE.replace("port 0", "port 5999"))
        self.said = folder / "said"
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "appliance", "handset", "--config", self.config, "--state",
                 folder / "state"], stdout=said, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                env=environment | {"PYTHONPATH": str(ROOT)})

    def wait_said(self, *lines: str) -> None:
        wait_until(lambda: self.said.read_text().split() == list(lines) or self.process.poll() is not None, PATIENCE_S,
                   f"{lines}")
        assert self.said.read_text().split() == list(lines)

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def commit(self, text: str) -> None:
        """As configd does: by one rename."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.config)


@pytest.fixture
def waiting(tmp_path):
    running = Waiting(tmp_path)
    yield running
    running.process.kill()
    running.process.wait()


def test_without_a_handset_it_waits_small_and_a_commit_wakes_it_and_lets_it_rest_again(waiting):
    waiting.wait_said("waiting")
    assert waiting.resident_kib() < 15 * 1024
    office = waiting.config.read_text()
    waiting.commit(office + "set handset desk device null\n")
    waiting.wait_said("waiting", "ready")
    waiting.commit(office)
    waiting.wait_said("waiting", "ready", "waiting")
    assert waiting.resident_kib() < 15 * 1024
    waiting.process.send_signal(signal.SIGTERM)
    assert waiting.process.wait(PATIENCE_S) == 0


def test_it_ends_at_once_where_it_is_told_to_while_it_waits(waiting):
    waiting.wait_said("waiting")
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.process.wait(PATIENCE_S) == 0
