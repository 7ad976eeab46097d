# SPDX-License-Identifier: Apache-2.0
"""What is ours is on disk; a disk that refuses it keeps nobody from working and has it later."""

import os

import pytest

from appliance.networking.ownership import Ownership
from appliance.system import disk
from appliance.system.network.ownership_file import OwnershipFile
from tests.system.network.test_served_program import Journal

OURS = Ownership(links=frozenset({"br-lan"}))


def read_again(folder):
    file = OwnershipFile(str(folder), Journal())
    file.read()
    return file.owned


def test_what_the_disk_refuses_counts_and_is_written_later(tmp_path, monkeypatch):
    journal = Journal()
    file = OwnershipFile(str(tmp_path), journal)
    with monkeypatch.context() as patched:
        patched.setattr(disk.os, "fsync", refuse)
        file.write(OURS)
        assert not file.save()
        assert (file.owned, read_again(tmp_path)) == (OURS, Ownership())
        assert journal.count("network_ownership_unwritten") == 1
    assert file.save()
    assert read_again(tmp_path) == OURS
    assert journal.count("network_ownership_written") == 1


def test_what_is_taken_back_while_the_disk_is_full_is_written_as_well(tmp_path, monkeypatch):
    file = OwnershipFile(str(tmp_path), Journal())
    file.write(OURS)
    with monkeypatch.context() as patched:
        patched.setattr(disk.os, "fsync", refuse)
        file.write(Ownership())
        file.write(OURS)
    assert file.save()
    assert read_again(tmp_path) == OURS


def test_what_has_not_changed_is_not_written(tmp_path, monkeypatch):
    file = OwnershipFile(str(tmp_path), Journal())
    file.write(OURS)
    monkeypatch.setattr(disk.os, "fsync", lambda _descriptor: pytest.fail("written"))
    file.write(OURS)
    assert file.save()


def refuse(_descriptor):
    raise OSError(28, os.strerror(28))
