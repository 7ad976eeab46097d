# SPDX-License-Identifier: Apache-2.0
"""`set network ...` of the firewall: what passes between WAN, LAN and us, bans, and DSCP (RFC 2474)."""

from __future__ import annotations

from appliance.config.address_kinds import IPV4_ADDRESS
from appliance.config.kind import Kind
from appliance.config.leaf import Leaf, Section
from appliance.config.network_kinds import NETWORK, PORT, PortRange, valid_port, valid_port_range
from appliance.config.word_kinds import BOOLEAN, NAME, choice_kind, integer_kind


def valid_ports(text: str) -> PortRange:
    """PORT, or FIRST-LAST."""
    if "-" in text:
        return valid_port_range(text)
    port = valid_port(text)
    return PortRange(port, port)


PORTS = Kind("ports", "a port such as 8080 or FIRST-LAST such as 8000-8010", valid_ports)
DSCP = integer_kind(0, 63, "as RFC 2474 has it, such as 46 for EF")

MASQUERADE = Leaf(
    "network masquerade",
    BOOLEAN,
    "Whether the LAN shares our address on the WAN (RFC 3022).",
    remark="true where there are a LAN and a WAN",
)
OPEN_SIP = Leaf(
    "network open-sip",
    BOOLEAN,
    "Whether everybody on the WAN may speak SIP to the public listeners, for phones outside the office. "
    "Without it only carriers may, other domains and whom the listener trusts.",
    default=False,
)
MANAGEMENT_SOURCE = Leaf(
    "network management source",
    NETWORK,
    "From where SSH is let in on the WAN. From the LAN it always is.",
    is_list=True,
    remark="nobody",
)
NEVER_BAN = Leaf(
    "network never-ban",
    NETWORK,
    "Sources on the WAN that are never shut out. Those on the LAN never are, nor are carriers.",
    is_list=True,
    remark="nobody",
)
DSCP_MEDIA = Leaf("network dscp media", DSCP, "The mark of the audio that we send.", default=46)
DSCP_SIGNALLING = Leaf("network dscp signalling", DSCP, "The mark of the SIP that we send.", default=40)
FORWARD_PROTOCOL = Leaf(
    "network forward <forward> protocol", choice_kind("tcp", "udp"), "What is forwarded.", is_required=True
)
FORWARD_PORT = Leaf("network forward <forward> port", PORTS, "The port or ports on the WAN.", is_required=True)
FORWARD_TO = Leaf("network forward <forward> to", IPV4_ADDRESS, "The machine that gets it.", is_required=True)
FORWARD_TO_PORT = Leaf(
    "network forward <forward> to-port", PORT, "The port of that machine, for a single port.", remark="the same"
)
FORWARD_SOURCE = Leaf(
    "network forward <forward> source",
    NETWORK,
    "From where on the WAN. Whoever is on the LAN may always.",
    is_list=True,
    remark="everywhere",
)

SECTION = Section(
    "network",
    "The firewall",
    "What the WAN may do, where the appliance looks after the network: answer, and nothing else but what is said here.",
    (MASQUERADE, OPEN_SIP, MANAGEMENT_SOURCE, NEVER_BAN, DSCP_MEDIA, DSCP_SIGNALLING),
)
FORWARD_SECTION = Section(
    "network forward <forward>",
    "Port forwards",
    "Ports on the WAN behind which a machine of the LAN answers, for the LAN itself as well.",
    (FORWARD_PROTOCOL, FORWARD_PORT, FORWARD_TO, FORWARD_TO_PORT, FORWARD_SOURCE),
    name_kind=NAME,
)
SECTIONS = (SECTION, FORWARD_SECTION)
