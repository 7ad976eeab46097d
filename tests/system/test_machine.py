# SPDX-License-Identifier: Apache-2.0
"""Clock, disk, memory, descriptors and the service manager."""

import os
import resource
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import MachineError
from appliance.system import disk
from appliance.system.clock import WallClock, render_wall
from appliance.system.disk import write_atomically
from appliance.system.memory import read_resident_octets
from appliance.system.sd_notify import notify_manager


class Hands:
    """Both clocks, set by hand."""

    def __init__(self):
        self.wall, self.monotonic = 1_700_000_000.0, 50.0

    def clock(self):
        return WallClock(lambda: self.wall, lambda: self.monotonic)


def test_the_wall_clock_is_an_offset_to_the_monotonic_one():
    hands = Hands()
    clock = hands.clock()
    assert clock.now() == 1_700_000_000.0
    assert clock.offset() == 1_699_999_950.0
    assert clock.render(51.5) == "2023-11-14T22:13:21.500Z"


@pytest.mark.parametrize(("step_s", "told"), [(3600.0, 3600.0), (-86_400.0, -86_400.0), (0.4, 0.0), (-0.4, 0.0)])
def test_a_clock_that_was_set_is_told_once_and_drift_is_not(step_s, told):
    hands = Hands()
    clock = hands.clock()
    hands.monotonic += 10
    hands.wall += 10 + step_s
    assert clock.detect_step() == pytest.approx(told)
    hands.monotonic += 10
    hands.wall += 10
    assert clock.detect_step() == 0.0


def test_wall_time_is_rfc_3339():
    assert render_wall(0.0) == "1970-01-01T00:00:00.000Z"


def test_a_file_is_replaced_whole_and_private(tmp_path):
    path = tmp_path / "state"
    write_atomically(path, b"old")
    write_atomically(path, b"new", mode=0o640)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["state"]


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "state"
    write_atomically(path, b"old")

    def refuse(descriptor):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(disk.os, "fsync", refuse)
    with pytest.raises(MachineError, match="No space left") as caught:
        write_atomically(path, b"new")
    assert caught.value.errno == 28
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["state"]


def test_a_missing_directory_is_a_machine_error(tmp_path):
    with pytest.raises(MachineError, match="write"):
        write_atomically(tmp_path / "gone" / "state", b"x")


def test_resident_memory_is_what_the_kernel_says():
    status = Path("/proc/self/status").read_text()
    said = int(status.split("VmRSS:")[1].split()[0]) * 1024
    assert abs(read_resident_octets() - said) < 8 << 20


def test_the_service_manager_is_told(tmp_path, monkeypatch):
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    assert notify_manager("READY=1")
    assert listening.recv(100) == b"READY=1"
    listening.close()
    assert not notify_manager("READY=1")


def test_an_abstract_socket_of_the_manager_works(monkeypatch):
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(f"\0denwaban-test-{os.getpid()}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@denwaban-test-{os.getpid()}")
    assert notify_manager("STOPPING=1")
    assert listening.recv(100) == b"STOPPING=1"
    listening.close()


def test_without_a_manager_nothing_happens(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify_manager("READY=1")


def test_the_soft_limit_of_descriptors_is_lifted_to_the_hard_one():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    lowered = min(hard, 512)
    script = ("import resource; from appliance.system.descriptors import raise_descriptor_limit;"
              f"resource.setrlimit(resource.RLIMIT_NOFILE, ({lowered // 2}, {lowered}));"
              "print(raise_descriptor_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.split() == [str(lowered)] * 2
