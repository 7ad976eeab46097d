# SPDX-License-Identifier: Apache-2.0
"""What the handset sends carries the marks of the configuration (RFC 2474): SIP, voice and its reports."""

import socket

import pytest

from tests.interop.handset import build_porch
from tests.interop.network import PATIENCE_S
from tests.interop.raw_sip import SipMessage
from tests.interop.sound import write_babble

pytestmark = pytest.mark.ours
alsaaudio = pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
MEDIA, SIGNALLING = 34, 26


def open_listener(host: str, port: int = 0) -> socket.socket:
    """A UDP socket that is told the type of service of what comes."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    one.bind((host, port))
    one.settimeout(PATIENCE_S)
    return one


def read_marked(one: socket.socket) -> tuple[bytes, int, tuple[str, int]]:
    """Octets, DSCP, source."""
    octets, told, _flags, source = one.recvmsg(2048, 64)
    mark = next(value[0] for level, kind, value in told if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS))
    return octets, mark >> 2, source


def answer(invite: SipMessage, host: str, port: int, voice_port: int) -> bytes:
    body = (f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {voice_port} RTP/AVP 0\r\n").encode()
    lines = b"".join(b"%s: %s\r\n" % (name, invite.header(name)) for name in (b"Via", b"From", b"Call-ID", b"CSeq"))
    return b"SIP/2.0 200 OK\r\n%sTo: %s;tag=peer\r\nContact: <sip:x@%s:%d>\r\n" % (
        lines, invite.header(b"To"), host.encode(), port) + (
        b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_every_kind_of_packet_is_marked(network, tmp_path):
    host = network.new_host()
    voice_file = write_babble(tmp_path / "babble.wav", 20.0)
    with (open_listener(host) as signalling, open_listener(host, 20000) as voice, open_listener(host, 20001) as reports,
          build_porch(tmp_path / "handset", network.new_host(), voice_file, f"set network dscp media {MEDIA}",
                      f"set network dscp signalling {SIGNALLING}") as porch):
        port = signalling.getsockname()[1]
        porch.ask("dial", f"sip:x@{host}:{port}")
        octets, mark, source = read_marked(signalling)
        assert (octets[:6], mark) == (b"INVITE", SIGNALLING)
        signalling.sendto(answer(SipMessage(octets), host, port, 20000), source)
        octets, mark, _ = read_marked(signalling)
        assert (octets[:3], mark) == (b"ACK", SIGNALLING)
        porch.wait_state("talking")
        assert read_marked(voice)[1] == MEDIA
        assert read_marked(reports)[1] == MEDIA
        porch.ask("hang-up")
        while not (marked := read_marked(signalling))[0].startswith(b"BYE"):
            pass
        signalling.sendto(b"SIP/2.0 200 OK\r\n%sContent-Length: 0\r\n\r\n" % b"".join(
            b"%s: %s\r\n" % (name, SipMessage(marked[0]).header(name))
            for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq")), marked[2])
