# SPDX-License-Identifier: Apache-2.0
"""What a handset puts on the wire while the far end holds it, and when somebody else has its SSRC."""

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from tests.interop.handset import Handset, build_porch
from tests.interop.network import PATIENCE_S
from tests.interop.raw_sip import SipMessage, new_branch
from tests.interop.sound import write_babble

pytestmark = pytest.mark.ours
alsaaudio = pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
EVENT, QUIET_S = 101, 1.0


class FarEnd:
    """Whom the handset calls: SIP, voice and reports as plain sockets."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.signalling, self.voice, self.reports = (self._open(port) for port in (0, 20000, 20001))
        self.port = self.signalling.getsockname()[1]
        self.cseq = 0

    def _open(self, port: int) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((self.host, port))
        one.settimeout(PATIENCE_S)
        return one

    def close(self) -> None:
        for one in (self.signalling, self.voice, self.reports):
            one.close()

    def write_session(self, direction: str) -> bytes:
        return (f"v=0\r\no=- 1 {self.cseq + 1} IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
                f"m=audio 20000 RTP/AVP 0 {EVENT}\r\na=rtpmap:{EVENT} telephone-event/8000\r\n"
                f"a={direction}\r\n").encode()

    def answer_call(self) -> None:
        octets, self.place = self.signalling.recvfrom(4096)
        self.invite = SipMessage(octets)
        lines = b"".join(b"%s: %s\r\n" % (name, self.invite.header(name)) for name in (b"Via", b"From", b"Call-ID",
                                                                                      b"CSeq"))
        self.send(b"SIP/2.0 200 OK\r\n%sTo: %s;tag=far\r\n" % (lines, self.invite.header(b"To")), "sendrecv")
        assert self.signalling.recv(4096).startswith(b"ACK")
        self.their_voice = (self.place[0], int(self.invite.body.split(b"m=audio ")[1].split()[0]))

    def send(self, head: bytes, direction: str) -> None:
        body = self.write_session(direction)
        self.signalling.sendto(head + b"Contact: <sip:x@%s:%d>\r\nContent-Type: application/sdp\r\nContent-Length: %d"
                               b"\r\n\r\n%s" % (self.host.encode(), self.port, len(body), body), self.place)

    def offer(self, direction: str) -> None:
        """A re-INVITE, answered and acknowledged."""
        self.cseq += 1
        self.send(self.begin_request(b"INVITE"), direction)
        while SipMessage(answer := self.signalling.recv(4096)).status != 200:
            pass
        assert answer
        self.signalling.sendto(self.begin_request(b"ACK") + b"Content-Length: 0\r\n\r\n", self.place)

    def begin_request(self, method: bytes) -> bytes:
        contact = self.invite.header(b"Contact").partition(b"<")[2].partition(b">")[0]
        return (b"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=%s\r\nMax-Forwards: 70\r\nFrom: %s;tag=far\r\n"
                b"To: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n" % (
                    method, contact, self.host.encode(), self.port, new_branch(), self.invite.header(b"To"),
                    self.invite.header(b"From"), self.invite.header(b"Call-ID"), self.cseq, method))

    def hear(self, seconds: float) -> list[int]:
        """The payload types that come from now on; what came before is thrown away."""
        self.voice.setblocking(False)
        drain(self.voice)
        time.sleep(seconds)
        return [octets[1] & 0x7F for octets in drain(self.voice)]


def drain(one: socket.socket) -> list[bytes]:
    octets = []
    while True:
        try:
            octets.append(one.recv(2048))
        except BlockingIOError:
            return octets


@pytest.fixture
def far(network) -> Iterator[FarEnd]:
    one = FarEnd(network.new_host())
    yield one
    one.close()


@pytest.fixture
def porch(network, tmp_path, far) -> Iterator[Handset]:
    voice = write_babble(tmp_path / "babble.wav", 20.0)
    with build_porch(tmp_path / "handset", network.new_host(), voice) as handset:
        handset.ask("dial", f"sip:x@{far.host}:{far.port}")
        far.answer_call()
        handset.wait_state("talking")
        yield handset


@pytest.mark.parametrize("direction", ["inactive", "sendonly"])
def test_while_the_far_end_holds_keys_stay_here_and_are_not_sent_later(porch, far, direction):
    porch.ask("press", "5")
    assert EVENT in far.hear(QUIET_S)
    far.offer(direction)
    porch.ask("press", "12")
    assert far.hear(QUIET_S) == []
    far.offer("sendrecv")
    assert set(far.hear(QUIET_S)) == {0}
    porch.ask("press", "3")
    assert EVENT in far.hear(QUIET_S)


def test_who_has_the_same_ssrc_is_told_that_it_is_given_up(porch, far):
    ours = far.voice.recv(2048)[8:12]
    far.voice.sendto(struct.pack("!BBHI", 0x80, 0, 7, 160) + ours + b"\x80" * 160, far.their_voice)
    while (octets := far.voice.recv(2048))[8:12] == ours:
        pass
    renewed = octets[8:12]
    while b"\x81\xcb\x00\x01" + ours not in far.reports.recv(2048):
        pass
    while (octets := far.reports.recv(2048))[4:8] != renewed:
        pass
    assert porch.show()["sound"]["collisions"] == 1
