# SPDX-License-Identifier: Apache-2.0
"""`denwaban run` where it looks after the network itself: netd is started before anything is bound, its addresses are
followed, and it ends with us."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.interop.dhcp_lender import DhcpLender
from tests.interop.namespaces import Office, call_inside, remove_namespace, require_namespaces, run_ip
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
    """(server, namespace of a phone, that of the server): the server's interface has no address before it starts."""
    require_namespaces()
    with contextlib.ExitStack() as stack:
        switch = Office()
        stack.callback(switch.close)
        namespace, phone = switch.add_host(FIRST), switch.add_host(LATER)
        run_ip("-n", namespace, "address", "flush", "dev", "eth0")
        server = Server(tmp_path / "server", FIRST, namespace=namespace)
        server.config.write_text(CONFIGURATION)
        yield server, phone, namespace
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
    server, phone, _ = place
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


def test_an_address_in_the_network_of_the_lan_is_an_alarm_until_another_one_is_lent(place):
    server, phone, namespace = place
    modem = f"{namespace}m"
    with contextlib.ExitStack() as stack:
        run_ip("netns", "add", modem)
        stack.callback(remove_namespace, modem)
        run_ip("-n", namespace, "link", "add", "wan0", "type", "veth", "peer", "name", "eth0", "netns", modem)
        for device in ("lo", "eth0"):
            run_ip("-n", modem, "link", "set", device, "up")
        run_ip("-n", modem, "address", "add", "10.77.0.254/24", "dev", "eth0")
        lender = DhcpLender(modem, "10.77.0.254", "10.77.0.200", lease_s=10)
        stack.callback(lender.close)
        server.config.write_text(f"{CONFIGURATION}set network interface wan0 role wan\n")
        stack.enter_context(server)
        (alarm,) = wait_until(lambda: server.show("show alarms"), PATIENCE_S, "an alarm")
        assert alarm["name"] == "network_wan"
        assert "10.77.0.200/24" in alarm["sentence"]
        assert ask(phone, FIRST) == 200
        lender.address, lender.lent = "203.0.113.1", "203.0.113.7"
        wait_until(lambda: server.show("show alarms") == [], PATIENCE_S, "its end")
