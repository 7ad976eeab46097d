# SPDX-License-Identifier: Apache-2.0
"""Listeners among each other: sockets that collide, and trust that reaches too far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.listening import decide_port, list_transports
from appliance.config.network_kinds import is_too_wide
from appliance.config.sections import handset, media, network, sip, system
from appliance.config.tree import Tree

PORT_MAXIMUM = 65535


def verify_listeners(tree: Tree) -> Iterator[Finding]:
    """Everything about listeners that needs more than one leaf."""
    yield from verify_sockets(tree)
    for name, line in tree.names("listener").items():
        yield from verify_place(tree, name, line)
        yield from verify_trust(tree, name)
        yield from verify_tls(tree, name)
        yield from verify_media_ports(tree, name)
    for domain in tree.names("domain"):
        yield from verify_neighbour(tree, domain)
    names = tree.names("listener")
    if names and not any(list_transports(tree, name) for name in names):
        line = tree.line(sip.TRANSPORT, next(iter(names)))
        allowed = "udp or tcp, or tls with certificate and key"
        yield report_error("no-usable-listener", "sip listener", "no listener speaks anything", allowed, line)


def verify_place(tree: Tree, name: str, line: int) -> Iterator[Finding]:
    """An address, or the interface whose address counts."""
    has_address, has_interface = tree.has_said(sip.ADDRESS, name), tree.has_said(sip.INTERFACE, name)
    if not has_address and not has_interface:
        path = sip.ADDRESS.path_for(name)
        yield report_error("missing", path, "this is required and missing", sip.ADDRESS.kind.allowed, line)
    elif has_address and has_interface:
        wrong = f"it has an address (line {tree.line(sip.ADDRESS, name)}) and an interface"
        path, line = sip.INTERFACE.path_for(name), tree.line(sip.INTERFACE, name)
        yield report_error("listener-place", path, wrong, "address or interface, not both", line)
    elif has_interface and not tree.value(network.MANAGED):
        wrong = "nobody looks after the interfaces of this machine"
        path, line = sip.INTERFACE.path_for(name), tree.line(sip.INTERFACE, name)
        yield report_error("listener-interface", path, wrong, "an address, or `set network managed true`", line)


def verify_sockets(tree: Tree) -> Iterator[Finding]:
    """No two listeners on the same address and port, and no handset on one of theirs or of another handset."""
    taken: dict[tuple[str, int, bool], tuple[str, str]] = {}
    for name in tree.names("listener"):
        address = tree.value(sip.ADDRESS, name) or tree.value(sip.INTERFACE, name)
        for transport in list_transports(tree, name):
            port = decide_port(tree, name, transport)
            if address is None or port is None:
                continue
            leaf = sip.TLS_PORT if transport == "tls" and tree.has_said(sip.TLS_PORT, name) else sip.LISTENER_PORT
            if port > PORT_MAXIMUM:
                wrong = f"tls would be on the port after {port - 1}"
                allowed = sip.TLS_PORT.kind.allowed
                yield report_error("tls-port", sip.TLS_PORT.path_for(name), wrong, allowed, tree.line(leaf, name))
                continue
            holder, held = taken.setdefault((address, port, transport == "udp"), (name, transport))
            if (holder, held) != (name, transport):
                wrong = f"{transport} on {address} port {port} is taken by {held} of listener {holder}"
                line = tree.line(leaf, name)
                yield report_error("socket-taken", f"sip listener {name}", wrong, "another address or port", line)
    yield from verify_handset_sockets(tree, {socket: f"listener {holder}" for socket, (holder, _) in taken.items()})


def verify_handset_sockets(tree: Tree, taken: dict[tuple[str, int, bool], str]) -> Iterator[Finding]:
    """taken: whose each address, port and whether that is for datagrams; a handset speaks UDP alone."""
    for name in tree.names("handset"):
        place = tree.value(handset.LISTEN, name)
        if place is None:
            continue
        address, port = place
        holder = taken.setdefault((address, port, True), f"handset {name}")
        if holder != f"handset {name}":
            wrong = f"udp on {address} port {port} is taken by {holder}"
            path, line = handset.LISTEN.path_for(name), tree.line(handset.LISTEN, name)
            yield report_error("socket-taken", path, wrong, "another address or port", line)


def verify_trust(tree: Tree, name: str) -> Iterator[Finding]:
    """Trust in strangers, and trust that can never apply."""
    address = tree.value(sip.ADDRESS, name)
    for said in tree.sayings(sip.TRUSTED, name):
        network = sip.TRUSTED.kind.read(said.text)
        path = sip.TRUSTED.path_for(name)
        if is_too_wide(network):
            wrong = f"{network} is so wide that strangers are trusted: they call as anybody, without a secret"
            yield report_warning("trust-wide", path, wrong, "the addresses of your own devices", said.line)
        elif tree.value(sip.SIDE, name) == "public":
            wrong = "source addresses on a public side can be forged over UDP, and these are not challenged"
            yield report_warning("trust-public", path, wrong, "trust on private listeners only", said.line)
        if address is not None and ip_address(address).version != network.version:
            wrong = f"nothing from {network} can reach {address}"
            yield report_warning("trust-family", path, wrong, f"IPv{ip_address(address).version} networks", said.line)


def verify_neighbour(tree: Tree, domain: str) -> Iterator[Finding]:
    """Who says that he is of another domain is believed by his address; our own people have secrets."""
    if domain == (tree.value(system.DOMAIN_NAME) or "").lower():
        wrong = f"{domain} is the domain of this office: who is of it proves it by a secret"
        allowed = "another domain, or `trusted` of a listener for devices of your own"
        yield report_error("domain-own", f"sip domain {domain}", wrong, allowed, tree.names("domain")[domain])
    for said in tree.sayings(sip.NEIGHBOUR_SOURCE, domain):
        network = sip.NEIGHBOUR_SOURCE.kind.read(said.text)
        if is_too_wide(network):
            wrong = f"{network} is so wide that strangers are believed to be of {domain}, and call without a secret"
            path = sip.NEIGHBOUR_SOURCE.path_for(domain)
            yield report_warning("trust-wide", path, wrong, "the addresses of that domain's servers", said.line)


def verify_tls(tree: Tree, name: str) -> Iterator[Finding]:
    """A certificate is of no use without its key, nor the other way round, nor tls without both."""
    for present, absent in ((sip.CERTIFICATE, sip.KEY), (sip.KEY, sip.CERTIFICATE)):
        if tree.has_said(present, name) and not tree.has_said(absent, name):
            wrong = f"{present.path_for(name)} is said, but not this"
            yield report_error("missing", absent.path_for(name), wrong, absent.kind.allowed, tree.line(present, name))
    for said in tree.sayings(sip.TRANSPORT, name):
        if said.text == "tls" and not tree.has_said(sip.CERTIFICATE, name) and not tree.has_said(sip.KEY, name):
            wrong = "tls needs certificate and key; the listener does without it"
            remedy = f"set sip listener {name} certificate FILE, and key FILE"
            yield report_warning("tls-without-certificate", sip.TRANSPORT.path_for(name), wrong, remedy, said.line)


def verify_certificates(tree: Tree, explain_certificate: Callable[[str, str], str]) -> Iterator[Finding]:
    """Files of certificate and key that a listener with tls could not use. explain_certificate: why not, "" where it
    can; asked where files may be read."""
    for name in tree.names("listener"):
        certificate, key = tree.value(sip.CERTIFICATE, name), tree.value(sip.KEY, name)
        if certificate is None or key is None or "tls" not in list_transports(tree, name):
            continue
        wrong = explain_certificate(certificate, key)
        if wrong:
            path = sip.CERTIFICATE.path_for(name)
            allowed = "a certificate chain and its key, both PEM, without pass phrase"
            yield report_error("certificate", path, wrong, allowed, tree.line(sip.CERTIFICATE, name))


def verify_media_ports(tree: Tree, name: str) -> Iterator[Finding]:
    """Audio takes ports of its range freely, so SIP over UDP must be outside."""
    port, ports = tree.value(sip.LISTENER_PORT, name), tree.value(media.PORTS)
    if port is None or ports is None or "udp" not in tree.values(sip.TRANSPORT, name):
        return
    if ports.first <= port <= ports.last:
        wrong = f"{port} is among the media ports {ports.first}-{ports.last}"
        line = tree.line(sip.LISTENER_PORT, name)
        yield report_error("port-in-media", sip.LISTENER_PORT.path_for(name), wrong, "a port outside of them", line)
