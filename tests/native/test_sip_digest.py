# SPDX-License-Identifier: Apache-2.0
"""The digest island against its oracles: MD5, sealed nonces, credentials, nonce counts."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.native.sip_digest import Credentials, NonceCounts, md5_hex, open_nonce, seal_nonce
from tests.models.digest_oracle import hash_hex, siphash

KEY = bytes(range(16))

# RFC 1321 appendix A.5
MD5_SUITE = {
    b"": b"d41d8cd98f00b204e9800998ecf8427e",
    b"a": b"0cc175b9c0f1b6a831c399e269772661",
    b"abc": b"900150983cd24fb0d6963f7d28e17f72",
    b"message digest": b"f96b697d7cb7938d525a2f31aaf161d0",
    b"abcdefghijklmnopqrstuvwxyz": b"c3fcd3d76192e4007dfb496cca67e13b",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": b"d174ab98d277d9f5a5611c2c9f419d9f",
    b"1234567890" * 8: b"57edf4a22be3c955ac49da2e2107b67a",
}


@pytest.mark.parametrize(("octets", "digest"), MD5_SUITE.items())
def test_md5_gives_the_digests_of_rfc_1321(octets, digest):
    assert md5_hex(octets) == digest


@pytest.mark.parametrize("size", range(200))
def test_md5_agrees_with_another_implementation_at_every_padding(size):
    octets = bytes(i * 7 & 255 for i in range(size))
    assert md5_hex(octets).decode() == hashlib.md5(octets).hexdigest()


@given(st.binary(max_size=3000))
def test_md5_agrees_with_another_implementation(octets):
    assert md5_hex(octets).decode() == hashlib.md5(octets).hexdigest()


@pytest.mark.parametrize(("size", "digest"), [
    (0, "310e0edd47db6f72"), (1, "fd67dc93c539f874"), (15, "e545be4961ca29a1"), (16, "db9bc2577fcc2a3f")])
def test_the_siphash_oracle_gives_the_reference_vectors(size, digest):
    assert siphash(KEY, bytes(range(size))).to_bytes(8, "little").hex() == digest


@given(st.binary(min_size=16, max_size=16), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_nonce_is_time_and_count_under_a_siphash_seal(key, stamp_s, count):
    nonce = seal_nonce(key, stamp_s, count)
    head = b"%08x%08x" % (stamp_s, count)
    assert nonce == head + b"%016x" % siphash(key, head)
    assert open_nonce(key, nonce) == stamp_s


@given(st.integers(0, 31), st.integers(1, 255))
def test_a_nonce_with_any_octet_changed_is_not_ours(place, change):
    nonce = bytearray(seal_nonce(KEY, 1234, 7))
    nonce[place] ^= change
    assert open_nonce(KEY, bytes(nonce)) == -1


@given(st.binary(max_size=40))
def test_octets_that_we_did_not_seal_are_no_nonce(octets):
    assert open_nonce(KEY, octets) == -1


def test_a_nonce_under_another_key_is_not_ours():
    assert open_nonce(bytes(16), seal_nonce(KEY, 1, 1)) == -1


@pytest.mark.parametrize("key", [b"", b"short", bytes(17)])
def test_a_key_has_16_octets(key):
    with pytest.raises(ValueError):
        seal_nonce(key, 1, 1)
    with pytest.raises(ValueError):
        open_nonce(key, bytes(32))


def test_the_count_of_a_nonce_wraps_and_its_time_does_not():
    assert seal_nonce(KEY, 1, 1 << 32)[:16] == b"0000000100000000"
    with pytest.raises(ValueError):
        seal_nonce(KEY, -1, 1)
    with pytest.raises(ValueError):
        seal_nonce(KEY, 1 << 32, 1)


# RFC 3261 section 22.2 with its line breaks already unfolded
BOB = (b'Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
       b'uri="sip:bob@biloxi.com",'
       b' qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", '
       b'opaque="5ccc069c403ebaf9f0171e9517f40e41"')


def test_every_parameter_can_be_read():
    bob = Credentials(BOB)
    assert (bob.username, bob.realm, bob.nonce) == (b"bob", b"biloxi.com", b"dcd98b7102dd2f0e8b11d0f600bfb0c093")
    assert (bob.uri, bob.qop, bob.nc, bob.nonce_count, bob.cnonce) == (
        b"sip:bob@biloxi.com", b"auth", b"00000001", 1, b"0a4f113b")
    assert (bob.response, bob.opaque, bob.algorithm) == (
        b"6629fae49393a05397450978507c4ef1", b"5ccc069c403ebaf9f0171e9517f40e41", b"")


@pytest.mark.parametrize("value", [
    b'DIGEST\tUserName = "bob" ,REALM="r" ,, nc="0000000A", Qop="auth" , algorithm="MD5", auth-param=x, x-y="z, =\\"",',
    b'digest nc=0000000a,algorithm=MD5,qop=auth,realm=r,username=bob',
    b'Digest  \r\n username="bob",\r\n\trealm="r",nc=a,qop=auth,algorithm=MD5  ',
])
def test_quotes_blanks_case_and_order_do_not_matter(value):
    found = Credentials(value)
    assert (found.username, found.realm, found.nonce_count) == (b"bob", b"r", 10)
    assert (found.qop, found.algorithm) == (b"auth", b"MD5")


def test_a_count_that_no_digest_covers_counts_as_none():
    assert Credentials(b"Digest nc=00000007, qop=auth").nonce_count == 7
    assert Credentials(b"Digest nc=00000007").nonce_count == 0
    assert Credentials(b'Digest nc=00000007, qop=""').nonce_count == 0


def test_quoting_slashes_are_removed():
    found = Credentials(rb'Digest username="a\"b\\c\d", realm="x", opaque="\"", nonce=""')
    assert (found.username, found.realm, found.opaque, found.nonce) == (rb'a"b\cd', b"x", b'"', b"")


def test_reading_does_not_change_the_octets_given():
    value = rb'Digest username="a\"b", realm="x"'
    copy = bytes(bytearray(value))
    Credentials(value)
    assert value == copy


def test_an_extended_user_name_is_decoded():
    """RFC 7616 section 3.9.2."""
    found = Credentials(b"Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm=\"api@example.org\", userhash=false")
    assert found.username.decode() == "Jäsøn Doe"


@pytest.mark.parametrize("value", [
    b"", b"Digest", b"Digest ", b"Digest ,", b'Basic QWxhZGRpbjpvcGVu', b"Digestusername=x", b"Digest username",
    b'Digest username="bob', b'Digest username="bob\\', b'Digest username="b"ob"', b'Digest username=bob realm=x',
    b'Digest ="x"', b'Digest username="a\x00b"', b'Digest username="a\rb"', b'Digest username="a\\\nb"', b"Digest nc=g",
    b"Digest nc=000000001", b"Digest nc=-1", b"Digest nc=00000000, qop=auth", b"Digest qop=auth,nc=0",
    b'Digest username="x", username*=UTF-8\'\'x',
    b"Digest username*=x", b"Digest username*=ISO-8859-1''x", b"Digest username*=UTF-8''%zz",
    b"Digest username*=UTF-8''%4",
    b"Digest username*=UTF-8'x", b"Digest username*=UTF-8''a%00b",
    b"Digest username=a;b=\"c\"d", b"Digest " + b"x" * 70000,
])
def test_what_is_no_digest_is_refused(value):
    with pytest.raises(ValueError):
        Credentials(value)


@pytest.mark.parametrize("name", [b"username", b"realm", b"nonce", b"uri", b"response", b"algorithm", b"cnonce",
                                  b"opaque", b"qop", b"nc"])
def test_a_parameter_given_twice_is_refused(name):
    with pytest.raises(ValueError, match="twice"):
        Credentials(b"Digest %s=1, %s=1" % (name, name.upper()))


@given(st.binary(max_size=120))
def test_any_octets_are_read_or_refused(octets):
    for value in (octets, b"Digest " + octets, b'Digest username="' + octets, b"Digest username*=UTF-8''" + octets):
        try:
            found = Credentials(value)
        except ValueError:
            continue
        assert len(found.username) <= len(value)


NAMES = st.binary(max_size=40).filter(lambda octets: all(octet >= 32 and octet != 127 for octet in octets))


@given(NAMES, NAMES, NAMES, st.booleans())
def test_what_was_quoted_is_read_back(username, realm, uri, escapes_all):
    def quote(octets: bytes) -> bytes:
        pairs = (b"\\%c" % octet if escapes_all or octet in b'"\\' else b"%c" % octet for octet in octets)
        return b'"%s"' % b"".join(pairs)

    found = Credentials(b"Digest uri=%s,username=%s, realm=%s" % (quote(uri), quote(username), quote(realm)))
    assert (found.username, found.realm, found.uri) == (username, realm, uri)


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789@.:;", min_size=1, max_size=80).map(str.encode)


@given(TOKENS, TOKENS, TOKENS, TOKENS, st.integers(1, 0xFFFFFFFF), st.sampled_from([b"auth", b"AUTH", b""]))
def test_a_right_response_matches_and_no_other_does(secret, nonce, uri, cnonce, nc, qop):
    ha1, ha2 = hash_hex("md5", b"bob", b"r", secret), hash_hex("md5", b"INVITE", uri)
    counted = (b"%08x" % nc, cnonce, qop) if qop else ()
    response = hash_hex("md5", ha1, nonce, *counted, ha2)
    head = b'Digest nonce="%s", uri="%s"' % (nonce, uri)
    if qop:
        head += b', nc=%08x, cnonce="%s", qop=%s' % (nc, cnonce, qop)
    assert Credentials(b'%s, response="%s"' % (head, response)).matches_md5(ha1, b"INVITE")
    assert Credentials(b'%s, response="%s"' % (head, response.upper())).matches_md5(ha1, b"INVITE")
    for place in range(32):
        wrong = response[:place] + b"%x" % (int(response[place:place + 1], 16) ^ 1) + response[place + 1:]
        assert not Credentials(b'%s, response="%s"' % (head, wrong)).matches_md5(ha1, b"INVITE")
    for wrong in (b"", response[:31], response + b"0"):
        assert not Credentials(b'%s, response="%s"' % (head, wrong)).matches_md5(ha1, b"INVITE")
    assert not Credentials(b'%s, response="%s"' % (head, response)).matches_md5(ha1, b"BYE")


def test_qop_auth_needs_its_count_and_its_cnonce():
    ha1, ha2 = b"0" * 32, hash_hex("md5", b"INVITE", b"sip:a")
    without_nc = hash_hex("md5", ha1, b"n", b"", b"c", b"auth", ha2)
    without_cnonce = hash_hex("md5", ha1, b"n", b"00000001", b"", b"auth", ha2)
    head = b'Digest nonce="n", uri="sip:a", qop=auth'
    assert not Credentials(b'%s, cnonce="c", response="%s"' % (head, without_nc)).matches_md5(ha1, b"INVITE")
    assert not Credentials(b'%s, nc=00000001, response="%s"' % (head, without_cnonce)).matches_md5(ha1, b"INVITE")


def test_ha1_has_32_digits():
    with pytest.raises(ValueError):
        Credentials(BOB).matches_md5(b"short", b"INVITE")


class CountOracle:
    """Every count of a nonce below the window of 64 or seen is refused."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def admit(self, count: int) -> bool:
        if count in self.seen or (self.seen and count <= max(self.seen) - 64):
            return False
        self.seen.add(count)
        return True


@given(st.lists(st.one_of(st.integers(0, 200), st.integers(0, 0xFFFFFFFF)), max_size=80))
def test_no_count_is_admitted_twice_and_reordered_ones_are(counts):
    table, oracle, nonce = NonceCounts(), CountOracle(), seal_nonce(KEY, 5, 6)
    for count in counts:
        assert table.admit(nonce, count) == oracle.admit(count)


@given(st.lists(st.integers(1, 60), max_size=200), st.sampled_from([1, 4, 8, 16]))
def test_a_forgotten_nonce_counts_as_seen(numbers, capacity):
    """However small the table: what was admitted once is never admitted again."""
    table, admitted = NonceCounts(capacity), set()
    for number in numbers:
        is_admitted = table.admit(seal_nonce(KEY, number // 10, number), 1)
        assert not (is_admitted and number in admitted)
        if is_admitted:
            admitted.add(number)


def test_the_newest_nonces_are_all_remembered():
    table = NonceCounts(1024)
    nonces = [seal_nonce(KEY, number // 100, number) for number in range(1, 5001)]
    assert all(table.admit(nonce, 1) for nonce in nonces)
    assert all(table.admit(nonce, 2) for nonce in nonces[-1024:])
    assert not any(table.admit(nonce, 2) for nonce in nonces[:-1024])


def test_the_table_outlives_a_wrap_of_the_count():
    table = NonceCounts(4)
    assert all(table.admit(seal_nonce(KEY, 10, 0xFFFFFFFF - back), 1) for back in range(8, -1, -1))
    assert all(table.admit(seal_nonce(KEY, 11, count), 1) for count in range(8))


@pytest.mark.parametrize("octets", [b"", b"x" * 32, bytes(32), b"0" * 31])
def test_octets_that_are_no_nonce_are_not_admitted(octets):
    assert not NonceCounts().admit(octets, 1)


@pytest.mark.parametrize("capacity", [0, -1, 1 << 25])
def test_the_table_has_a_sensible_size(capacity):
    with pytest.raises(ValueError):
        NonceCounts(capacity)
