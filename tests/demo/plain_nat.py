# SPDX-License-Identifier: Apache-2.0
"""Step 1, figure 8: a phone behind a plain NAT router is called, and does not hear who calls it."""

import ipaddress

from tests.demo.conversation import TALK_PACKETS, Conversation, Direction, Party, converse
from tests.demo.observation import Lane, Point, sightings
from tests.demo.place import CARRIER, NAT_INSIDE, NAT_OUTSIDE, OFFICE_LINE, PHONE_A, PHONE_B, Place, carrier_account
from tests.demo.report import Drawing, Verdict

AT_PHONE_B = Point("phone-b", {PHONE_B: "phone B", NAT_OUTSIDE: "NAT router", CARRIER: "carrier"}, "carrier")
DRAWING = Drawing(
    (Lane("phone A", PHONE_A), Lane("NAT router", f"{NAT_INSIDE} inside, {NAT_OUTSIDE} outside"),
     Lane("carrier", CARRIER), Lane("phone B", PHONE_B)),
    (Point("phone-a", {PHONE_A: "phone A"}, "NAT router"),
     Point("nat-outside", {NAT_OUTSIDE: "NAT router", CARRIER: "carrier", PHONE_B: "phone B"}, "carrier"),
     AT_PHONE_B))
TITLE = "behind a plain NAT the phone rings, but does not hear its caller"


def play_plain_nat(place: Place, verdict: Verdict) -> None:
    """B calls A, who is registered with the carrier through the NAT router."""
    phone_a = place.phone("phone-a", PHONE_A, carrier_account(OFFICE_LINE))
    with phone_a, place.phone_b() as phone_b:
        a = Party("A", phone_a, "phone-a", place.voice("phone-a"))
        b = Party("B", phone_b, "phone-b", place.voice("phone-b"))
        phone_a.wait_registered()
        phone_b.wait_registered()
        conversation = converse(place.capture, b, a, OFFICE_LINE.number, ender=a)
    carried = addresses_of_answer(conversation)
    verdict.claim(carried.count(PHONE_A) == 2, f"A's 200 reached B as A wrote it: {carried}")
    outwards, inwards = conversation.measure(a, b), conversation.measure(b, a)
    verdict.voices += [outwards.in_short(), inwards.in_short()]
    verdict.claim(outwards.is_heard, outwards.sentence())
    verdict.claim(inwards.sent >= TALK_PACKETS and not inwards.arrived and is_aimed_inside(inwards),
                  f"{inwards.sentence()}; no router outside knows that address")


def addresses_of_answer(conversation: Conversation) -> str:
    """The addresses in the 200 as B received it."""
    return next((sighting.addresses() for sighting in sightings(conversation.capture, [AT_PHONE_B], conversation.began)
                 if sighting.label.startswith("200") and sighting.cseq_method == "INVITE"), "no 200")


def is_aimed_inside(direction: Direction) -> bool:
    """Whether every packet went to an address that means nothing outside its own network (RFC 1918)."""
    hosts = [one.rpartition(":")[0] for one in direction.aimed_at.split(", ")]
    return all(host and ipaddress.ip_address(host).is_private for host in hosts)
