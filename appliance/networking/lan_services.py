# SPDX-License-Identifier: Apache-2.0
"""What the LAN is served, as the configuration of dnsmasq(8) and chronyd, chrony.conf(5); and resolv.conf(5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from appliance.config.address_kinds import are_addresses
from appliance.config.configuration import Configuration
from appliance.config.network_configuration import DhcpServerConfiguration
from appliance.networking.dhcp_message import Option
from appliance.networking.side import Side

HEADLINE = "# Written by denwaban netd; changes are lost."
CACHED_ANSWERS = 1000
LOCAL_STRATUM = 10      # that of a clock which nobody sets: worse than every server's
DNS_PORT = 53
SERVERS_IN_RESOLV_CONF = 3      # the C library reads no more


class UpstreamServer(NamedTuple):
    """A name server that answers for the world."""

    address: str
    port: int


class Places(NamedTuple):
    """Names of files. drift: "" where the clock is not ours to set."""

    lease_file: str
    chrony_pid: str
    drift: str


def decide_name_servers(configuration: Configuration, sides: Mapping[str, Side]) -> tuple[UpstreamServer, ...]:
    """Those of `set system dns`, else what DHCP servers have said, the WAN's first; never ourselves."""
    own = {str(side.address.ip) for side in sides.values() if side.address is not None}
    said = [UpstreamServer(one.address, one.port) for one in configuration.name_servers]
    if not said:
        for role in sorted(sides, reverse=True):
            lease = sides[role].lease
            said += [UpstreamServer(str(one), DNS_PORT) for one in lease.name_servers] if lease is not None else []
    return tuple(dict.fromkeys(one for one in said if one.address not in own))


def write_resolv_conf(servers: tuple[UpstreamServer, ...], sides: Mapping[str, Side]) -> str:
    """For this machine's own programs. The file knows no ports, so a server on another one is left out."""
    domain = next((side.lease.domain for side in sides.values() if side.lease is not None and side.lease.domain), "")
    lines = [HEADLINE] + ([f"search {domain}"] if domain else [])
    plain = [one for one in servers if one.port == DNS_PORT]
    return "\n".join(lines + [f"nameserver {one.address}" for one in plain[:SERVERS_IN_RESOLV_CONF]]) + "\n"


def write_dnsmasq(configuration: Configuration, sides: Mapping[str, Side], places: Places) -> str:
    """DNS for the LAN, and DHCP where there is a range; "" where the LAN is not ours to serve."""
    lan = sides.get("lan")
    if lan is None or lan.address is None or configuration.network.lan_address is None:
        return ""
    lines = [
        HEADLINE,
        f"interface={lan.link}",
        "except-interface=lo",
        "bind-dynamic",             # only the LAN's addresses, also when they come later
        "no-hosts",
        "no-resolv",
        "domain-needed",            # neither short names nor the LAN's own addresses are the world's affair
        "bogus-priv",
        f"cache-size={CACHED_ANSWERS}",
        "log-facility=-",
        "quiet-dhcp",
        "pid-file=",
        *(f"server={one.address}#{one.port}" for one in decide_name_servers(configuration, sides)),
    ]
    server = configuration.network.dhcp_server
    if server is not None:
        has_time = bool(configuration.network.ntp_servers)
        lines += write_dhcp_server(server, lan, has_router="wan" in sides, has_time=has_time)
        lines.append(f"dhcp-leasefile={places.lease_file}")
    return "\n".join(lines) + "\n"


def write_dhcp_server(server: DhcpServerConfiguration, lan: Side, has_router: bool, has_time: bool) -> Iterator[str]:
    """The lines for DHCP. An option that the operator sets takes the place of ours."""
    assert lan.address is not None      # write_dnsmasq has seen to it
    network, own = lan.address.network, lan.address.ip
    yield f"dhcp-range={server.addresses.first},{server.addresses.last},{network.netmask},{server.lease_s}"
    yield "dhcp-authoritative"      # after a change of the network nobody waits for an old lease to end
    if server.domain:
        yield f"domain={server.domain}"
        yield f"local=/{server.domain}/"        # of its names we know all
    if Option.ROUTERS not in server.options:
        yield f"dhcp-option={Option.ROUTERS:d}" + (f",{own}" if has_router else "")
    if Option.NAME_SERVERS not in server.options:
        yield f"dhcp-option={Option.NAME_SERVERS:d},{own}"
    if has_time and Option.TIME_SERVERS not in server.options:
        yield f"dhcp-option={Option.TIME_SERVERS:d},{own}"
    for number, text in server.options.items():
        yield f"dhcp-option={number},{quote_option(text)}"
    for host in server.hosts:
        name = f"{host.name}."      # with its dot `ignore`, `infinite` and `7d` are names, and so is `12`
        yield f"dhcp-host={host.mac},{host.address},{name}"
        names = f"{host.name}.{server.domain}.,{name}" if server.domain else name
        yield f"host-record={names},{host.address}"     # found by its name also while it is away


def quote_option(text: str) -> str:
    """Addresses as they are, so that dnsmasq sends them as addresses; anything else as text."""
    return text if are_addresses(text) else f'"{text}"'


def write_chrony(configuration: Configuration, sides: Mapping[str, Side], places: Places) -> str:
    """The time, for us and for the LAN; "" where nobody is asked for it."""
    servers = configuration.network.ntp_servers
    if not servers:
        return ""
    lines = [
        HEADLINE,
        *(f"{'server' if is_address(one) else 'pool'} {one} iburst" for one in servers),
        "makestep 1.0 3",
        "rtcsync",
        "cmdport 0",
        "bindcmdaddress /",
        f"pidfile {places.chrony_pid}",
        *([f"driftfile {places.drift}"] if places.drift else []),
    ]
    lan = sides.get("lan")
    if lan is not None and lan.address is not None and configuration.network.lan_address is not None:
        lines += [
            f"bindaddress {lan.address.ip}",
            f"binddevice {lan.link}",
            f"allow {lan.address.network}",
            f"local stratum {LOCAL_STRATUM}",       # phones agree among each other even while the world is away
        ]
    return "\n".join(lines) + "\n"


def is_address(text: str) -> bool:
    """Whether it is an address rather than a name."""
    return ":" in text or text.replace(".", "").isdigit()


class LentAddress(NamedTuple):
    """An address that our DHCP server has lent. until: seconds since 1970, 0 for ever; name: "" where none is known."""

    address: str
    mac: str
    name: str
    until: int


def read_lent_addresses(text: str) -> list[LentAddress]:
    """The lease file of dnsmasq: `UNTIL MAC ADDRESS NAME CLIENT`. Lines of another form, such as those of IPv6, are
    passed over."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 5 and words[0].isdigit() and words[2].count(".") == 3:
            found.append(LentAddress(words[2], words[1], "" if words[3] == "*" else words[3], int(words[0])))
    return found
