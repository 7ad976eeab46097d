# SPDX-License-Identifier: Apache-2.0
"""`denwaban run` where it looks after the network itself: netd is started before anything is bound, its addresses are
followed, and it ends with us."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.interop.namespaces import Office, call_inside, require_namespaces, run_ip
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import UdpPeer, build_request, transact
from tests.interop.server import Server

pytestmark = pytest.mark.ours
FIRST, SECOND, LATER = "10.77.0.1", "10.77.0.9", "10.77.0.5"
CONFIGURATION = f"""# denwaban-config 1
set system domain office.test
set network managed true
set network interface eth0 role lan
set network lan address {FIRST}/24
set sip listener office interface lan
set sip listener office transport udp
set extension 201 secret desk-secret-201
set emergency none
"""


@pytest.fixture
def place(tmp_path):
    """(server, namespace of a phone): the server's interface has no address before it starts."""
    require_namespaces()
    with contextlib.ExitStack() as stack:
        switch = Office()
        stack.callback(switch.close)
        namespace, phone = switch.add_host(FIRST), switch.add_host(LATER)
        run_ip("-n", namespace, "address", "flush", "dev", "eth0")
        server = Server(tmp_path / "server", FIRST, namespace=namespace)
        server.config.write_text(CONFIGURATION)
        yield server, phone
        for number in find_netd(server):            # of a test that has failed
            os.kill(number, signal.SIGTERM)


def ask(phone: str, host: str) -> int:
    """What OPTIONS is answered with; 0 for silence."""
    def send() -> int:
        with UdpPeer((host, 5060), LATER) as peer:
            answer = transact(peer, build_request(peer, "OPTIONS", f"sip:{host}"), 1.0)
            return 0 if answer is None else answer.status
    return call_inside(phone, send)


def find_netd(server: Server) -> list[int]:
    return [int(process.name) for process in Path("/proc").iterdir() if process.name.isdigit()
            and {b"netd", str(server.state).encode()} <= set(read_command(process))]


def read_command(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []           # it has ended meanwhile


def test_the_network_comes_first_is_followed_and_outlives_nobody(place):
    server, phone = place
    with server:
        assert ask(phone, FIRST) == 200
        (netd,) = find_netd(server)
        server.config.write_text(CONFIGURATION.replace(f"{FIRST}/24", f"{SECOND}/24"))
        server.reload()
        wait_until(lambda: ask(phone, SECOND) == 200, PATIENCE_S, "an answer at the other address")
        assert find_netd(server) == [netd]
        server.kill()
        assert find_netd(server) == [netd]          # it goes on, and is found again
        server.start()
        assert ask(phone, SECOND) == 200
        assert server.journal("netd_found")
        assert find_netd(server) == [netd]
    wait_until(lambda: not find_netd(server), PATIENCE_S, "its end")
