# SPDX-License-Identifier: Apache-2.0
"""Trunks and routes: who is registered where, numbers that are given twice, prefixes that two routes claim."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.network_kinds import AddressPort
from appliance.config.sections import route, sip, trunk
from appliance.config.tree import Tree


def verify_trunks(tree: Tree) -> Iterator[Finding]:
    """Everything about trunks that needs more than one leaf."""
    for name, line in tree.names("trunk").items():
        yield from verify_kind(tree, name, line)
        yield from verify_listener(tree, name, line)
        yield from verify_family(tree, name)
        yield from verify_dids(tree, name)
        yield from verify_inbound(tree, name)
    yield from verify_peers(tree)


def verify_kind(tree: Tree, name: str, line: int) -> Iterator[Finding]:
    """Either the trunk registers or it is static."""
    is_registered, is_static = tree.has_said(trunk.REGISTRAR, name), tree.has_said(trunk.PEER, name)
    path = f"trunk {name}"
    if is_registered and is_static:
        wrong = f"it has a registrar (line {tree.line(trunk.REGISTRAR, name)}) and a peer"
        yield report_error("trunk-kind", path, wrong, "registrar or peer, not both", tree.line(trunk.PEER, name))
    elif not is_registered and not is_static:
        wrong = "it has neither a registrar nor a peer"
        yield report_error("trunk-kind", path, wrong, "registrar URI or peer ADDRESS:PORT", line)
    elif is_registered and not tree.has_said(trunk.NUMBER, name):
        wrong = "a trunk that registers needs the user part of its AOR"
        leaf = trunk.NUMBER
        yield report_error("missing", leaf.path_for(name), wrong, leaf.kind.allowed, tree.line(trunk.REGISTRAR, name))
    if is_registered and not tree.has_said(trunk.TRUNK_SECRET, name):
        wrong = "the carrier's challenge cannot be answered without it"
        remedy = "the carrier's digest password, unless it never challenges"
        line = tree.line(trunk.REGISTRAR, name)
        yield report_warning("trunk-secret", trunk.TRUNK_SECRET.path_for(name), wrong, remedy, line)


def verify_listener(tree: Tree, name: str, line: int) -> Iterator[Finding]:
    """With several listeners the trunk has to say which is its own."""
    listeners = tree.names("listener")
    if len(listeners) > 1 and not tree.has_said(trunk.LISTENER, name):
        wrong = "there are several listeners, so this is required"
        path = trunk.LISTENER.path_for(name)
        yield report_error("missing", path, wrong, f"one of {', '.join(listeners)}", line)


def verify_family(tree: Tree, name: str) -> Iterator[Finding]:
    """A listener on an IPv4 address reaches no IPv6 peer, nor the other way round. Host names are not judged."""
    listeners = tree.names("listener")
    own = tree.value(sip.ADDRESS, tree.value(trunk.LISTENER, name) or next(iter(listeners), ""))
    registrar, peer = tree.value(trunk.REGISTRAR, name), tree.value(trunk.PEER, name)
    leaf, host = (trunk.PEER, peer.address) if peer else (trunk.REGISTRAR, registrar.host if registrar else "")
    if own and is_address(host) and (":" in own) is not (":" in host):
        wrong = f"its listener is on {own}, from where {host} cannot be reached"
        remedy = "an address of the listener's family"
        yield report_error("trunk-family", leaf.path_for(name), wrong, remedy, tree.line(leaf, name))


def is_address(host: str) -> bool:
    """Whether a host that `valid_domain` read is an address: no last label of a name is digits alone."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def verify_dids(tree: Tree, name: str) -> Iterator[Finding]:
    """A number rings in one place."""
    first: dict[str, int] = {}
    for said, dial_in in zip(tree.sayings(trunk.DID, name), tree.values(trunk.DID, name), strict=True):
        if dial_in.number in first:
            wrong = f"{dial_in.number} is given twice, on lines {first[dial_in.number]} and {said.line}"
            yield report_error("did-twice", trunk.DID.path_for(name), wrong, "one extension a number", said.line)
        first.setdefault(dial_in.number, said.line)


def verify_inbound(tree: Tree, name: str) -> Iterator[Finding]:
    """Where calls that come on the trunk go on; and who may prove that he is its carrier."""
    account = (trunk.INBOUND_USERNAME, trunk.INBOUND_SECRET)
    for present, absent in (account, account[::-1]):
        if tree.has_said(present, name) and not tree.has_said(absent, name):
            wrong = f"{present.path_for(name)} is said, but not this"
            yield report_error("missing", absent.path_for(name), wrong, absent.kind.allowed, tree.line(present, name))
    target = tree.value(trunk.INBOUND_TRUNK, name)
    path = trunk.INBOUND_TRUNK.path_for(name)
    if target == name:
        wrong = "its calls would go back where they came from"
        yield report_error("inbound-self", path, wrong, "another trunk", tree.line(trunk.INBOUND_TRUNK, name))
    elif target is not None and _is_public(tree, name) and _is_public(tree, target):
        wrong = f"strangers who reach trunk {name} would call by trunk {target}, at your cost"
        remedy = "a trunk whose listener is on the private side"
        yield report_error("open-relay", path, wrong, remedy, tree.line(trunk.INBOUND_TRUNK, name))
    if target is None and tree.has_said(trunk.INBOUND_ALLOW, name):
        wrong = f"without {path} its calls reach extensions alone"
        line = tree.line(trunk.INBOUND_ALLOW, name)
        yield report_error("inbound-allow", trunk.INBOUND_ALLOW.path_for(name), wrong, "both or neither", line)


def _is_public(tree: Tree, name: str) -> bool:
    listener = tree.value(trunk.LISTENER, name) or next(iter(tree.names("listener")), "")
    return bool(tree.value(sip.SIDE, listener) == "public")


def verify_peers(tree: Tree) -> Iterator[Finding]:
    """A static trunk is recognised by address and port, so no two on a listener share them."""
    holders: dict[tuple[AddressPort, str], str] = {}
    own = {(tree.value(sip.ADDRESS, one), tree.value(sip.LISTENER_PORT, one)) for one in tree.names("listener")}
    for name in tree.names("trunk"):
        peer = tree.value(trunk.PEER, name)
        if peer is None:
            continue
        path, line = trunk.PEER.path_for(name), tree.line(trunk.PEER, name)
        holder = holders.setdefault((peer, tree.value(trunk.LISTENER, name) or ""), name)
        if holder != name:
            yield report_error("peer-taken", path, f"trunk {holder} has the same peer", "another peer", line)
        if tuple(peer) in own:
            yield report_error("peer-own", path, "this is a listener of this server", "the other side's address", line)


def verify_routes(tree: Tree) -> Iterator[Finding]:
    """The longest prefix wins, so no two routes have the same."""
    holders: dict[str, str] = {}
    for name in tree.names("route"):
        prefix = tree.value(route.ROUTE_PREFIX, name)
        if prefix is None:
            continue
        holder = holders.setdefault(prefix, name)
        if holder != name:
            wrong = f"route {holder} has the prefix {prefix} already"
            remedy = f"another prefix, or further trunks in route {holder}"
            line = tree.line(route.ROUTE_PREFIX, name)
            yield report_error("prefix-taken", route.ROUTE_PREFIX.path_for(name), wrong, remedy, line)
