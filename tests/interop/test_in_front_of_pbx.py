# SPDX-License-Identifier: Apache-2.0
"""In front of another IP-PBX: registered there as one of its users and at the carrier, the gateway joins the two."""

import time

import pytest

from tests.demo.borders import count_octets, find_foreign
from tests.demo.conversation import HEARD, Party, converse
from tests.demo.place import (
    CARRIER,
    GATEWAY_INSIDE,
    GATEWAY_OUTSIDE,
    LINE_OF_B,
    OFFICE_LINE,
    PHONE_A,
    PHONE_B,
    PHONE_C,
    PhonePorts,
    carrier_account,
)
from tests.interop import office_pbx, public_carrier
from tests.interop.baresip import Account, Baresip
from tests.interop.capture import Capture
from tests.interop.namespaces import require_namespaces
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import require
from tests.interop.office_pbx import OfficePbx
from tests.interop.public_carrier import PublicCarrier, Subscriber
from tests.interop.server import Server
from tests.interop.sound import likeness, write_babble
from tests.interop.wide_network import WideNetwork

pytestmark = pytest.mark.ours
PBX = "192.168.1.2"
DESKS = (Subscriber("301", "desk-of-a", "desk-secret-301"), Subscriber("302", "desk-of-c", "desk-secret-302"))
GATEWAY = Subscriber("300", "gw-inside", "pbx-secret")
CONFIGURATION = f"""# denwaban-config 1
set system domain office.test
set sip listener office address {GATEWAY_INSIDE}
set sip listener office transport udp
set sip listener wan address {GATEWAY_OUTSIDE}
set sip listener wan transport udp
set sip listener wan side public
set trunk pbx listener office
set trunk pbx registrar sip:{PBX}:5060
set trunk pbx domain {office_pbx.REALM}
set trunk pbx number {GATEWAY.number}
set trunk pbx username {GATEWAY.username}
set trunk pbx secret {GATEWAY.secret}
set trunk pbx inbound trunk carrier
set trunk carrier listener wan
set trunk carrier registrar sip:{CARRIER}:5060
set trunk carrier domain {public_carrier.REALM}
set trunk carrier number {OFFICE_LINE.number}
set trunk carrier username {OFFICE_LINE.username}
set trunk carrier secret {OFFICE_LINE.secret}
set trunk carrier inbound trunk pbx
set emergency none
"""
PRIVATE_WORDS = ("192.168.", "300", "301", "302", "desk-of-a", "desk-of-c", GATEWAY.username, office_pbx.REALM,
                 "office.test")
CARRIER_WORDS = ("198.51.100.", "203.0.113.", public_carrier.REALM, OFFICE_LINE.username)


class Joined:
    """a: a telephone of the PBX, c: another one, b: somebody outside; capture: reads both sides of the gateway."""

    def __init__(self, gateway: Server, capture: Capture, a: Party, b: Party, c: Party) -> None:
        self.gateway, self.capture = gateway, capture
        self.a, self.b, self.c = a, b, c

    def talk(self, caller: Party, callee: Party, number: str, ender: Party) -> float:
        """A call in which both hear one another; when it began."""
        conversation = converse(self.capture, caller, callee, number, ender)
        for speaker, hearer in ((caller, callee), (callee, caller)):
            assert likeness(speaker.voice, hearer.phone.heard()) >= HEARD, f"{hearer.name} does not hear {speaker.name}"
        return conversation.began

    def assert_bordered(self, since: float) -> None:
        """Nothing of one side in any octet that passed on the other."""
        for point, words in (("gateway-outside", PRIVATE_WORDS), ("gateway-inside", CARRIER_WORDS)):
            assert count_octets(self.capture, point, since)[0] > 400, "the voice itself"
            assert find_foreign(self.capture, point, words, since) == []

    def wait_quiet(self) -> None:
        wait_until(lambda: self.gateway.show("show calls") == [], PATIENCE_S, "no call left at the gateway")


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    require_namespaces()
    for program in ("baresip", "kamailio"):
        require(program)
    folder = tmp_path_factory.mktemp("pbx")
    with WideNetwork() as network:
        network.add_network("192.168.1")
        network.add_network("203.0.113", router="203.0.113.1")
        network.add_network("198.51.100", router="198.51.100.254")
        hosts = {"a": network.add_host("phone-a", eth0=PHONE_A), "c": network.add_host("phone-c", eth0=PHONE_C),
                 "pbx": network.add_host("pbx", eth0=PBX),
                 "gateway": network.add_host("gateway", lan=GATEWAY_INSIDE, wan=GATEWAY_OUTSIDE),
                 "carrier": network.add_host("carrier", eth0=CARRIER),
                 "b": network.add_host("phone-b", eth0=PHONE_B)}
        network.route(hosts["gateway"], "203.0.113.1")
        for name in ("carrier", "b"):
            network.route(hosts[name], "198.51.100.254")
        capture = Capture()
        for point, name, device in (("a", "a", "eth0"), ("b", "b", "eth0"), ("c", "c", "eth0"),
                                    ("gateway-outside", "gateway", "wan"), ("gateway-inside", "gateway", "lan")):
            capture.watch(point, hosts[name], device)
        server = Server(folder / "gateway", GATEWAY_INSIDE, namespace=hosts["gateway"])
        server.config.write_text(CONFIGURATION)
        voices = {name: write_babble(folder / f"{name}.wav", seed=ord(name)) for name in "abc"}
        desks = [Account(one.number, one.secret, PBX, domain=office_pbx.REALM, username=one.username) for one in DESKS]
        accounts = {"a": desks[0], "c": desks[1], "b": carrier_account(LINE_OF_B)}
        phones = {name: Baresip(PhonePorts(), folder / name, accounts[name], voices[name], at=(hosts[name], address))
                  for name, address in (("a", PHONE_A), ("b", PHONE_B), ("c", PHONE_C))}
        with (capture, PublicCarrier(folder / "carrier", (hosts["carrier"], CARRIER), (OFFICE_LINE, LINE_OF_B)),
              OfficePbx(folder / "pbx", (hosts["pbx"], PBX), DESKS, GATEWAY, {OFFICE_LINE.number: "301"}),
              server, phones["a"], phones["b"], phones["c"]):
            for phone in phones.values():
                phone.wait_registered()
            wait_until(lambda: len(server.journal("trunk_up")) == 2, PATIENCE_S, "both trunks")
            yield Joined(server, capture, *[Party(name, phones[name], name, voices[name]) for name in "abc"])


def test_the_gateway_is_registered_inside_and_outside(joined):
    trunks = {one["name"]: one["state"] for one in joined.gateway.show("show trunks")}
    assert trunks == {"pbx": "up", "carrier": "up"}


def test_a_call_from_outside_rings_the_telephone_that_the_pbx_chooses(joined):
    since = joined.talk(joined.b, joined.a, OFFICE_LINE.number, ender=joined.a)
    joined.assert_bordered(since)
    joined.wait_quiet()


def test_a_telephone_of_the_pbx_calls_somebody_outside(joined):
    since = joined.talk(joined.a, joined.b, LINE_OF_B.number, ender=joined.b)
    joined.assert_bordered(since)
    joined.wait_quiet()


def test_calls_inside_the_pbx_are_none_of_the_gateways_business(joined):
    since = time.time()
    joined.talk(joined.a, joined.c, "302", ender=joined.c)
    assert not [one for one in joined.capture.datagrams("gateway-inside", since)
                if one.is_rtp or one.payload.startswith((b"INVITE", b"BYE"))]


def test_what_the_carrier_says_of_a_number_reaches_the_telephone_of_the_pbx(joined):
    joined.a.phone.dial("05099990000")      # the carrier has no such subscriber
    while "404" not in str(joined.a.phone.wait("CALL_CLOSED").get("param")):
        pass                                # ends of the calls before
    joined.wait_quiet()
