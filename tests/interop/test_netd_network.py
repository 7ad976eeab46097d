# SPDX-License-Identifier: Apache-2.0
"""netd sets up links, bridge, addresses and routes as it was told; heals, undoes, and leaves alone what is not its own.
"""

import socket
import subprocess
from functools import partial

import pytest

from tests.interop.namespaces import call_inside, connect_inside, run_ip
from tests.interop.netd import Box
from tests.interop.network import PATIENCE_S, wait_until

WAN = ("set network interface wan0 role wan", "set network wan address 203.0.113.5/24",
       "set network wan gateway 203.0.113.1")
LAN = ("set network interface lan0 role lan", "set network lan address 192.168.1.1/24")
BRIDGED = (*LAN, "set network interface lan1 role lan")
QUIET = ("set system country de",)      # no time server


@pytest.fixture
def box(tmp_path):
    with Box(tmp_path, ["wan0", "lan0", "lan1"]) as box:
        yield box


def snapshot(box):
    """What `ip` knows, without counters and life times."""
    links = [(row["ifname"], row["mtu"], row["address"], row.get("master"), "UP" in row["flags"])
             for row in box.ip("link", "show")]
    addresses = sorted((row["ifname"], one["local"], one["prefixlen"]) for row in box.ip("-4", "address", "show")
                       for one in row.get("addr_info", []))
    routes = sorted((row["dst"], row.get("gateway"), row["dev"]) for row in box.ip("-4", "route", "show"))
    return links, addresses, routes


def test_what_ip_says_agrees_with_the_configuration(box):
    box.start(*QUIET, *WAN, *BRIDGED, "set network interface lan0 mtu 1400",
              "set network interface wan0 mac 02:00:00:00:00:42", "set network route branch to 10.0.0.0/8",
              "set network route branch via 192.168.1.254")
    links = {row["ifname"]: row for row in box.ip("link", "show")}
    assert (links["lan0"]["master"], links["lan1"]["master"], links["lan0"]["mtu"]) == ("br-lan", "br-lan", 1400)
    assert links["wan0"]["address"] == "02:00:00:00:00:42"
    assert all("UP" in row["flags"] for row in links.values())
    assert box.addresses("br-lan") == ["192.168.1.1/24"]
    assert box.addresses("wan0") == ["203.0.113.5/24"]
    assert box.addresses("lan0") == box.addresses("lan1") == []
    assert box.routes() == {"default": "203.0.113.1", "10.0.0.0/8": "192.168.1.254"}
    assert box.execute("", "cat", "/proc/sys/net/ipv4/ip_forward").stdout == "1\n"
    assert box.ask("addresses") == {
        "lan": {"interface": "br-lan", "address": "192.168.1.1", "prefix": 24, "has_carrier": True},
        "wan": {"interface": "wan0", "address": "203.0.113.5", "prefix": 24, "has_carrier": True}}
    rows = {row["interface"]: row for row in box.ask("show", "interfaces")}
    assert (rows["lan0"]["role"], rows["lan0"]["bridge"], rows["wan0"]["addresses"]) == (
        "lan", "br-lan", ["203.0.113.5/24"])


def test_settings_that_somebody_changes_are_put_right_within_seconds(box):
    box.start(*QUIET, *WAN, *LAN)
    for setting, wrong in (("ip_forward", "0"), ("conf/wan0/arp_ignore", "0"), ("ip_forward", "0")):
        path = f"/proc/sys/net/ipv4/{setting}"
        ask = partial(box.execute, "", "cat", path)
        right = ask().stdout
        box.execute("", "sh", "-c", f"echo {wrong} >{path}")
        wait_until(lambda ask=ask, right=right: ask().stdout == right, PATIENCE_S, setting)


def test_packets_go_from_the_lan_to_the_wan(box):
    box.start(*QUIET, *WAN, *LAN, "set network masquerade true")
    run_ip("-n", box.peers["lan0"], "address", "add", "192.168.1.9/24", "dev", "eth0")
    run_ip("-n", box.peers["lan0"], "route", "add", "default", "via", "192.168.1.1")
    run_ip("-n", box.peers["wan0"], "address", "add", "203.0.113.1/24", "dev", "eth0")
    run_ip("-n", box.peers["wan0"], "route", "add", "192.168.1.0/24", "via", "203.0.113.5")
    with call_inside(box.peers["wan0"], lambda: socket.create_server(("203.0.113.1", 4000))) as server:
        server.settimeout(PATIENCE_S)
        with connect_inside(box.peers["lan0"], ("203.0.113.1", 4000), PATIENCE_S):
            server.accept()[0].close()


def test_a_second_start_changes_nothing(box):
    box.start(*QUIET, *WAN, *BRIDGED)
    before = snapshot(box)
    box.stop()
    assert snapshot(box) == before
    box.start()
    assert snapshot(box) == before
    assert [one["event"] for one in box.journal()].count("network_changed") == 1


def test_only_what_changes_in_the_configuration_is_touched(box):
    box.start(*QUIET, *WAN, *BRIDGED)
    answer = box.apply(*QUIET, *WAN, *BRIDGED, "set network route r to 10.0.0.0/8",
                       "set network route r via 203.0.113.9")
    assert answer["result"]["steps"] == ["add the route 10.0.0.0/8 via 203.0.113.9 on wan0"]
    answer = box.apply(*QUIET, *WAN, *BRIDGED, "set network route r to 10.0.0.0/8",
                       "set network route r via 192.168.1.9")
    assert answer["result"]["steps"] == [
        "turn the route 10.0.0.0/8 via 203.0.113.9 on wan0 into 10.0.0.0/8 via 192.168.1.9 on br-lan"]
    answer = box.apply(*QUIET, *WAN, *BRIDGED)
    assert answer["result"]["steps"] == ["remove the route 10.0.0.0/8 via 192.168.1.9 on br-lan"]


def test_a_check_says_the_steps_and_does_none(box):
    box.start(*QUIET, *WAN)
    before = snapshot(box)
    path = box.write(*QUIET, *WAN, *LAN)
    answer = box.ask("check", str(path))
    assert "give lan0 192.168.1.1/24" in answer["steps"]
    assert snapshot(box) == before


def test_a_connection_lives_through_a_change_of_the_lan_from_interface_to_bridge(box):
    """The steps in which an address moves: a TCP connection by it goes on."""
    box.start(*QUIET, *WAN, *LAN)
    run_ip("-n", box.peers["lan0"], "address", "add", "192.168.1.9/24", "dev", "eth0")
    listener = box.launch("lan0", "python3", "-c", (
        "import socket; s = socket.create_server(('192.168.1.9', 4000)); c = s.accept()[0]\n"
        "while (d := c.recv(99)): c.sendall(d)"))
    talker = subprocess.Popen(["ip", "netns", "exec", box.name, "python3", "-uc", (
        "import socket, sys, time\n"
        "for _ in range(100):\n"
        "    try: s = socket.create_connection(('192.168.1.9', 4000), 5); break\n"
        "    except OSError: time.sleep(0.1)\n"
        "s.settimeout(15)\n"
        "for line in sys.stdin:\n"
        "    s.sendall(line.encode()); print(s.recv(99).decode().strip(), flush=True)")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        def say(word):
            talker.stdin.write(word + "\n")
            talker.stdin.flush()
            return talker.stdout.readline().strip()
        assert say("before") == "before"
        answer = box.apply(*QUIET, *WAN, *BRIDGED)
        assert answer["ok"], answer
        assert box.addresses("br-lan") == ["192.168.1.1/24"]
        assert say("after") == "after"
    finally:
        talker.kill()
        talker.wait()
        listener.kill()


def test_a_step_that_the_kernel_refuses_undoes_the_others_and_is_named(box):
    box.start(*QUIET, *WAN)
    before = snapshot(box)
    owned = (box.state / "network.owned").read_text()
    answer = box.apply(*QUIET, *WAN, *BRIDGED, "set network interface lan1 mtu 9000",
                       "set network route r to 10.0.0.0/8", "set network route r via 192.168.1.254",
                       "set network interface wan0 mtu 1400")
    assert answer["ok"], answer
    assert box.ask("revert")["steps"]
    assert snapshot(box) == before
    run_ip("-n", box.name, "route", "add", "10.0.0.0/8", "dev", "wan0")          # somebody else's
    with_foreign = snapshot(box)
    answer = box.apply(*QUIET, *WAN, *BRIDGED, "set network route r to 10.0.0.0/8",
                       "set network route r via 192.168.1.254")
    assert not answer["ok"]
    assert "add the route 10.0.0.0/8 via 192.168.1.254 on br-lan: File exists (EEXIST)" in answer["error"]["said"]
    assert snapshot(box) == with_foreign
    assert (box.state / "network.owned").read_text() == owned
    assert box.ask("addresses")["wan"]["address"] == "203.0.113.5"


def test_a_configuration_with_errors_is_refused_by_its_first_error(box):
    box.start(*QUIET, *WAN)
    answer = box.apply(*QUIET, *WAN, "set network lan address 203.0.113.9/24", "set network interface lan0 role lan")
    assert not answer["ok"]
    assert answer["error"]["path"] == "network lan address"


def test_what_somebody_changes_behind_our_back_is_healed(box):
    box.start(*QUIET, *WAN, *BRIDGED)
    before = snapshot(box)
    run_ip("-n", box.name, "address", "del", "203.0.113.5/24", "dev", "wan0")     # takes the default route with it
    run_ip("-n", box.name, "link", "set", "lan1", "nomaster")
    run_ip("-n", box.name, "link", "del", "br-lan")
    wait_until(lambda: snapshot(box)[1:] == before[1:], PATIENCE_S, "healed")
    assert {row["ifname"]: row.get("master") for row in box.ip("link", "show")}["lan0"] == "br-lan"
    wait_until(lambda: [one["event"] for one in box.journal()].count("network_changed") > 1, PATIENCE_S, "a line of it")


def test_after_the_link_was_down_routes_are_back(box):
    box.start(*QUIET, *WAN)
    run_ip("-n", box.name, "link", "set", "wan0", "down")
    wait_until(lambda: box.routes() == {"default": "203.0.113.1"}, PATIENCE_S, "the default route")
    watch = box.watch()
    run_ip("-n", box.peers["wan0"], "link", "set", "eth0", "down")
    while watch.next()["wan"]["has_carrier"]:
        pass
    run_ip("-n", box.peers["wan0"], "link", "set", "eth0", "up")
    while not watch.next()["wan"]["has_carrier"]:
        pass
    assert box.routes() == {"default": "203.0.113.1"}


def test_what_is_refused_at_the_start_keeps_nothing_else_from_working_and_is_tried_again(box):
    run_ip("-n", box.name, "link", "set", "wan0", "up")
    run_ip("-n", box.name, "route", "add", "10.0.0.0/8", "dev", "wan0")          # somebody else's
    box.start(*QUIET, *WAN, *LAN, "set network route r to 10.0.0.0/8", "set network route r via 192.168.1.254")
    assert box.addresses("lan0") == ["192.168.1.1/24"]
    assert box.routes() == {"default": "203.0.113.1", "10.0.0.0/8": ""}
    wait_until(lambda: [one["event"] for one in box.journal()].count("network_step_refused") == 1, PATIENCE_S, "a line")
    run_ip("-n", box.name, "route", "del", "10.0.0.0/8")
    wait_until(lambda: box.routes().get("10.0.0.0/8") == "192.168.1.254", PATIENCE_S, "our route")
    wait_until(lambda: "network_complete" in [one["event"] for one in box.journal()], PATIENCE_S, "a line")


def test_a_route_of_somebody_else_that_was_in_our_way_stays_at_the_end(box):
    run_ip("-n", box.name, "link", "set", "wan0", "up")
    run_ip("-n", box.name, "address", "add", "198.51.100.9/24", "dev", "wan0")
    run_ip("-n", box.name, "route", "add", "10.0.0.0/8", "dev", "wan0")
    box.start(*QUIET, *WAN, *LAN, "set network route r to 10.0.0.0/8", "set network route r via 192.168.1.254")
    box.stop()
    box.undo()
    assert snapshot(box)[2] == [("10.0.0.0/8", None, "wan0"), ("198.51.100.0/24", None, "wan0")]


def test_an_interface_that_comes_later_is_set_up_when_it_comes(box):
    box.start(*QUIET, *WAN, "set network interface usb0 role lan", "set network lan address 192.168.1.1/24")
    path = str(box.config)
    assert box.ask("check", path) == {"steps": [], "missing": ["usb0"]}
    run_ip("-n", box.name, "link", "add", "usb0", "type", "bridge")
    wait_until(lambda: box.addresses("usb0") == ["192.168.1.1/24"], PATIENCE_S, "the address of usb0")


def test_undo_takes_away_what_is_ours_and_nothing_else(box):
    for words in (("address", "add", "198.51.100.9/24", "dev", "wan0"), ("link", "set", "wan0", "up"),
                  ("route", "add", "10.9.0.0/16", "via", "198.51.100.1")):
        run_ip("-n", box.name, *words)
    addresses = snapshot(box)[1]
    mac = {row["ifname"]: row["address"] for row in box.ip("link", "show")}["wan0"]
    box.start(*QUIET, *WAN, *BRIDGED, "set network interface wan0 mac 02:00:00:00:00:42",
              "set network interface lan0 mtu 1400")
    box.kill()
    box.undo()
    links, after, routes = snapshot(box)
    assert [one for one in after if one[0] != "lo"] == [one for one in addresses if one[0] != "lo"]
    assert ("10.9.0.0/16", "198.51.100.1", "wan0") in routes
    assert "default" not in [one[0] for one in routes]
    assert "br-lan" not in [one[0] for one in links]
    assert {one[0]: (one[1], one[2]) for one in links}["wan0"][1] == mac
    assert {one[0]: one[1] for one in links}["lan0"] == 1500


def test_killed_in_the_middle_of_a_change_the_next_start_finds_what_is_its_own(box):
    """Kills at several moments: whatever was begun is either finished by the next start or taken away by undo."""
    before = [one for one in snapshot(box)[1] if one[0] != "lo"]
    for lines in ((*WAN, *BRIDGED), (*WAN,), (*BRIDGED,), (*WAN, *LAN)):
        box.start(*QUIET, *WAN)
        with box.connect() as connection:
            path = box.write(*QUIET, *lines)
            connection.sendall(b'{"id":1,"command":["apply","%s"]}\n' % str(path).encode())
            box.kill()
        box.undo()
        links, addresses, routes = snapshot(box)
        assert [one for one in addresses if one[0] != "lo"] == before
        assert "br-lan" not in [one[0] for one in links]
        assert routes == []


def test_a_second_netd_on_the_same_state_is_refused(box):
    box.start(*QUIET, *WAN)
    second = box.execute("", "timeout", "10", str(box.program), "netd", "--config", str(box.config), "--state",
                         str(box.state), check=False)
    assert second.returncode == 1
    assert "another denwaban runs" in second.stderr
