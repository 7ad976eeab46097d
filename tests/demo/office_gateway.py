# SPDX-License-Identifier: Apache-2.0
"""Steps 2 and 3, figure 9: the gateway stands between the office and the carrier, and both sides hear one another."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.demo.borders import count_octets, find_foreign
from tests.demo.conversation import Conversation, Party, converse
from tests.demo.observation import Lane, Point, SipSighting, sightings
from tests.demo.place import (
    CARRIER,
    GATEWAY_INSIDE,
    GATEWAY_OUTSIDE,
    LINE_OF_B,
    OFFICE_LINE,
    PHONE_A,
    PHONE_B,
    PHONE_C,
    Place,
)
from tests.demo.report import Drawing, Verdict
from tests.interop.baresip import Account, Baresip
from tests.interop.network import wait_until
from tests.interop.public_carrier import REALM
from tests.interop.server import Server

DOMAIN = "office.test"
DESK_SECRETS = {"201": "desk-secret-201", "202": "desk-secret-202"}
DESK_USERNAMES = {"201": "desk-of-a", "202": "desk-of-c"}
# what the public side must never see, and the office's side neither; a dot at the end: every address that begins so
PRIVATE_WORDS = ("192.168.", *DESK_SECRETS, *DESK_USERNAMES.values(), DOMAIN)
CARRIER_WORDS = ("198.51.100.", "203.0.113.", REALM, OFFICE_LINE.username)
CONFIGURATION = f"""# denwaban-config 1
set system domain {DOMAIN}
set sip listener office address {GATEWAY_INSIDE}
set sip listener office transport udp
set sip listener office side private
set sip listener wan address {GATEWAY_OUTSIDE}
set sip listener wan transport udp
set sip listener wan side public
set sip role b2bua
set extension 201 secret {DESK_SECRETS["201"]}
set extension 201 username {DESK_USERNAMES["201"]}
set extension 202 secret {DESK_SECRETS["202"]}
set extension 202 username {DESK_USERNAMES["202"]}
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
INSIDE = Point("gateway-inside", {PHONE_A: "phone A", PHONE_C: "phone C", GATEWAY_INSIDE: "GW inside"}, "phone A")
OUTSIDE = Point("gateway-outside", {GATEWAY_OUTSIDE: "GW outside", CARRIER: "carrier", PHONE_B: "phone B"}, "carrier")
DRAWING = Drawing(
    (Lane("phone B", PHONE_B), Lane("carrier", CARRIER), Lane("GW outside", GATEWAY_OUTSIDE),
     Lane("GW inside", GATEWAY_INSIDE), Lane("phone A", PHONE_A)),
    (Point("phone-b", {PHONE_B: "phone B", GATEWAY_OUTSIDE: "GW outside"}, "carrier"), OUTSIDE, INSIDE))
INWARDS_TITLE = "inwards through the gateway, B calls the office and both hear one another"
OUTWARDS_TITLE = "outwards through the gateway, A calls B and both hear one another"


@dataclass(frozen=True)
class Office:
    """The gateway at work and the telephones of both sides, registered."""

    place: Place
    gateway: Server
    a: Party
    b: Party

    def play_inwards(self, verdict: Verdict) -> None:
        """B dials the office's number; A, whose extension has that DID, answers and hangs up."""
        self._judge(verdict, converse(self.place.capture, self.b, self.a, OFFICE_LINE.number, ender=self.a))

    def play_outwards(self, verdict: Verdict) -> None:
        """A dials B's number; B hangs up."""
        self._judge(verdict, converse(self.place.capture, self.a, self.b, LINE_OF_B.number, ender=self.b))

    def _judge(self, verdict: Verdict, conversation: Conversation) -> None:
        for speaker, hearer in ((self.b, self.a), (self.a, self.b)):
            direction = conversation.measure(speaker, hearer)
            verdict.claim(direction.is_heard, direction.sentence())
            verdict.voices.append(direction.in_short())
        for point, own in ((OUTSIDE, GATEWAY_OUTSIDE), (INSIDE, GATEWAY_INSIDE)):
            judge_addresses(verdict, conversation, point, own)
        for point, words, meant in (
                (OUTSIDE, (*PRIVATE_WORDS, socket.gethostname()), "the office"),
                (INSIDE, CARRIER_WORDS, "the carrier's side")):
            judge_border(verdict, conversation, point, words, meant)
        left = wait_until(lambda: self.gateway.show("show calls") == [] or None, 5, "no call left at the gateway")
        verdict.claim(left is not None, "after the BYE the gateway has no call left")


def judge_addresses(verdict: Verdict, conversation: Conversation, point: Point, own: str) -> None:
    """Whatever the gateway sends on this side has this side's address where addresses stand (figure 7)."""
    sent = [sighting for sighting in sightings(conversation.capture, [point], conversation.began)
            if sighting.source.startswith("GW")]
    named = {address for sighting in sent for address in addresses_in(sighting)}
    verdict.claim(named == {own}, f"Via, Contact and SDP of {len(sent)} messages it sends to {point.others} name "
                                  f"{', '.join(sorted(named)) or 'nobody'}")


def addresses_in(sighting: SipSighting) -> set[str]:
    """IPv4 addresses of the gateway's own making: its Via in requests, its Contact, o= and c= of the session."""
    head, _, body = sighting.payload.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n")[1:]
             if re.match(rb"(?:Contact|m)\s*:" if sighting.is_response else rb"(?:Via|v|Contact|m)\s*:", line,
                         re.IGNORECASE)]
    lines += [line for line in body.split(b"\r\n") if line[:2] in (b"o=", b"c=")]
    return {found.decode() for line in lines for found in re.findall(rb"\d+\.\d+\.\d+\.\d+", line)}


def judge_border(verdict: Verdict, conversation: Conversation, point: Point, words: tuple[str, ...],
                 meant: str) -> None:
    """Nothing of the other side in any octet that passed here during the call."""
    foreign = find_foreign(conversation.capture, point.name, words, conversation.began)
    frames, size = count_octets(conversation.capture, point.name, conversation.began)
    verdict.claim(frames > 0 and not foreign,
                  f"nothing of {meant} in {frames} packets ({size} octets) at {point.name}" if not foreign else
                  f"{len(foreign)} times something of {meant} at {point.name}: {'; '.join(foreign[:3])}")


@contextmanager
def open_office(place: Place) -> Iterator[Office]:
    """The NAT router is unplugged, the gateway takes its place; ready once everybody is registered."""
    for device in ("lan", "wan"):
        place.network.unplug(place.host["nat"], device)
    place.network.unroute(place.host["phone-a"])
    gateway = Server(place.folder / "gateway", GATEWAY_INSIDE, namespace=place.host["gateway"])
    gateway.config.write_text(CONFIGURATION)
    phone_a, phone_c = (desk_phone(place, name, address, number) for name, address, number in
                        (("phone-a", PHONE_A, "201"), ("phone-c", PHONE_C, "202")))
    with gateway, phone_a, phone_c, place.phone_b() as phone_b:
        for phone in (phone_a, phone_c, phone_b):
            phone.wait_registered()
        wait_until(lambda: is_trunk_registered(place), 20, "the gateway registered with the carrier")
        yield Office(place, gateway, Party("A", phone_a, "phone-a", place.voice("phone-a")),
                     Party("B", phone_b, "phone-b", place.voice("phone-b")))


def desk_phone(place: Place, name: str, address: str, number: str) -> Baresip:
    return place.phone(name, address, Account(number, DESK_SECRETS[number], GATEWAY_INSIDE, domain=DOMAIN,
                                              username=DESK_USERNAMES[number]))


def is_trunk_registered(place: Place) -> bool:
    """Seen on the wire: the carrier's 200 to a REGISTER."""
    return any(not datagram.is_sent and datagram.payload.startswith(b"SIP/2.0 200")
               and re.search(rb"^CSeq\s*:\s*\d+\s+REGISTER", datagram.payload, re.IGNORECASE | re.MULTILINE)
               for datagram in place.capture.datagrams("gateway-outside"))
