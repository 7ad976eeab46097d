# SPDX-License-Identifier: Apache-2.0
"""Replacing the configuration file: the old one or the new one, its rights kept."""

import errno
import os
import stat

import pytest

from appliance.errors import MachineError
from appliance.system.disk import write_atomically
from appliance.system.revisions.staged_file import StagedFile


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "denwaban.conf"
    path.write_text("old\n")
    return path


def test_what_is_staged_is_not_the_file_until_it_is_put_in_place(path):
    file = StagedFile(path)
    file.stage(b"new\n")
    assert path.read_text() == "old\n"
    assert file.staged.read_text() == "new\n"
    file.put_in_place()
    assert path.read_text() == "new\n"
    assert os.listdir(path.parent) == [path.name]


def test_what_is_withdrawn_leaves_nothing(path):
    file = StagedFile(path)
    file.stage(b"new\n")
    file.withdraw()
    file.withdraw()
    assert (path.read_text(), os.listdir(path.parent)) == ("old\n", [path.name])


def test_mode_and_owner_are_kept(path):
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
    before = path.stat()
    file = StagedFile(path)
    file.stage(b"new\n")
    file.put_in_place()
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_the_first_file_is_for_its_owner_alone(tmp_path):
    file = StagedFile(tmp_path / "first.conf")
    file.stage(b"new\n")
    file.put_in_place()
    assert stat.S_IMODE((tmp_path / "first.conf").stat().st_mode) == 0o600


def test_a_link_stays_a_link(path, tmp_path):
    link = tmp_path / "link.conf"
    link.symlink_to(path)
    file = StagedFile(link)
    file.stage(b"new\n")
    file.put_in_place()
    assert link.is_symlink()
    assert path.read_text() == "new\n"


def test_a_full_disk_is_told_and_leaves_nothing(path, monkeypatch):
    def fail(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(MachineError, match="No space left"):
        StagedFile(path).stage(b"new\n")
    assert (path.read_text(), os.listdir(path.parent)) == ("old\n", [path.name])


def test_a_file_that_cannot_be_replaced_stands(path, monkeypatch):
    file = StagedFile(path)
    file.stage(b"new\n")

    def fail(_source, _target):
        raise OSError(errno.EROFS, "Read-only file system")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(MachineError, match="Read-only"):
        file.put_in_place()
    assert path.read_text() == "old\n"


def test_a_disk_that_has_become_read_only_is_told(path, monkeypatch):
    """As cards do when they fail: there even taking away what does not exist is refused."""
    def refuse(*_arguments, **_named):
        raise OSError(errno.EROFS, "Read-only file system")
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(MachineError, match="Read-only"):
        StagedFile(path).stage(b"new")
    with pytest.raises(MachineError, match="Read-only"):
        write_atomically(path, b"new")
