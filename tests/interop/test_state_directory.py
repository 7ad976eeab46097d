# SPDX-License-Identifier: Apache-2.0
"""What the server leaves in its state directory is for its own user alone."""

import stat
import time

import pytest

from tests.interop.network import wait_until
from tests.interop.raw_sip import UdpPeer, register
from tests.interop.server import SECRETS

pytestmark = pytest.mark.ours


def test_every_file_of_the_state_directory_is_for_the_servers_user_alone(new_server, network):
    with new_server() as server, UdpPeer((server.host, server.port), network.new_host()) as phone:
        register(phone, "1001", SECRETS["1001"])
        wait_until(lambda: (server.state / "bindings.sqlite-wal").exists(), 3, "no binding on disk")
        time.sleep(0.1)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in server.state.iterdir()}
    assert "bindings.sqlite" in modes
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
