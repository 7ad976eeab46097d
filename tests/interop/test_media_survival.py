# SPDX-License-Identifier: Apache-2.0
"""A call between two real phones through the relay, when the call server or the relay is killed under it."""

import json
import os
import signal
import socket

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import require
from tests.interop.server import SECRETS
from tests.interop.sound import write_babble, write_chirp

pytestmark = pytest.mark.ours
SENT = 3                        # in the figures of a direction: packets that were passed on
FLOWING = 50                    # a second of talk


def ask_sessions(server) -> dict[str, list[list[object]]]:
    """Sessions of the relay and the figures of both directions."""
    return {one["session"]: one["figures"] for one in list_sessions(server)}


def is_held(server, session: str) -> bool:
    return any(one["session"] == session and one["is_held"] for one in list_sessions(server))


def list_sessions(server) -> list[dict[str, object]]:
    """As the relay has them."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as media:
        media.settimeout(PATIENCE_S)
        media.connect(str(server.state / "media.sock"))
        media.send(b'[{"do":"list"}]')
        told = []
        while not any(one.get("is_last") for one in told):
            told += json.loads(media.recv(1 << 18))
    return [one for part in told if part["told"] == "sessions" for one in part["sessions"]]


def wait_flowing(server, since: int = 0) -> str:
    """Until the one session has passed a second more of talk each way than `since`; its name."""
    def is_flowing() -> str | None:
        for name, figures in ask_sessions(server).items():
            if all(one[SENT] > since + FLOWING for one in figures):
                return name
        return None
    return wait_until(is_flowing, PATIENCE_S, "talk both ways")


def relays(server) -> list[int]:
    return [entry["pid"] for entry in server.journal()
            if entry.get("event") in ("media_relay_started", "media_relay_found")]


@pytest.fixture
def talking(new_server, network, tmp_path):
    """(server, caller, callee) in the middle of a call."""
    require("baresip")
    voices = write_chirp(tmp_path / "chirp.wav", 30.0), write_babble(tmp_path / "babble.wav", 30.0)
    server = new_server()
    server.config.write_text(server.config.read_text().replace("set sip role proxy\n", "set sip role b2bua\n"))
    phones = []
    with server:
        try:
            for user, voice in zip(("1001", "1002"), voices, strict=True):
                account = Account(user, SECRETS[user], f"{server.host}:{server.port}")
                phones.append(Baresip(network, tmp_path / user, account, voice).__enter__())
                phones[-1].wait_registered()
            caller, callee = phones
            caller.dial("1002")
            callee.wait("CALL_INCOMING")
            callee.answer()
            for phone in phones:
                phone.wait("CALL_ESTABLISHED")
            yield server, caller, callee
        finally:
            for phone in phones:
                phone.__exit__()


def test_the_call_server_is_killed_and_the_talk_goes_on_and_the_next_has_the_call(talking):
    server, caller, callee = talking
    session = wait_flowing(server)
    wait_until(lambda: server.journal("media_relay_present"), PATIENCE_S, "the journal")
    first = relays(server)
    server.kill()
    before = ask_sessions(server)[session]
    wait_flowing(server, max(one[SENT] for one in before))          # without any call server
    server.start()
    wait_until(lambda: len(server.journal("media_relay_present")) == 2, PATIENCE_S, "the journal")
    assert relays(server) == first * 2
    assert [one["sessions"] for one in server.journal("media_relay_present")] == [0, 1]
    assert wait_flowing(server, max(one[SENT] for one in ask_sessions(server)[session])) == session
    (row,) = server.show("show calls")
    assert (row["caller"], row["callee"], row["state"]) == ("1001", "1002", "answered")
    caller.hold()
    wait_until(lambda: is_held(server, session), PATIENCE_S, "the hold")
    caller.resume()
    wait_until(lambda: not is_held(server, session), PATIENCE_S, "the end of the hold")
    callee.hang_up()
    caller.wait("CALL_CLOSED")
    wait_until(lambda: not ask_sessions(server), PATIENCE_S, "the session closed")


def test_the_relay_is_killed_and_the_call_gets_another_session(talking):
    server, caller, callee = talking
    session = wait_flowing(server)
    wait_until(lambda: relays(server), PATIENCE_S, "the journal")
    os.kill(relays(server)[-1], signal.SIGKILL)
    wait_until(lambda: len(server.journal("media_relay_present")) == 2, PATIENCE_S, "another relay")
    assert wait_flowing(server) != session
    callee.hang_up()
    caller.wait("CALL_CLOSED")
    wait_until(lambda: not ask_sessions(server), PATIENCE_S, "the session closed")


def test_calls_that_come_while_the_relay_is_replaced_are_put_through(new_server, network):
    """RFC 3261 8.2.6.1: 100 says that we are at it; a 503 would have been a call for help refused."""
    server = new_server()
    server.config.write_text(server.config.read_text().replace("set sip role proxy\n", "set sip role b2bua\n"))
    with (server, DeskPhone(network.new_host(), (server.host, server.port), Desk("1001", SECRETS["1001"])) as caller,
          DeskPhone(network.new_host(), (server.host, server.port), Desk("1002", SECRETS["1002"]),
                    answers_by_itself=True) as callee):
        for phone in (caller, callee):
            phone.register()
        wait_until(lambda: server.journal("media_relay_present"), PATIENCE_S, "the relay")
        for count in (1, 2, 3):
            os.kill(relays(server)[-1], signal.SIGKILL)
            wait_until(lambda count=count: len(server.journal("media_relay_lost")) == count, PATIENCE_S, "the loss")
            call = caller.dial("1002")
            assert call.wait_status() == 200, call.statuses(b"INVITE")
            wait_until(lambda count=count: len(server.journal("media_relay_present")) > count, PATIENCE_S, "the next")
            call.bye()
            wait_until(lambda: server.show("show calls") == [], PATIENCE_S, "no call left")
