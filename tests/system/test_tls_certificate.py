# SPDX-License-Identifier: Apache-2.0
"""Certificates read from what openssl makes, names matched as RFC 5922 says, refusals in words."""

import ssl
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.system.tls_certificate import Certificate, read_der_certificate, read_pem_certificate
from appliance.system.tls_identity import explain_refusal, is_made_out_to
from tests.system.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def certificate(subject="", dns=(), uris=(), addresses=(), ends_at=4e9, is_self_signed=False):
    return Certificate(subject, "Office CA", 1e9, ends_at, dns, uris, addresses, is_self_signed)


def test_everything_is_read_as_openssl_wrote_it(authority):
    names = "DNS:office.test,DNS:*.office.test,URI:sip:office.test,IP:192.0.2.7,IP:2001:db8::7"
    files = authority.issue("事務所", names, starts="20200229010203Z", ends="20510102030405Z", file="whole")
    read = read_pem_certificate(files.certificate.read_bytes())
    assert read.subject == "事務所"
    assert read.issuer == "Office CA"
    assert read.dns_names == ("office.test", "*.office.test")
    assert read.uris == ("sip:office.test",)
    assert read.addresses == ("192.0.2.7", "2001:db8::7")
    assert datetime.fromtimestamp(read.starts_at, UTC) == datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC)
    assert datetime.fromtimestamp(read.ends_at, UTC) == datetime(2051, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert not read.is_self_signed


def test_self_signed_is_seen(authority):
    files = authority.issue("lonely", is_self_signed=True)
    assert read_pem_certificate(files.certificate.read_bytes()).is_self_signed


def test_without_alternative_names_the_common_name_is_the_name(authority):
    read = read_pem_certificate(authority.issue("plain.test").certificate.read_bytes())
    assert read.names == ("plain.test",)


@pytest.mark.parametrize("octets", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_a_peer_error(octets):
    with pytest.raises(PeerError):
        read_pem_certificate(octets)


@given(st.data())
def test_damaged_octets_never_raise_anything_else(authority, data):
    der = bytearray(ssl.PEM_cert_to_DER_cert(authority.certificate.read_text()))
    for _ in range(data.draw(st.integers(1, 8))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    octets = bytes(der[:data.draw(st.integers(0, len(der)))])
    try:
        read_der_certificate(octets)
    except PeerError:
        pass


@pytest.mark.parametrize(("shown", "expected", "is_it"), [
    (certificate(dns=("office.test",)), "office.test", True),
    (certificate(dns=("Office.TEST",)), "office.test", True),
    (certificate(dns=("sip.office.test",)), "office.test", False),
    (certificate(dns=("*.office.test",)), "sip.office.test", False),                    # 7.2: no wildcards
    (certificate(uris=("sip:office.test",), dns=("host.test",)), "office.test", True),
    (certificate(uris=("sip:office.test",), dns=("host.test",)), "host.test", False),   # 7.1: URIs go before names
    (certificate(uris=("sip:bob@office.test",)), "office.test", False),                 # a user's, not the domain's
    (certificate(uris=("https://office.test",), dns=("office.test",)), "office.test", True),
    (certificate(subject="office.test"), "office.test", True),
    (certificate(subject="office.test", dns=("other.test",)), "office.test", False),
    (certificate(addresses=("192.0.2.7",)), "192.0.2.7", True),
    (certificate(addresses=("2001:db8::7",)), "2001:db8:0::7", True),
    (certificate(subject="192.0.2.7", dns=("192.0.2.7",)), "192.0.2.7", False),
])
def test_whom_a_certificate_is_made_out_to(shown, expected, is_it):
    assert is_made_out_to(shown, expected) is is_it


@pytest.mark.parametrize(("shown", "verdict", "words"), [
    (certificate(ends_at=1.6e9), "certificate has expired", "expired on 2020-09-13"),
    (certificate(dns=("a.test", "b.test")), "", "name mismatch: expected office.test, has a.test, b.test"),
    (certificate(), "", "name mismatch: expected office.test, has no name"),
    (certificate("pbx", is_self_signed=True), "self-signed certificate",
     "self-signed (pbx); `set sip tls ca FILE` with this certificate trusts it"),
    (certificate(), "unable to get local issuer certificate",
     "unable to get local issuer certificate (issued by Office CA); `set sip tls ca FILE` names whom to trust"),
])
def test_why_a_certificate_was_refused_is_said_in_words(shown, verdict, words):
    assert explain_refusal(shown, "office.test", verdict, 1.7e9) == words


def test_a_certificate_from_the_future_asks_for_the_clock():
    assert explain_refusal(certificate(), "a.test", "not yet valid", 9e8).startswith("not valid before 2001-09-09")
