# SPDX-License-Identifier: Apache-2.0
"""Whether trunk and carrier can reach each other: transports, ports, domains, numbers, digits taken off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.listening import decide_port, list_transports
from appliance.config.sections import route, sip, system, trunk
from appliance.config.tree import Tree
from appliance.numbering.digits import normalise_digits
from appliance.numbering.e164 import DIAL_PLANS, read_e164

SIP_PORT: Final = 5060
FIXED_PORT_PROFILE: Final = "hikari-direct"


def verify_carriers(tree: Tree) -> Iterator[Finding]:
    """Everything that would only be seen when the first REGISTER or call goes wrong."""
    own_domain = tree.value(system.DOMAIN_NAME)
    for name in tree.names("trunk"):
        yield from verify_servers(tree, name)
        yield from verify_port(tree, name)
        yield from verify_spellings(tree, name)
        domain = tree.value(trunk.CARRIER_DOMAIN, name)
        if domain is not None and domain == own_domain:
            path, line = trunk.CARRIER_DOMAIN.path_for(name), tree.line(trunk.CARRIER_DOMAIN, name)
            wrong = f"{domain} is the office's own domain"
            yield report_warning("trunk-domain", path, wrong, "the carrier's domain", line)
    yield from verify_strips(tree)


def verify_servers(tree: Tree, name: str) -> Iterator[Finding]:
    """The registrar and the proxy speak what the listener speaks, and are somebody else."""
    listener = _find_listener(tree, name)
    own = {(tree.value(sip.ADDRESS, one), decide_port(tree, one, spoken))
           for one in tree.names("listener") for spoken in list_transports(tree, one)}
    for leaf in (trunk.REGISTRAR, trunk.PROXY):
        server = tree.value(leaf, name)
        if server is None:
            continue
        path, line = leaf.path_for(name), tree.line(leaf, name)
        is_secure = server.scheme == "sips" or ";transport=tls" in f"{server.parameters.lower()};"
        if is_secure and listener and "tls" not in list_transports(tree, listener):
            wrong = f"listener {listener} does not speak tls"
            yield report_error("trunk-transport", path, wrong, f"set sip listener {listener} transport tls", line)
        if (server.host, server.port or (SIP_PORT + 1 if is_secure else SIP_PORT)) in own:
            yield report_error("server-own", path, "this is a listener of this server", "the carrier's server", line)


def verify_port(tree: Tree, name: str) -> Iterator[Finding]:
    """A carrier that sends to one port alone, and takes nothing from another."""
    listener = _find_listener(tree, name)
    port = tree.value(sip.LISTENER_PORT, listener) if listener else None
    if port is not None and port != SIP_PORT and tree.value(trunk.PROFILE, name) == FIXED_PORT_PROFILE:
        wrong = f"{FIXED_PORT_PROFILE} wants port {SIP_PORT}, and listener {listener} is on {port}"
        path, line = trunk.PROFILE.path_for(name), tree.line(trunk.PROFILE, name)
        yield report_warning("trunk-port", path, wrong, f"a listener on port {SIP_PORT}", line)


def verify_spellings(tree: Tree, name: str) -> Iterator[Finding]:
    """05011112222 and +815011112222 are one number, and a number rings in one place."""
    plan = DIAL_PLANS.get(tree.value(system.COUNTRY_CODE) or "")
    first: dict[str, tuple[str, int]] = {}
    for said, dial_in in zip(tree.sayings(trunk.DID, name), tree.values(trunk.DID, name), strict=True):
        number = dial_in.number
        known = (read_e164(number, plan) if plan is not None else None) or normalise_digits(number)
        spelling, line = first.setdefault(known, (number, said.line))
        if spelling != number:
            wrong = f"{number} is {spelling}, given already on line {line}"
            yield report_error("did-twice", trunk.DID.path_for(name), wrong, "one extension a number", said.line)


def verify_strips(tree: Tree) -> Iterator[Finding]:
    """More digits taken off than the prefix has are digits of the number."""
    for name in tree.names("route"):
        prefix, strip = tree.value(route.ROUTE_PREFIX, name), tree.value(route.STRIP, name)
        if prefix is not None and strip is not None and strip > len(prefix):
            wrong = f"{strip} digits are taken off, and the prefix {prefix} has {len(prefix)}"
            path, line = route.STRIP.path_for(name), tree.line(route.STRIP, name)
            yield report_warning("strip-beyond", path, wrong, f"0 to {len(prefix)}", line)


def _find_listener(tree: Tree, name: str) -> str:
    return tree.value(trunk.LISTENER, name) or next(iter(tree.names("listener")), "")
