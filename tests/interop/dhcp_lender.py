# SPDX-License-Identifier: Apache-2.0
"""A DHCP server of few words (RFC 2131) for what dnsmasq does not do: leases of seconds, silence, refusals at will."""

import socket
import struct
import threading

from tests.interop.namespaces import call_inside

COOKIE = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = range(1, 8)


class DhcpLender:
    """Lends one address on `eth0` of a namespace. What is said is in `heard`: (message type, was it sent to us alone).

    renewal_s: T1; lease_s and `lent` may be changed at any time; is_silent: hears, and answers nothing.
    """

    def __init__(self, namespace: str, address: str, lent: str, *, lease_s: int = 600, renewal_s: int = 1) -> None:
        self.address, self.lent = address, lent
        self.lease_s, self.renewal_s = lease_s, renewal_s
        self.is_silent = False
        self.heard: list[tuple[int, bool]] = []
        self._is_closed = False
        self._socket = call_inside(namespace, self._open)
        self._socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @staticmethod
    def _open() -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        opened.setsockopt(socket.IPPROTO_IP, 8, 1)                      # IP_PKTINFO: to whom it was sent
        opened.bind(("0.0.0.0", 67))
        return opened

    def count(self, kind: int, is_unicast: bool | None = None) -> int:
        return sum(one == kind and is_unicast in (None, unicast) for one, unicast in self.heard)

    def close(self) -> None:
        self._is_closed = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._is_closed:
            try:
                octets, ancillary, _, _ = self._socket.recvmsg(2048, 256)
            except TimeoutError:
                continue
            options = self._read(octets)
            kind = options[53][0]
            destination = ancillary[0][2][8:12]
            self.heard.append((kind, destination == socket.inet_aton(self.address)))
            if self.is_silent:
                continue
            asked = options.get(50) or octets[12:16]
            if kind == DISCOVER:
                self._reply(octets, OFFER)
            elif kind == REQUEST:
                is_known = asked == socket.inet_aton(self.lent)
                self._reply(octets, ACK if is_known else NAK)

    @staticmethod
    def _read(octets: bytes) -> dict[int, bytes]:
        assert octets[236:240] == COOKIE
        options, index = {}, 240
        while octets[index] != 255:
            if octets[index] == 0:
                index += 1
                continue
            length = octets[index + 1]
            options[octets[index]] = octets[index + 2:index + 2 + length]
            index += 2 + length
        return options

    def _reply(self, octets: bytes, kind: int) -> None:
        own, lent = socket.inet_aton(self.address), socket.inet_aton(self.lent)
        header = bytes((2, 1, 6, 0)) + octets[4:8] + bytes(8) + (bytes(4) if kind == NAK else lent) + own + bytes(4)
        said = [(53, bytes((kind,))), (54, own)]
        if kind != NAK:
            said += [(51, struct.pack("!I", self.lease_s)), (58, struct.pack("!I", self.renewal_s)),
                     (59, struct.pack("!I", max(self.renewal_s + 1, self.lease_s - 2))),
                     (1, bytes((255, 255, 255, 0))), (3, own)]
        message = header + octets[28:44] + bytes(192) + COOKIE
        message += b"".join(bytes((number, len(text))) + text for number, text in said) + b"\xff"
        is_renewal = octets[12:16] != bytes(4) and kind != NAK
        self._socket.sendto(message, (socket.inet_ntoa(octets[12:16]) if is_renewal else "255.255.255.255", 68))
