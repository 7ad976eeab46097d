# SPDX-License-Identifier: Apache-2.0
"""The relay's sockets after a session: closed, or left to whoever opened them."""

import socket
import threading
import time

import pytest

from appliance.native.packet_relay import PacketRelay
from appliance.native.sip_sockets import pack_address
from appliance.rtp.packet import RtpPacket, write_packet

PATIENCE_S = 20.0


@pytest.fixture
def relay():
    relay = PacketRelay(4)
    thread = threading.Thread(target=relay.run)
    thread.start()
    yield relay
    relay.stop()
    thread.join(PATIENCE_S)


def bound(host):
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    opened.bind((host, 0))
    return opened


def test_sockets_that_are_kept_serve_another_session_which_hears_nothing_of_what_came_between(relay):
    with bound("127.0.0.1") as one, bound("127.0.0.1") as other, bound("127.0.0.2") as phone:
        first = relay.open_session((one.fileno(), -1), (other.fileno(), -1))
        relay.close_session(first, True)
        phone.sendto(write_packet(RtpPacket(0, 1, 160, 9, b"late")), one.getsockname())
        second = relay.open_session((one.fileno(), -1), (other.fileno(), -1))
        host, port = phone.getsockname()
        relay.direct(second, 0, (pack_address(host.encode(), port), b"", b""))
        phone.sendto(write_packet(RtpPacket(0, 9, 1440, 9, b"speech")), one.getsockname())
        deadline = time.monotonic() + PATIENCE_S
        while not relay.statistics(second, 0)[0]:
            assert time.monotonic() < deadline
        figures, _ = relay.close_session(second, True)
        assert figures[0] == 1


def test_sockets_are_closed_with_their_session_unless_they_are_kept(relay):
    one, other = bound("127.0.0.1"), bound("127.0.0.1")
    relay.close_session(relay.open_session((one.fileno(), -1), (other.fileno(), -1)))
    for closed in (one, other):
        with pytest.raises(OSError, match="Bad file descriptor"):
            closed.getsockname()
        closed.detach()
