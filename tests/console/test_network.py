# SPDX-License-Identifier: Apache-2.0
"""What the network's daemon says, as tables within 80 columns."""

import pytest

from appliance.console.operate.show_interfaces import describe_octets
from appliance.console.table import measure
from tests.console.desk import Desk

INTERFACES = [
    {"interface": "eth0", "role": "wan", "bridge": "", "is_up": True, "has_carrier": True, "mac": "02:00:00:00:00:01",
     "mtu": 1500, "addresses": ["203.0.113.5/24", "fe80::1/64"], "counters": {"rx_bytes": 123456789, "tx_bytes": 999},
     "lease": {"address": "203.0.113.5", "server": "203.0.113.1", "lease_s": 3600, "remaining_s": 1800, "routers": [],
               "name_servers": [], "domain": "", "time_servers": [], "sip_servers": []}},
    {"interface": "eth1", "role": "lan", "bridge": "br-lan", "is_up": True, "has_carrier": False,
     "mac": "02:00:00:00:00:02", "mtu": 1500, "addresses": [], "counters": {}}]
FIREWALL = {"in_force": True, "rules": [{"chain": "input", "rule": "SIP from carriers", "packets": 7, "octets": 4200},
                                        {"chain": "input", "rule": "everything else is dropped " * 5, "packets": 1,
                                         "octets": 40}],
            "pinholes": [["203.0.113.5", 30000]], "peers": ["198.51.100.1/32"], "bans": 1}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.servers.network = {
        "show interfaces": INTERFACES, "show firewall": FIREWALL,
        "show bans": [{"address": "203.0.113.9", "left_s": 605, "reason": "guessing", "packets": 12}],
        "show leases": [{"address": "192.168.1.100", "mac": "02:00:00:00:00:09", "name": "phone", "until": 1700000000},
                        {"address": "192.168.1.101", "mac": "02:00:00:00:00:0a", "name": "", "until": 0}],
        "unban 203.0.113.9": {"is_found": True}, "unban 203.0.113.10": {"is_found": False}}
    return desk


def test_interfaces_with_link_traffic_and_lease(desk: Desk):
    text = desk.type("show interfaces")
    assert "eth0       wan           up        1500  123 MB    999\n    203.0.113.5/24\n    fe80::1/64\n" in text
    assert "no cable" in text
    assert "eth0: 203.0.113.5 by DHCP from 203.0.113.1, for another 30:00\n" in text


@pytest.mark.parametrize("command", ["show interfaces", "show firewall", "show bans", "show leases"])
def test_tables_fit_the_terminal(desk: Desk, command: str):
    assert all(measure(line) <= 80 for line in desk.type(command).splitlines())


def test_the_firewall_in_words(desk: Desk):
    text = desk.type("show firewall")
    assert text.startswith("input\npackets  octets  rule\n")
    assert "open to calls  203.0.113.5:30000\n" in text


def test_bans_are_listed_and_cleared(desk: Desk):
    assert "203.0.113.9  10:05" in desk.type("show bans")
    assert desk.type("clear ban 203.0.113.9") == "203.0.113.9 is let in again\n"
    assert "show bans" in desk.type("clear ban 203.0.113.10", 2)
    assert "an IP address" in desk.type("clear ban everybody", 2)


def test_leases_have_their_end(desk: Desk):
    text = desk.type("show leases")
    assert "2023-11-14 22:13:20" in text
    assert "for ever" in text


def test_nothing_is_said_in_a_sentence(desk: Desk):
    desk.servers.network = {"show interfaces": [], "show firewall": {"in_force": False}, "show bans": [],
                            "show leases": []}
    for command in desk.servers.network:
        assert len(desk.type(command).splitlines()) == 1


def test_a_machine_whose_network_is_not_ours_says_how_it_becomes_so():
    said = Desk().type("show interfaces", 1)
    assert "set network managed true" in said


def test_octets_in_few_digits():
    assert [describe_octets(count) for count in (0, 999, 1000, 12345, 10**9, None)] == [
        "0", "999", "1.0 kB", "12 kB", "1.0 GB", ""]
