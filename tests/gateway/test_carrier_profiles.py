# SPDX-License-Identifier: Apache-2.0
"""Each carrier profile as its carrier sees it."""

from itertools import pairwise

import pytest

from appliance.call.line import Dial, Refused
from appliance.call.party import Party
from appliance.config.sections.trunk import PROFILE
from appliance.gateway.carrier_profiles import PROFILES
from appliance.native.sip_scanner import Message
from tests.gateway.test_codec_filter import OFFER
from tests.gateway.virtual_gateway import CARRIER, OFFICE_LINE, GatewayBox, join_carrier

PRIVATE = Party(b"201", b"Tanaka Reception", is_private=True)
HIKARI = """\
set trunk hikari listener wan
set trunk hikari registrar sip:198.51.100.1
set trunk hikari domain ntt-east.ne.jp
set trunk hikari number 0312340000
set trunk hikari did 0312340000 to 201
set trunk hikari did 0312340009 to 202
set trunk hikari profile hikari-direct
set route outside prefix 0
set route outside trunk hikari
set emergency none
"""


def begin(profile: str, *more: str) -> GatewayBox:
    return join_carrier(CARRIER + f"set trunk carrier profile {profile}\n", *more)[0].start()


def test_the_configuration_knows_every_profile_and_no_other():
    assert set(PROFILE.kind.choices) == set(PROFILES)
    assert all(name == profile.name for name, profile in PROFILES.items())


@pytest.mark.parametrize("dialled", ["05033334444", "18405033334444", "0120444444", "117"])
def test_generic_sends_what_was_dialled_and_offers_what_the_phone_offers(dialled):
    box = begin("generic", "set route services prefix 1\nset route services trunk carrier\n")
    invite = box.call(dialled, offer=OFFER)
    assert invite.uri == b"sip:%s@carrier.test" % dialled.encode()
    assert invite.to_uri == invite.uri
    assert invite.from_uri == b"sip:05011112222@carrier.test"
    assert invite.body == OFFER
    assert invite.header(b"Privacy") is None
    assert invite.header(b"P-Preferred-Identity") is None


def test_generic_honours_a_phones_own_wish_for_privacy():
    invite = begin("generic").call("05033334444", b"201", PRIVATE)
    assert invite.from_value.startswith(b'"Anonymous" <sip:anonymous@anonymous.invalid>;tag=')
    assert invite.header(b"Privacy") == b"id"
    assert invite.header(b"P-Preferred-Identity") == b"<sip:05011112222@carrier.test>"


def test_an_extension_with_a_number_of_its_own_calls_under_it():
    assert begin("generic").call("05033334444", b"202").from_uri == b"sip:0312345678@carrier.test"


def test_050_turns_184_and_186_into_privacy():
    box = begin("jp-050", "set route privacy prefix 18\nset route privacy trunk carrier\n")
    withheld = box.call("18405033334444")
    assert withheld.uri == b"sip:05033334444@carrier.test"
    assert withheld.from_uri == b"sip:anonymous@anonymous.invalid"
    assert withheld.header(b"Privacy") == b"id"
    assert withheld.header(b"P-Preferred-Identity") == b"<sip:05011112222@carrier.test>"
    shown = box.call("18605033334444", b"201", PRIVATE)
    assert shown.uri == b"sip:05033334444@carrier.test"
    assert shown.from_uri == b"sip:05011112222@carrier.test"
    assert shown.header(b"Privacy") is None


def test_050_writes_numbers_nationally_and_offers_plain_g711():
    box = begin("jp-050", 'set route plus prefix "+"\nset route plus trunk carrier\n')
    invite = box.call("+815033334444", offer=OFFER)
    assert invite.uri == b"sip:05033334444@carrier.test"
    assert b"m=audio 30000 RTP/AVP 0 8 101\r\n" in invite.body
    assert b"a=ptime:20\r\n" in invite.body


def test_hikari_registers_its_domain_at_the_server_without_digest():
    box, carrier = join_carrier(HIKARI)
    box.start()
    register = carrier.registers[0]
    assert register.uri == b"sip:ntt-east.ne.jp"
    assert register.to_uri == b"sip:0312340000@ntt-east.ne.jp"
    assert register.contact == b"<sip:0312340000@203.0.113.5:5060>"
    assert register.expires == 3600
    assert not register.has_credentials
    assert box.trunk("hikari").link.is_up(box.now)


def test_hikari_calls_name_the_server_and_offer_pcmu_alone():
    box, _ = join_carrier(HIKARI)
    box.start()
    invite = box.call("09012345678", offer=OFFER)
    assert invite.uri == b"sip:09012345678@198.51.100.1"
    assert invite.to_uri == b"sip:09012345678@ntt-east.ne.jp"
    assert b"m=audio 30000 RTP/AVP 0\r\n" in invite.body
    assert b"telephone-event" not in invite.body
    assert box.trunk("hikari").dscp == 32


def test_hikari_withholds_by_digits():
    box, _ = join_carrier(HIKARI)
    box.start()
    invite = box.call("09012345678", b"201", PRIVATE)
    assert invite.uri == b"sip:18409012345678@198.51.100.1"
    assert invite.header(b"Privacy") is None
    assert invite.from_uri == b"sip:0312340000@ntt-east.ne.jp"


def test_hikari_is_sent_no_more_calls_a_second_than_it_takes():
    box, _ = join_carrier(HIKARI)
    box.start()
    trunk = box.trunk("hikari")
    turns = [trunk.take_turn(box.now) for _ in range(5)]
    assert turns[0] == 0.0
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(turns))
    assert isinstance(box.dial("09012345678"), Refused)
    box.network.run(1.1)
    assert isinstance(box.dial("09012345678"), list)
    box.network.run(10)
    assert trunk.take_turn(box.now) == 0.0


def test_hikari_reads_the_number_that_was_called_in_to():
    box, _ = join_carrier(HIKARI)
    box.start()
    request = Message(b"INVITE sip:0312340000@203.0.113.5 SIP/2.0\r\nv: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1\r\n"
                      b"f: <sip:0399998888@ntt-east.ne.jp>;tag=1\r\nt: <sip:0312340009@ntt-east.ne.jp>\r\ni: 1\r\n"
                      b"CSeq: 1 INVITE\r\nl: 0\r\n\r\n")
    assert box.trunk("hikari").read_dial(request).dialled == b"0312340009"


def test_names_of_people_stay_inside_unless_a_profile_says_otherwise():
    assert b"Tanaka" not in begin("generic").call("05033334444").data
    box = begin("generic")
    box.trunk().habits = PROFILES["generic"]._replace(shows_names=True)
    assert b'From: "Tanaka Reception" <sip:05011112222@carrier.test>' in box.call("05033334444").data


def test_who_forwards_a_call_is_named_where_the_profile_wants_it():
    box = begin("generic")
    trunk = box.trunk()
    forwarded = Dial(b"09012345678", b"sip:09012345678@office.test", trunk, Party(b"05033334444"), b"202")
    own = Dial(b"09012345678", b"sip:09012345678@office.test", OFFICE_LINE, Party(b"202"), b"202")

    def lines_of(dial: Dial) -> bytes:
        return trunk.draft_invite(trunk.write_destination("09012345678"), dial, b"").lines

    assert b"Diversion" not in lines_of(forwarded)
    trunk.habits = trunk.habits._replace(has_diversion=True)
    assert b"Diversion: <sip:0312345678@carrier.test>;reason=unknown\r\n" in lines_of(forwarded)
    assert b"Diversion" not in lines_of(own)
