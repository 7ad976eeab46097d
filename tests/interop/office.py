# SPDX-License-Identifier: Apache-2.0
"""Which server the tests speak to, and the small acts that most of them begin with: bind a phone, unbind it, skip."""

import os
import shutil

import pytest

from tests.interop.kamailio import KamailioServer
from tests.interop.network import LoopbackNetwork
from tests.interop.raw_sip import TcpPeer, UdpPeer, register
from tests.interop.server import SECRETS, Server
from tests.interop.sipp import Party, Sipp

IS_REFERENCE = os.environ.get("DENWABAN_INTEROP_SERVER") == "kamailio"
SERVER = KamailioServer if IS_REFERENCE else Server
PROXY, B2BUA = "proxy", "b2bua"
in_both_roles = pytest.mark.parametrize("server", [PROXY] if IS_REFERENCE else [PROXY, B2BUA], indirect=True,
                                        scope="module")
"""For what must work whichever way calls are carried."""


def require(program: str) -> None:
    """Skip where the peer program is not installed."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def party(user: str, peer: str = "0") -> Party:
    return Party(user, SECRETS[user], peer)


def register_sipp(server: Server, sipp: Sipp, user: str, *, parameters: str = "", expires_s: int = 300) -> None:
    """Bind the address of a SIPp that will play `user`, from a socket on the same host that is closed again."""
    transport, kind = ("tcp", TcpPeer) if sipp.transport.startswith("t") else ("udp", UdpPeer)
    with kind((server.host, server.port), sipp.host) as peer:
        contact = f"<sip:{user}@{sipp.contact};transport={transport}>{parameters}"
        register(peer, user, SECRETS[user], contact=contact, expires_s=expires_s)


def clear_bindings(server: Server, network: LoopbackNetwork, *users: str) -> None:
    """Remove every binding of these users (RFC 3261 section 10.2.2)."""
    for user in users:
        with UdpPeer((server.host, server.port), network.new_host()) as peer:
            register(peer, user, SECRETS[user], contact="*", expires_s=0)
