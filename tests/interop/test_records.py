# SPDX-License-Identifier: Apache-2.0
"""Call records, both legs, explanations of the real daemon: raw phones with real RTP, kill -9, the console's words."""

import csv
import io
import json
import re
import socket
import struct
import subprocess
import time

import pytest

from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import SipMessage, UdpPeer, authorize, build_request, build_response, register, transact
from tests.interop.server import PROGRAM, SECRETS
from tests.interop.state_files import wait_rows

pytestmark = pytest.mark.ours
CARRIED = [f"set extension {number} role b2bua" for number in ("1001", "1002")]
TALK_S = 6.5
FRAME_S = 0.02
LATE_PACKETS = 3        # on their way when the call ends, or before it stands


class Voice:
    """One phone's RTP: a socket, a stream of silence in PCMU."""

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()
        self.target: tuple[str, int] | None = None
        self.sent = self.heard = 0

    @property
    def session(self) -> bytes:
        return (f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
                f"m=audio {self.port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n").encode()

    def aim(self, message: SipMessage) -> None:
        """Where a session description wants it."""
        host = re.search(rb"c=IN IP4 ([^\r]+)", message.body)
        port = re.search(rb"m=audio (\d+)", message.body)
        assert host is not None
        assert port is not None
        self.target = (host[1].decode(), int(port[1]))

    def speak(self) -> None:
        """One packet."""
        assert self.target is not None
        header = struct.pack("!BBHII", 0x80, 0, self.sent & 0xFFFF, self.sent * 160, 7)
        self.socket.sendto(header + b"\xff" * 160, self.target)
        self.sent += 1

    def listen(self) -> None:
        """Everything that has come."""
        while True:
            try:
                self.socket.recv(2048)
            except BlockingIOError:
                return
            self.heard += 1


def attach(octets: bytes, session: bytes) -> bytes:
    head = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(session)
    return octets.replace(b"Content-Length: 0\r\n\r\n", head + session)


def receive(peer: UdpPeer, wanted: bytes | int) -> SipMessage:
    """The next message of this method or status; what else comes is passed over."""
    for _ in range(30):
        message = peer.receive()
        assert message is not None, f"no {wanted!r}"
        if wanted in (message.method, message.status):
            return message
    raise AssertionError(f"no {wanted!r}")


def connect(caller: UdpPeer, callee: UdpPeer, voices: tuple[Voice, Voice]) -> SipMessage:
    """1001 calls 1002, who answers; the 200 as the caller got it."""
    register(callee, "1002", SECRETS["1002"])
    request = attach(build_request(caller, "INVITE", "sip:1002@office.test",
                                   lines=(f"Contact: <sip:1001@{caller.hostport.decode()}>",)), voices[0].session)
    challenge = transact(caller, request)
    assert challenge is not None
    caller.send(authorize(request, challenge, "1001", SECRETS["1001"]))
    invite = receive(callee, b"INVITE")
    voices[1].aim(invite)
    callee.send(attach(build_response(invite, 200, "OK", contact=f"sip:1002@{callee.hostport.decode()}"),
                       voices[1].session))
    answer = receive(caller, 200)
    voices[0].aim(answer)
    caller.send(build_inside(caller, answer, "ACK", int(answer.header(b"CSeq").split()[0])))
    receive(callee, b"ACK")
    return answer


def build_inside(caller: UdpPeer, answer: SipMessage, method: str, cseq: int) -> bytes:
    """A request of the caller's inside the dialog of this answer (RFC 3261 12.2.1.1)."""
    target = re.search(rb"<([^>]+)>", answer.header(b"Contact"))
    assert target
    request = build_request(caller, method, target[1].decode(), cseq=cseq, call_id=answer.header(b"Call-ID").decode())
    request = re.sub(rb"\r\nFrom: [^\r]*", lambda _: b"\r\nFrom: " + answer.header(b"From"), request)
    return re.sub(rb"\r\nTo: [^\r]*", lambda _: b"\r\nTo: " + answer.header(b"To"), request)


def talk(voices: tuple[Voice, Voice], speaking: tuple[bool, bool], seconds: float) -> None:
    """Both at the pace of speech."""
    begin = time.monotonic()
    while (passed_s := time.monotonic() - begin) < seconds:
        for voice, is_speaking in zip(voices, speaking, strict=True):
            if is_speaking:
                voice.speak()
            voice.listen()
        time.sleep(max(FRAME_S - (time.monotonic() - begin - passed_s), 0.0))


def hang_up(caller: UdpPeer, callee: UdpPeer, answer: SipMessage) -> None:
    caller.send(build_inside(caller, answer, "BYE", 90))
    receive(caller, 200)
    callee.send(build_response(receive(callee, b"BYE"), 200, "OK"))


def console(server, command: str) -> str:
    return subprocess.run([PROGRAM, "console", "--state", server.state, "-c", command], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=True).stdout


@pytest.fixture
def voices(network):
    made = (Voice(network.new_host()), Voice(network.new_host()))
    yield made
    for voice in made:
        voice.socket.close()


def test_a_call_has_a_record_that_outlives_kill_9_and_numbers_go_on(new_server, network, voices):
    with (new_server(lines=CARRIED) as server, UdpPeer((server.host, server.port), voices[0].host) as caller,
          UdpPeer((server.host, server.port), voices[1].host) as callee):
        answer = connect(caller, callee, voices)
        talk(voices, (True, True), 2.0)
        (shown,) = server.show("show calls")
        assert (shown["state"], [leg["number"] for leg in shown["legs"]]) == ("answered", ["1001", "1002"])
        assert [leg["address"] for leg in shown["legs"]] == [caller.hostport.decode(), callee.hostport.decode()]
        hang_up(caller, callee, answer)
        (record,) = wait_until(lambda: server.show("show records"), 5, "the record")
        wait_rows(server.state, "records", 1, "calls")
        server.kill()
        server.start()
        (again,) = server.show("show records")
        assert again == record
        assert (record["caller"], record["callee"], record["result"], record["ended_by"]) == (
            "1001", "1002", "answered", "caller")
        assert [leg["codec"] for leg in record["legs"]] == ["PCMU", "PCMU"]
        for leg, voice in zip(record["legs"], voices, strict=True):
            assert 0.8 * voice.sent <= leg["packets_received"] <= voice.sent
            assert voice.heard <= leg["packets_sent"] <= voice.heard + LATE_PACKETS
        rows = list(csv.DictReader(io.StringIO(console(server, "export records csv"), newline="")))
        assert [(row["number"], row["leg_number"]) for row in rows] == [("1", "1001"), ("1", "1002")]
        assert [json.loads(line)["number"] for line in console(server, "export records json").splitlines()] == [1]
        assert [one["number"] for one in server.show("show records number 1002 since 1h")] == [1]
        assert server.show("show records number 1003") == []
        hang_up(caller, callee, connect(caller, callee, voices))
        wait_until(lambda: [one["number"] for one in server.show("show records")] == [1, 2], 5, "the second record")


def test_who_is_not_heard_is_named_and_the_ladder_has_both_legs(new_server, network, voices):
    with (new_server(lines=CARRIED) as server, UdpPeer((server.host, server.port), voices[0].host) as caller,
          UdpPeer((server.host, server.port), voices[1].host) as callee):
        answer = connect(caller, callee, voices)
        talk(voices, (True, False), TALK_S)
        hang_up(caller, callee, answer)
        wait_until(lambda: server.show("show records"), 5, "the record")
        explained = server.show("explain call 1")
        assert explained["cause"] == "one_way_audio"
        assert "nothing was heard from extension 1002: no packet came from it at all" in explained["sentence"]
        assert console(server, "explain call 1").startswith("call 1: nothing was heard from extension 1002")
        shown = server.show("show call 1 ladder")
        assert [lane["name"] for lane in shown["participants"]] == ["1001", "server", "1002"]
        assert len({message["call_id"] for message in shown["messages"]}) == 2
        text = console(server, "show call 1 ladder")
        counts = [int(count) for count in re.findall(r"RTP (\d+)", text)]     # each way on either leg
        heard, passed_on = sorted((count for count in counts if count), reverse=True)
        assert counts.count(0) == 2
        assert heard <= voices[0].sent
        assert passed_on >= voices[0].sent - LATE_PACKETS   # what came before the relay knew of the answer is not
        assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("#"))
        addresses = console(server, "show call 1 addresses")
        assert f"c=IN IP4 {voices[0].host}" in addresses
        assert f"c=IN IP4 {server.host}" in addresses
