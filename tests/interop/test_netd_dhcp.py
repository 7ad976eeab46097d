# SPDX-License-Identifier: Apache-2.0
"""netd's DHCP client against dnsmasq: gets an address, keeps it, follows it, and gives it back."""

import json
import subprocess

import pytest

from tests.interop.dhcp_lender import DECLINE, DISCOVER, REQUEST
from tests.interop.namespaces import run_ip
from tests.interop.netd import Box, require_dnsmasq
from tests.interop.network import PATIENCE_S, wait_until

WAN = ("set network interface wan0 role wan",)
# What a provider says beside the address.
SOON = ("option:router,203.0.113.1", "option:dns-server,203.0.113.53,203.0.113.54",
        "option:domain-name,provider.example", "120,sip.provider.example",
        "121,10.20.0.0/16,203.0.113.2,0.0.0.0/0,203.0.113.1")


@pytest.fixture
def box(tmp_path):
    require_dnsmasq()
    with Box(tmp_path, ["wan0"]) as box:
        yield box


def wait_for_address(box, expected, link="wan0"):
    wait_until(lambda: box.addresses(link) == [expected], PATIENCE_S, f"{expected} on {link}: {box.addresses(link)}")


def test_the_wan_gets_address_routes_and_name_servers(box):
    server = box.serve_dhcp("wan0", "203.0.113.1", *SOON, first=100, last=100)
    box.start(*WAN)
    watch = box.watch()
    watch.wait_for("wan", "203.0.113.100")
    wait_for_address(box, "203.0.113.100/24")
    wait_until(lambda: box.routes() == {"default": "203.0.113.1", "10.20.0.0/16": "203.0.113.2"}, PATIENCE_S, "routes")
    wait_until(lambda: "203.0.113.53" in (box.state / "resolv.conf").read_text(), PATIENCE_S, "resolv.conf")
    assert (box.state / "resolv.conf").read_text().splitlines()[1:] == [
        "search provider.example", "nameserver 203.0.113.53", "nameserver 203.0.113.54"]
    row = next(row for row in box.ask("show", "interfaces") if row["interface"] == "wan0")
    assert (row["role"], row["lease"]["server"], row["lease"]["sip_servers"]) == (
        "wan", "203.0.113.1", ["sip.provider.example"])
    assert 0 < row["lease"]["remaining_s"] <= 120
    assert server.count("DHCPOFFER") == 1


def test_who_lends_the_address_and_who_is_named_with_it_is_never_shut_out(box):
    box.start(*WAN)
    box.serve_dhcp("wan0", "203.0.113.1", "6,203.0.113.53")
    wait_until(lambda: {"203.0.113.1", "203.0.113.53"} <= list_never_banned(box), PATIENCE_S, "both are spared")


def list_never_banned(box):
    command = ["ip", "netns", "exec", box.name, "nft", "-j", "list", "set", "inet", "denwaban", "never_banned4"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {str(one) for row in json.loads(listed)["nftables"] for one in row.get("set", {}).get("elem", [])}


def test_the_lease_is_renewed_with_its_server_and_nothing_changes(box):
    lender = box.lend("wan0", "203.0.113.1", "203.0.113.100", lease_s=600, renewal_s=1)
    box.start(*WAN)
    wait_until(lambda: lender.count(REQUEST, is_unicast=True) >= 1, PATIENCE_S, "a renewal, to the server alone")
    sought = lender.count(DISCOVER)             # more than one where the machine was slow to answer
    wait_until(lambda: lender.count(REQUEST, is_unicast=True) >= 3, PATIENCE_S, "two more")
    assert lender.count(DISCOVER) == sought
    assert box.addresses("wan0") == ["203.0.113.100/24"]
    assert [one["address"] for one in box.journal() if one["event"] == "dhcp_lease_taken"] == ["203.0.113.100/24"]
    lender.close()


def test_another_address_takes_the_place_of_the_first(box):
    lender = box.lend("wan0", "203.0.113.1", "203.0.113.100")
    box.start(*WAN)
    watch = box.watch()
    watch.wait_for("wan", "203.0.113.100")
    lender.lent = "203.0.113.150"               # the next renewal is refused, and asked anew
    watch.wait_for("wan", "203.0.113.150")
    wait_for_address(box, "203.0.113.150/24")
    wait_until(lambda: box.routes() == {"default": "203.0.113.1"}, PATIENCE_S, "the new routes alone")
    lender.close()


def test_an_address_that_nobody_renews_is_given_up_when_its_time_is_over(box):
    lender = box.lend("wan0", "203.0.113.1", "203.0.113.100", lease_s=10, renewal_s=5)
    box.start(*WAN)
    watch = box.watch()
    watch.wait_for("wan", "203.0.113.100")
    lender.is_silent = True
    watch.wait_for("wan", None)
    wait_until(lambda: box.addresses("wan0") == [], PATIENCE_S, "no address")
    assert box.routes() == {}
    assert lender.count(REQUEST, is_unicast=True) >= 1
    lender.is_silent = False
    watch.wait_for("wan", "203.0.113.100")
    lender.close()


def test_after_the_link_was_away_the_other_network_is_found(box):
    server = box.serve_dhcp("wan0", "203.0.113.1", "option:router,203.0.113.1", first=100, last=100)
    box.start(*WAN)
    watch = box.watch()
    watch.wait_for("wan", "203.0.113.100")
    run_ip("-n", box.peers["wan0"], "link", "set", "eth0", "down")
    while watch.next()["wan"]["has_carrier"]:
        pass
    server.close()
    run_ip("-n", box.peers["wan0"], "address", "flush", "dev", "eth0")
    (box.folder / "wan0.leases").unlink()
    run_ip("-n", box.peers["wan0"], "link", "set", "eth0", "up")
    box.serve_dhcp("wan0", "198.51.100.1", "option:router,198.51.100.1", first=100, last=100)
    watch.wait_for("wan", "198.51.100.100")
    wait_for_address(box, "198.51.100.100/24")
    wait_until(lambda: box.routes() == {"default": "198.51.100.1"}, PATIENCE_S, "the new route alone")


def test_a_restart_keeps_the_address_throughout(box):
    server = box.serve_dhcp("wan0", "203.0.113.1", "option:router,203.0.113.1")
    box.start(*WAN)
    wait_until(lambda: box.addresses("wan0"), PATIENCE_S, "an address")
    had = box.addresses("wan0")
    wait_until(lambda: box.routes(), PATIENCE_S, "a route")
    box.stop()
    assert box.addresses("wan0") == had
    assert box.routes() == {"default": "203.0.113.1"}
    box.start()
    wait_until(lambda: server.count("DHCPACK") >= 2, PATIENCE_S, "the same address asked for again")
    assert box.addresses("wan0") == had
    assert server.count("DHCPDISCOVER") == 1
    changed = [one["steps"] for one in box.journal() if one["event"] == "network_changed"]
    assert not any("take" in steps for steps in changed), changed


def test_the_address_goes_back_when_it_is_not_wanted_any_more(box):
    server = box.serve_dhcp("wan0", "203.0.113.1", "option:router,203.0.113.1")
    box.start(*WAN)
    wait_until(lambda: box.addresses("wan0"), PATIENCE_S, "an address")
    answer = box.apply(*WAN, "set network wan address 203.0.113.9/24", "set network wan gateway 203.0.113.1")
    assert answer["ok"], answer
    wait_until(lambda: server.count("DHCPRELEASE") == 1, PATIENCE_S, "DHCPRELEASE")
    assert box.addresses("wan0") == ["203.0.113.9/24"]
    assert not (box.state / "wan.lease").exists()


def test_an_address_that_somebody_has_is_declined(box):
    lender = box.lend("wan0", "203.0.113.1", "203.0.113.100")
    run_ip("-n", box.peers["wan0"], "address", "add", "203.0.113.100/32", "dev", "eth0")
    box.start(*WAN)
    wait_until(lambda: lender.count(DECLINE) == 1, PATIENCE_S, "DHCPDECLINE")
    assert box.addresses("wan0") == []
    lender.close()


def test_the_lan_may_have_its_address_from_somebody_as_well(box):
    """One interface in a network that others look after: a bridge of one is none."""
    lender = box.lend("wan0", "192.168.7.1", "192.168.7.77")
    box.start("set network interface wan0 role lan", "set network lan address dhcp")
    box.watch().wait_for("lan", "192.168.7.77")
    wait_until(lambda: box.routes() == {"default": "192.168.7.1"}, PATIENCE_S, "the way to the world")
    assert not (box.state / "run" / "dnsmasq.child").exists()      # whoever lends addresses serves names
    lender.close()


def test_without_a_server_netd_is_ready_all_the_same(box):
    box.start(*WAN)
    assert box.ask("addresses")["wan"]["address"] is None
    assert box.ask("addresses")["wan"]["fault"] == "network_no_lease"
    run_ip("-n", box.peers["wan0"], "link", "set", "eth0", "down")
    wait_until(lambda: box.ask("addresses")["wan"]["fault"] == "network_unplugged", PATIENCE_S, "nothing plugged in")
    run_ip("-n", box.peers["wan0"], "link", "set", "eth0", "up")
    lender = box.lend("wan0", "203.0.113.1", "203.0.113.100")
    wait_until(lambda: box.ask("addresses")["wan"]["address"] == "203.0.113.100", PATIENCE_S, "the address")
    assert "fault" not in box.ask("addresses")["wan"]
    lender.close()
