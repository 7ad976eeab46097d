# SPDX-License-Identifier: Apache-2.0
"""What passes through us: the LAN may go out, behind our address; in comes what was asked for and what is forwarded.

Whoever is on the LAN reaches a forwarded port by our address on the WAN as well; its answers must come back through us,
so it is masqueraded too (RFC 4787 6, hairpinning).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from appliance.config.configuration import Configuration
from appliance.config.firewall_configuration import ForwardConfiguration
from appliance.networking import ruleset_expressions as words
from appliance.networking.ruleset_expressions import Expressions
from appliance.networking.ruleset_values import ACCEPT, DROP, MASQUERADE, PASSAGE, PORT_FORWARDS, Border, Rule


def list_passage_rules(border: Border) -> Iterator[Rule]:
    """Between WAN and everything else. What has to do with neither WAN nor LAN is left to whoever set it up."""
    if not border.wan:
        return
    name, incoming, outgoing = PASSAGE.name, words.from_interface(border.wan), words.to_interface(border.wan)
    for way in (incoming, outgoing):
        yield Rule(name, "segments that fit the path", (*way, *words.clamp_segment_size()))
    for way in (incoming, outgoing):    # out as well: what cannot be tracked would leave with an address of the LAN
        yield Rule(name, "invalid", (*way, *words.in_state(words.CT_INVALID), *words.counted(DROP)))
    answers = words.in_state(words.CT_ESTABLISHED | words.CT_RELATED)
    yield Rule(name, "answers", (*incoming, *answers, *words.counted(ACCEPT)))
    yield Rule(name, "port forwards", (*incoming, *words.was_forwarded(), *words.counted(ACCEPT)))
    yield Rule(name, "anything else from the WAN", (*incoming, *words.counted(DROP)))
    if border.lan:
        leaving = (*words.from_interface(border.lan), *outgoing)
        yield Rule(name, "from the LAN to the WAN", (*leaving, *words.counted(ACCEPT)))


def list_translation_rules(configuration: Configuration, border: Border) -> Iterator[Rule]:
    """Port forwards and masquerading."""
    if not border.wan:
        return
    forwards = configuration.firewall.forwards.values()
    for forward in forwards:
        yield from list_forward_rules(forward, border)
    if configuration.firewall.masquerade and border.lan:
        leaving = (*words.to_interface(border.wan), *words.of_family(4), *words.not_from_us())
        yield Rule(MASQUERADE.name, "behind our address", (*leaving, *words.counted(), *words.masquerade()))
    for network in border.lan_networks if forwards and border.lan else ():
        returning = (*words.to_interface(border.lan), *words.of_family(4), *words.was_forwarded(),
                     *words.in_network(network, is_source=True))
        yield Rule(MASQUERADE.name, "forwarded from the LAN to the LAN", (
            *returning, *words.counted(), *words.masquerade()))


def list_forward_rules(forward: ForwardConfiguration, border: Border) -> Iterator[Rule]:
    """One rule for each source on the WAN, and one for the LAN."""
    of_wan, of_ours = ((*words.of_family(4), *words.for_us(is_wan)) for is_wan in (True, False))
    ports = words.with_port(words.PROTOCOLS[forward.protocol], forward.ports)
    rewritten = (*words.counted(), *words.rewrite_destination(IPv4Network(forward.to), forward.to_port))
    sources: list[Expressions] = [words.in_network(one, is_source=True) for one in forward.sources if one.version == 4]
    if not forward.sources:
        sources = [()]
    for source in sources:
        yield Rule(PORT_FORWARDS.name, describe_forward(forward), (
            *words.from_interface(border.wan), *of_wan, *source, *ports, *rewritten))
    if not border.lan or not border.lan_networks:
        return
    elsewhere = tuple(one for network in border.lan_networks
                      for one in words.in_network(network, is_source=False, operation=words.UNEQUAL))
    yield Rule(PORT_FORWARDS.name, f"{describe_forward(forward)}, from the LAN", (
        *words.from_interface(border.lan), *of_ours, *elsewhere, *ports, *rewritten))


def describe_forward(forward: ForwardConfiguration) -> str:
    """As in `forward web: tcp 8080 to 192.168.1.10 port 80`."""
    ports = str(forward.ports.first) if forward.ports.first == forward.ports.last else "-".join(map(str, forward.ports))
    to = f"{forward.to} port {forward.to_port}" if forward.to_port else str(forward.to)
    return f"forward {forward.name}: {forward.protocol} {ports} to {to}"
