# SPDX-License-Identifier: Apache-2.0
"""Instant messages with real peers: sipsak, SIPp, baresip; kept for who is away, also over a restart and kill -9."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.network import free_port, wait_until
from tests.interop.office import clear_bindings, party, register_sipp, require
from tests.interop.raw_sip import SipMessage, UdpPeer, authorize, build_request, register, take_request, transact
from tests.interop.server import SECRETS, Server
from tests.interop.sipp_script import Script
from tests.interop.sipsak import run_sipsak
from tests.interop.sound import write_chirp

GREETING = "会議は三時です。"
CPIM = (b"From: <im:1001@office.test>\r\nTo: <im:1002@office.test>\r\n\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + GREETING.encode())


@pytest.fixture
def away(server: Server, network) -> Iterator[str]:
    """An extension without phones."""
    clear_bindings(server, network, "1002")
    yield "1002"
    clear_bindings(server, network, "1002")


def write(peer: UdpPeer, body: bytes, *, kind: str = "text/plain;charset=UTF-8", user: str = "1001",
          to: str = "1002", lines: tuple[str, ...] = ()) -> SipMessage:
    """Send a MESSAGE with digest and return its final response."""
    request = build_request(peer, "MESSAGE", f"sip:{to}@office.test", user=user, body=body,
                            lines=(f"Content-Type: {kind}", *lines))
    challenge = transact(peer, request)
    assert challenge is not None
    assert challenge.status == 407
    answer = transact(peer, authorize(request, challenge, user, SECRETS[user]))
    assert answer is not None
    return answer


def take_message(peer: UdpPeer) -> SipMessage:
    return take_request(peer, b"MESSAGE")


def test_a_message_reaches_every_phone_and_one_answer_comes_back(server, network, udp, away):
    with (UdpPeer((server.host, server.port), network.new_host()) as one,
          UdpPeer((server.host, server.port), network.new_host()) as other):
        for phone in (one, other):
            register(phone, away, SECRETS[away])
        request = build_request(udp, "MESSAGE", "sip:1002@office.test", body=GREETING.encode(),
                                lines=("Content-Type: text/plain;charset=UTF-8",))
        challenge = transact(udp, request)
        assert challenge is not None
        udp.send(authorize(request, challenge, "1001", SECRETS["1001"]))
        assert {take_message(one).body, take_message(other).body} == {GREETING.encode()}
        answer = udp.receive()
        assert answer is not None
        assert answer.status == 200


@pytest.mark.ours
@pytest.mark.parametrize(("kind", "body"), [("text/plain;charset=UTF-8", GREETING.encode()), ("message/cpim", CPIM),
                                            ("application/octet-stream", bytes(range(256)) * 8)])
def test_kept_and_delivered_octet_for_octet(server, network, udp, away, kind, body):
    assert write(udp, body, kind=kind, lines=("Date: Sat, 21 Nov 2026 10:00:00 GMT",)).status == 202
    (waiting,) = server.show("show messages")
    assert (waiting["extension"], waiting["sender"]) == (away, "sip:1001@office.test")
    assert waiting["content_type"] == kind
    with UdpPeer((server.host, server.port), network.new_host()) as phone:
        register(phone, away, SECRETS[away])
        message = take_message(phone)
    assert message.body == body
    assert message.header(b"Content-Type") == kind.encode()
    assert message.header(b"Date") == b"Sat, 21 Nov 2026 10:00:00 GMT"
    assert b"sip:1001@office.test" in message.header(b"From")
    assert message.header(b"Contact") == b""
    wait_until(lambda: server.show("show messages") == [], 2, "an empty mailbox")


@pytest.mark.ours
def test_what_was_accepted_survives_kill_9_and_a_restart(new_server, network):
    with new_server() as server, UdpPeer((server.host, server.port), network.new_host()) as sender:
        for number in range(3):
            assert write(sender, b"%d" % number).status == 202
        server.kill()
        server.start()
        assert write(sender, b"3").status == 202
        server.stop()
        server.start()
        with UdpPeer((server.host, server.port), network.new_host()) as phone:
            register(phone, "1002", SECRETS["1002"])
            assert [take_message(phone).body for _ in range(4)] == [b"0", b"1", b"2", b"3"]
            wait_until(lambda: server.show("show messages") == [], 2, "an empty mailbox")
        server.stop()
        server.start()
        assert server.show("show messages") == []


@pytest.mark.ours
def test_stopping_while_a_message_comes_loses_nothing_that_was_accepted(new_server, network):
    with new_server() as server, UdpPeer((server.host, server.port), network.new_host()) as sender:
        request = build_request(sender, "MESSAGE", "sip:1002@office.test", body=b"last words",
                                lines=("Content-Type: text/plain",))
        challenge = transact(sender, request)
        assert challenge is not None
        sender.send(authorize(request, challenge, "1001", SECRETS["1001"]))
        wait_until(lambda: server.show("show messages") != [], 2, "a waiting message")
        server.stop()
        answer = sender.receive()
        assert answer is not None
        assert answer.status == 202
        server.start()
        assert [row["sender"] for row in server.show("show messages")] == ["sip:1001@office.test"]


@pytest.mark.ours
def test_a_full_mailbox_is_480_and_says_so(new_server, network):
    with (new_server(lines=("set message max-waiting 1",)) as server,
          UdpPeer((server.host, server.port), network.new_host()) as sender):
        assert write(sender, b"1").status == 202
        refused = write(sender, b"2")
        assert refused.status == 480
        assert b"mailbox is full" in refused.header(b"Warning")


def test_a_large_message_passes_over_the_flow_of_the_phone(server, network, udp, away):
    with UdpPeer((server.host, server.port), network.new_host()) as phone:
        register(phone, away, SECRETS[away])
        request = build_request(udp, "MESSAGE", "sip:1002@office.test", body=b"x" * 5000,
                                lines=("Content-Type: text/plain",))
        challenge = transact(udp, request)
        assert challenge is not None
        udp.send(authorize(request, challenge, "1001", SECRETS["1001"]))
        assert take_message(phone).body == b"x" * 5000


@pytest.mark.ours
def test_sipsak_sends_a_message_that_is_kept(server, network, tmp_path, away):
    require("sipsak")
    body = "from a swiss army knife"
    file = tmp_path / "message"     # its own -M ends in a segmentation fault in Debian 12
    file.write_text("MESSAGE sip:1002@office.test SIP/2.0\nFrom: <sip:1003@office.test>;tag=knife\n"
                    "To: <sip:1002@office.test>\nCall-ID: knife@office.test\nCSeq: 1 MESSAGE\nMax-Forwards: 70\n"
                    f"Content-Type: text/plain\nContent-Length: {len(body)}\n\n{body}")
    done = run_sipsak((server.host, server.port), "-f", str(file), "-u", "1003", "-a", SECRETS["1003"], "-vvv",
                      user="1002", local_host=network.new_host())
    assert "202 Accepted" in done.stdout, done.stdout + done.stderr
    with UdpPeer((server.host, server.port), network.new_host()) as phone:
        register(phone, away, SECRETS[away])
        assert take_message(phone).body == body.encode()


def test_sipp_takes_a_message(server, network, new_sipp, udp, away):
    called = new_sipp(server)
    register_sipp(server, called, away)
    called.start(Script("takes a message").receive("MESSAGE", checks={"Contact": ""}).respond(200, "OK"),
                 party(away)).wait_listening()
    assert write(udp, b"to a tester").status == 200
    called.finish()


class Texter(Baresip):
    """A phone that sends to its one contact and shows what comes on its console, a TCP connection. What comes while
    nobody looks is lost: it gets its account, and registers, when the console is connected."""

    def __init__(self, network, folder: Path, account: Account, voice: Path, friend: str) -> None:
        self.console_port = free_port("127.0.0.1")
        self.shown = ""
        super().__init__(network, folder, account, voice)
        (folder / "accounts").write_text("")
        (folder / "contacts").write_text(f'"friend" <sip:{friend}@{account.domain}>\n')

    def _config(self, rtp_port: int, voice: Path) -> list[str]:
        return [*super()._config(rtp_port, voice), "module_app contact.so", "module_app cons.so",
                f"cons_listen {self.host}:{self.console_port}"]

    def __enter__(self) -> "Texter":
        super().__enter__()
        try:
            self.display = self._connect(self.console_port)         # loaded after that of the control port
        except BaseException:
            super().__exit__()
            raise
        self.display.settimeout(0.2)
        self.command("uanew", self.account.line().rstrip())
        return self

    def __exit__(self, *exception: object) -> None:
        self.display.close()
        super().__exit__(*exception)

    def text(self, words: str) -> None:
        self.command("message", words)

    def has_shown(self, words: str) -> bool:
        try:
            self.shown += self.display.recv(65536).decode("utf-8", "replace")
        except TimeoutError:
            pass
        return f'"{words}"' in self.shown


@pytest.mark.ours
def test_two_telephones_text_each_other_and_one_that_was_off_gets_it_later(server, network, tmp_path, away):
    require("baresip")
    voice = write_chirp(tmp_path / "chirp.wav")

    def phone(user: str, friend: str) -> Texter:
        account = Account(user, SECRETS[user], f"{server.host}:{server.port}")
        return Texter(network, tmp_path / user, account, voice, friend)
    with phone("1001", away) as writer:
        writer.wait_registered()
        writer.text("are-you-there")
        wait_until(lambda: len(server.show("show messages")) == 1, 5, "a waiting message")
        with phone(away, "1001") as reader:
            reader.wait_registered()
            wait_until(lambda: reader.has_shown("are-you-there"), 5, "the kept message on the display")
            reader.text(GREETING)
            wait_until(lambda: writer.has_shown(GREETING), 5, "the answer on the display")
    assert server.show("show messages") == []
