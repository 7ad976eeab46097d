# SPDX-License-Identifier: Apache-2.0
"""The worked examples of RFC 2617, RFC 7616 and RFC 8760, and what a server accepts as proof."""

import pytest

from appliance.native.sip_digest import Credentials
from appliance.sip.digest.algorithm import (
    MD5,
    MD5_SESSION,
    SHA_256,
    SHA_256_SESSION,
    SHA_512_256,
    bind_session,
    compute_ha1,
    compute_ha2,
    compute_response,
    find_algorithm,
    is_proof,
)
from tests.models.digest_oracle import answer_value, hash_hex

# RFC 7616 section 3.9.1; the realm and cnonce have signs that need care ("/", "@")
MUFASA = (b'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=%s, '
          b'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
          b'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="%s", '
          b'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"')
MUFASA_MD5 = MUFASA % (b"MD5", b"8ca523f5e9506fed4657c9700eebdbec")
MUFASA_SHA_256 = MUFASA % (b"SHA-256", b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")

# RFC 2617 section 3.5
OLD_MUFASA = (b'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
              b'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
              b'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"')


@pytest.mark.parametrize(("value", "secret"), [
    (MUFASA_MD5, b"Circle of Life"), (MUFASA_SHA_256, b"Circle of Life"), (OLD_MUFASA, b"Circle Of Life")])
def test_the_examples_of_the_rfcs_are_proofs(value, secret):
    credentials = Credentials(value)
    algorithm = find_algorithm(credentials.algorithm)
    ha1 = compute_ha1(algorithm, credentials.username, credentials.realm, secret)
    assert is_proof(credentials, algorithm, ha1, b"GET")
    assert not is_proof(credentials, algorithm, ha1, b"PUT")
    assert not is_proof(credentials, algorithm, compute_ha1(algorithm, b"Mufasa", credentials.realm, b"x"), b"GET")


def test_sha_512_256_with_a_user_name_in_utf_8():
    """RFC 7616 section 3.9.2, whose printed digest is SHA-512 cut short; this is SHA-512/256 as FIPS 180-4 has it."""
    username, realm, secret = "Jäsøn Doe".encode(), b"api@example.org", b"Secret, or not?"
    nonce, cnonce = (b"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
                     b"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v")
    ha1 = compute_ha1(SHA_512_256, username, realm, secret)
    ha2 = compute_ha2(SHA_512_256, b"GET", b"/doe.json", b"auth", b"")
    response = compute_response(SHA_512_256, ha1, nonce, b"00000001:%s:auth" % cnonce, ha2)
    assert response == b"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    value = (b"Digest username*=UTF-8''J%%C3%%A4s%%C3%%B8n%%20Doe, realm=\"%s\", uri=\"/doe.json\", "
             b'algorithm=SHA-512-256, nonce="%s", nc=00000001, cnonce="%s", qop=auth, response="%s"' % (
                 realm, nonce, cnonce, response))
    assert is_proof(Credentials(value), SHA_512_256, ha1, b"GET")


def test_an_empty_body_hashes_as_the_empty_string():
    """RFC 8760 section 2.6, 7, which spells the digest out."""
    empty = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert compute_ha2(SHA_256, b"INVITE", b"sip:a", b"auth-int", b"") == hash_hex("sha256", b"INVITE", b"sip:a", empty)
    assert compute_ha2(MD5, b"BYE", b"sip:a", b"auth-int", b"") == hash_hex(
        "md5", b"BYE", b"sip:a", b"d41d8cd98f00b204e9800998ecf8427e")   # RFC 3261 section 22.4, 7


@pytest.mark.parametrize("name", [b"MD5", b"md5", b"Md5", b"SHA-256", b"sha-256", b"Sha-256", b"MD5-sess", b"md5-SESS"])
def test_algorithms_are_found_in_any_case(name):
    assert find_algorithm(name).name.lower() == name.lower()


def test_no_algorithm_means_md5_and_an_unknown_one_is_none():
    assert find_algorithm(b"") is MD5
    assert find_algorithm(b"SHA-1") is None


@pytest.mark.parametrize(("algorithm", "hash_name"), [(MD5_SESSION, "md5"), (SHA_256_SESSION, "sha256")])
def test_a_session_key_is_bound_to_both_nonces(algorithm, hash_name):
    ha1 = compute_ha1(algorithm, b"bob", b"r", b"s")
    bound = hash_hex(hash_name, ha1, b"n", b"c")
    assert bind_session(algorithm, ha1, b"n", b"c") == bound
    response = hash_hex(hash_name, bound, b"n", b"00000001", b"c", b"auth", hash_hex(hash_name, b"BYE", b"sip:a"))
    head = b'Digest nonce="n", uri="sip:a", cnonce="c", nc=00000001, response="%s"' % response
    assert is_proof(Credentials(head + b", qop=auth"), algorithm, ha1, b"BYE")
    assert not is_proof(Credentials(head), algorithm, ha1, b"BYE")


CHALLENGE = b'Digest realm="r", nonce="n", algorithm=%s, qop="auth"'


@pytest.mark.parametrize("algorithm", [MD5, SHA_256, SHA_512_256])
@pytest.mark.parametrize("qop", [b"auth", b""])
def test_answers_with_and_without_qop_are_proofs(algorithm, qop):
    """RFC 3261 section 22.4, 8: qop is optional to receive."""
    value = answer_value(CHALLENGE % algorithm.name, b"bob", b"s", b"INVITE", b"sip:a", qop=qop)
    assert is_proof(Credentials(value), algorithm, compute_ha1(algorithm, b"bob", b"r", b"s"), b"INVITE")
    assert not is_proof(Credentials(value), algorithm, compute_ha1(algorithm, b"bob", b"r", b"t"), b"INVITE")


@pytest.mark.parametrize("algorithm", [MD5, SHA_256])
def test_a_qop_that_was_not_offered_is_no_proof(algorithm):
    value = answer_value(CHALLENGE % algorithm.name, b"bob", b"s", b"INVITE", b"sip:a", qop=b"auth-int")
    assert not is_proof(Credentials(value), algorithm, compute_ha1(algorithm, b"bob", b"r", b"s"), b"INVITE")
