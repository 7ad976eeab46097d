# SPDX-License-Identifier: Apache-2.0
"""Listeners among each other: sockets that collide, and trust that reaches too far."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.sections import media, sip
from appliance.config.tree import Tree

# Networks wider than this hold more strangers than friends.
TRUSTED_BITS_MINIMUM = {4: 8, 6: 32}


def verify_listeners(tree: Tree) -> Iterator[Finding]:
    """Everything about listeners that needs more than one leaf."""
    yield from verify_sockets(tree)
    for name in tree.names("listener"):
        yield from verify_trust(tree, name)
        yield from verify_tls(tree, name)
        yield from verify_media_ports(tree, name)
    names = tree.names("listener")
    if names and not any(list_built(tree, name) for name in names):
        line = tree.line(sip.TRANSPORT, next(iter(names)))
        yield report_error("no-usable-listener", "sip listener", "no listener speaks udp or tcp", "udp or tcp", line)


def list_built(tree: Tree, name: str) -> list[str]:
    """The transports of a listener that are built."""
    return [one for one in tree.values(sip.TRANSPORT, name) if one not in sip.TRANSPORT.not_built]


def verify_sockets(tree: Tree) -> Iterator[Finding]:
    """No two listeners on the same address and port, for what is built of their transports."""
    taken: dict[tuple[str, int, bool], tuple[str, str]] = {}
    for name in tree.names("listener"):
        address, port = tree.value(sip.ADDRESS, name), tree.value(sip.LISTENER_PORT, name)
        if address is None or port is None:
            continue
        for transport in list_built(tree, name):
            holder, held = taken.setdefault((address, port, transport == "udp"), (name, transport))
            if (holder, held) != (name, transport):
                wrong = f"{transport} on {address} port {port} is taken by {held} of listener {holder}"
                line = tree.line(sip.LISTENER_PORT, name)
                yield report_error("socket-taken", f"sip listener {name}", wrong, "another address or port", line)


def verify_trust(tree: Tree, name: str) -> Iterator[Finding]:
    """Trust in strangers, and trust that can never apply."""
    address = tree.value(sip.ADDRESS, name)
    for said in tree.sayings(sip.TRUSTED, name):
        network = sip.TRUSTED.kind.read(said.text)
        path = sip.TRUSTED.path_for(name)
        if network.prefixlen < TRUSTED_BITS_MINIMUM[network.version]:
            wrong = f"{network} is so wide that strangers are trusted: they call as anybody, without a secret"
            yield report_warning("trust-wide", path, wrong, "the addresses of your own devices", said.line)
        elif tree.value(sip.SIDE, name) == "public":
            wrong = "source addresses on a public side can be forged over UDP, and these are not challenged"
            yield report_warning("trust-public", path, wrong, "trust on private listeners only", said.line)
        if address is not None and ip_address(address).version != network.version:
            wrong = f"nothing from {network} can reach {address}"
            yield report_warning("trust-family", path, wrong, f"IPv{ip_address(address).version} networks", said.line)


def verify_tls(tree: Tree, name: str) -> Iterator[Finding]:
    """A certificate is of no use without its key, nor the other way round."""
    for present, absent in ((sip.CERTIFICATE, sip.KEY), (sip.KEY, sip.CERTIFICATE)):
        if tree.has_said(present, name) and not tree.has_said(absent, name):
            wrong = f"{present.path_for(name)} is said, but not this"
            yield report_error("missing", absent.path_for(name), wrong, absent.kind.allowed, tree.line(present, name))


def verify_media_ports(tree: Tree, name: str) -> Iterator[Finding]:
    """Audio takes ports of its range freely, so SIP over UDP must be outside."""
    port, ports = tree.value(sip.LISTENER_PORT, name), tree.value(media.PORTS)
    if port is None or ports is None or "udp" not in tree.values(sip.TRANSPORT, name):
        return
    if ports.first <= port <= ports.last:
        wrong = f"{port} is among the media ports {ports.first}-{ports.last}"
        line = tree.line(sip.LISTENER_PORT, name)
        yield report_error("port-in-media", sip.LISTENER_PORT.path_for(name), wrong, "a port outside of them", line)
