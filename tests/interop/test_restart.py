# SPDX-License-Identifier: Apache-2.0
"""Signals and power cuts: what is true before is true after. SIGTERM, SIGHUP, kill -9 under load, a wrong file."""

import socket
import subprocess
import threading
import time

import pytest

from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import party, register_sipp
from tests.interop.raw_sip import UdpPeer, build_request, register, transact
from tests.interop.server import PROGRAM, SECRETS, Server, configuration
from tests.interop.sipp_script import Script, describe
from tests.interop.state_files import wait_rows
from tests.interop.test_calls import callee_answers, caller_hangs_up

pytestmark = pytest.mark.ours
MANY = {f"20{number:02}": f"secret-{number}" for number in range(100)}


class Load(threading.Thread):
    """Registers the users of MANY round and round until told to stop; a server that vanishes ends it."""

    def __init__(self, server: Server, host: str) -> None:
        super().__init__(daemon=True)
        self.server, self.host = server, host
        self.count, self.is_wanted = 0, True

    def run(self) -> None:
        with UdpPeer((self.server.host, self.server.port), self.host) as peer:
            while self.is_wanted:
                for user, secret in MANY.items():
                    if not self.is_wanted:
                        return
                    try:
                        register(peer, user, secret, timeout_s=3)
                    except (AssertionError, ConnectionError):
                        return
                    self.count += 1


def test_sigterm_during_a_call_ends_with_0_and_keeps_the_bindings(new_server, network, new_sipp):
    with new_server() as server, UdpPeer((server.host, server.port), network.new_host()) as phone:
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1002")
        called.start(callee_answers(), party("1002", "1001")).wait_listening()
        script = Script("never ends").invite_with_digest(describe()).provisional().receive(200, rrs="true")
        calling.start(script.acknowledge().pause(60000), party("1001", "1002"))
        register(phone, "1003", SECRETS["1003"])
        server.stop()                                              # insists on exit 0 within 5 s
        server.start()
        assert {entry["extension"] for entry in server.show("show registrations")} == {"1002", "1003"}


def test_every_start_says_ready_once_more(new_server):
    with new_server() as server:
        for number in range(2, 5):
            server.stop()
            server.start()
            assert server.output.read_text().split().count("ready") == number


def test_kill_9_a_moment_after_the_200_loses_no_binding(new_server, network):
    with new_server() as server:
        for number, user in enumerate(("1001", "1002", "1003"), 1):
            with UdpPeer((server.host, server.port), network.new_host()) as phone:
                register(phone, user, SECRETS[user])
            wait_rows(server.state, "bindings", number)
            server.kill()
            server.start()
            assert user in {entry["extension"] for entry in server.show("show registrations")}


def test_kill_9_under_load_loses_no_binding_and_calls_reach_the_phone_at_once(new_server, network, new_sipp):
    with new_server(secrets=SECRETS | MANY) as server:
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1002")
        load = Load(server, network.new_host())
        load.start()
        wait_until(lambda: load.count > len(MANY), PATIENCE_S, "the load getting round")
        wait_rows(server.state, "bindings", 1 + len(MANY))
        server.kill()
        load.is_wanted = False
        load.join(10)
        server.start()
        found = {entry["extension"] for entry in server.show("show registrations")}
        assert found == {"1002", *MANY}
        called.start(callee_answers(), party("1002", "1001")).wait_listening()
        calling.start(caller_hangs_up(), party("1001", "1002")).finish()
        called.finish()


def test_binding_that_expires_while_the_server_is_away_is_gone(new_server, network):
    with new_server(lines=["set sip registrar min-expires 1"]) as server:
        with UdpPeer((server.host, server.port), network.new_host()) as phone:
            register(phone, "1001", SECRETS["1001"], expires_s=3)
            register(phone, "1002", SECRETS["1002"], expires_s=300)
        server.stop()
        time.sleep(3.1)
        server.start()
        assert [entry["extension"] for entry in server.show("show registrations")] == ["1002"]


def test_sighup_takes_up_new_extensions_and_leaves_calls_alone(new_server, network, new_sipp):
    with new_server() as server:
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1002")
        called.start(callee_answers(), party("1002", "1001")).wait_listening()
        script = Script("call across a reload").invite_with_digest(describe()).provisional().receive(200, rrs="true")
        calling.start(script.acknowledge().pause(1500).in_dialog("BYE").receive(200), party("1001", "1002"))
        server.config.write_text(configuration(server.host, server.port, secrets=SECRETS | {"3001": "new-secret"}))
        with UdpPeer((server.host, server.port), network.new_host()) as phone:
            server.reload()
            wait_until(lambda: server.journal("configuration_loaded"), PATIENCE_S, "the configuration taken up")
            register(phone, "3001", "new-secret")
            server.config.write_text("# denwaban-config 1\nset nonsense\n")
            server.reload()                                        # an error in the file changes nothing
            time.sleep(0.3)
            register(phone, "3001", "new-secret")
        calling.finish()
        called.finish()


@pytest.mark.parametrize("part", ["run", "check"])
def test_configuration_with_errors_exits_2_and_names_every_line(tmp_path, part):
    file = tmp_path / "wrong.conf"
    file.write_text("# denwaban-config 1\nset system domain office.test\nset sip listener a address 127.0.0.1\n"
                    "set sip listener a port 99999\nset no such path\n")
    arguments = ["--config", file, "--state", tmp_path] if part == "run" else [file]
    done = subprocess.run([PROGRAM, part, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    text = done.stdout + done.stderr
    assert f"{file}:4: sip listener a port: " in text
    assert f"{file}:5: " in text
    assert "ready" not in text.split()


def test_address_that_is_taken_is_an_error_that_names_it(new_server, network, tmp_path):
    with new_server() as server:
        done = subprocess.run([PROGRAM, "run", "--config", server.config, "--state", tmp_path / "other"],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 1
        assert f"{server.host}" in done.stderr
        assert "Traceback" not in done.stderr
        with UdpPeer((server.host, server.port), network.new_host()) as peer:
            answer = transact(peer, build_request(peer, "OPTIONS", "sip:office.test"))
        assert answer is not None
        assert answer.status == 200


def test_service_manager_is_told_ready_reloading_and_stopping(new_server, tmp_path):
    """sd_notify(3), by a datagram socket of our own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE_S)
        with new_server(notify_socket=str(tmp_path / "notify")) as server:
            told = [manager.recv(4096).split(b"\n")]
            while told[-1][0] == b"FDSTORE=1":      # what is to outlive it
                told.append(manager.recv(4096).split(b"\n"))
            assert [lines[0] for lines in told] == [b"FDSTORE=1", b"FDSTORE=1", b"READY=1"]
            server.reload()
            assert b"RELOADING=1" in manager.recv(4096)
            assert b"READY=1" in manager.recv(4096)
        assert b"STOPPING=1" in manager.recv(4096)
