# SPDX-License-Identifier: Apache-2.0
"""Real packets between WAN, box and LAN: what passes, what does not, and as what it arrives.

What must not arrive is sent first and something that must arrive after it: datagrams on one path keep their order, so
hearing the second alone proves that the first was dropped, without waiting.
"""

import contextlib
import shutil
import socket
import struct
import threading
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from appliance.system.firewall.elements import Pinhole
from tests.interop.namespaces import require_namespaces, run_ip
from tests.interop.network import wait_until
from tests.interop.walled_office import (
    BOX_6,
    BOX_LAN,
    BOX_WAN,
    CARRIER,
    CARRIER_6,
    MACHINE,
    MANAGER,
    PATIENCE_S,
    ROUTER,
    SILENCE_S,
    STRANGER,
    STRANGER_6,
    WalledOffice,
    hear,
)
from tests.system.firewall.place import build

FORWARDS = (
    "set network forward web protocol tcp", "set network forward web port 8080",
    "set network forward web to 192.168.1.10", "set network forward web to-port 80",
    f"set network forward web source {CARRIER}",
    "set network forward game protocol udp", "set network forward game port 27000-27010",
    "set network forward game to 192.168.1.10",
)
IP_RECVTOS = 13     # linux/in.h


@pytest.fixture(scope="module")
def office():
    require_namespaces()
    if shutil.which("ip") is None:
        pytest.skip("ip is not installed")
    office = WalledOffice()
    yield office
    office.close()


@pytest.fixture(autouse=True)
def walled(office):
    office.apply(build(*FORWARDS))
    office.firewall.set_pinholes([])
    office.firewall.set_peers([])
    yield
    for ban in office.firewall.list_bans():
        office.firewall.unban(ban.address)
    office.close_sockets()


def send_both(office, dropped, passed, to):
    """From (host, address) each, the one that is to be dropped first."""
    for (host, address), octets in ((dropped, b"dropped"), (passed, b"passed")):
        office.udp(host, address).sendto(octets, to)


def test_sip_comes_in_from_carriers_alone(office):
    listening = office.udp(office.box, BOX_WAN, 5060)
    send_both(office, (office.wan, STRANGER), (office.wan, CARRIER), (BOX_WAN, 5060))
    assert hear(listening) == (b"passed", CARRIER)
    assert office.count("SIP of strangers") >= 1


def test_a_carrier_found_by_name_comes_in_as_soon_as_it_is_known(office):
    listening = office.udp(office.box, BOX_WAN, 5060)
    send_both(office, (office.wan, STRANGER), (office.wan, CARRIER), (BOX_WAN, 5060))
    assert hear(listening)[1] == CARRIER
    office.firewall.set_peers([ip_network(f"{STRANGER}/32")])
    office.udp(office.wan, STRANGER).sendto(b"known", (BOX_WAN, 5060))
    assert hear(listening) == (b"known", STRANGER)


def test_sip_comes_in_over_ipv6_from_carriers_alone(office):
    office.apply(build("set sip listener six address 2001:db8::5", "set sip listener six side public",
                       "set trunk six listener six", f"set trunk six peer [{CARRIER_6}]:5060"))
    listening = office.udp(office.box, BOX_6, 5060)
    send_both(office, (office.wan, STRANGER_6), (office.wan, CARRIER_6), (BOX_6, 5060))
    assert hear(listening) == (b"passed", CARRIER_6)


def test_everybody_may_speak_sip_where_the_operator_says_so(office):
    office.apply(build("set network open-sip true"))
    listening = office.udp(office.box, BOX_WAN, 5060)
    office.udp(office.wan, STRANGER).sendto(b"register", (BOX_WAN, 5060))
    assert hear(listening) == (b"register", STRANGER)


def test_nothing_else_is_answered_on_the_wan(office):
    office.listen(office.box, BOX_WAN, 8000)
    assert not office.may_connect(office.wan, CARRIER, (BOX_WAN, 8000))
    listening = office.udp(office.box, BOX_WAN, 5070)
    office.udp(office.wan, CARRIER).sendto(b"dropped", (BOX_WAN, 5070))
    office.udp(office.lan, MACHINE).sendto(b"passed", (BOX_WAN, 5070))
    assert hear(listening) == (b"passed", MACHINE)


def test_ssh_is_for_those_who_manage(office):
    office.listen(office.box, BOX_WAN, 22)
    office.connect(office.wan, MANAGER, (BOX_WAN, 22))
    assert not office.may_connect(office.wan, CARRIER, (BOX_WAN, 22))
    office.listen(office.box, BOX_LAN, 22)
    office.connect(office.lan, MACHINE, (BOX_LAN, 22))


@pytest.mark.parametrize("port", [53, 123])
def test_answers_to_what_the_box_has_asked_come_in(office, port):
    asked = office.udp(office.wan, STRANGER, port)
    asking = office.udp(office.box, BOX_WAN, 30500)     # a resolver may choose a port of audio
    asking.sendto(b"question", (STRANGER, port))
    _octets, address = asked.recvfrom(2000)
    office.udp(office.wan, CARRIER, port).sendto(b"unasked", address)
    asked.sendto(b"answer", address)
    assert hear(asking) == (b"answer", STRANGER)


def test_a_connection_that_the_box_makes_is_answered(office):
    connection = office.listen(office.wan, STRANGER, 8443)
    office.connect(office.box, BOX_WAN, (STRANGER, 8443)).sendall(b"hello")
    assert connection.accept()[0].recv(10) == b"hello"


def test_audio_comes_in_while_a_call_has_its_port(office):
    listening, strangers = office.udp(office.box, BOX_WAN, 30000), office.udp(office.wan, STRANGER, 4000)
    office.udp(office.box, BOX_WAN, 5060)
    strangers.sendto(b"too early", (BOX_WAN, 30000))
    wait_until(lambda: office.count("audio of no call") >= 1, 5, "the packet is counted")
    office.firewall.open_pinholes([Pinhole(ip_address(BOX_WAN), 30000)])
    strangers.sendto(b"in the call", (BOX_WAN, 30000))
    assert hear(listening) == (b"in the call", STRANGER)
    listening.sendto(b"ours", (STRANGER, 4000))
    assert hear(strangers) == (b"ours", BOX_WAN)
    office.firewall.close_pinholes([Pinhole(ip_address(BOX_WAN), 30000)])
    strangers.sendto(b"too late", (BOX_WAN, 30000))     # although a connection is tracked
    office.firewall.open_pinholes([Pinhole(ip_address(BOX_WAN), 30000)])
    strangers.sendto(b"next call", (BOX_WAN, 30000))
    assert hear(listening) == (b"next call", STRANGER)


def test_an_open_port_of_one_address_is_not_open_on_another(office):
    office.firewall.open_pinholes([Pinhole(ip_address(BOX_LAN), 30000)])
    listening = office.udp(office.box, BOX_WAN, 30000)
    office.udp(office.wan, STRANGER).sendto(b"dropped", (BOX_WAN, 30000))
    office.udp(office.lan, MACHINE).sendto(b"passed", (BOX_WAN, 30000))
    assert hear(listening)[0] == b"passed"


def test_a_ban_ends_what_has_begun(office):
    ours, theirs = office.udp(office.box, BOX_WAN, 5080), office.udp(office.wan, STRANGER, 5080)
    ours.sendto(b"hello", (STRANGER, 5080))
    assert hear(theirs)[0] == b"hello"
    theirs.sendto(b"answer", (BOX_WAN, 5080))
    assert hear(ours) == (b"answer", STRANGER)
    assert office.firewall.ban(ip_address(STRANGER), 600, "a test") == ""
    theirs.sendto(b"shut out", (BOX_WAN, 5080))
    office.udp(office.lan, MACHINE).sendto(b"passed", (BOX_WAN, 5080))
    assert hear(ours) == (b"passed", MACHINE)
    assert office.firewall.list_bans()[0].packets == 1
    office.firewall.unban(ip_address(STRANGER))
    theirs.sendto(b"again", (BOX_WAN, 5080))
    assert hear(ours) == (b"again", STRANGER)


def test_a_ban_runs_out_by_itself(office):
    ours, theirs = office.udp(office.box, BOX_WAN, 5081), office.udp(office.wan, STRANGER, 5081)
    ours.sendto(b"hello", (STRANGER, 5081))
    hear(theirs)
    office.firewall.ban(ip_address(STRANGER), 0.5, "briefly")
    theirs.sendto(b"shut out", (BOX_WAN, 5081))
    assert office.firewall.read_rules()

    def is_let_in():
        theirs.sendto(b"again", (BOX_WAN, 5081))
        ours.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            return hear(ours)
        return None
    assert wait_until(is_let_in, PATIENCE_S, "the ban is over") == (b"again", STRANGER)


def test_the_lan_goes_out_behind_our_address(office):
    outside = office.udp(office.wan, STRANGER, 7000)
    machine = office.udp(office.lan, MACHINE, 7001)
    machine.sendto(b"hello", (STRANGER, 7000))
    octets, address = outside.recvfrom(2000)
    assert (octets, address[0]) == (b"hello", BOX_WAN)
    outside.sendto(b"welcome", address)
    assert hear(machine) == (b"welcome", STRANGER)


def test_nobody_reaches_the_lan_unasked(office):
    machine = office.udp(office.lan, MACHINE, 7002)
    office.udp(office.wan, CARRIER).sendto(b"dropped", (MACHINE, 7002))
    office.udp(office.box, BOX_LAN).sendto(b"passed", (MACHINE, 7002))
    assert hear(machine) == (b"passed", BOX_LAN)


def test_our_address_on_the_lan_is_not_reached_from_the_wan(office):
    office.apply(build("set network open-sip true"))
    listening = office.udp(office.box, BOX_LAN, 5060)
    office.udp(office.wan, STRANGER).sendto(b"dropped", (BOX_LAN, 5060))
    office.udp(office.lan, MACHINE).sendto(b"passed", (BOX_LAN, 5060))
    assert hear(listening) == (b"passed", MACHINE)
    assert office.count("for an address of the LAN") >= 1


def test_forwarded_ports_reach_their_machine_with_the_source_that_they_have(office):
    web = office.listen(office.lan, MACHINE, 80)
    office.connect(office.wan, CARRIER, (BOX_WAN, 8080)).sendall(b"GET")
    accepted, address = web.accept()
    accepted.settimeout(PATIENCE_S)
    assert (accepted.recv(10), address[0]) == (b"GET", CARRIER)
    assert not office.may_connect(office.wan, STRANGER, (BOX_WAN, 8080))
    assert not office.may_connect(office.wan, CARRIER, (BOX_LAN, 8080))
    game = office.udp(office.lan, MACHINE, 27005)
    office.udp(office.wan, STRANGER).sendto(b"play", (BOX_WAN, 27005))
    octets, address = game.recvfrom(100)
    assert (octets, address[0]) == (b"play", STRANGER)
    game.sendto(b"move", address)
    accepted.close()


def test_a_forward_that_is_taken_away_leads_nowhere(office):
    office.listen(office.lan, MACHINE, 80)
    office.connect(office.wan, CARRIER, (BOX_WAN, 8080))
    office.apply(build())
    assert not office.may_connect(office.wan, CARRIER, (BOX_WAN, 8080))


def test_the_lan_reaches_a_forwarded_port_by_our_address_outside(office):
    web = office.listen(office.lan, MACHINE, 80)
    office.connect(office.lan, MACHINE, (BOX_WAN, 8080)).sendall(b"GET")
    accepted, address = web.accept()
    accepted.settimeout(PATIENCE_S)
    assert (accepted.recv(10), address[0]) == (b"GET", BOX_LAN)
    accepted.close()


@pytest.mark.parametrize("forged", [MACHINE, BOX_LAN])
def test_sources_that_cannot_be_are_dropped(office, forged):
    listening = office.udp(office.box, BOX_WAN, 5060)
    office.firewall.set_peers([ip_network(f"{forged}/32")])     # even where such a source might come in
    before = office.count("forged source on eth0")
    with office.inside(office.wan, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)) as raw:
        raw.sendto(write_datagram(forged, BOX_WAN, 5060, b"forged"), (BOX_WAN, 0))
    office.udp(office.wan, CARRIER).sendto(b"passed", (BOX_WAN, 5060))
    assert hear(listening) == (b"passed", CARRIER)
    assert office.count("forged source on eth0") > before


def write_datagram(source, destination, port, octets):
    """IPv4 and UDP by hand, without checksums (RFC 768: none was computed; the kernel fills in IPv4's)."""
    udp = struct.pack("!HHHH", 5060, port, 8 + len(octets), 0) + octets
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(source),
                       socket.inet_aton(destination)) + udp


def test_the_lan_cannot_forge_either(office):
    outside = office.udp(office.wan, CARRIER, 7003)
    with office.inside(office.lan, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)) as raw:
        raw.sendto(write_datagram(STRANGER, CARRIER, 7003, b"forged"), (CARRIER, 0))
    office.udp(office.lan, MACHINE).sendto(b"passed", (CARRIER, 7003))
    assert hear(outside) == (b"passed", BOX_WAN)


def test_an_echo_is_answered_but_not_a_flood(office):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        made.bind((STRANGER, 0))
        made.settimeout(PATIENCE_S)
        return made
    with office.inside(office.wan, make) as pinging:
        for number in range(200):
            pinging.sendto(write_echo(number), (BOX_WAN, 0))
        assert pinging.recv(200)[20] == 0       # an echo reply
        answered = 1
        pinging.settimeout(SILENCE_S)
        with contextlib.suppress(TimeoutError):
            while True:
                answered += pinging.recv(200)[20] == 0
    assert 20 <= answered < 100


def write_echo(number):
    """RFC 792."""
    head = struct.pack("!BBHHH", 8, 0, 0, 7, number)
    return head[:2] + struct.pack("!H", add_up(head)) + head[4:]


def add_up(octets):
    """The checksum of the Internet (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_an_error_that_belongs_to_something_is_heard_and_no_other(office):
    asking = office.udp(office.box, BOX_WAN, 5090)
    asking.connect((CARRIER, 9))
    asking.send(b"nobody is there")
    with pytest.raises(ConnectionRefusedError):     # RFC 1122 4.1.3.3, from an ICMP error
        asking.recv(10)
    before = office.count("invalid")
    with office.inside(office.wan, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)) as raw:
        head, told = struct.pack("!BBHI", 3, 3, 0, 0), write_datagram(BOX_WAN, MANAGER, 9, b"never sent")
        checksum = struct.pack("!H", add_up(head + told))
        raw.sendto(head[:2] + checksum + head[4:] + told, (BOX_WAN, 0))
    wait_until(lambda: office.count("invalid") > before, 5, "the error of nothing is counted")


@pytest.mark.parametrize(("number", "words"), [
    (130, "multicast query"), (134, "router advertisement"), (135, "neighbour solicitation"),
    (136, "neighbour advertisement")])
def test_neighbours_are_heard(office, number, words):
    def count():
        return sum(one.packets for one in office.firewall.read_rules()
                   if (one.chain, one.words) == ("admission", words))

    def make():
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255)
        made.bind((STRANGER_6, 0))
        return made
    before = count()
    with office.inside(office.wan, make) as raw:
        raw.sendto(struct.pack("!BBHI", number, 0, 0, 0) + socket.inet_pton(socket.AF_INET6, BOX_6), (BOX_6, 0))
    wait_until(lambda: count() > before, 5, "it is counted")


def test_whoever_asks_whether_an_address_is_free_is_not_taken_for_a_forger(office):
    """RFC 4862 5.4.2: it has no address yet."""
    target = socket.inet_pton(socket.AF_INET6, BOX_6)
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:5")     # RFC 4291 2.7.1
    asked = struct.pack("!BBHI", 135, 0, 0, 0) + target
    pseudo = bytes(16) + group + struct.pack("!II", len(asked), 58)
    asked = asked[:2] + struct.pack("!H", add_up(pseudo + asked)) + asked[4:]
    packet = struct.pack("!IHBB", 6 << 28, len(asked), 58, 255) + bytes(16) + group + asked

    def ask():
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as link:
            link.sendto(packet, ("eth0", 0x86DD, 0, 0, bytes.fromhex("3333ff000005")))

    def count():
        return sum(one.packets for one in office.firewall.read_rules()
                   if (one.chain, one.words) == ("admission", "neighbour solicitation"))
    before, forged = count(), office.count("forged source on eth0")
    office.inside(office.wan, ask)
    wait_until(lambda: count() > before, 5, "it is heard")
    assert office.count("forged source on eth0") == forged


def test_dhcp_answers_come_in_even_where_nothing_is_known_of_their_source(office):
    asking = office.udp(office.box, BOX_WAN, 68)
    with office.inside(office.wan, lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)) as raw:
        forged = write_datagram("192.168.1.77", BOX_WAN, 68, b"offer")
        raw.sendto(forged[:20] + struct.pack("!H", 67) + forged[22:], (BOX_WAN, 0))
    assert hear(asking) == (b"offer", "192.168.1.77")


def test_a_phone_without_address_may_ask_for_one_on_the_lan(office):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.bind(("0.0.0.0", 67))
        made.settimeout(PATIENCE_S)
        return made

    def ask():      # by the link itself: the kernel would write a source of its own
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as link:
            asked = write_datagram("0.0.0.0", "255.255.255.255", 67, b"discover")
            asked = asked[:10] + struct.pack("!H", add_up(asked[:20])) + asked[12:]
            link.sendto(asked, ("eth0", 0x0800, 0, 0, b"\xff" * 6))
    with office.inside(office.box, make) as serving:
        office.inside(office.lan, ask)
        assert hear(serving) == (b"discover", "0.0.0.0")


@pytest.mark.parametrize(("port", "dscp"), [(30000, 46), (5060, 40), (5071, 0)])
@pytest.mark.parametrize("family", [4, 6])
def test_what_we_send_bears_its_mark(office, port, dscp, family):
    source, to = (BOX_WAN, CARRIER) if family == 4 else (BOX_6, CARRIER_6)
    heard = office.udp(office.wan, to, 6000)
    if family == 4:
        heard.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
    else:
        heard.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    office.udp(office.box, source, port).sendto(b"marked", (to, 6000))
    octets, ancillary, _flags, _address = heard.recvmsg(100, 100)
    assert octets == b"marked"      # so IPv4's checksum is right
    assert int.from_bytes(ancillary[0][2], "little") >> 2 == dscp


def test_a_connection_begins_with_segments_that_fit_the_path(office):
    listening = office.listen(office.wan, STRANGER, 8444)
    run_ip("-n", office.box, "link", "set", "eth0", "mtu", "1280")
    try:
        office.connect(office.lan, MACHINE, (STRANGER, 8444))
        accepted, _address = listening.accept()
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1280 - 40
        accepted.close()
    finally:
        run_ip("-n", office.box, "link", "set", "eth0", "mtu", "1500")


def test_while_rules_are_replaced_nothing_is_lost_and_nothing_slips_in(office):
    listening = office.udp(office.box, BOX_WAN, 5060)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    carrier, stranger = office.udp(office.wan, CARRIER, 5060), office.udp(office.wan, STRANGER, 5060)
    rulesets, is_over, sent = (build(), build(*FORWARDS)), threading.Event(), 0

    def replace():
        for turn in range(20):
            office.apply(rulesets[turn % 2])
        is_over.set()
    replacing = threading.Thread(target=replace)
    replacing.start()
    heard = []
    while not is_over.is_set():
        stranger.sendto(b"stranger", (BOX_WAN, 5060))
        carrier.sendto(b"%d" % sent, (BOX_WAN, 5060))
        sent += 1
        heard.append(hear(listening))
    replacing.join()
    assert sent > 20
    assert heard == [(b"%d" % number, CARRIER) for number in range(sent)]


def test_the_router_of_the_wan_is_a_stranger(office):
    listening = office.udp(office.box, BOX_WAN, 5060)
    send_both(office, (office.wan, ROUTER), (office.wan, CARRIER), (BOX_WAN, 5060))
    assert hear(listening) == (b"passed", CARRIER)


def test_the_address_that_every_link_has_lets_nobody_in_from_the_wan(office):
    """Link-local addresses (RFC 4291 2.5.6) are there without any configuration, and so is whatever listens on `::`."""
    local = find_link_local(office, office.box, "eth0")
    link = office.inside(office.wan, lambda: socket.if_nametoindex("eth0"))
    office.listen(office.box, "::", 22)
    assert not office.may_connect(office.wan, "::", (local, 22, 0, link))
    listening = office.udp(office.box, "::", 5060)
    office.udp(office.wan, "::").sendto(b"dropped", (local, 5060, 0, link))
    office.udp(office.box, BOX_6).sendto(b"passed", (BOX_6, 5060))
    assert hear(listening) == (b"passed", BOX_6)


def test_nobody_reaches_the_lan_over_ipv6_though_somebody_has_turned_forwarding_on(office):
    lan_6, machine_6 = "2001:db8:1::1", "2001:db8:1::10"
    with contextlib.ExitStack() as stack:
        for name, device, address in ((office.box, "eth1", lan_6), (office.lan, "eth0", machine_6)):
            run_ip("-n", name, "address", "add", f"{address}/64", "dev", device, "nodad")
            stack.callback(run_ip, "-n", name, "address", "del", f"{address}/64", "dev", device)
        run_ip("-n", office.wan, "route", "add", "2001:db8:1::/64", "via", BOX_6)
        stack.callback(run_ip, "-n", office.wan, "route", "del", "2001:db8:1::/64")
        run_ip("-n", office.lan, "route", "add", "default", "via", lan_6)
        stack.callback(set_forwarding, office, "0")
        set_forwarding(office, "1")
        machine = office.udp(office.lan, machine_6, 7002)
        office.udp(office.wan, CARRIER_6).sendto(b"dropped", (machine_6, 7002))
        office.udp(office.box, lan_6).sendto(b"passed", (machine_6, 7002))
        assert hear(machine) == (b"passed", lan_6)


def set_forwarding(office, value):
    office.inside(office.box, lambda: Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text(value))


def find_link_local(office, name, device):
    """Once it has found out that nobody else has it (RFC 4862 5.4)."""
    def find():
        lines = office.inside(name, lambda: Path("/proc/thread-self/net/if_inet6").read_text()).splitlines()
        found = [line.split() for line in lines]
        return next((ip_address(bytes.fromhex(one[0])).compressed for one in found
                     if one[5] == device and one[3] == "20" and not int(one[4], 16) & 0x40), "")
    return wait_until(find, PATIENCE_S, "a link-local address")
