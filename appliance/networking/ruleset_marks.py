# SPDX-License-Identifier: Apache-2.0
"""DSCP of what we send ourselves (RFC 2474, RFC 4594): audio by its ports, SIP by its listeners' and servers' ports."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.configuration import Configuration
from appliance.config.network_kinds import PortRange
from appliance.networking import ruleset_expressions as words
from appliance.networking.ruleset_admission import list_sockets
from appliance.networking.ruleset_values import MARK_MEDIA, MARK_SIGNALLING, MARKS, VERSIONS, Rule

SIP_PORTS = {5060, 5061}        # RFC 3261 19.1.2


def list_mark_rules(configuration: Configuration) -> Iterator[Rule]:
    """On both sides: phones and carriers are to hear us alike."""
    media = words.with_port(words.UDP, configuration.media_ports, is_source=True)
    yield Rule(MARKS.name, "audio", (*media, *words.go_to(MARK_MEDIA.name)))
    sockets = {one for listener in configuration.listeners.values()
               for one in list_sockets(listener.transports, listener.port, listener.tls_port)}
    for protocol, port in sorted(sockets):
        sent = words.with_port(words.PROTOCOLS[protocol], PortRange(port, port), is_source=True)
        yield Rule(MARKS.name, f"SIP from {protocol} {port}", (*sent, *words.go_to(MARK_SIGNALLING.name)))
    for port in sorted(server_ports(configuration)):    # connections that we open have a port of the kernel's choice
        sent = words.with_port(words.TCP, PortRange(port, port))
        yield Rule(MARKS.name, f"SIP to tcp {port}", (*sent, *words.go_to(MARK_SIGNALLING.name)))
    firewall = configuration.firewall
    for chain, value in ((MARK_MEDIA, firewall.dscp_media), (MARK_SIGNALLING, firewall.dscp_signalling)):
        for version in VERSIONS:
            yield Rule(chain.name, f"DSCP {value}", (*words.write_dscp(version, value), *words.counted()))


def server_ports(configuration: Configuration) -> set[int]:
    """Where trunks' servers may be connected to."""
    said = {one.port for trunk in configuration.trunks.values()
            for one in (trunk.registrar, trunk.peer, trunk.proxy) if one is not None and one.port}
    return SIP_PORTS | said
