# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any step of a commit: the next start is old or new, wholly, and nothing is left lying about.

A run takes a sample of the steps, another one each time; SEED=... repeats one, STEPS=all takes every step.
"""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.interop.config_desk import ConfigDesk, HungUp, StandInPart
from tests.interop.network import PATIENCE_S, wait_until

pytestmark = pytest.mark.ours
DYING = Path(__file__).with_name("dying_denwaban.py")
NETWORK = "set network managed true\nset network interface eth0 role lan\nset network lan address dhcp\n"
NEW_LINE = "set extension 1003 secret charlie-1003"


def write_old(host: str) -> str:
    return (f"# denwaban-config 1\n# ours\nset system domain office.test\nset sip listener office address {host}\n"
            f"set media ports 30000-30099\n{NETWORK}set extension 1001 secret alpha-1001\n"
            "set extension 1002 secret bravo-1002\nset emergency none\n")


class Daemon:
    """One life of configd (or run). lives: all of this test."""

    lives: ClassVar["list[Daemon]"] = []

    def __init__(self, folder: Path, part: str, step: int) -> None:
        self.state = folder / "state"
        self._output = folder / "stdout"
        armed = folder / "armed"
        armed.unlink(missing_ok=True)
        self._output.write_bytes(b"")
        with self._output.open("wb") as output, (folder / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, DYING, armed, str(step), part, "--config", folder / "denwaban.conf", "--state",
                 self.state], stdout=output, stderr=errors, stdin=subprocess.DEVNULL, start_new_session=True,
                env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"})
        self.lives.append(self)
        self.armed = armed
        wait_until(self._is_ready, PATIENCE_S, f"{part} to be ready")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "the daemon has ended"
        return b"ready" in self._output.read_bytes().split(b"\n")

    def end(self) -> int:
        """Its exit code; by SIGTERM if it still lives."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def try_commit(state: Path, **options: object) -> bool:
    """Whether it was told that it is done."""
    try:
        with ConfigDesk(state) as desk:
            desk.edit(NEW_LINE)
            return desk.commit("new phone", **options)["revision"] is not None
    except (HungUp, ConnectionError):
        return False


def list_all(folder: Path) -> list[str]:
    names = sorted(path.name for path in (folder / "state" / "revisions").iterdir())
    return [*names, *(path.name for path in folder.iterdir() if path.name.startswith("."))]


class Scene:
    """The files of one box, new for each life; its parts, which outlive configd."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        (folder / "state").mkdir(parents=True)
        self.old = write_old(host)
        (folder / "denwaban.conf").write_text(self.old)
        self.parts: list[StandInPart] = []

    def add_parts(self, *names: str) -> None:
        self.parts = [StandInPart(self.folder / "state", name, self.old) for name in names]

    def check_after(self, was_told: bool, is_trial: bool) -> bool:
        """What must hold once the next daemon is ready. Whether the new one runs."""
        text = (self.folder / "denwaban.conf").read_text()
        is_new = NEW_LINE in text
        assert is_new or text == self.old
        assert is_new or not was_told
        assert text.replace(NEW_LINE + "\n", "") == self.old
        with ConfigDesk(self.folder / "state", "taro") as desk:
            assert desk.look("running") == text
            revisions = desk.look("revisions")
            assert desk.look("revision", revisions[0]["number"]) == text
            assert [one["how"] for one in revisions] == (
                ["commit-confirmed" if is_trial else "commit", "first-start"] if is_new else ["first-start"])
            assert (desk.look("status")["pending"] is not None) == (is_trial and is_new)
        trial = ["trial.json", ".denwaban.conf.previous"] if is_trial and is_new else []
        assert list_all(self.folder) == ["00000001", *(["00000002"] if is_new else []), *trial]
        assert all(part.text == text for part in self.parts)
        return is_new


def choose_steps(count: int, share: int) -> list[int]:
    """The first, the last and one in `share` of those between, in their order."""
    if os.environ.get("STEPS") == "all":
        return list(range(1, count + 1))
    seed = int(os.environ.get("SEED") or random.randrange(1, 1 << 32))
    chosen = sorted({1, count, *random.Random(seed).sample(range(1, count + 1), count // share)})
    print(f"SEED={seed}: killed at steps {chosen} of {count}")
    return chosen


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Iterator[Path]]:
    yield (tmp_path / f"life{number}" for number in itertools.count())
    while Daemon.lives:         # of a test that has failed
        process = Daemon.lives.pop().process
        process.kill()
        process.wait(PATIENCE_S)


@pytest.mark.parametrize("minutes", [0, 10])
def test_configd_killed_at_any_step_leaves_old_or_new_in_every_part(folders, network, minutes):
    host, steps, outcomes = network.new_host(), [0], []
    options = {"confirmed_minutes": minutes} if minutes else {}
    for step in steps:
        scene = Scene(next(folders), host)
        scene.add_parts("net.sock", "control.sock")
        daemon = Daemon(scene.folder, "configd", step)
        daemon.armed.touch()
        was_told = try_commit(scene.folder / "state", **options)
        if step == 0:
            count = int(daemon.armed.read_text())
            assert count >= 20
            steps += choose_steps(count, 3)
            assert was_told
            assert daemon.end() == 0
        else:
            assert daemon.process.wait(PATIENCE_S) == -signal.SIGKILL
        daemon = Daemon(scene.folder, "configd", 0)
        outcomes.append(scene.check_after(was_told, bool(minutes)))
        assert daemon.end() == 0
        for part in scene.parts:
            part.close()
    assert outcomes[1:] == sorted(outcomes[1:])     # old up to the rename, new from there on
    assert set(outcomes) == {False, True}


def test_the_call_server_killed_at_any_step_of_its_own_commit_starts_old_or_new(folders, network):
    host, steps, outcomes = network.new_host(), [0], []
    for step in steps:
        scene = Scene(next(folders), host)
        scene.old = scene.old.replace(NETWORK, "")
        (scene.folder / "denwaban.conf").write_text(scene.old)
        daemon = Daemon(scene.folder, "run", step)
        daemon.armed.touch()
        was_told = try_commit(scene.folder / "state")
        if step == 0:
            steps += choose_steps(int(daemon.armed.read_text()), 6)     # each is two starts of the whole
            assert was_told
            assert daemon.end() == 0
        else:
            assert daemon.process.poll() is None or daemon.process.returncode == -signal.SIGKILL
            daemon.process.kill()
            daemon.process.wait(PATIENCE_S)
        daemon = Daemon(scene.folder, "run", 0)
        outcomes.append(scene.check_after(was_told, False))
        assert daemon.end() == 0
    assert outcomes[1:] == sorted(outcomes[1:])
    assert set(outcomes) == {False, True}


def test_a_trial_whose_keeper_is_killed_ends_at_the_next_start(folders, network):
    scene = Scene(next(folders), network.new_host())
    scene.add_parts("net.sock", "control.sock")
    daemon = Daemon(scene.folder, "configd", 0)
    assert try_commit(scene.folder / "state", confirmed_minutes=0.01)
    daemon.process.kill()
    daemon.process.wait(PATIENCE_S)
    trial = scene.folder / "state" / "revisions" / "trial.json"
    if trial.exists():
        assert json.loads(trial.read_text())["previous"] == scene.old
    daemon = Daemon(scene.folder, "configd", 0)
    wait_until(lambda: (scene.folder / "denwaban.conf").read_text() == scene.old, PATIENCE_S, "the old configuration")
    wait_until(lambda: all(part.text == scene.old for part in scene.parts), PATIENCE_S, "the parts to follow")
    wait_until(lambda: not trial.exists(), PATIENCE_S, "the trial to be over")
    assert daemon.end() == 0
    for part in scene.parts:
        part.close()
