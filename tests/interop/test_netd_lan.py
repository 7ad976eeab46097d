# SPDX-License-Identifier: Apache-2.0
"""What the LAN is served: addresses, names and the time for its hosts, and nothing of it for the WAN."""

import os
import signal
import socket
import struct
from pathlib import Path

import pytest

from tests.interop.namespaces import call_inside, run_ip
from tests.interop.netd import Box, require_dnsmasq
from tests.interop.network import PATIENCE_S, wait_until

WAN = ("set network interface wan0 role wan", "set network wan address 203.0.113.5/24",
       "set network wan gateway 203.0.113.1", "set system dns 203.0.113.1")
LAN = ("set network interface lan0 role lan", "set network lan address 192.168.1.1/24",
       "set network dhcp range 192.168.1.100-192.168.1.100", "set network dhcp domain office.example",
       "set network dhcp option 66 http://192.168.1.1/phones", "set network dhcp option 120 192.168.1.1")
NTP = ("set network ntp server 203.0.113.1",)
PHONE_MAC = "02:00:00:00:00:11"


@pytest.fixture
def box(tmp_path):
    require_dnsmasq()
    if not Path("/usr/sbin/chronyd").exists():
        pytest.skip("chronyd is not installed")
    with Box(tmp_path, ["wan0", "lan0"]) as box:
        run_ip("-n", box.peers["wan0"], "address", "add", "203.0.113.1/24", "dev", "eth0")
        yield box


def ask_for_address(namespace, mac=None):
    """One DISCOVER and what the offer says, option by option; {} when nobody answers within two seconds."""
    return call_inside(namespace, lambda: discover(bytes.fromhex(mac.replace(":", "")) if mac else b"\2\0\0\0\0\x77"))


def discover(mac):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
        opened.bind(("0.0.0.0", 68))
        opened.settimeout(2)
        message = struct.pack("!BBBBIHH", 1, 1, 6, 0, 0x1234, 0, 0x8000) + bytes(16) + mac.ljust(16, b"\0") + bytes(192)
        message += b"\x63\x82\x53\x63\x35\x01\x01\x37\x09" + bytes((1, 3, 6, 12, 15, 42, 66, 120, 51)) + b"\xff"
        opened.sendto(message.ljust(300, b"\0"), ("255.255.255.255", 67))
        try:
            octets = opened.recv(2048)
        except TimeoutError:
            return {}
    options, index = {0: octets[16:20]}, 240
    while octets[index] != 255:
        options[octets[index]] = octets[index + 2:index + 2 + octets[index + 1]]
        index += 2 + octets[index + 1]
    return options


def ask_name(namespace, server, name):
    """The addresses that a name server says; None when it says nothing within two seconds."""
    question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    question += b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"
    answer = exchange(namespace, (server, 53), question)
    if answer is None:
        return None
    count = struct.unpack("!H", answer[6:8])[0]
    return [socket.inet_ntoa(answer[-4:])] if count else []


def ask_time(namespace, server):
    """Seconds since 1900, None when nobody answers."""
    answer = exchange(namespace, (server, 123), b"\x23" + bytes(47))
    return struct.unpack("!I", answer[40:44])[0] if answer else None


def exchange(namespace, address, octets):
    def act():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.settimeout(2)
            try:
                opened.connect(address)
                opened.send(octets)
                return opened.recv(2048)
            except OSError:
                return None
    return call_inside(namespace, act)


def test_a_host_on_the_lan_gets_everything_from_us(box):
    box.start(*WAN, *LAN, *NTP, f"set network dhcp host phone1 mac {PHONE_MAC}",
              "set network dhcp host phone1 address 192.168.1.20")
    lan = box.peers["lan0"]
    offered = wait_until(lambda: ask_for_address(lan), PATIENCE_S, "an offer")
    own = socket.inet_aton("192.168.1.1")
    assert offered[0] == socket.inet_aton("192.168.1.100")
    assert (offered[1], offered[3], offered[6], offered[42]) == (b"\xff\xff\xff\0", own, own, own)
    assert (offered[15], offered[66].rstrip(b"\0")) == (b"office.example", b"http://192.168.1.1/phones")
    assert offered[120] == b"\1" + own          # RFC 3361
    assert struct.unpack("!I", offered[51])[0] == 3600
    assert ask_for_address(lan, PHONE_MAC)[0] == socket.inet_aton("192.168.1.20")
    run_ip("-n", lan, "address", "add", "192.168.1.50/24", "dev", "eth0")
    assert wait_until(lambda: ask_name(lan, "192.168.1.1", "phone1.office.example"), PATIENCE_S, "a name") == [
        "192.168.1.20"]
    assert wait_until(lambda: ask_time(lan, "192.168.1.1"), PATIENCE_S, "the time") > 3_800_000_000


@pytest.mark.parametrize("domain", [True, False])
def test_hosts_that_are_called_like_words_of_the_server_are_hosts_as_any_other(box, domain):
    names = ("ignore", "infinite", "7d", "1001", "5", "3com", "id")
    lines = [f"set network dhcp host {name} {what}" for number, name in enumerate(names)
             for what in (f"mac 02:00:00:00:00:{number:02}", f"address 192.168.1.{20 + number}")]
    box.start(*WAN, *(line for line in LAN if domain or "dhcp domain" not in line), *lines)
    lan = box.peers["lan0"]
    run_ip("-n", lan, "address", "add", "192.168.1.50/24", "dev", "eth0")
    wait_until(lambda: ask_for_address(lan), PATIENCE_S, "an offer")
    for number, name in enumerate(names):
        offered, address = ask_for_address(lan, f"02:00:00:00:00:{number:02}"), f"192.168.1.{20 + number}"
        assert socket.inet_ntoa(offered[0]) == address, name
        assert (struct.unpack("!I", offered[51])[0], offered[12]) == (3600, name.encode())
        for asked in (name, f"{name}.office.example") if domain else (name,):
            assert ask_name(lan, "192.168.1.1", asked) == [address]


def test_nothing_of_it_is_for_the_wan(box):
    box.start(*WAN, *LAN, *NTP)
    lan, wan = box.peers["lan0"], box.peers["wan0"]
    wait_until(lambda: ask_for_address(lan), PATIENCE_S, "an offer on the LAN")
    run_ip("-n", lan, "address", "add", "192.168.1.50/24", "dev", "eth0")
    wait_until(lambda: ask_time(lan, "192.168.1.1"), PATIENCE_S, "the time on the LAN")
    run_ip("-n", wan, "route", "add", "192.168.1.0/24", "via", "203.0.113.5")
    assert ask_for_address(wan) == {}
    for address in ("203.0.113.5", "192.168.1.1"):
        assert ask_name(wan, address, "office.example") is None
        assert ask_time(wan, address) is None


def test_names_of_the_world_are_asked_where_dhcp_says_and_again_after_it_changes(box):
    """The WAN's DHCP server names a name server, which is asked for a host on the LAN."""
    world = box.folder / "world.log"
    box.launch("wan0", "/usr/sbin/dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
               "--interface=eth0", "--bind-interfaces", "--log-facility=-", "--log-queries",
               "--address=/www.example/198.51.100.80", output=world)
    lender = box.serve_dhcp("wan0", "203.0.113.1", "option:dns-server,203.0.113.1")
    box.start("set network interface wan0 role wan", *LAN, *NTP)
    lan = box.peers["lan0"]
    run_ip("-n", lan, "address", "add", "192.168.1.50/24", "dev", "eth0")
    assert wait_until(lambda: ask_name(lan, "192.168.1.1", "www.example"), PATIENCE_S, "the world's name") == [
        "198.51.100.80"]
    assert (box.state / "resolv.conf").read_text().splitlines()[-1] == "nameserver 203.0.113.1"
    lender.close()


def test_the_lent_address_is_shown(box):
    box.start(*WAN, *LAN)
    lan = box.peers["lan0"]
    wait_until(lambda: ask_for_address(lan), PATIENCE_S, "an offer")
    assert box.ask("show", "leases") == []
    take_address(lan)
    shown = wait_until(lambda: box.ask("show", "leases"), PATIENCE_S, "a lease")
    assert [(one["address"], one["mac"]) for one in shown] == [("192.168.1.100", "02:00:00:00:00:77")]


def take_address(namespace):
    def act():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            opened.bind(("0.0.0.0", 68))
            message = struct.pack("!BBBBIHH", 1, 1, 6, 0, 0x1234, 0, 0x8000) + bytes(16)
            message += b"\2\0\0\0\0\x77".ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63" + b"\x35\x01\x03"
            message += b"\x32\x04" + socket.inet_aton("192.168.1.100") + b"\x36\x04" + socket.inet_aton("192.168.1.1")
            opened.sendto((message + b"\xff").ljust(300, b"\0"), ("255.255.255.255", 67))
    call_inside(namespace, act)


def child_of(box, name):
    """The process id that netd has noted for a program."""
    return int((box.state / "run" / f"{name}.child").read_text())


def test_in_a_namespace_the_clock_of_the_machine_is_left_alone(box):
    box.start(*WAN, *LAN, *NTP)
    command = Path(f"/proc/{child_of(box, 'chronyd')}/cmdline").read_bytes().split(b"\0")
    assert b"-x" in command


def test_a_program_that_dies_is_started_again_and_ends_with_netd(box):
    box.start(*WAN, *LAN, *NTP)
    lan = box.peers["lan0"]
    wait_until(lambda: ask_for_address(lan), PATIENCE_S, "an offer")
    first = child_of(box, "dnsmasq")
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: child_of(box, "dnsmasq") != first, PATIENCE_S, "another process")
    wait_until(lambda: ask_for_address(lan), PATIENCE_S, "an offer again")
    children = [child_of(box, name) for name in ("dnsmasq", "chronyd")]
    box.stop()
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


def test_what_a_killed_netd_has_left_behind_is_ended_by_the_next(box):
    box.start(*WAN, *LAN, *NTP)
    wait_until(lambda: ask_for_address(box.peers["lan0"]), PATIENCE_S, "an offer")
    children = [child_of(box, name) for name in ("dnsmasq", "chronyd")]
    box.kill()
    assert all(Path(f"/proc/{pid}").exists() for pid in children)
    box.start()
    assert not any(is_alive(pid) for pid in children)
    wait_until(lambda: ask_for_address(box.peers["lan0"]), PATIENCE_S, "an offer again")


def is_alive(pid):
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_without_a_range_names_are_served_and_addresses_are_not(box):
    box.start(*WAN, *LAN[:2])
    lan = box.peers["lan0"]
    run_ip("-n", lan, "address", "add", "192.168.1.50/24", "dev", "eth0")
    wait_until(lambda: ask_name(lan, "192.168.1.1", "printer") == [], PATIENCE_S, "an answer: nothing")
    assert ask_for_address(lan) == {}
