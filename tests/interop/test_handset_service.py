# SPDX-License-Identifier: Apache-2.0
"""The handset as part of `denwaban run`: started beside it, started again when it dies, following the configuration."""

import os
import signal

import pytest

from appliance.control.client import ControlClient
from appliance.errors import MachineError
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.server import Server

pytestmark = pytest.mark.ours
LINES = ("set handset desk extension 1001", "set handset desk device nowhere")


def ask(server: Server, *words: str, name: str = "desk") -> dict | None:
    try:
        client = ControlClient(str(server.state), socket_name=f"handset-{name}.sock")
    except MachineError:
        return None
    try:
        return client.ask(list(words))
    finally:
        client.close()


def is_registered(server: Server, name: str = "desk") -> bool:
    shown = ask(server, "show", name=name)
    return bool(shown and shown["registered"])


def read_pid(server: Server) -> int:
    return int(server.journal("handset_started")[-1]["pid"])


def test_run_starts_the_handsets_again_when_they_die_and_ends_them(new_server):
    with new_server(lines=LINES) as server:
        wait_until(lambda: is_registered(server), PATIENCE_S, "registration")
        first = read_pid(server)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: server.journal("handset_ended"), PATIENCE_S, "news of its end")
        wait_until(lambda: read_pid(server) != first and is_registered(server), PATIENCE_S, "another one")
        last = read_pid(server)
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


def test_a_handset_that_dies_often_leaves_one_binding(new_server):
    """Each life has another port; an extension has ten bindings at most (RFC 5626 6: the same instance and reg-id)."""
    with new_server(lines=LINES) as server:
        wait_until(lambda: is_registered(server), PATIENCE_S, "registration")
        ports = set()
        for _ in range(3):
            pid = read_pid(server)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: read_pid(server) != pid and is_registered(server), PATIENCE_S, "another one")
            (binding,) = server.show("show registrations")
            assert binding["contact"].endswith(ask(server, "show")["address"])
            ports.add(binding["contact"])
        assert len(ports) > 1


def test_a_handset_without_sound_device_says_so_and_is_a_telephone_all_the_same(new_server):
    with new_server(lines=LINES) as server:
        wait_until(lambda: is_registered(server), PATIENCE_S, "registration")
        assert "nowhere" in ask(server, "show")["sound"]["device_trouble"]
        assert ask(server, "dial", "1002")["state"] == "calling"
        wait_until(lambda: ask(server, "show")["tone"] == "congestion", PATIENCE_S, "the tone of 480")
        assert ask(server, "show")["last_status"] == 480


def test_what_no_hand_does_is_refused_with_where_what_and_what_may_stand_there(new_server):
    with new_server(lines=LINES) as server:
        wait_until(lambda: is_registered(server), PATIENCE_S, "registration")
        assert read_refusal(server, "handset porch lift") == [
            'handset: there is no handset "porch"', "allowed: one of desk"]
        assert read_refusal(server, "handset desk press 12a") == [
            'handset desk press: "12a" is not on its keys', "allowed: keys: 0 to 9, *, #"]
        assert server.console("handset desk lift").returncode == 0
        assert server.console("handset desk press １#").returncode == 0      # full width, as a Japanese keyboard has it
        assert ask(server, "show")["dialled"] == "1"


def read_refusal(server: Server, command: str) -> list[str]:
    done = server.console(command)
    assert done.returncode == 2
    return done.stderr.splitlines()


def test_a_commit_that_renames_the_handset_is_followed_once_it_is_idle(new_server):
    with new_server(lines=LINES) as server:
        wait_until(lambda: is_registered(server), PATIENCE_S, "registration")
        server.config.write_text(server.config.read_text().replace("handset desk", "handset kitchen"))
        server.reload()
        wait_until(lambda: is_registered(server, "kitchen"), PATIENCE_S, "the other handset")
        assert ask(server, "show") is None
