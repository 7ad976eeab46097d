# SPDX-License-Identifier: Apache-2.0
"""What an office does with telephones, by PJSIP ones: calls, hold, transfers, presence, texts, message lamp."""

import re
import time
from collections.abc import Callable

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.network import wait_until
from tests.interop.office import IS_REFERENCE, clear_bindings, in_both_roles, require
from tests.interop.pjsip import ACTIVE, LOCAL_HOLD, OFFLINE, ONLINE, REMOTE_HOLD, Pjsip, require_pjsip
from tests.interop.pjsip_sound import likeness_of_pieces
from tests.interop.server import DOMAIN, SECRETS, Server
from tests.interop.sound import write_babble, write_chirp

TALK_S = 1.7
ALIKE, UNLIKE = 0.95, 0.5
GREETING = "会議は三時です。𠮷野家で。"
WRITTEN_S = 1.0


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    return {"chirp": write_chirp(folder / "chirp.wav"), "babble": write_babble(folder / "babble.wav"),
            "other": write_babble(folder / "other.wav", seed=5)}


@pytest.fixture
def new_phone(network, server, tmp_path, voices) -> Callable[..., Pjsip]:
    """Makes a PJSIP phone of one extension (not started), at the module's server unless it is told another."""
    require_pjsip()

    def make(user: str, voice: str = "chirp", transport: str = "udp", at: Server = server, **switches: bool) -> Pjsip:
        account = {"user": user, "secret": SECRETS[user], "server": f"{at.host}:{at.port}", "domain": DOMAIN,
                   "transport": transport}
        return Pjsip(network, tmp_path / f"{user}-{time.monotonic_ns()}", account, voices[voice], **switches)
    return make


def connect(caller: Pjsip, callee: Pjsip) -> tuple[int, int]:
    """A call; its numbers at both."""
    calling = caller.dial(callee.user)
    called = callee.wait_incoming()
    callee.answer(called)
    caller.wait_confirmed(calling)
    callee.wait_confirmed(called)
    return calling, called


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_registers_with_digest_and_deregisters(new_phone, server, network, transport):
    clear_bindings(server, network, "1001")
    with new_phone("1001", transport=transport) as phone:
        phone.wait_registered()
        log = phone.read_log()
        assert "SIP/2.0 401" in log
        assert 'username="1001"' in log
        if not IS_REFERENCE:
            (binding,) = [row for row in server.show("show registrations") if row["extension"] == "1001"]
            assert phone.wanted["host"] in binding["contact"]
    if not IS_REFERENCE:
        assert not [row for row in server.show("show registrations") if row["extension"] == "1001"]


@in_both_roles
@pytest.mark.parametrize("transports", [("udp", "tcp"), ("tcp", "udp")], ids="-to-".join)
def test_two_phones_talk_hold_and_talk_again(new_phone, voices, transports):
    with new_phone("1001", "chirp", transports[0]) as caller, new_phone("1002", "babble", transports[1]) as callee:
        caller.wait_registered()
        callee.wait_registered()
        calling, called = connect(caller, callee)
        caller.wait("media", status=ACTIVE)
        callee.wait("media", status=ACTIVE)
        time.sleep(TALK_S)
        caller.hold(calling)
        caller.wait("media", status=LOCAL_HOLD)
        callee.wait("media", status=REMOTE_HOLD)
        caller.resume(calling)
        caller.wait("media", status=ACTIVE)
        callee.wait("media", status=ACTIVE)
        time.sleep(TALK_S)
        callee.hang_up(called)
        caller.wait_ended(calling)
        callee.wait_ended(called)
        for phone, voice in ((caller, "babble"), (callee, "chirp")):
            before, after = phone.heard()
            assert likeness_of_pieces(voices[voice], before) > ALIKE
            assert likeness_of_pieces(voices[voice], after) > ALIKE
        assert likeness_of_pieces(voices["babble"], before) < UNLIKE, "the comparison must be able to fail"


@in_both_roles
@pytest.mark.parametrize("caller_is", ["pjsip", "baresip"])
def test_talks_with_a_phone_of_another_make(new_phone, network, server, voices, tmp_path, caller_is):
    require("baresip")
    account = Account("1004", SECRETS["1004"], f"{server.host}:{server.port}")
    baresip = Baresip(network, tmp_path / "baresip", account, voices["babble"])
    with new_phone("1003", "chirp") as phone, baresip:
        phone.wait_registered()
        baresip.wait_registered()
        if caller_is == "pjsip":
            call = phone.dial("1004")
            baresip.wait("CALL_INCOMING")
            baresip.answer()
        else:
            baresip.dial("1003")
            call = phone.wait_incoming()
            phone.answer(call)
        phone.wait_confirmed(call)
        baresip.wait("CALL_ESTABLISHED")
        time.sleep(TALK_S)
        phone.hang_up(call)
        baresip.wait("CALL_CLOSED")
        phone.wait_ended(call)
        (heard,) = phone.heard()
    assert likeness_of_pieces(voices["babble"], heard) > ALIKE
    assert likeness_of_pieces(voices["chirp"], baresip.heard()) > ALIKE


def test_blind_transfer(new_phone, voices):
    with (new_phone("1001", "chirp") as customer, new_phone("1002", "babble") as clerk,
          new_phone("1003", "other") as boss):
        for phone in (customer, clerk, boss):
            phone.wait_registered()
        first, answered = connect(customer, clerk)
        clerk.transfer(answered, "1003")
        assert "1003" in customer.wait("refer")["to"]
        offered = boss.wait_incoming()
        boss.answer(offered)
        boss.wait_confirmed(offered)
        clerk.wait("transfer", code=200, final=True)
        clerk.wait_ended(answered)
        customer.wait_ended(first)
        time.sleep(TALK_S)
        boss.hang_up(offered)
        customer.wait("call", state="DISCONNECTED")
        boss.wait_ended(offered)
        assert likeness_of_pieces(voices["chirp"], boss.heard()[-1]) > ALIKE
        assert likeness_of_pieces(voices["other"], customer.heard()[-1]) > ALIKE


def test_a_transfer_that_fails_leaves_the_call_as_it_was(new_phone):
    with new_phone("1001") as customer, new_phone("1002") as clerk, new_phone("1003") as boss:
        for phone in (customer, clerk, boss):
            phone.wait_registered()
        first, answered = connect(customer, clerk)
        clerk.transfer(answered, "1003")
        boss.hang_up(boss.wait_incoming())                         # refused while it rings
        refused = clerk.wait("transfer", final=True)["code"]
        assert refused // 100 in (4, 6), refused
        clerk.hang_up(answered)
        customer.wait_ended(first)
        clerk.wait_ended(answered)


def test_attended_transfer(new_phone, voices):
    """REFER with Replaces: the boss's phone puts the customer in the place of the clerk, without ringing again."""
    with (new_phone("1001", "chirp") as customer, new_phone("1002", "babble") as clerk,
          new_phone("1003", "other", "tcp") as boss):
        for phone in (customer, clerk, boss):
            phone.wait_registered()
        first, answered = connect(customer, clerk)
        clerk.hold(answered)
        clerk.wait("media", status=LOCAL_HOLD)
        asking, asked = connect(clerk, boss)
        clerk.transfer_to_call(answered, asking)
        assert "Replaces=" in customer.wait("refer")["to"]
        replacing = boss.wait("replaced")["call"]
        boss.wait_confirmed(replacing)
        boss.wait_ended(asked)
        clerk.wait("transfer", code=200, final=True)
        clerk.wait_ended(asking)
        clerk.wait_ended(answered)
        customer.wait_ended(first)
        assert not [event for event in boss.events if event["event"] == "incoming"]
        time.sleep(TALK_S)
        boss.hang_up(replacing)
        customer.wait("call", state="DISCONNECTED")
        boss.wait_ended(replacing)
        assert likeness_of_pieces(voices["chirp"], boss.heard()[-1]) > ALIKE
        assert likeness_of_pieces(voices["other"], customer.heard()[-1]) > ALIKE


@pytest.mark.ours
def test_presence_follows_registration_publication_and_calls(new_phone, server, network):
    clear_bindings(server, network, "1005", "1006")
    with new_phone("1006") as watcher:
        watcher.wait_registered()
        watcher.watch("1005")
        watcher.wait("presence", subscription="ACTIVE", status=OFFLINE)
        with new_phone("1005", has_presence=True) as phone:
            phone.wait_registered()
            watcher.wait("presence", status=ONLINE, activity="")
            phone.set_presence("away", "昼休み")
            watcher.wait("presence", status=ONLINE, activity="away", note="昼休み")
            phone.set_presence("busy", "会議中")
            watcher.wait("presence", status=ONLINE, activity="busy", note="会議中")
            phone.set_presence()
            watcher.wait("presence", status=ONLINE, activity="")
            watcher.forget()
            calling, _ = connect(phone, watcher)
            wait_notify(watcher, lambda body: "<rpid:on-the-phone/>" in body)
            watcher.wait("presence", status=ONLINE, activity="busy")    # it does not know the other word
            phone.hang_up(calling)
            wait_notify(watcher, lambda body: "on-the-phone" not in body)
            watcher.forget()
        watcher.wait("presence", status=OFFLINE)


def wait_notify(phone: Pjsip, is_wanted: Callable[[str], bool]) -> None:
    """Until a NOTIFY has a body as wanted."""
    while not is_wanted(phone.wait("notify")["body"]):
        pass


@pytest.mark.ours
def test_texts_both_ways_and_to_a_phone_that_was_off(new_phone, server, network):
    clear_bindings(server, network, "1001", "1002")
    with new_phone("1001") as one:
        one.wait_registered()
        one.write("1002", GREETING)
        one.wait("message-status", code=202)
        wait_until(lambda: len(server.show("show messages")) == 1, 2, "a waiting message")
        with new_phone("1002", transport="tcp") as other:
            other.wait_registered()
            kept = other.wait("message")
            assert (kept["text"], kept["kind"]) == (GREETING, "text/plain")
            assert "sip:1001@office.test" in kept["sender"]
            wait_until(lambda: server.show("show messages") == [], 2, "an empty mailbox")
            other.write("1001", "了解です")
            assert one.wait("message")["text"] == "了解です"
            other.wait("message-status", code=200)
            one.write("1002", "では後ほど")
            assert other.wait("message")["text"] == "では後ほど"
            one.wait("message-status", code=200)


@pytest.mark.ours
def test_message_lamp_is_lit_by_a_waiting_text_and_goes_out(new_phone, server, network):
    """The phone with the lamp loses its binding, so that what is written to its user has to wait."""
    with new_phone("1007", has_mailbox=True) as lamp, new_phone("1008") as writer:
        assert lamp.wait("mailbox")["summary"].startswith("Messages-Waiting: no\r\n")
        writer.wait_registered()
        clear_bindings(server, network, "1007")
        writer.write("1007", GREETING)
        writer.wait("message-status", code=202)
        lit = lamp.wait("mailbox")["summary"]
        assert lit.startswith("Messages-Waiting: yes\r\n")
        assert "Text-Message: 1/0" in lit
        with new_phone("1007") as reader:
            assert reader.wait("message")["text"] == GREETING
        assert lamp.wait("mailbox")["summary"].startswith("Messages-Waiting: no\r\n")


@pytest.mark.ours
@pytest.mark.parametrize(("transport", "is_reachable"), [("udp", True), ("tcp", True), ("tcp", False)])
def test_after_kill_9_the_phones_are_told_again_without_asking(new_phone, new_server, transport, is_reachable):
    """Over TCP the phone registers again by itself when its connection is gone, but it does not subscribe again: where
    its Contact is its end of the connection, its dialogs know it by a port that is no more (RFC 5626 6)."""
    with (new_server() as server, new_phone("1005", at=server, has_presence=True) as phone,
          new_phone("1006", "chirp", transport, at=server, has_mailbox=True, is_reachable=is_reachable) as watcher):
        watcher.wait_registered()
        phone.wait_registered()
        phone.set_presence("away", "昼休み")
        watcher.watch("1005")
        watcher.wait("presence", subscription="ACTIVE", activity="away")
        watcher.wait("mailbox")
        time.sleep(WRITTEN_S)
        watcher.forget()
        assert count_sent(watcher, "SUBSCRIBE") == 2 * 2, "each once more with its digest"
        server.kill()
        server.start()
        watcher.wait("presence", subscription="ACTIVE", status=ONLINE, activity="away", note="昼休み")
        watcher.wait("mailbox")
        phone.set_presence("busy", "会議中")
        watcher.wait("presence", activity="busy", note="会議中")
        assert "SIP/2.0 412" not in phone.read_log(), "the entity-tag was forgotten"
        connect(phone, watcher)
        assert count_sent(watcher, "SUBSCRIBE") == 2 * 2, "the phone asked again"
        assert count_sent(phone, "REGISTER") == 2


def count_sent(phone: Pjsip, method: str) -> int:
    """Requests sent so far, by the log of the phone; sent again for want of an answer they count once."""
    return len(set(re.findall(rf"TX \d+ bytes Request msg {method}/(cseq=\d+ \(tdta\w+\))", phone.read_log())))
