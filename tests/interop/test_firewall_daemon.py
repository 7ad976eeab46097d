# SPDX-License-Identifier: Apache-2.0
"""The real netd with its firewall: what the call server asks at the gate is in force in the kernel, a change of the
configuration leaves it alone, and so does the end of either of them.
"""

import json
import os
import socket
import subprocess
from contextlib import closing

import pytest

from appliance.system.firewall.elements import read_bans
from appliance.system.firewall.nftables_socket import NftablesSocket
from tests.interop.namespaces import call_inside, run_ip
from tests.interop.netd import Box
from tests.interop.network import wait_until

NETWORK = (
    "set system country de",
    "set network interface wan0 role wan", "set network interface lan0 role lan",
    "set network lan address 192.168.77.1/24", "set network wan address 203.0.113.5/24",
    "set network wan gateway 203.0.113.1",
    "set sip listener wan address 203.0.113.5", "set sip listener wan side public",
    "set trunk carrier listener wan", "set trunk carrier peer 203.0.113.1:5060",
)
FORWARD = ("set network forward web protocol tcp", "set network forward web port 8080",
           "set network forward web to 192.168.77.10")
SCANNER = "203.0.113.66"


@pytest.fixture
def box(tmp_path):
    with Box(tmp_path, ("wan0", "lan0")) as box:
        run_ip("-n", box.peers["wan0"], "address", "add", "203.0.113.1/24", "dev", "eth0")
        run_ip("-n", box.peers["wan0"], "address", "add", f"{SCANNER}/24", "dev", "eth0")
        box.start(*NETWORK)
        yield box


def gate(box):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    descriptor = os.open(box.state, os.O_PATH)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/gate.sock")
    finally:
        os.close(descriptor)
    return connection


def say(connection, *message):
    connection.send(json.dumps(message).encode())


def nft(box):
    run = subprocess.run(["ip", "netns", "exec", box.name, "nft", "-j", "list", "ruleset"], check=True,
                         capture_output=True, text=True)
    return json.loads(run.stdout)["nftables"]


def list_set(box, name):
    return [element for one in nft(box) if "set" in one and one["set"]["name"] == name
            for element in one["set"].get("elem", [])]


def list_chain(box, name):
    return [one["rule"]["expr"] for one in nft(box) if "rule" in one and one["rule"]["chain"] == name]


def datagram_socket(namespace, address, port):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, port))
        made.settimeout(20)
        return made
    return call_inside(namespace, make)


def test_what_the_gate_is_told_is_in_force_and_stays(box):
    with gate(box) as connection:
        say(connection, "ban", SCANNER, 600, "guessed 40 passwords")
        say(connection, "open", "203.0.113.5", 30000)
        say(connection, "peers", [["203.0.113.20", 5060, "udp"]])
        wait_until(lambda: list_set(box, "peers4") == ["203.0.113.20"], 5, "the last message is carried out")
    assert [one["elem"]["val"] for one in list_set(box, "bans4")] == [SCANNER]
    # The call server has gone; the configuration changes; netd itself is killed and comes back.
    assert box.apply(*NETWORK, *FORWARD)["ok"]
    assert len(list_chain(box, "port_forwards")) == 2
    box.kill()
    assert len(list_chain(box, "port_forwards")) == 2
    box.start()
    assert box.ask("show", "bans")[0]["reason"] == "guessed 40 passwords"
    assert [one["concat"][1] for one in list_set(box, "pinholes4")] == [30000, 30001]
    with gate(box) as connection:
        say(connection, "only", [["203.0.113.5", 30002]])
        wait_until(lambda: [one["concat"][1] for one in list_set(box, "pinholes4")] == [30002, 30003], 5, "only these")


def test_a_banned_source_is_cut_off_in_mid_conversation(box):
    ours = datagram_socket(box.name, "203.0.113.5", 5080)
    theirs, others = (datagram_socket(box.peers["wan0"], one, 5080) for one in (SCANNER, "203.0.113.1"))
    with ours, theirs, others, gate(box) as connection:
        for other in (SCANNER, "203.0.113.1"):
            ours.sendto(b"hello", (other, 5080))
        assert theirs.recv(10) == others.recv(10) == b"hello"
        theirs.sendto(b"heard", ("203.0.113.5", 5080))
        assert ours.recv(10) == b"heard"
        say(connection, "ban", SCANNER, 600, "x")
        wait_until(lambda: box.ask("show", "bans"), 5, "the ban")
        theirs.sendto(b"dropped", ("203.0.113.5", 5080))
        others.sendto(b"passed", ("203.0.113.5", 5080))
        assert ours.recv(10) == b"passed"
        assert box.ask("show", "bans")[0]["packets"] == 1


def test_each_ban_is_in_the_kernel_with_no_further_message(box):
    """The kernel tells another process of the same namespace; how long that takes, `make bench` measures."""
    with closing(call_inside(box.name, NftablesSocket)) as looking, gate(box) as connection:
        for number in range(50):
            address = f"198.18.0.{number + 1}"
            say(connection, "ban", address, 600, "measured")
            wait_until(lambda: any(str(one.address) == address for one in read_bans(looking)),    # noqa: B023
                       5, f"{address} is shut out")


def test_the_rules_are_shown_with_what_they_have_counted(box):
    with datagram_socket(box.peers["wan0"], SCANNER, 0) as stranger:
        for _ in range(3):
            stranger.sendto(b"OPTIONS", ("203.0.113.5", 5060))

    def dropped():
        rules = {(one["chain"], one["rule"]): one["packets"] for one in box.ask("show", "firewall")["rules"]}
        return rules["signalling", "SIP of strangers"]
    wait_until(lambda: dropped() == 3, 5, "the three are counted")


def test_a_ruleset_that_somebody_flushes_comes_back(box):
    subprocess.run(["ip", "netns", "exec", box.name, "nft", "flush", "ruleset"], check=True)
    wait_until(lambda: list_chain(box, "admission"), 10, "the rules are back")
    wait_until(lambda: "firewall_healed" in [one["event"] for one in box.journal()], 5, "it is journalled")


def test_a_network_that_is_no_longer_ours_has_no_firewall(box):
    text = box.config.read_text().replace("set network managed true", "set network managed false")
    box.config.write_text(text)
    assert box.ask_raw("apply", str(box.config))["ok"]
    assert nft(box)[1:] == []


def test_undo_takes_the_table_away_and_no_other(box):
    subprocess.run(["ip", "netns", "exec", box.name, "nft", "add", "table", "inet", "other"], check=True)
    box.stop()
    assert list_chain(box, "admission")
    box.undo()
    assert [one["table"]["name"] for one in nft(box) if "table" in one] == ["other"]
