# SPDX-License-Identifier: Apache-2.0
"""Opening the sockets of a listener: one address, one port, non-blocking, with the buffers and options SIP wants.

A refusal is a MachineError that names address, port and what to do about it.
"""

import errno
import socket

from appliance.errors import MachineError
from appliance.sip.flow import UDP, Listener

DATAGRAM_BUFFER_OCTETS = 8 << 20     # a registration storm of 8,000 phones fits while the loop is busy elsewhere
STREAM_BACKLOG = 1024
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 120, 30, 4
UNACKNOWLEDGED_MS = 32_000           # 64*T1: by then every transaction that used the connection has given up

REMEDIES = {
    errno.EADDRINUSE: "another program has it: stop that one (`ss -lnp`) or change `set sip listener {name} port`",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address: change `set sip listener {name} address`",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE: change `set sip listener {name} port` or grant it",
    errno.EMFILE: "this process has too many open files: raise its limit (LimitNOFILE=)",
}


def family_of(listener: Listener) -> socket.AddressFamily:
    """The socket family of a listener's address."""
    return socket.AF_INET6 if listener.family == 6 else socket.AF_INET


def open_datagram_socket(listener: Listener) -> socket.socket:
    """A bound UDP socket with big buffers; no SO_REUSEADDR: two servers would share the port's traffic silently."""
    opened = bind_socket(listener, socket.SOCK_DGRAM)
    widen_buffer(opened, socket.SO_RCVBUF, getattr(socket, "SO_RCVBUFFORCE", 33))
    widen_buffer(opened, socket.SO_SNDBUF, getattr(socket, "SO_SNDBUFFORCE", 32))
    return opened


def open_stream_socket(listener: Listener) -> socket.socket:
    """A listening TCP socket."""
    opened = bind_socket(listener, socket.SOCK_STREAM)
    try:
        opened.listen(STREAM_BACKLOG)
    except OSError as error:        # a second listener with SO_REUSEADDR is refused here, not at bind
        opened.close()
        raise describe_refusal(listener, error) from error
    return opened


def open_outgoing_socket(listener: Listener) -> socket.socket:
    """A TCP socket to connect with, from the listener's address and any port. Raises OSError."""
    opened = socket.socket(family_of(listener), socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        opened.bind((listener.host.decode("ascii"), 0))
    except OSError:
        opened.close()
        raise
    return opened


def has_address(host: str) -> bool:
    """Whether a numeric address is one of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def bind_socket(listener: Listener, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket bound to the listener's address and port. Raises MachineError."""
    try:
        opened = socket.socket(family_of(listener), kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise describe_refusal(listener, error) from error
    try:
        if listener.family == 6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:      # a restart must not wait for the TIME_WAIT of its own connections
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((listener.host.decode("ascii"), listener.port))
    except OSError as error:
        opened.close()
        raise describe_refusal(listener, error) from error
    return opened


def widen_buffer(opened: socket.socket, option: int, forced: int) -> None:
    """As much buffer as we may have: beyond net.core.*mem_max with CAP_NET_ADMIN, up to it without."""
    try:
        opened.setsockopt(socket.SOL_SOCKET, forced, DATAGRAM_BUFFER_OCTETS)
    except PermissionError:
        opened.setsockopt(socket.SOL_SOCKET, option, DATAGRAM_BUFFER_OCTETS)


def tune_stream(opened: socket.socket) -> None:
    """A connection of ours or to us: no waiting to fill segments, and a dead peer is noticed."""
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)


def describe_refusal(listener: Listener, error: OSError) -> MachineError:
    """What could not be opened, why, and what to do."""
    number = error.errno or 0
    protocol = "UDP" if listener.transport == UDP else "TCP"
    remedy = REMEDIES.get(number, "see `set sip listener {name}`").format(name=listener.name)
    return MachineError(f"open {protocol} {listener.hostport.decode('ascii')}: {error.strerror}; {remedy}", number)
