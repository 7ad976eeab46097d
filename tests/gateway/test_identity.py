# SPDX-License-Identifier: Apache-2.0
"""Who calls: what goes out to carriers and what is read from them (RFC 3323, RFC 3325)."""

import pytest

from appliance.call.party import Party
from appliance.gateway.carrier_profiles import PROFILES
from appliance.gateway.carrier_profiles.carrier_profile import CarrierProfile, IdentityHeader
from appliance.gateway.identity import read_caller, write_identity
from appliance.gateway.translation import Translator
from appliance.native.sip_scanner import Message

OWN = b"sip:05011112222@carrier.test"
GENERIC = PROFILES["generic"]


def invite(caller: bytes, *lines: bytes) -> Message:
    """An INVITE of a carrier with these header lines."""
    return Message(b"".join([
        b"INVITE sip:05011112222@203.0.113.5 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1\r\n",
        b"From: %s;tag=1\r\nTo: <sip:05011112222@carrier.test>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" % caller,
        *[line + b"\r\n" for line in lines], b"Content-Length: 0\r\n\r\n"]))


def read(caller: bytes, *lines: bytes, profile: CarrierProfile = GENERIC, country: str = "jp") -> Party:
    return read_caller(invite(caller, *lines), profile, Translator(country))


def test_a_shown_caller_stands_in_from_alone_where_nothing_else_is_wanted():
    assert write_identity(OWN, b"", False, GENERIC) == (b"<%s>" % OWN, b"")


def test_a_withheld_caller_is_anonymous_in_from_and_known_to_the_network():
    presented = write_identity(OWN, b"", True, GENERIC)
    assert presented.from_value == b'"Anonymous" <sip:anonymous@anonymous.invalid>'
    assert presented.lines == b"P-Preferred-Identity: <%s>\r\nPrivacy: id\r\n" % OWN


def test_the_profile_says_which_identity_header_it_wants():
    preferred = write_identity(OWN, b"", False, PROFILES["jp-050"])
    assert preferred.lines == b"P-Preferred-Identity: <%s>\r\n" % OWN
    asserted = write_identity(OWN, b"", False, GENERIC._replace(identity=IdentityHeader.ASSERTED))
    assert asserted.lines == b"P-Asserted-Identity: <%s>\r\n" % OWN


def test_a_name_is_quoted():
    assert write_identity(OWN, b'a "b" \r\nX: y', False, GENERIC).from_value == b'"a \\"b\\"   X: y" <%s>' % OWN


def test_the_asserted_identity_counts_more_than_from():
    party = read(b'"Shown" <sip:05099998888@carrier.test>',
                 b'P-Asserted-Identity: "Net" <sip:+81312345678@carrier.test>')
    assert party == Party(b"0312345678", b"Net")


def test_a_tel_uri_is_an_identity_as_well():
    party = read(b"<sip:x@y>", b"P-Asserted-Identity: <tel:+81-3-1234-5678>")
    assert party.number == b"0312345678"


def test_from_is_read_where_nothing_is_asserted():
    assert read(b'"Sato" <sip:+819012345678@carrier.test>') == Party(b"09012345678", b"Sato")
    assert read(b"<sip:alice@carrier.test>") == Party(b"alice", b"")


def test_remote_party_id_is_believed_by_profile_alone():
    line = b"Remote-Party-ID: <sip:0312345678@carrier.test>;party=calling;screen=yes"
    assert read(b"<sip:05099998888@carrier.test>", line).number == b"05099998888"
    trusting = GENERIC._replace(trusts_remote_party=True)
    assert read(b"<sip:05099998888@carrier.test>", line, profile=trusting).number == b"0312345678"
    hidden = read(b"<sip:05099998888@carrier.test>", line + b";privacy=full", profile=trusting)
    assert hidden == Party(b"", "非通知".encode(), True)


@pytest.mark.parametrize("lines", [[b"Privacy: id"], [b"Privacy: header;user;id"], [b"Privacy: none, id"]])
def test_a_number_that_is_not_to_be_shown_does_not_come_in_at_all(lines):
    party = read(b'"Anonymous" <sip:anonymous@anonymous.invalid>',
                 b"P-Asserted-Identity: <sip:0312345678@carrier.test>", *lines)
    assert party == Party(b"", "非通知".encode(), True)


@pytest.mark.parametrize(("caller", "shown"), [
    (b'"Anonymous" <sip:anonymous@anonymous.invalid>', "非通知"),
    (b"<sip:anonymous@anonymous.invalid>", "非通知"),
    (b'"Payphone" <sip:anonymous@anonymous.invalid>', "公衆電話"),
    (b'"Unavailable" <sip:unavailable@carrier.test>', "表示圏外"),
    (b'"Something else" <sip:anonymous@carrier.test>', "Something else"),
])
def test_why_there_is_no_number_is_said_as_people_know_it(caller, shown):
    assert read(caller) == Party(b"", shown.encode(), True)


def test_other_countries_keep_the_words_of_their_network():
    assert read(b'"Withheld" <sip:anonymous@anonymous.invalid>', country="gb").name == b"Withheld"
    assert read(b"<sip:anonymous@anonymous.invalid>", country="gb").name == b"Anonymous"
