# SPDX-License-Identifier: Apache-2.0
"""The last fifty configurations: who, when, why; what a crash leaves is settled."""

import os

import pytest

from appliance.errors import MachineError
from appliance.system.revisions.revision_store import KEPT, Revision, RevisionStore


def keep(store, number, text, comment=""):
    store.prepare(Revision(number, 1000.0 + number, "hanako", comment, "commit"), text)
    store.complete(number)


@pytest.fixture
def store(tmp_path):
    return RevisionStore(tmp_path / "revisions")


def test_a_revision_is_told_with_who_when_and_why(store):
    assert store.list_revisions() == []
    assert store.find_last_number() == 0
    keep(store, 1, "one\ntwo\n", "für die 受付\n\"x\"")
    assert store.list_revisions() == [Revision(1, 1001.0, "hanako", "für die 受付\n\"x\"", "commit")]
    assert store.read_text(1) == "one\ntwo\n"
    assert store.read_text(2) is None


def test_only_the_last_fifty_are_kept_the_newest_first(store):
    for number in range(1, KEPT + 4):
        keep(store, number, f"{number}\n")
    assert [one.number for one in store.list_revisions()] == list(range(KEPT + 3, 3, -1))
    assert store.read_text(3) is None


def test_what_is_prepared_is_no_revision_yet_and_takes_its_number(store):
    keep(store, 1, "old\n")
    store.prepare(Revision(2, 0.0, "taro", "", "commit"), "new\n")
    assert [one.number for one in store.list_revisions()] == [1]
    assert store.find_last_number() == 2
    store.withdraw(2)
    assert store.find_last_number() == 1


@pytest.mark.parametrize(("running", "numbers"), [("new\n", [2, 1]), ("old\n", [1])])
def test_after_a_crash_what_runs_decides(store, running, numbers):
    keep(store, 1, "old\n")
    store.prepare(Revision(2, 0.0, "taro", "", "commit"), "new\n")
    store.settle(running)
    assert [one.number for one in store.list_revisions()] == numbers
    store.settle(running)
    assert [one.number for one in store.list_revisions()] == numbers


def test_foreign_and_broken_files_disturb_nobody(store, tmp_path):
    keep(store, 1, "old\n")
    directory = tmp_path / "revisions"
    for name, octets in (("00000002", b""), ("00000003", b"{}\n"), ("00000004", b"[1]\n"), ("README", b"x"),
                         ("00000005", os.urandom(100)), (".00000006.new", b"{"), ("0000000x", b"")):
        (directory / name).write_bytes(octets)
    assert [one.number for one in store.list_revisions()] == [1]
    keep(store, store.find_last_number() + 1, "new\n")
    assert store.list_revisions()[0].number == 6


def test_a_directory_that_cannot_be_made_is_a_machine_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError):
        keep(RevisionStore(tmp_path / "file" / "revisions"), 1, "x")
