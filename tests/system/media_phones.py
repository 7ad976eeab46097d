# SPDX-License-Identifier: Apache-2.0
"""What tests of the media relay share: who hears of it, two phones that talk, an address that is this worker's own."""

import asyncio
import os
import socket
import time

from appliance.rtp.packet import RtpPacket, write_packet
from appliance.rtp.relaying import LegMedia, PayloadMapping

PATIENCE_S = 20.0
HOST = f"127.78.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"


class MediaUser:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def leg_silent(self, session, side, figures, now):
        self.told.append(("leg silent", session, side, figures))

    def leg_heard(self, session, side, now):
        self.told.append(("leg heard", session, side))

    def session_silent(self, session, now):
        self.told.append(("silent", session))

    def session_closed(self, session, figures, now):
        self.told.append(("closed", session, figures))

    def session_refused(self, session, reason, now):
        self.told.append(("refused", session, reason))

    def figures_told(self, session, figures, now):
        self.told.append(("figures", session, figures))

    def relay_found(self, sessions, now):
        self.told.append(("found", [found.session for found in sessions], sessions))

    def relay_lost(self, now):
        self.told.append(("lost",))

    async def hears(self, kind):
        """The first thing of that kind, taken from what was told."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for index, item in enumerate(self.told):
                if item[0] == kind:
                    return self.told.pop(index)
            await asyncio.sleep(0.005)
        raise AssertionError(f"{kind} was never told: {self.told[-3:]}")


class Phones:
    """Two phones on addresses of their own, and what they send and hear."""

    def __init__(self):
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for index, opened in enumerate(self.sockets):
            opened.bind((f"127.0.0.{80 + index}", 0))
            opened.settimeout(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        for opened in self.sockets:
            opened.close()

    def talk(self, ports, sequence):
        for side in (0, 1):
            octets = write_packet(RtpPacket(0, sequence, sequence * 160, side + 1, b"speech"))
            self.sockets[side].sendto(octets, ports[side])
            assert self.sockets[1 - side].recv(2048) == octets

    def media(self, side):
        return LegMedia(self.sockets[side].getsockname(), None, f"127.0.0.{80 + side}", False, (PayloadMapping(0, 0),))


async def open_call(relay, user, name, phones):
    """A session between the phones, done when this returns; its ports."""
    ports = relay.take_port(HOST), relay.take_port(HOST)
    relay.open_session(name, ports)
    relay.direct(name, 0, phones.media(0))
    relay.direct(name, 1, phones.media(1))
    relay.ask_figures(name)        # answered in order: then the rest is done
    await user.hears("figures")
    return ports
