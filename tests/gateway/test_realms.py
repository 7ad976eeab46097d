# SPDX-License-Identifier: Apache-2.0
"""Whom the secret of a trunk is proved to, and who counts as one of its servers: its carrier, no far end of a call."""

import pytest

from appliance.ua.location import Hop
from tests.gateway.virtual_gateway import CARRIER, GatewayBox, join_carrier

SERVER, FAR_END = b"198.51.100.1:5060", b"198.51.100.77:5060"
FIXED = "set trunk fixed listener wan\nset trunk fixed peer 198.51.100.9:5060\nset trunk fixed username u\n" \
    "set trunk fixed secret fixed-secret\nset trunk fixed qualify 0\n"


@pytest.fixture
def box() -> GatewayBox:
    """Its carrier has asked for a digest at REGISTER, in realm "ims"."""
    made, carrier = join_carrier(CARRIER + FIXED)
    carrier.answers.append((401, b'WWW-Authenticate: Digest realm="ims", nonce="first"\r\n'))
    made.start()
    assert b'realm="ims"' in carrier.registers[1].data
    return made


def answers(box: GatewayBox, realm: bytes, place: bytes = SERVER, method: bytes = b"INVITE", *,
            is_in_dialog: bool = False, trunk: str = "carrier") -> bool:
    """Whether this challenge gets a digest."""
    exchange = box.trunk(trunk).core.digest.open_exchange()
    exchange.place, exchange.is_in_dialog = place, is_in_dialog
    credentials = exchange.answer_challenges([], [b'Digest realm="%s", nonce="n"' % realm], method, b"sip:a@b")
    assert credentials == b"" or b'realm="%s"' % realm in credentials
    return bool(credentials)


def test_the_realm_that_the_registrar_has_named_is_answered(box):
    assert answers(box, b"ims")
    assert answers(box, b"ims", method=b"BYE", is_in_dialog=True)
    assert answers(box, b"carrier.test")    # the domain of the account


def test_nobody_but_the_trunks_servers_gets_a_digest(box):
    for realm in (b"ims", b"carrier.test", b"evil"):
        for method, is_in_dialog in ((b"BYE", True), (b"INVITE", False), (b"REGISTER", False)):
            assert not answers(box, realm, FAR_END, method, is_in_dialog=is_in_dialog)


def test_a_far_end_whose_challenge_the_carrier_passes_on_gets_none(box):
    assert not answers(box, b"evil")
    assert not answers(box, b"evil", method=b"BYE", is_in_dialog=True)
    assert not answers(box, b"evil", method=b"OPTIONS", is_in_dialog=True)


def test_a_realm_that_the_registrar_takes_anew_is_learnt(box):
    assert answers(box, b"new-ims", method=b"REGISTER")
    assert answers(box, b"new-ims")


def test_a_static_trunks_realm_is_that_of_the_first_challenge_to_a_call(box):
    trunk, place = box.trunk("fixed"), b"198.51.100.9:5060"
    trunk.servers(Hop(b"sip:198.51.100.9", 500), lambda *found: None, box.now)
    assert not answers(box, b"evil", place, b"BYE", is_in_dialog=True, trunk="fixed")
    assert answers(box, b"theirs", place, trunk="fixed")
    assert not answers(box, b"evil", place, trunk="fixed")
    assert answers(box, b"theirs", place, b"BYE", is_in_dialog=True, trunk="fixed")


def test_a_hop_that_the_far_end_has_named_makes_no_server(box):
    servers = box.trunk().servers
    found = []
    servers(Hop(b"sip:x@198.51.100.77", 500, None, True), lambda flows, verdict, now: found.extend(flows), box.now)
    servers.note_answer(found[0])
    assert not servers.is_server(found[0])
    assert not servers.is_beside_server(found[0])
    assert servers.preferred == (b"198.51.100.1", 5060)
    servers(Hop(b"sip:198.51.100.77", 500), lambda *found: None, box.now)     # where the carrier's DNS leads
    assert servers.is_server(found[0])
