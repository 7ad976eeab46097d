# SPDX-License-Identifier: Apache-2.0
"""Whose an INVITE is. Knowing a number of ours makes nobody a carrier."""

import hashlib

import pytest

from appliance.gateway.inbound_account import Challenged
from appliance.native.sip_scanner import Message
from appliance.sip.flow import TCP, Flow, Listener, Side
from tests.gateway.virtual_gateway import CARRIER, join_carrier

NUMBER = b"sip:05011112222@203.0.113.5"
STRANGER = (b"198.51.100.77", 5060)
STATIC = "set trunk fixed listener wan\nset trunk fixed peer 198.51.100.9:5070\n"


@pytest.fixture
def joined():
    box, carrier = join_carrier(CARRIER + STATIC)
    box.start()
    return box, carrier


def test_a_call_to_the_registered_contact_is_the_carriers_from_wherever_it_comes(joined):
    box, carrier = joined
    contact = carrier.registers[0].contact_uri
    assert carrier.send_invite(box, contact) is box.trunk()
    assert carrier.send_invite(box, contact, source=STRANGER) is box.trunk()


def test_a_call_from_the_registrar_is_the_carriers_also_without_the_contacts_word(joined):
    box, carrier = joined
    assert carrier.send_invite(box, NUMBER) is box.trunk()


def test_another_port_of_the_registrars_host_is_the_carrier_when_it_calls_one_of_its_numbers(joined):
    box, carrier = joined
    assert carrier.send_invite(box, NUMBER, source=(b"198.51.100.1", 6000)) is box.trunk()
    assert carrier.send_invite(box, b"sip:201@203.0.113.5", source=(b"198.51.100.1", 6000)) is None


def test_a_stranger_who_knows_the_number_is_nobody(joined):
    box, carrier = joined
    assert carrier.send_invite(box, NUMBER, source=STRANGER) is None
    assert carrier.send_invite(box, NUMBER + b";line=0123456789abcdef01234567", source=STRANGER) is None


def test_the_word_is_worth_nothing_on_another_listener(joined):
    box, carrier = joined
    contact = carrier.registers[0].contact_uri
    assert carrier.send_invite(box, contact, source=STRANGER, listener=b"office") is None


def test_the_word_is_in_no_invite_of_ours(joined):
    box, carrier = joined
    word = box.trunk().token
    assert word in carrier.registers[0].data
    assert word not in box.call("05033334444").data


def test_a_static_trunk_is_known_by_address_and_port(joined):
    box, carrier = joined
    assert carrier.send_invite(box, NUMBER, source=(b"198.51.100.9", 5070)) is box.trunk("fixed")
    assert carrier.send_invite(box, NUMBER, source=(b"198.51.100.9", 5071)) is None


@pytest.mark.parametrize(("via_port", "name"), [(5070, "fixed"), (5071, "")])
def test_a_static_trunk_on_a_connection_of_its_own_is_known_by_where_it_is_reached(joined, via_port, name):
    box, _carrier = joined
    via = b"Via: SIP/2.0/TCP 198.51.100.9:%d;branch=z9hG4bKt" % via_port
    request = Message(b"\r\n".join([
        b"INVITE %s SIP/2.0" % NUMBER, via, b"From: <sip:05033334444@carrier.test>;tag=1", b"To: <%s>" % NUMBER,
        b"Call-ID: t", b"CSeq: 1 INVITE", b"Max-Forwards: 70", b"Contact: <sip:198.51.100.9>", b"Content-Length: 0",
        b"", b""]), b"198.51.100.9", 40001, True)
    flow = Flow(Listener("wan", TCP, b"203.0.113.5", 5060, Side.PUBLIC), b"198.51.100.9", 40001)
    found = box.gateway.identify(request, flow, box.now)
    assert found is (box.trunk(name) if name else None)


def test_two_accounts_with_one_carrier_are_told_apart_by_their_numbers():
    second = CARRIER.replace("trunk carrier", "trunk second").replace("05011112222", "05099998888") \
        .replace("0312345678", "0388888888").split("set route")[0]
    box, carrier = join_carrier(CARRIER + second)
    box.start()
    assert carrier.send_invite(box, NUMBER) is box.trunk("carrier")
    assert carrier.send_invite(box, b"sip:05099998888@203.0.113.5") is box.trunk("second")


def test_a_carrier_with_an_account_proves_itself_by_digest():
    box, carrier = join_carrier(CARRIER + "set trunk carrier inbound-username theirs\n"
                                          "set trunk carrier inbound-secret their-secret\n")
    box.start()
    challenged = carrier.send_invite(box, NUMBER, source=STRANGER)
    assert isinstance(challenged, Challenged)
    assert challenged.status == 401
    nonce = challenged.lines.partition(b'nonce="')[2].partition(b'"')[0]

    def answer(secret: bytes) -> bytes:
        def digest(text: bytes) -> bytes:
            return hashlib.md5(text).hexdigest().encode()
        response = digest(b"%s:%s:00000001:c:auth:%s" % (
            digest(b"theirs:carrier.test:" + secret), nonce, digest(b"INVITE:" + NUMBER)))
        return (b'Authorization: Digest username="theirs", realm="carrier.test", nonce="%s", uri="%s", cnonce="c", '
                b'nc=00000001, qop=auth, response="%s"\r\n' % (nonce, NUMBER, response))

    assert isinstance(carrier.send_invite(box, NUMBER, answer(b"wrong"), source=STRANGER), Challenged)
    assert carrier.send_invite(box, NUMBER, answer(b"their-secret"), source=STRANGER) is box.trunk()
    replayed = carrier.send_invite(box, NUMBER, answer(b"their-secret"), source=STRANGER)
    assert isinstance(replayed, Challenged)


def test_guesses_of_one_source_get_no_verdict_for_a_while():
    box, carrier = join_carrier(CARRIER + "set trunk carrier inbound-username theirs\n"
                                          "set trunk carrier inbound-secret their-secret\n")
    box.start()

    def attempt(secret: bytes):
        nonce = carrier.send_invite(box, NUMBER, source=STRANGER).lines.partition(b'nonce="')[2].partition(b'"')[0]
        ha1 = hashlib.md5(b"theirs:carrier.test:" + secret).hexdigest().encode()
        ha2 = hashlib.md5(b"INVITE:" + NUMBER).hexdigest().encode()
        response = hashlib.md5(b"%s:%s:%s" % (ha1, nonce, ha2)).hexdigest().encode()
        return carrier.send_invite(box, NUMBER, b'Authorization: Digest username="theirs", realm="carrier.test", '
                                   b'nonce="%s", uri="%s", response="%s"\r\n' % (nonce, NUMBER, response),
                                   source=STRANGER)

    for guess in range(5):
        assert isinstance(attempt(b"guess %d" % guess), Challenged)
    assert isinstance(attempt(b"their-secret"), Challenged)
    box.network.run(61)
    assert attempt(b"their-secret") is box.trunk()


def test_an_account_of_a_carrier_is_none_on_another_listener():
    box, carrier = join_carrier(CARRIER + "set trunk carrier inbound-username theirs\n"
                                          "set trunk carrier inbound-secret their-secret\n")
    box.start()
    assert carrier.send_invite(box, NUMBER, source=STRANGER, listener=b"office") is None


def test_strangers_with_another_from_are_left_to_the_office():
    box, carrier = join_carrier(CARRIER + "set trunk carrier inbound-username theirs\n"
                                          "set trunk carrier inbound-secret their-secret\n")
    box.start()
    assert carrier.send_invite(box, NUMBER, source=STRANGER, caller=b"<sip:201@office.test>") is None


PROXIED = STATIC + "set trunk fixed proxy sip:198.51.100.20:5080\nset trunk fixed did 0311110000 to 201\n"
SHARING = PROXIED + """\
set trunk other listener wan
set trunk other peer 198.51.100.10:5060
set trunk other proxy sip:198.51.100.20:5080
set trunk other did 0322220000 to 202
"""


def test_a_static_trunk_is_known_by_its_proxy_as_well_by_address_and_port():
    box, carrier = join_carrier(CARRIER + PROXIED)
    box.start()
    called, proxy = b"sip:0311110000@203.0.113.5", (b"198.51.100.20", 5080)
    assert carrier.send_invite(box, called, source=proxy) is box.trunk("fixed")
    assert carrier.send_invite(box, called, source=(b"198.51.100.9", 5070)) is box.trunk("fixed")
    assert carrier.send_invite(box, called, source=(b"198.51.100.20", 5081)) is None
    assert carrier.send_invite(box, called, source=proxy, listener=b"office") is None


def test_of_two_static_trunks_behind_one_proxy_the_number_says_whose_call_it_is():
    box, carrier = join_carrier(CARRIER + SHARING)
    box.start()
    by_proxy = (b"198.51.100.20", 5080)
    assert carrier.send_invite(box, b"sip:0322220000@203.0.113.5", source=by_proxy) is box.trunk("other")
    assert carrier.send_invite(box, b"sip:0311110000@203.0.113.5", source=by_proxy) is box.trunk("fixed")
