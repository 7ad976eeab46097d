# SPDX-License-Identifier: Apache-2.0
"""Gives the DHCP client of one link its hands: sockets, a timer, and a file for the lease."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from math import inf
from pathlib import Path
from time import monotonic, time
from typing import Final

from appliance.errors import MachineError
from appliance.networking.dhcp_client import DhcpClient
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.dhcp_options import read_kept_lease, write_lease
from appliance.networking.values import Link
from appliance.system.disk import write_atomically
from appliance.system.network import packet_sockets
from appliance.vocabulary.journal import Journal

READS_A_WAKE: Final = 16
PROBES: Final = 3
PROBE_INTERVAL_S: Final = 0.15
OPEN_AGAIN_S: Final = 5.0

LeaseTaker = Callable[[str, DhcpLease | None], None]


class DhcpRunner:
    """One role's client on one link. Satisfies networking.dhcp_client.DhcpUser."""

    def __init__(self, role: str, link: Link, path: Path, journal: Journal, take_lease: LeaseTaker) -> None:
        self.link = link
        self._role = role
        self._path = path
        self._journal = journal
        self._take_lease = take_lease
        mac = bytes.fromhex(link.mac.replace(":", ""))
        self._client = DhcpClient(mac, socket.gethostname(), os.urandom, self)
        self._mac = mac
        self._socket: socket.socket | None = None
        self._unicast: socket.socket | None = None
        self._arp: socket.socket | None = None
        self._server_mac = packet_sockets.BROADCAST_MAC
        self._timer: asyncio.TimerHandle | None = None
        self._probes: list[asyncio.TimerHandle] = []
        self._kept_until = 0.0

    @property
    def expires(self) -> float:
        """When what is lent ends, monotonic; infinite while nothing is."""
        return self._client.expires if self._client.lease is not None else inf

    def start(self, kept: tuple[DhcpLease, float] | None) -> None:
        """kept: what an earlier process had, and until when (seconds since 1970)."""
        self._open()
        now = monotonic()
        if kept is not None:
            self._client.start(now, kept[0], now + kept[1] - time())
        else:
            self._client.start(now)
        self._settle()

    def stop(self) -> None:
        """The lease stays ours."""
        self._client.stop()
        self._close()

    def release(self) -> None:
        """The lease goes back to its server."""
        self._client.release(monotonic())
        self._close()
        self._forget()

    def note_link_up(self) -> None:
        """The link is back."""
        self._client.note_link_up(monotonic())
        self._settle()

    def send(self, octets: bytes, source: IPv4Address, server: IPv4Address | None) -> None:
        """See DhcpUser. What cannot be sent now is sent again when the client's time comes."""
        try:
            if server is not None and self._send_routed(octets, source, server):
                return
            if self._socket is not None:
                packet = packet_sockets.write_datagram(octets, source, server or packet_sockets.BROADCAST)
                mac = packet_sockets.BROADCAST_MAC if server is None else self._server_mac
                self._socket.sendto(packet, (self.link.name, packet_sockets.ETH_P_IP, 0, 0, mac))
        except OSError as error:
            self._journal.record("dhcp_send_failed", interface=self.link.name, error=os.strerror(error.errno or 0))

    def ask_whose(self, address: IPv4Address) -> None:
        """See DhcpUser."""
        self._close_arp()
        try:
            self._arp = packet_sockets.open_arp_socket(self.link.name)
        except OSError as error:
            self._journal.record("dhcp_probe_failed", interface=self.link.name, error=os.strerror(error.errno or 0))
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(self._arp, self._read_arp)
        probe = packet_sockets.write_arp_probe(self._mac, address)
        for number in range(PROBES):
            self._probes.append(loop.call_later(number * PROBE_INTERVAL_S, self._send_probe, probe))

    def lease_changed(self, lease: DhcpLease | None) -> None:
        """See DhcpUser."""
        self._close_unicast()       # it is bound to the address that was
        if lease is None:
            self._journal.record("dhcp_lease_lost", interface=self.link.name)
        else:
            self._journal.record("dhcp_lease_taken", interface=self.link.name, address=str(lease.address),
                                 server=str(lease.server), lease_s=lease.lease_s)
        self._take_lease(self._role, lease)

    def _send_routed(self, octets: bytes, source: IPv4Address, server: IPv4Address) -> bool:
        """By the kernel's routes, as long as the address is ours; whether that was possible."""
        if self._unicast is None:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            try:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.link.name.encode())
                opened.bind((str(source), packet_sockets.CLIENT_PORT))
            except OSError:
                opened.close()
                return False
            self._unicast = opened      # stays, so that the answer, which is read below, is no unreachable port
        self._unicast.sendto(octets, (str(server), packet_sockets.SERVER_PORT))
        return True

    def _open(self) -> None:
        try:
            self._socket = packet_sockets.open_dhcp_socket(self.link.name)
        except OSError as error:
            self._journal.record("dhcp_open_failed", interface=self.link.name, error=os.strerror(error.errno or 0))
            return
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def _close(self) -> None:
        loop = asyncio.get_running_loop()
        if self._socket is not None:
            loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._close_unicast()
        self._close_arp()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_unicast(self) -> None:
        if self._unicast is not None:
            self._unicast.close()
            self._unicast = None

    def _close_arp(self) -> None:
        while self._probes:
            self._probes.pop().cancel()
        if self._arp is not None:
            asyncio.get_running_loop().remove_reader(self._arp)
            self._arp.close()
            self._arp = None

    def _send_probe(self, probe: bytes) -> None:
        if self._arp is not None:
            try:
                self._arp.sendto(probe, (self.link.name, packet_sockets.ETH_P_ARP, 0, 0, packet_sockets.BROADCAST_MAC))
            except OSError:     # the link is away: nobody else is on it either
                pass

    def _read(self) -> None:
        for _ in range(READS_A_WAKE):
            if self._socket is None:
                break
            try:
                packet, address = self._socket.recvfrom(packet_sockets.LINK_OCTETS_MAXIMUM)
            except OSError:     # nothing more, or the link went down
                break
            octets = packet_sockets.read_datagram(packet)
            if octets is not None and self._client.take_octets(octets, monotonic()):
                self._server_mac = address[4]
        self._settle()

    def _read_arp(self) -> None:
        for _ in range(READS_A_WAKE):
            if self._arp is None:
                break
            try:
                packet = self._arp.recv(packet_sockets.LINK_OCTETS_MAXIMUM)
            except OSError:     # nothing more, or the link went down
                break
            said = packet_sockets.read_arp(packet)
            if said is not None and said.mac != self._mac:
                self._client.note_claimed(said.address, monotonic())
        self._settle()

    def _tick(self) -> None:
        self._timer = None
        if self._socket is None:
            self._open()
        self._client.tick(monotonic())
        self._settle()

    def _settle(self) -> None:
        """The timer as the client wants it, the file as the lease is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._client.next_at < inf:
            delay_s = max(0.0, self._client.next_at - monotonic())
            if self._socket is None:
                delay_s = min(delay_s, OPEN_AGAIN_S)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)
        lease = self._client.lease
        if lease is None:
            self._forget()
        elif self._client.expires != self._kept_until:
            self._kept_until = self._client.expires
            try:
                write_atomically(self._path, write_lease(lease, time() + self._client.expires - monotonic()))
            except MachineError as error:
                self._journal.record("dhcp_lease_not_kept", error=error.operation)

    def _forget(self) -> None:
        """No lease is kept. A file that stays on a disk that has become read-only is refused by the server in time."""
        self._kept_until = 0.0
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            self._journal.record("dhcp_lease_not_kept", error=f"remove {self._path}: {error.strerror}")


def read_lease_file(path: Path) -> tuple[DhcpLease, float] | None:
    """What an earlier process had, as long as it holds; None for nothing, or nothing that can be read."""
    try:
        lease, until = read_kept_lease(path.read_bytes())
    except (OSError, ValueError):
        return None
    return (lease, until) if time() < until <= time() + lease.lease_s else None
