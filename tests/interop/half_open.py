# SPDX-License-Identifier: Apache-2.0
"""Streams that never finish a message, watched from the side: how long the server lets each of them live."""

import selectors
import time

from tests.interop.network import LoopbackNetwork
from tests.interop.raw_sip import TcpPeer, build_request
from tests.interop.server import Server


def watch_half_open_streams(server: Server, network: LoopbackNetwork, watched_s: float) -> dict[str, float | None]:
    """Lifetime in seconds of each stream by its name, None for one that was still open after `watched_s`."""
    names = ("drips one octet a second", "head never ends", "body never comes", "idle after a whole message")
    peers = {name: TcpPeer((server.host, server.port), network.new_host()) for name in names}
    whole = {name: build_request(peer, "OPTIONS", "sip:office.test", body=b"x" * 9) for name, peer in peers.items()}
    began = {name: time.monotonic() for name in names}
    peers["head never ends"].send(whole["head never ends"][:100])
    peers["body never comes"].send(whole["body never comes"][:-5])
    peers["idle after a whole message"].send(whole["idle after a whole message"])
    rest = iter(whole["drips one octet a second"])
    lifetimes: dict[str, float | None] = dict.fromkeys(names)
    with selectors.DefaultSelector() as selector:
        for name, peer in peers.items():
            selector.register(peer.socket, selectors.EVENT_READ, name)
        end = time.monotonic() + watched_s
        drip_at = 0.0
        while time.monotonic() < end and selector.get_map():
            if lifetimes["drips one octet a second"] is None and time.monotonic() >= drip_at:
                peers["drips one octet a second"].send(bytes([next(rest)]))
                drip_at = time.monotonic() + 1
            for key, _ in selector.select(0.2):
                if not peers[key.data].read(0):
                    lifetimes[key.data] = time.monotonic() - began[key.data]
                    selector.unregister(key.fileobj)
    for peer in peers.values():
        peer.close()
    return lifetimes
