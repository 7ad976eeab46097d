# SPDX-License-Identifier: Apache-2.0
"""The handset of the box is transferred by a softphone, and is told by a server that messages wait."""

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.interop.baresip import PROGRAM as BARESIP
from tests.interop.baresip import Account, Baresip
from tests.interop.handset import Handset, open_desk, write_file_card
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.pjsip import ACTIVE, LOCAL_HOLD, Pjsip, require_pjsip
from tests.interop.raw_sip import SipMessage, UdpPeer
from tests.interop.server import DOMAIN, SECRETS, Server
from tests.interop.sound import write_babble, write_chirp

pytestmark = pytest.mark.ours
alsaaudio = pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
SUMMARY = b"Messages-Waiting: yes\r\nVoice-Message: 3/1 (0/0)\r\n"


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    return {"chirp": write_chirp(folder / "chirp.wav", 20.0), "babble": write_babble(folder / "babble.wav", 20.0)}


@pytest.fixture(scope="module")
def office(network, tmp_path_factory) -> Iterator[Server]:
    """A proxy: REFER goes from telephone to telephone."""
    with Server(tmp_path_factory.mktemp("office"), network.new_host()) as running:
        yield running


@pytest.fixture
def desk(office, tmp_path, voices) -> Iterator[Handset]:
    with open_desk(office, tmp_path / "handset", voices["babble"]) as handset:
        yield handset


@contextlib.contextmanager
def open_phones(network, server: Server, folder, voice) -> Iterator[tuple[Pjsip, Pjsip]]:
    """Clerk and boss, registered."""
    require_pjsip()
    with contextlib.ExitStack() as stack:
        def make(user: str) -> Pjsip:
            account = {"user": user, "secret": SECRETS[user], "server": f"{server.host}:{server.port}",
                       "domain": DOMAIN, "transport": "udp"}
            phone = stack.enter_context(Pjsip(network, folder / user, account, voice))
            phone.wait_registered()
            return phone
        yield make("1002"), make("1003")


@pytest.fixture
def phones(network, office, tmp_path, voices) -> Iterator[tuple[Pjsip, Pjsip]]:
    with open_phones(network, office, tmp_path, voices["chirp"]) as clerk_and_boss:
        yield clerk_and_boss


def call_desk(desk: Handset, clerk: Pjsip) -> int:
    calling = clerk.dial("1001")
    desk.wait_state("ringing")
    desk.ask("lift")
    clerk.wait_confirmed(calling)
    desk.wait_state("talking")
    clerk.wait("media", status=ACTIVE)
    return calling


def hears(desk: Handset) -> None:
    before = desk.show()["sound"]["received"]
    wait_until(lambda: desk.show()["sound"]["received"] > before + 20, PATIENCE_S, "a voice in the handset")


def test_a_blind_transfer_by_pjsip_leads_the_handset_to_the_boss(desk, phones):
    clerk, boss = phones
    calling = call_desk(desk, clerk)
    clerk.transfer(calling, "1003")
    offered = boss.wait_incoming()
    wait_until(lambda: desk.show()["tone"] == "ringback", PATIENCE_S, "ringback in the handset")
    boss.answer(offered)
    boss.wait_confirmed(offered)
    clerk.wait("transfer", code=200, final=True)
    clerk.wait_ended(calling)
    desk.wait_state("talking")
    hears(desk)
    boss.hang_up(offered)
    desk.wait_state("busy")


def test_an_attended_transfer_by_pjsip_leads_the_handset_to_the_boss(desk, phones):
    clerk, boss = phones
    calling = call_desk(desk, clerk)
    clerk.hold(calling)
    clerk.wait("media", status=LOCAL_HOLD)
    asking = clerk.dial("1003")
    asked = boss.wait_incoming()
    boss.answer(asked)
    clerk.wait_confirmed(asking)
    boss.wait_confirmed(asked)
    clerk.transfer_to_call(calling, asking)
    clerk.wait("transfer", code=200, final=True)
    clerk.wait_ended(calling)
    clerk.wait_ended(asking)
    desk.wait_state("talking")
    hears(desk)
    desk.ask("hang-up")
    desk.wait_state("idle")


def test_a_transfer_by_pjsip_to_nobody_brings_the_handset_back(desk, phones):
    clerk, _boss = phones
    calling = call_desk(desk, clerk)
    clerk.transfer(calling, "1007")     # registered nowhere
    clerk.wait("transfer", code=480, final=True)
    desk.wait_state("talking")
    assert desk.show()["calls"]["active"].startswith("sip:1002@")
    hears(desk)
    desk.ask("hang-up")
    clerk.wait_ended(calling)


@pytest.mark.skipif(BARESIP is None, reason="baresip is not installed")
def test_a_blind_transfer_by_baresip_leads_the_handset_to_another(network, desk, office, tmp_path, voices):
    with contextlib.ExitStack() as stack:
        def make(user: str) -> Baresip:
            account = Account(user, SECRETS[user], f"{office.host}:{office.port}")
            phone = stack.enter_context(Baresip(network, tmp_path / user, account, voices["chirp"]))
            phone.wait_registered()
            return phone
        clerk, boss = make("1002"), make("1003")
        desk.ask("dial", "1002")
        clerk.wait("CALL_INCOMING")
        clerk.answer()
        desk.wait_state("talking")
        clerk.command("transfer", f"sip:1003@{DOMAIN}")
        boss.wait("CALL_INCOMING")
        boss.answer()
        clerk.wait("CALL_CLOSED")
        desk.wait_state("talking")
        hears(desk)
        desk.ask("hang-up")
        boss.wait("CALL_CLOSED")


@pytest.fixture
def carrying(network, tmp_path) -> Iterator[Server]:
    """A server that acts on REFER itself: the handset is moved by changes of its session."""
    with Server(tmp_path / "carrying", network.new_host(), role="b2bua") as running:
        yield running


def test_a_server_that_carries_calls_moves_the_handset_without_asking_it(network, carrying, tmp_path, voices):
    with (open_desk(carrying, tmp_path / "handset", voices["babble"]) as desk,
          open_phones(network, carrying, tmp_path, voices["chirp"]) as (clerk, boss)):
        calling = call_desk(desk, clerk)
        clerk.transfer(calling, "1003")
        offered = boss.wait_incoming()
        boss.answer(offered)
        boss.wait_confirmed(offered)
        clerk.wait_ended(calling)
        assert desk.show()["state"] == "talking"
        hears(desk)
        boss.hang_up(offered)
        desk.wait_state("busy")


def test_our_server_tells_the_handset_of_its_messages(desk):
    wait_until(lambda: desk.show()["messages"]["watched"], PATIENCE_S, "a subscription")
    assert desk.show()["messages"] == {"waiting": False, "new": 0, "old": 0, "watched": True}


class MailServer:
    """Somebody else's server with voice mail: grants REGISTER and SUBSCRIBE, and says that messages wait."""

    def __init__(self, host: str) -> None:
        self.peer = UdpPeer(("127.0.0.1", 9), host, 5060)
        self.asked: list[SipMessage] = []

    def serve(self, is_done) -> None:
        end = time.monotonic() + PATIENCE_S
        while not is_done():
            assert time.monotonic() < end, self.asked
            self.peer.socket.settimeout(0.3)
            try:
                octets, source = self.peer.socket.recvfrom(65536)
            except TimeoutError:
                continue
            message = SipMessage(octets)
            if message.method in (b"REGISTER", b"SUBSCRIBE"):
                self.asked.append(message)
                self.peer.socket.sendto(self.answer(message), source)
            if message.method == b"SUBSCRIBE":
                self.peer.socket.sendto(self.notify(message), source)

    def answer(self, request: SipMessage) -> bytes:
        contact = request.header(b"Contact") if request.method == b"REGISTER" else b"<sip:mail@%s>" % self.peer.hostport
        tag = b"" if b";tag=" in request.header(b"To") else b";tag=mail"
        return b"SIP/2.0 200 OK\r\n" + b"".join(
            b"%s: %s\r\n" % (name, request.header(name)) for name in (b"Via", b"From", b"Call-ID", b"CSeq")) + (
            b"To: %s%s\r\nContact: %s\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n" % (
                request.header(b"To"), tag, contact))

    def notify(self, subscribe: SipMessage) -> bytes:
        number = len(self.asked)
        return (b"NOTIFY %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKmail%d\r\nMax-Forwards: 70\r\n"
                b"From: <sip:1001@office.test>;tag=mail\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d NOTIFY\r\n"
                b"Contact: <sip:mail@%s>\r\nEvent: message-summary\r\nSubscription-State: active;expires=300\r\n"
                b"Content-Type: application/simple-message-summary\r\nContent-Length: %d\r\n\r\n%s" % (
                    subscribe.header(b"Contact")[1:].partition(b">")[0], self.peer.hostport, number,
                    subscribe.header(b"From"), subscribe.header(b"Call-ID"), number, self.peer.hostport,
                    len(SUMMARY), SUMMARY))


def test_messages_that_wait_are_heard_in_the_dial_tone(network, tmp_path, voices):
    host = network.new_host()
    folder = tmp_path / "alone"
    folder.mkdir()
    config = folder / "denwaban.conf"
    config.write_text("# denwaban-config 1\nset system domain office.test\n"
                      f"set sip listener office address {host}\nset extension 1001 secret {SECRETS['1001']}\n"
                      "set handset desk extension 1001\nset handset desk device desk\n"
                      "set handset desk echo-cancel false\n")
    card = write_file_card(folder, voices["babble"])
    server = MailServer(host)
    with contextlib.closing(server.peer), Handset(config, folder / "state", folder, card) as desk:
        server.serve(lambda: desk.show()["messages"]["waiting"])
        assert desk.show()["messages"] == {"waiting": True, "new": 3, "old": 1, "watched": True}
        desk.ask("lift")
        assert desk.wait_state("dial tone")["tone"] == "stutter dial"
