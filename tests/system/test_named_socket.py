# SPDX-License-Identifier: Apache-2.0
"""Sockets with a name in the state directory: who has the name, who leaves it, who may come in."""

import os
import socket
import stat
from pathlib import Path

import pytest

from appliance.errors import MachineError
from appliance.system import peer_access
from appliance.system.named_socket import NamedSocket, identify_file
from appliance.system.peer_access import is_admitted

OUR_GROUP, THEIR_GROUP, STRANGE_USER = 4_001, 4_002, 4_003


def named(directory: Path) -> NamedSocket:
    return NamedSocket(str(directory), "one.sock", "test socket", "somebody has it")


def connect(directory: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    client.connect(os.fspath(directory / "one.sock"))
    return client


def test_whoever_connects_is_heard_and_the_name_is_private(tmp_path):
    one = named(tmp_path)
    listening = one.open(4)
    with connect(tmp_path) as client:
        accepted, _address = listening.accept()
        client.send(b"hello")
        assert accepted.recv(64) == b"hello"
        accepted.close()
    assert stat.S_IMODE((tmp_path / "one.sock").stat().st_mode) == 0o600
    one.close()
    assert identify_file(os.fspath(tmp_path / "one.sock")) is None
    one.close()     # once more changes nothing


def test_a_living_process_keeps_its_name(tmp_path):
    one = named(tmp_path)
    one.open(4)
    with pytest.raises(MachineError, match=r"test socket .*one\.sock: somebody has it"):
        named(tmp_path).open(4)
    connect(tmp_path).close()
    one.close()


def test_what_a_killed_process_left_is_taken_away(tmp_path):
    named(tmp_path).open(4).close()     # its name stays
    one = named(tmp_path)
    one.open(4)
    connect(tmp_path).close()
    one.close()


def test_a_name_that_somebody_else_has_taken_is_left_to_him(tmp_path):
    one, other = named(tmp_path), named(tmp_path)
    one.open(4)
    (tmp_path / "one.sock").unlink()
    other.open(4)
    one.close()
    connect(tmp_path).close()
    other.close()


def test_a_directory_that_is_not_there_is_a_machine_error(tmp_path):
    with pytest.raises(MachineError, match="test socket"):
        named(tmp_path / "nowhere").open(4)


@pytest.mark.parametrize(("uid", "gid", "groups", "shared", "is_in"), [
    (0, 0, (), None, True),
    (STRANGE_USER, OUR_GROUP, (), OUR_GROUP, True),
    (STRANGE_USER, THEIR_GROUP, (OUR_GROUP,), OUR_GROUP, True),
    (STRANGE_USER, THEIR_GROUP, (), OUR_GROUP, False),
    (STRANGE_USER, OUR_GROUP, (OUR_GROUP,), None, False),
])
def test_root_and_members_of_the_shared_group_are_admitted(monkeypatch, uid, gid, groups, shared, is_in):
    monkeypatch.setattr(peer_access, "read_peer", lambda _connection: (1, uid, gid))
    monkeypatch.setattr(peer_access, "read_peer_groups", lambda _connection: groups)
    monkeypatch.setattr(peer_access, "find_shared_group", lambda: shared)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert is_admitted(ours) is is_in
