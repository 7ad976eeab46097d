# SPDX-License-Identifier: Apache-2.0
"""In the middle of a call the outside address of the NAT before the gateway changes; the voice comes back."""

import subprocess
import time

import pytest

from tests.demo.place import PhonePorts
from tests.interop.baresip import Account, Baresip
from tests.interop.namespaces import require_namespaces, run_ip
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import require
from tests.interop.public_carrier import REALM, PublicCarrier, Subscriber
from tests.interop.server import Server
from tests.interop.sound import write_babble, write_chirp
from tests.interop.test_media_survival import SENT, ask_sessions, wait_flowing
from tests.interop.wide_network import WideNetwork

pytestmark = pytest.mark.ours
OFFICE_LINE = Subscriber("05011112222", "gw-user", "gw-secret")
LINE_OF_B = Subscriber("05033334444", "user-b", "secret-b")
PHONE_A, PHONE_B = "192.168.1.11", "198.51.100.20"
INSIDE, BEHIND_NAT, NAT_INSIDE = "192.168.1.1", "10.9.8.2", "10.9.8.1"
BEFORE, AFTER, ROUTER = "203.0.113.9", "203.0.113.10", "203.0.113.1"
CARRIER = "198.51.100.1"
PACKETS = 0                     # in the figures of a direction: RTP that was heard
UNEXPECTED = """add table ip border
add chain ip border inwards { type filter hook input priority 0; }
add rule ip border inwards iifname wan drop"""
CONFIGURATION = f"""# denwaban-config 1
set system domain office.test
set sip listener office address {INSIDE}
set sip listener office transport udp
set sip listener wan address {BEHIND_NAT}
set sip listener wan transport udp
set sip listener wan side public
set extension 201 secret desk-secret-201
set trunk carrier listener wan
set trunk carrier registrar sip:{CARRIER}:5060
set trunk carrier domain {REALM}
set trunk carrier number {OFFICE_LINE.number}
set trunk carrier username {OFFICE_LINE.username}
set trunk carrier secret {OFFICE_LINE.secret}
set trunk carrier did {OFFICE_LINE.number} to 201
set route outside prefix 0
set route outside trunk carrier
set emergency none
"""


@pytest.fixture
def hosts():
    """Their namespaces: the gateway stands in the office and behind a NAT."""
    require_namespaces()
    for program in ("baresip", "kamailio", "nft"):
        require(program)
    with WideNetwork() as network:
        network.add_network("192.168.1")
        network.add_network("10.9.8")
        network.add_network("203.0.113", router=ROUTER)
        network.add_network("198.51.100", router="198.51.100.254")
        found = {"a": network.add_host("phone-a", eth0=PHONE_A),
                 "gateway": network.add_host("gateway", lan=INSIDE, wan=BEHIND_NAT),
                 "nat": network.add_host("nat", lan=NAT_INSIDE, wan=BEFORE),
                 "carrier": network.add_host("carrier", eth0=CARRIER),
                 "b": network.add_host("phone-b", eth0=PHONE_B)}
        network.route(found["gateway"], NAT_INSIDE)
        network.route(found["nat"], ROUTER)
        for name in ("carrier", "b"):
            network.route(found[name], "198.51.100.254")
        network.translate(found["nat"], "wan")
        # as every home router: whoever is not expected leaves no trace, else his packets would take ports from ours
        subprocess.run(["ip", "netns", "exec", found["nat"], "nft", "-f", "-"], input=UNEXPECTED, text=True, check=True)
        yield found


def change_address(nat: str) -> None:
    """What the provider of a home line does in the night; the kernel forgets what it translated to the old one."""
    run_ip("-n", nat, "address", "del", f"{BEFORE}/24", "dev", "wan")
    run_ip("-n", nat, "address", "add", f"{AFTER}/24", "dev", "wan")
    run_ip("-n", nat, "route", "replace", "default", "via", ROUTER)


def test_the_voice_comes_back_after_the_outside_address_has_changed(hosts, tmp_path):
    server = Server(tmp_path / "gateway", INSIDE, namespace=hosts["gateway"])
    server.config.write_text(CONFIGURATION)
    desk = Account("201", "desk-secret-201", INSIDE, domain="office.test")
    line = Account(LINE_OF_B.number, LINE_OF_B.secret, CARRIER, domain=REALM, username=LINE_OF_B.username)
    with (PublicCarrier(tmp_path / "carrier", (hosts["carrier"], CARRIER), (OFFICE_LINE, LINE_OF_B)), server,
          Baresip(PhonePorts(), tmp_path / "a", desk, write_chirp(tmp_path / "a.wav", 60.0),
                  at=(hosts["a"], PHONE_A)) as caller,
          Baresip(PhonePorts(), tmp_path / "b", line, write_babble(tmp_path / "b.wav", 60.0),
                  at=(hosts["b"], PHONE_B)) as callee):
        for phone in (caller, callee):
            phone.wait_registered()
        wait_until(lambda: server.journal("trunk_up"), PATIENCE_S, "the trunk")
        caller.dial(LINE_OF_B.number)
        callee.wait("CALL_INCOMING")
        callee.answer()
        for phone in (caller, callee):
            phone.wait("CALL_ESTABLISHED")
        session = wait_flowing(server)

        def heard_from_outside() -> int:
            return ask_sessions(server)[session][1][PACKETS]
        changed_at = time.monotonic()
        change_address(hosts["nat"])
        wait_until(lambda: server.journal("address_changed"), 60.0, "the gateway to notice")
        noticed_at, had = time.monotonic(), heard_from_outside()
        wait_until(lambda: heard_from_outside() > had + 10, PATIENCE_S, "the voice from outside")
        back_at = time.monotonic()
        print(f"noticed after {noticed_at - changed_at:.2f} s, the voice is back after {back_at - changed_at:.2f} s")
        sent = [one[SENT] for one in ask_sessions(server)[session]]
        wait_until(lambda: all(one[SENT] > then + 20 for one, then in zip(ask_sessions(server)[session], sent,
                                                                         strict=True)), PATIENCE_S, "talk both ways")
        assert len(server.show("show calls")) == 1
        callee.hang_up()                                    # it knows our new Contact
        caller.wait("CALL_CLOSED")
