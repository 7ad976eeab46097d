# SPDX-License-Identifier: Apache-2.0
"""Lamps, presence and the message lamp with real peers, and what is left of them after kill -9."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.network import wait_until
from tests.interop.office import clear_bindings, require
from tests.interop.raw_sip import SipMessage, UdpPeer, authorize, build_request, register, take_request, transact
from tests.interop.server import SECRETS, Server
from tests.interop.sound import write_chirp
from tests.interop.state_files import wait_rows

pytestmark = pytest.mark.ours
STATE = "{urn:ietf:params:xml:ns:dialog-info}state"
BASIC = "{urn:ietf:params:xml:ns:pidf}basic"
PIDF = (b'<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" '
        b'entity="sip:1002@office.test"><tuple id="desk"><status><basic>%s</basic></status></tuple>%s</presence>')
BUSY = (b'<person xmlns="urn:ietf:params:xml:ns:pidf:data-model" id="p"><activities '
        b'xmlns="urn:ietf:params:xml:ns:pidf:rpid"><busy/></activities></person>')
TURNS = 5


def prove(peer: UdpPeer, request: bytes, user: str) -> SipMessage:
    """Send a request as this user, challenge and all; its final response."""
    challenge = transact(peer, request)
    assert challenge is not None
    assert challenge.status == 401
    answer = transact(peer, authorize(request, challenge, user, SECRETS[user]))
    assert answer is not None
    return answer


def subscribe(peer: UdpPeer, user: str, target: str, package: str, expires_s: int = 600) -> SipMessage:
    """A subscription of a user's phone; the 200. The NOTIFY is yet to be taken."""
    lines = (f"Event: {package}", f"Expires: {expires_s}", f"Contact: <sip:{user}@{peer.hostport.decode()}>")
    answer = prove(peer, build_request(peer, "SUBSCRIBE", f"sip:{target}@office.test", user=user, lines=lines), user)
    assert answer.status == 200, answer
    return answer


def take_notify(peer: UdpPeer) -> SipMessage:
    """The next NOTIFY, answered."""
    return take_request(peer, b"NOTIFY")


def texts(notify: SipMessage, tag: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(notify.body).iter(tag)]


def publish(peer: UdpPeer, user: str, basic: bytes, etag: str = "", more: bytes = b"") -> str:
    """A PUBLISH; the new entity-tag."""
    lines = ("Event: presence", "Expires: 600", "Content-Type: application/pidf+xml")
    lines += (f"SIP-If-Match: {etag}",) if etag else ()
    answer = prove(peer, build_request(peer, "PUBLISH", f"sip:{user}@office.test", user=user, lines=lines,
                                       body=PIDF % (basic, more)), user)
    assert answer.status == 200, answer
    return answer.header(b"SIP-ETag").decode()


@pytest.fixture
def watcher(network, server: Server):
    with UdpPeer((server.host, server.port), network.new_host()) as peer:
        yield peer


def test_every_publication_reaches_ten_watchers(server, network, udp):
    peers = [UdpPeer((server.host, server.port), network.new_host()) for _ in range(10)]
    try:
        for peer in peers:
            subscribe(peer, "1001", "1002", "presence")
            take_notify(peer)
        etag = ""
        for basic in ("closed", "open") * TURNS:
            etag = publish(udp, "1002", basic.encode(), etag)
            assert {texts(take_notify(peer), BASIC)[0] for peer in peers} == {basic}
        rows = [row for row in server.show("show subscriptions") if row["target"] == "1002"]
        assert len(rows) == 10
        assert {row["package"] for row in rows} == {"presence"}
        (state,) = [row for row in server.show("show presence") if row["extension"] == "1002"]
        assert (state["basic"], len(state["publications"])) == ("open", 1)
    finally:
        for peer in peers:
            peer.close()


def test_after_kill_9_every_subscriber_hears_the_whole_state_by_itself(new_server, network):
    with new_server() as server, UdpPeer((server.host, server.port), network.new_host()) as one, \
            UdpPeer((server.host, server.port), network.new_host()) as two, \
            UdpPeer((server.host, server.port), network.new_host()) as phone:
        register(phone, "1002", SECRETS["1002"])
        etag = publish(phone, "1002", b"closed")
        accepted = subscribe(one, "1001", "1002", "presence")
        first = take_notify(one)
        subscribe(two, "1003", "1002", "dialog")
        take_notify(two)
        wait_rows(server.state, "subscriptions", 2)
        wait_rows(server.state, "publications", 1)
        wait_rows(server.state, "bindings", 1)
        server.kill()
        server.start()
        presence, lamp = take_notify(one), take_notify(two)
        assert texts(presence, BASIC) == ["closed", "open"]         # published, registered
        assert presence.header(b"Call-ID") == first.header(b"Call-ID")
        assert presence.header(b"To") == accepted.header(b"From")
        assert int(presence.header(b"CSeq").split()[0]) > int(first.header(b"CSeq").split()[0])
        assert ElementTree.fromstring(lamp.body).get("state") == "full"
        publish(phone, "1002", b"open", etag)
        assert texts(take_notify(one), BASIC) == ["open", "open"]
        server.stop()
        server.start()
        assert texts(take_notify(one), BASIC) == ["open", "open"]


@pytest.fixture
def new_phone(network, server: Server, tmp_path) -> Callable[..., Baresip]:
    """Makes a baresip of one extension (not started)."""
    require("baresip")
    voice = write_chirp(tmp_path / "chirp.wav")

    def make(user: str, **more) -> Baresip:
        account = Account(user, SECRETS[user], f"{server.host}:{server.port}", **more)
        return Baresip(network, tmp_path / user, account, voice)
    return make


def test_lamps_follow_a_call_of_two_real_phones(new_phone, watcher):
    with new_phone("1001") as caller, new_phone("1002") as callee:
        caller.wait_registered()
        callee.wait_registered()
        subscribe(watcher, "1003", "1002", "dialog")
        assert texts(take_notify(watcher), STATE) == []
        caller.dial("1002")
        callee.wait("CALL_INCOMING")
        seen = wait_for_state(watcher, "early")
        callee.answer()
        caller.wait("CALL_ESTABLISHED")
        seen += wait_for_state(watcher, "confirmed")
        caller.hang_up()
        seen += wait_for_state(watcher, "terminated")
        told = [state for state in seen if state not in ("trying", "proceeding")]
        assert told == ["early", "confirmed", "terminated"]


def wait_for_state(watcher: UdpPeer, wanted: str) -> list[str]:
    """The dialog states of NOTIFYs up to the wanted one."""
    seen: list[str] = []
    while wanted not in seen:
        seen += texts(take_notify(watcher), STATE)
    return seen


def test_message_lamp_of_a_real_phone(new_phone, server):
    """baresip asks for its messages as soon as it is registered. Its mwi module of version 1.0 ends in a loop of new
    subscriptions at about every second start, before it has read any answer: such a phone is started again."""
    for _ in range(8):
        with new_phone("1004", applications=("mwi",), more=";mwi=yes") as phone:
            phone.wait_registered()
            wait_until(lambda: "Messages-Waiting: no" in phone.read_log() or is_in_a_loop(phone), 8, "the message lamp")
            if "Messages-Waiting: no" not in phone.read_log():
                phone.kill()
                continue
            rows = [row for row in server.show("show subscriptions")
                    if row["package"] == "message-summary" and row["address"] == f"{phone.host}:{phone.sip_port}"]
            asked = phone.read_log().count("mwi: subscribing")      # a phone at the beginning of its loop has several
            assert 1 <= len(rows) <= asked
            assert {(row["watcher"], row["target"]) for row in rows} == {("1004", "1004")}
            return
    raise AssertionError("every one of eight phones was in a loop")


def is_in_a_loop(phone: Baresip) -> bool:
    return phone.read_log().count("mwi: subscribing") > 100


def test_real_phone_sees_the_presence_of_its_contact(new_phone, network, server, udp):
    clear_bindings(server, network, "1005")
    contacts = '"Five" <sip:1005@office.test>;presence=p2p\n'
    with new_phone("1006", applications=("contact", "presence"), contacts=contacts) as phone:
        phone.wait_registered()
        wait_until(lambda: [row for row in server.show("show subscriptions") if row["target"] == "1005"], 12,
                   "the subscription of the phone")
        with UdpPeer((server.host, server.port), network.new_host()) as other:
            register(other, "1005", SECRETS["1005"])
            wait_for_status(phone, "Online")
            publish(other, "1005", b"open", more=BUSY)
            wait_for_status(phone, "Busy")


def wait_for_status(phone: Baresip, status: str) -> None:
    """What the phone shows of its contact, colours and all."""
    pattern = re.compile(rf"changed status from \S+ to \S*{status}")
    wait_until(lambda: pattern.search(phone.read_log()), 5, f"{status} in the log of the phone")


def test_real_phone_publishes_its_presence(new_phone, server, watcher):
    subscribe(watcher, "1003", "1007", "presence")
    take_notify(watcher)
    with new_phone("1007", applications=("contact", "presence"), more=";pubint=60") as phone:
        phone.wait_registered()

        def is_published() -> bool:
            return any(row["publications"] for row in server.show("show presence") if row["extension"] == "1007")
        wait_until(is_published, 8, "a publication")
