# SPDX-License-Identifier: Apache-2.0
"""The configurations of dnsmasq and chronyd, and resolv.conf, as they are written."""

import shutil
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface

import pytest

from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.lan_services import (
    Places,
    decide_name_servers,
    read_lent_addresses,
    write_chrony,
    write_dnsmasq,
    write_resolv_conf,
)
from appliance.networking.side import Side
from tests.config.office import load_smallest

WAN = ("set network interface eth0 role wan",)
LAN = ("set network interface eth1 role lan", "set network lan address 192.168.1.1/24")
RANGE = ("set network dhcp range 192.168.1.100-192.168.1.199",)
PLACES = Places("/state/leases", "/state/chronyd.pid", "")
LEASE = DhcpLease(IPv4Interface("198.51.100.7/24"), IPv4Address("198.51.100.1"), 3600, 1800, 3150,
                  name_servers=(IPv4Address("198.51.100.53"), IPv4Address("192.168.1.1")), domain="provider.example")


def configuration_of(*lines):
    result = load_smallest("set network managed true", *lines)
    assert not result.has_errors(), result.findings
    return result.configuration


def sides_of(configuration, lease=LEASE):
    network = configuration.network
    sides = {}
    if network.lan_link():
        sides["lan"] = Side("lan", network.lan_link(), network.lan_address, True, None)
    if network.wan_link():
        sides["wan"] = Side("wan", network.wan_link(), LEASE.address, True, lease)
    return sides


def dnsmasq_of(*lines):
    configuration = configuration_of(*lines)
    return write_dnsmasq(configuration, sides_of(configuration), PLACES).splitlines()


def test_the_lan_alone_is_served():
    lines = dnsmasq_of(*WAN, *LAN, *RANGE)
    assert "interface=eth1" in lines
    assert {"bind-dynamic", "except-interface=lo", "no-resolv", "server=198.51.100.53#53"} <= set(lines)
    assert not any("eth0" in line for line in lines)
    assert "server=192.168.1.1#53" not in lines         # ourselves


def test_dhcp_names_us_for_everything():
    lines = dnsmasq_of(*WAN, *LAN, *RANGE, "set network dhcp lease 7200")
    assert "dhcp-range=192.168.1.100,192.168.1.199,255.255.255.0,7200" in lines
    assert [line for line in lines if line.startswith("dhcp-option=")] == [
        "dhcp-option=3,192.168.1.1", "dhcp-option=6,192.168.1.1", "dhcp-option=42,192.168.1.1"]


def test_without_a_wan_we_are_no_router():
    assert "dhcp-option=3" in dnsmasq_of(*LAN, *RANGE)


def test_an_option_of_the_operator_takes_the_place_of_ours():
    lines = dnsmasq_of(*WAN, *LAN, *RANGE, "set network dhcp option 6 192.168.1.53,192.168.1.54",
                       'set network dhcp option 66 "http://a/b#c,d"')
    assert [line for line in lines if line.startswith("dhcp-option=6")] == [
        "dhcp-option=6,192.168.1.53,192.168.1.54", 'dhcp-option=66,"http://a/b#c,d"']


def test_without_a_range_nobody_gets_an_address():
    assert not any(line.startswith("dhcp") for line in dnsmasq_of(*WAN, *LAN))


def test_a_lan_that_has_its_address_from_somebody_is_not_ours_to_serve():
    configuration = configuration_of("set network interface eth1 role lan", "set network lan address dhcp")
    sides = {"lan": Side("lan", "eth1", LEASE.address, True, LEASE)}
    assert write_dnsmasq(configuration, sides, PLACES) == ""
    assert "allow" not in write_chrony(configuration, sides, PLACES)


def test_the_operators_name_servers_go_before_those_of_dhcp():
    configuration = configuration_of(*WAN, *LAN, "set system dns 9.9.9.9", "set system dns 9.9.9.10:5353")
    servers = decide_name_servers(configuration, sides_of(configuration))
    assert [tuple(one) for one in servers] == [("9.9.9.9", 53), ("9.9.9.10", 5353)]
    assert write_resolv_conf(servers, sides_of(configuration)).splitlines()[1:] == [
        "search provider.example", "nameserver 9.9.9.9"]


def test_the_time_is_asked_for_and_told_to_the_lan():
    configuration = configuration_of(*WAN, *LAN, "set network ntp server 192.0.2.1", "set network ntp server a.example")
    lines = write_chrony(configuration, sides_of(configuration), PLACES).splitlines()
    assert {"server 192.0.2.1 iburst", "pool a.example iburst", "bindaddress 192.168.1.1", "binddevice eth1",
            "allow 192.168.1.0/24"} <= set(lines)
    assert not any(line.startswith("driftfile") for line in lines)
    with_drift = write_chrony(configuration, sides_of(configuration), replace_drift("/var/lib/chrony/chrony.drift"))
    assert "driftfile /var/lib/chrony/chrony.drift" in with_drift
    assert write_chrony(configuration_of(*LAN, "set system country de"), {}, PLACES) == ""


def replace_drift(path):
    return PLACES._replace(drift=path)


def test_dnsmasq_itself_takes_what_is_written(tmp_path):
    if shutil.which("dnsmasq") is None:
        pytest.skip("dnsmasq is not installed")
    lines = dnsmasq_of(*WAN, *LAN, *RANGE, "set network dhcp domain office.example",
                       "set network dhcp host p-1 mac 02:00:00:00:00:11",
                       "set network dhcp host p-1 address 192.168.1.9",
                       'set network dhcp option 66 "tftp server # 1, really"',
                       "set network dhcp option 120 192.168.1.1", "set network dhcp option 43 text")
    file = tmp_path / "dnsmasq.conf"
    file.write_text("\n".join(lines) + "\n")
    run = subprocess.run(["dnsmasq", "--test", "-C", str(file)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_lent_addresses_are_read_from_its_file():
    text = ("1700000000 02:00:00:00:00:11 192.168.1.100 phone1 *\n0 02:00:00:00:00:12 192.168.1.101 * 01:02\n"
            "duid 00:01\n1700000000 123 fe80::1 host 00:01\nhalf a line\n")
    assert [tuple(one) for one in read_lent_addresses(text)] == [
        ("192.168.1.100", "02:00:00:00:00:11", "phone1", 1700000000), ("192.168.1.101", "02:00:00:00:00:12", "", 0)]


def test_a_domain_is_searched_only_where_one_was_told():
    configuration = configuration_of(*WAN)
    sides = sides_of(configuration, replace(LEASE, domain=""))
    assert write_resolv_conf(decide_name_servers(configuration, sides), sides).splitlines()[1:] == [
        "nameserver 198.51.100.53", "nameserver 192.168.1.1"]
