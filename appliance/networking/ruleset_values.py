# SPDX-License-Identifier: Apache-2.0
"""What a ruleset of nftables is made of: values in the words of the kernel's netlink interface (nf_tables.h).

There is one table. Its chains and sets are always the same; what changes is the rules and the networks of static sets.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Literal, NamedTuple

from appliance.config.network_kinds import IpNetwork, PortRange

TABLE = "denwaban"


class Verdict(NamedTuple):
    """What becomes of a packet; chain: where jump and goto lead."""

    code: int
    chain: str = ""


DROP, ACCEPT = Verdict(0), Verdict(1)
GOTO_CODE = -4     # NFT_GOTO

Field = int | str | bytes | Verdict


class Expression(NamedTuple):
    """One operation of a rule. bytes are data as the packet has them."""

    name: str
    fields: tuple[tuple[str, Field], ...]


class Chain(NamedTuple):
    """kind "": only reached from other chains. hook: number of the hook (NF_INET_*); what it does not judge goes on."""

    name: str
    kind: Literal["filter", "nat", ""] = ""
    hook: int = 0
    priority: int = 0


class AddressSet(NamedTuple):
    """content: single addresses that expire, networks, or addresses with a port; is_static: filled by the ruleset."""

    name: str
    version: Literal[4, 6]
    content: Literal["expiring", "networks", "ports"]
    is_static: bool = False


class Rule(NamedTuple):
    """One rule at the end of its chain. words: for people, and the comment in the kernel."""

    chain: str
    words: str
    expressions: tuple[Expression, ...]


class Border(NamedTuple):
    """Where the WAN and the LAN are. "" for a side that there is not; lan_networks: what is known to be behind ours."""

    wan: str
    lan: str
    lan_networks: tuple[IPv4Network, ...]


class Ruleset(NamedTuple):
    """Everything that one transaction puts in force. networks: set name (without version) -> what it holds;
    media_ports: that nobody else may have."""

    rules: tuple[Rule, ...]
    networks: dict[str, tuple[IpNetwork, ...]]
    border: Border
    media_ports: PortRange


PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)
RAW_PRIORITY, MANGLE_PRIORITY, DESTINATION_NAT_PRIORITY, SOURCE_NAT_PRIORITY = -300, -150, -100, 100

EARLY = Chain("early", "filter", PREROUTING, RAW_PRIORITY)
ADMISSION = Chain("admission", "filter", INPUT)
PASSAGE = Chain("passage", "filter", FORWARD)
PORT_FORWARDS = Chain("port_forwards", "nat", PREROUTING, DESTINATION_NAT_PRIORITY)
MASQUERADE = Chain("masquerading", "nat", POSTROUTING, SOURCE_NAT_PRIORITY)
MARKS = Chain("marks", "filter", OUTPUT, MANGLE_PRIORITY)
AUDIO = Chain("audio")
SIGNALLING = Chain("signalling")
MARK_MEDIA = Chain("mark_media")
MARK_SIGNALLING = Chain("mark_signalling")
CHAINS = (
    AUDIO, SIGNALLING, MARK_MEDIA, MARK_SIGNALLING, EARLY, ADMISSION, PASSAGE, PORT_FORWARDS, MASQUERADE, MARKS,
)

BANS, PINHOLES, PEERS = "bans", "pinholes", "peers"
CARRIERS, NEVER_BANNED, MANAGEMENT = "carriers", "never_banned", "management"
STATIC_SETS = (CARRIERS, NEVER_BANNED, MANAGEMENT)
VERSIONS: tuple[Literal[4, 6], ...] = (4, 6)
SETS = (
    *(AddressSet(f"{BANS}{version}", version, "expiring") for version in VERSIONS),
    *(AddressSet(f"{PINHOLES}{version}", version, "ports") for version in VERSIONS),
    *(AddressSet(f"{PEERS}{version}", version, "networks") for version in VERSIONS),
    *(AddressSet(f"{name}{version}", version, "networks", True) for name in STATIC_SETS for version in VERSIONS),
)
