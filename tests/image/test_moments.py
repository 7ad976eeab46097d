# SPDX-License-Identifier: Apache-2.0
"""No moment of its building is in an image."""

import os

import pytest

from board.moments import VARIABLE, find_commit_moment_s, level, level_new
from board.recipe import BOARD

FSTAB = BOARD / "overlay/etc/fstab"


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "old").mkdir()
    for name in ("old/kept", "old/changed", "new"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("old/kept")
    for path in tmp_path.rglob("*"):
        os.utime(path, (1000, 1000), follow_symlinks=False)
    return tmp_path


def moments_of(root):
    return {str(path.relative_to(root)): path.lstat().st_mtime for path in (root, *root.rglob("*"))}


def test_what_has_been_changed_since_gets_the_moment_and_nothing_else_does(tree):
    for name in ("new", "old/changed", "link", "old", "."):
        os.utime(tree / name, (3000, 3000), follow_symlinks=False)
    level_new(tree, 2000.0, 1500)
    kept = {"old/kept": 1000}
    assert moments_of(tree) == dict.fromkeys((".", "old", "old/changed", "new", "link"), 1500) | kept


def test_a_link_is_levelled_and_not_what_it_leads_to(tree):
    level([tree / "link"], 7)
    assert moments_of(tree)["link"] == 7
    assert moments_of(tree)["old/kept"] == 1000


def test_whoever_builds_may_say_the_moment(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1700000000")
    assert find_commit_moment_s() == 1700000000
    monkeypatch.setenv(VARIABLE, "yesterday")
    assert find_commit_moment_s() > 1700000000


def test_no_line_of_fstab_can_hold_up_a_start_and_all_are_waited_for():
    lines = [line.split() for line in FSTAB.read_text().splitlines() if not line.startswith("#")]
    assert [line[1] for line in lines] == ["/tmp", "/var/lib/denwaban"]
    for line in lines:
        assert {"nofail", "x-systemd.before=local-fs.target"} <= set(line[3].split(",")), line
