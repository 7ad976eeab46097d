# SPDX-License-Identifier: Apache-2.0
"""Challenges as they are written and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.sip.digest.algorithm import MD5, SHA_256
from appliance.sip.digest.challenge import ReceivedChallenge, challenge_value, read_parameters


def test_a_challenge_quotes_what_rfc_7616_wants_quoted():
    assert challenge_value(b"office.test", b"n1", SHA_256, is_stale=True, opaque=b"o") == (
        b'Digest realm="office.test", nonce="n1", algorithm=SHA-256, qop="auth", stale=true, opaque="o"')


def test_a_fresh_challenge_says_nothing_of_stale():
    assert b"stale" not in challenge_value(b"office.test", b"n1", MD5)


@given(st.binary(min_size=1, max_size=40).filter(lambda octets: all(octet >= 32 and octet != 127 for octet in octets)),
       st.booleans())
def test_what_a_server_writes_a_client_reads(realm, is_stale):
    read = ReceivedChallenge(challenge_value(realm, b"n1", MD5, is_stale, b"o"))
    assert (read.realm, read.nonce, read.algorithm, read.has_stale, read.opaque, read.qop) == (
        realm, b"n1", MD5, is_stale, b"o", b"auth")


def test_the_challenges_of_rfc_7616_are_read():
    read = ReceivedChallenge(b'Digest\r\n realm="http-auth@example.org",\r\n qop="auth, auth-int",\r\n '
                             b'algorithm=SHA-256,\r\n nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",\r\n '
                             b'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"')
    assert (read.realm, read.algorithm, read.qops) == (b"http-auth@example.org", SHA_256, (b"auth", b"auth-int"))
    assert read.nonce == b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"


@pytest.mark.parametrize(("parameters", "is_answerable", "qop"), [
    (b"", True, b""), (b', qop="auth"', True, b"auth"), (b", qop=auth", True, b"auth"),
    (b', qop="auth-int"', True, b"auth-int"), (b', qop="new,AUTH"', True, b"auth"), (b', qop="new"', False, None),
    (b", algorithm=SHA-1", False, b""), (b", algorithm=MD5-sess", False, b""),
    (b', algorithm="MD5-sess", qop="auth"', True, b"auth"), (b', STALE=TRUE, domain="sip:x sip:y"', True, b"")])
def test_what_we_do_not_know_cannot_be_answered(parameters, is_answerable, qop):
    read = ReceivedChallenge(b'Digest realm="r", nonce="n"' + parameters)
    assert (read.is_answerable, read.qop) == (is_answerable, qop)


@pytest.mark.parametrize("value", [
    b"", b"Basic realm=x", b"Digest", b'Digest realm="x"', b'Digest realm="x", nonce=""', b'Digest nonce="x"',
    b'Digest realm="x", realm="x", nonce="y"', b'Digest realm="x, nonce="y"', b'Digest realm="x" nonce="y"',
    b'Digest realm="x", nonce="y\x00"', b'Digest realm="x", nonce'])
def test_what_is_no_challenge_is_refused(value):
    with pytest.raises(PeerError):
        ReceivedChallenge(value)


@given(st.binary(max_size=80))
def test_any_octets_are_read_or_refused(octets):
    for value in (octets, b"Digest " + octets, b'Digest realm="x", nonce="y"' + octets):
        try:
            ReceivedChallenge(value)
        except PeerError:
            continue


def test_a_long_line_of_rubbish_is_refused_at_once():
    """No backtracking: 8 KiB, the longest line taken, in a moment."""
    for unit in (b"a=", b'"', b"\\", b'a="b\\', b" ", b",", b"a ", b'a="'):
        try:
            read_parameters(unit * (8192 // len(unit)))
        except PeerError:
            continue
