# SPDX-License-Identifier: Apache-2.0
"""A phone's cable is pulled in the middle of a call: the call is freed, its record says why. Who is only on hold, or
mute, keeps his."""

import contextlib
import time

import pytest

from tests.demo.place import PhonePorts
from tests.interop.baresip import Account, Baresip
from tests.interop.namespaces import Office, require_namespaces
from tests.interop.network import wait_until
from tests.interop.office import require
from tests.interop.server import SECRETS, Server
from tests.interop.sound import write_chirp
from tests.interop.test_media_survival import ask_sessions

pytestmark = pytest.mark.ours
SERVER_HOST = "10.77.0.1"
USERS = ("1001", "1002", "1003", "1004")
FREED_S = 35.0


@pytest.fixture
def office(tmp_path):
    """(switch, server, phones by number), each on a host of its own, everybody registered."""
    require_namespaces()
    require("baresip")
    with contextlib.ExitStack() as stack:
        switch = Office()
        stack.callback(switch.close)
        namespace = switch.add_host(SERVER_HOST)
        server = Server(tmp_path / "server", SERVER_HOST, namespace=namespace)
        server.config.write_text(server.config.read_text().replace("set sip role proxy\n", ""))
        stack.enter_context(server)
        phones = {}
        for number, user in enumerate(USERS, 2):
            host = f"10.77.0.{number}"
            account = Account(user, SECRETS[user], SERVER_HOST)
            voice = write_chirp(tmp_path / f"{user}.wav", 60.0)
            at = (switch.add_host(host), host)
            phones[user] = stack.enter_context(Baresip(PhonePorts(), tmp_path / user, account, voice, at=at))
            phones[user].wait_registered()
        yield switch, server, phones


def connect(phones, caller: str, callee: str) -> None:
    phones[caller].dial(callee)
    phones[callee].wait("CALL_INCOMING")
    phones[callee].answer()
    for user in (caller, callee):
        phones[user].wait("CALL_ESTABLISHED")


def are_flowing(server: Server, calls: int) -> bool:
    sessions = ask_sessions(server)
    return len(sessions) == calls and all(one[0] > 20 for figures in sessions.values() for one in figures)


def test_an_unplugged_phone_is_freed_and_a_held_one_is_not(office):
    switch, server, phones = office
    connect(phones, "1001", "1002")
    connect(phones, "1003", "1004")
    wait_until(lambda: are_flowing(server, 2), 20, "talk in both calls")
    phones["1003"].hold()
    switch.unplug(phones["1002"].namespace)
    began = time.monotonic()
    phones["1001"].wait("CALL_CLOSED", timeout_s=FREED_S + 10)
    assert time.monotonic() - began < FREED_S
    (row,) = wait_until(lambda: server.show("show records 10"), 20, "the record")
    assert (row["caller"], row["callee"], row["result"]) == ("1001", "1002", "answered")
    assert row["reason"] == "network lost"
    (held,) = server.show("show calls")
    assert (held["caller"], held["callee"], held["state"]) == ("1003", "1004", "answered")
    (figures,) = ask_sessions(server).values()
    phones["1003"].resume()

    def is_heard_again() -> bool:
        return all(now[0] > then[0] + 20 for now, then in zip(next(iter(ask_sessions(server).values())), figures,
                                                              strict=True))
    phones["1004"].hang_up()
    phones["1003"].wait("CALL_CLOSED")
