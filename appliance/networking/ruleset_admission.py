# SPDX-License-Identifier: Apache-2.0
"""What may come to us from the WAN, and what is dropped before anything looks at it. The LAN may everything.

A packet for the ports of audio is judged before connection tracking has its say: an open pinhole lets it in, nothing
else does, so that a call's end closes the door at once. Answers of name and time servers may have a port in between.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.configuration import Configuration
from appliance.config.network_kinds import PortRange
from appliance.networking import ruleset_expressions as words
from appliance.networking.ruleset_expressions import Expressions
from appliance.networking.ruleset_values import (
    ACCEPT,
    ADMISSION,
    AUDIO,
    BANS,
    CARRIERS,
    DROP,
    EARLY,
    MANAGEMENT,
    NEVER_BANNED,
    PEERS,
    PINHOLES,
    SIGNALLING,
    VERSIONS,
    Border,
    Rule,
)

MEDIA_WORDS = "audio, udp "
SSH = PortRange(22, 22)
DHCP_SERVER, DHCP_CLIENT = PortRange(67, 67), PortRange(68, 68)
DHCPV6_SERVER, DHCPV6_CLIENT = PortRange(547, 547), PortRange(546, 546)
ASKED_SERVERS = {53: "DNS", 123: "NTP"}
ECHO_REQUESTS = {4: 8, 6: 128}
# RFC 4861, RFC 2710, RFC 3810: without these there is no IPv6. Routers and neighbours are on the link (hop limit 255).
NEIGHBOUR_SOLICITATION = 135
NEIGHBOUR_TYPES = {
    130: "multicast query",
    134: "router advertisement",
    NEIGHBOUR_SOLICITATION: "neighbour solicitation",
    136: "neighbour advertisement",
}
ECHO_A_SECOND, ECHO_BURST = 10, 20


def list_early_rules(border: Border) -> Iterator[Rule]:
    """Before connection tracking: bans, which end what has begun as well, and sources that cannot be."""
    if not border.wan:
        return
    wan = words.from_interface(border.wan)
    for version in VERSIONS:
        yield Rule(EARLY.name, "shut out", (
            *wan,
            *words.source_in(BANS, version),
            *words.source_not_in(NEVER_BANNED, version),
            *words.source_not_in(CARRIERS, version),
            *words.source_not_in(PEERS, version),
            *words.counted(DROP),
        ))
    # A DHCP server answers before we have an address, and so before there is a way back to it.
    yield Rule(EARLY.name, "DHCP from the WAN", (*wan, *dhcp_answers(4), *words.counted(ACCEPT)))
    # Whoever asks whether an address is free has none yet (RFC 4862 5.4.2).
    asked = words.with_icmp_type(6, NEIGHBOUR_SOLICITATION)
    yield Rule(EARLY.name, "neighbour solicitation", (*asked, *words.counted(ACCEPT)))
    for side in filter(None, (border.wan, border.lan)):
        yield Rule(EARLY.name, f"forged source on {side}", (
            *words.from_interface(side), *words.without_way_back(), *words.counted(DROP)))


def describe_media(ports: PortRange) -> str:
    """The words of the rule for the ports of audio."""
    return f"{MEDIA_WORDS}{ports.first}-{ports.last}"


def read_media(told: str) -> PortRange | None:
    """The ports, from those words; None for other words."""
    first, _, last = told.removeprefix(MEDIA_WORDS).partition("-")
    if not told.startswith(MEDIA_WORDS) or not first.isdecimal() or not last.isdecimal():
        return None
    return PortRange(int(first), int(last))


def dhcp_answers(version: int) -> Expressions:
    server, client = (DHCP_SERVER, DHCP_CLIENT) if version == 4 else (DHCPV6_SERVER, DHCPV6_CLIENT)
    return (*words.of_family(version), *words.with_port(words.UDP, server, is_source=True),
            *words.with_port(words.UDP, client))


def list_admission_rules(configuration: Configuration, border: Border) -> Iterator[Rule]:
    """What may reach ourselves."""
    if not border.wan:
        return
    name = ADMISSION.name
    yield Rule(name, "not from the WAN", (*words.from_interface(border.wan, words.UNEQUAL), *words.counted(ACCEPT)))
    yield Rule(name, "for an address of the LAN", (*words.for_another_interface(), *words.counted(DROP)))
    answers = words.CT_ESTABLISHED | words.CT_RELATED
    for port, service in ASKED_SERVERS.items():
        asked = words.with_port(words.UDP, PortRange(port, port), is_source=True)
        yield Rule(name, f"answers of {service}", (*asked, *words.in_state(answers), *words.counted(ACCEPT)))
    media = configuration.media_ports
    yield Rule(name, describe_media(media), (*words.with_port(words.UDP, media), *words.go_to(AUDIO.name)))
    yield Rule(name, "invalid", (*words.in_state(words.CT_INVALID), *words.counted(DROP)))
    yield from list_echo_rules()
    # Errors that belong to a connection among them, without which paths do not work (RFC 4890 4.3.1, RFC 1191).
    yield Rule(name, "answers", (*words.in_state(answers), *words.counted(ACCEPT)))
    yield from list_neighbour_rules()
    for version in VERSIONS:
        yield Rule(name, "DHCP", (*dhcp_answers(version), *words.counted(ACCEPT)))
    for protocol, port in public_sockets(configuration):
        matched = words.with_port(words.PROTOCOLS[protocol], PortRange(port, port))
        yield Rule(name, f"SIP, {protocol} {port}", (*matched, *words.go_to(SIGNALLING.name)))
    for version in VERSIONS:
        yield Rule(name, "SSH", (
            *words.with_port(words.TCP, SSH), *words.source_in(MANAGEMENT, version), *words.counted(ACCEPT)))
    yield Rule(name, "anything else from the WAN", words.counted(DROP))
    yield from list_audio_rules()
    yield from list_signalling_rules(configuration.firewall.is_sip_open)


def list_echo_rules() -> Iterator[Rule]:
    """Before the answers: for connection tracking the second echo request of a flood belongs to the first."""
    for version in VERSIONS:
        asked = words.with_icmp_type(version, ECHO_REQUESTS[version])
        yield Rule(ADMISSION.name, "echo request", (
            *asked, *words.at_most(ECHO_A_SECOND, ECHO_BURST), *words.counted(ACCEPT)))
        yield Rule(ADMISSION.name, "flood of echo requests", (*asked, *words.counted(DROP)))


def list_neighbour_rules() -> Iterator[Rule]:
    """What connection tracking does not follow."""
    for number, name in NEIGHBOUR_TYPES.items():
        yield Rule(ADMISSION.name, name, (*words.with_icmp_type(6, number), *words.counted(ACCEPT)))


def list_audio_rules() -> Iterator[Rule]:
    """Only what a call has opened."""
    for version in VERSIONS:
        yield Rule(AUDIO.name, "audio of a call", (
            *words.destination_port_in(PINHOLES, version), *words.counted(ACCEPT)))
    yield Rule(AUDIO.name, "audio of no call", words.counted(DROP))


def list_signalling_rules(is_open: bool) -> Iterator[Rule]:
    """Carriers, other domains and whom a listener trusts: those of the configuration, then those found by name."""
    for version in VERSIONS:
        yield Rule(SIGNALLING.name, "carriers", (*words.source_in(CARRIERS, version), *words.counted(ACCEPT)))
        yield Rule(SIGNALLING.name, "carriers found by name", (
            *words.source_in(PEERS, version), *words.counted(ACCEPT)))
    words_for_others = "SIP of anybody" if is_open else "SIP of strangers"
    yield Rule(SIGNALLING.name, words_for_others, words.counted(ACCEPT if is_open else DROP))


def public_sockets(configuration: Configuration) -> list[tuple[str, int]]:
    """Protocol and port of everything that strangers may be on the other side of, each once, in order."""
    found = []
    for listener in configuration.listeners.values():
        if listener.side == "public":
            found += list_sockets(listener.transports, listener.port, listener.tls_port)
    return sorted(set(found))


def list_sockets(transports: tuple[str, ...], port: int, tls_port: int) -> list[tuple[str, int]]:
    """Protocol and port of each transport."""
    return [("udp" if one == "udp" else "tcp", tls_port if one == "tls" else port) for one in transports]
