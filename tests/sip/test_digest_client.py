# SPDX-License-Identifier: Apache-2.0
"""A user agent with credentials, against challenges of registrars and proxies."""

import hashlib
from itertools import count

import pytest

from appliance.native.sip_digest import Credentials
from appliance.sip.digest.algorithm import compute_ha1, find_algorithm, is_proof
from appliance.sip.digest.client import ROUND_LIMIT, SESSION_LIMIT, DigestClient, ServerProof

URI = b"sip:carrier.test"
SECRETS = {b"carrier.test": (b"gw-user", b"gw-secret"), b"proxy.test": (b"other", b"word")}


def random_from(numbers):
    return lambda size: next(numbers).to_bytes(size, "big")


@pytest.fixture
def client() -> DigestClient:
    return DigestClient(SECRETS.get, random_from(count(1)))


def challenge(nonce=b"n1", realm=b"carrier.test", algorithm=b"MD5", rest=b'qop="auth"'):
    return b'Digest realm="%s", nonce="%s", algorithm=%s, %s' % (realm, nonce, algorithm, rest)


def read_lines(lines: bytes) -> list[tuple[bytes, Credentials]]:
    assert lines.endswith(b"\r\n")
    parts = [line.split(b": ", 1) for line in lines[:-2].split(b"\r\n")]
    return [(name, Credentials(value)) for name, value in parts]


def is_right(credentials: Credentials, method: bytes = b"REGISTER") -> bool:
    algorithm = find_algorithm(credentials.algorithm)
    username, secret = SECRETS[credentials.realm]
    return credentials.username == username and is_proof(
        credentials, algorithm, compute_ha1(algorithm, username, credentials.realm, secret), method)


def md5(*parts: bytes) -> bytes:
    return hashlib.md5(b":".join(parts)).hexdigest().encode()


def test_a_401_is_answered_with_the_first_count(client):
    lines = client.open_exchange().answer_challenges([challenge()], [], b"REGISTER", URI)
    [(name, found)] = read_lines(lines)
    assert (name, found.uri, found.nonce_count, found.qop) == (b"Authorization", URI, 1, b"auth")
    assert is_right(found)


def test_the_line_quotes_what_rfc_7616_wants_quoted(client):
    line = client.open_exchange().answer_challenges([challenge(rest=b'qop="auth", opaque="o"')], [], b"REGISTER", URI)
    assert line.startswith(b'Authorization: Digest username="gw-user", realm="carrier.test", nonce="n1", '
                           b'uri="sip:carrier.test", response="')
    assert line.endswith(b', algorithm=MD5, cnonce="0000000000000002", qop=auth, nc=00000001, opaque="o"\r\n')


@pytest.mark.parametrize("algorithm", [b"MD5", b"MD5-sess", b"SHA-256", b"SHA-256-sess", b"SHA-512-256", b"sha-256"])
def test_every_algorithm_is_answered_and_counted_on(client, algorithm):
    exchange = client.open_exchange()
    first = exchange.answer_challenges([challenge(algorithm=algorithm)], [], b"REGISTER", URI)
    second = client.open_exchange().write_known(b"REGISTER", URI)
    for lines, nonce_count in ((first, 1), (second, 2)):
        [(_, found)] = read_lines(lines)
        assert found.algorithm == algorithm
        assert found.nonce_count == nonce_count
        assert is_right(found)


def test_a_401_and_a_407_of_several_realms_are_answered_together(client):
    lines = client.open_exchange().answer_challenges(
        [challenge()], [challenge(b"n2", b"proxy.test"), challenge(b"n3", b"stranger.test")], b"INVITE", URI)
    (name, found), (proxy_name, proxy_found) = read_lines(lines)
    assert (name, found.realm, proxy_name, proxy_found.realm) == (
        b"Authorization", b"carrier.test", b"Proxy-Authorization", b"proxy.test")
    assert is_right(found, b"INVITE")
    assert is_right(proxy_found, b"INVITE")


def test_the_second_proxy_of_a_chain_gets_its_answer_beside_the_first_ones(client):
    exchange = client.open_exchange()
    exchange.answer_challenges([], [challenge(b"n1")], b"INVITE", URI)
    lines = exchange.answer_challenges([], [challenge(b"n2", b"proxy.test")], b"INVITE", URI)
    assert [(found.realm, found.nonce, found.nonce_count) for _, found in read_lines(lines)] == [
        (b"carrier.test", b"n1", 2), (b"proxy.test", b"n2", 1)]


def test_the_topmost_challenge_that_we_know_is_taken(client):
    """RFC 8760 section 2.4."""
    offers = [challenge(b"n0", algorithm=b"SHA-3"), challenge(b"n1", algorithm=b"SHA-256"), challenge(b"n2")]
    [(_, found)] = read_lines(client.open_exchange().answer_challenges(offers, [], b"REGISTER", URI))
    assert (found.algorithm, found.nonce) == (b"SHA-256", b"n1")


@pytest.mark.parametrize("offers", [
    [], [challenge(realm=b"stranger.test")], [challenge(algorithm=b"SHA-1")], [challenge(rest=b'qop="new"')],
    [b'Basic realm="carrier.test"'], [b"Digest"], [challenge(algorithm=b"MD5-sess", rest=b"stale=false")]])
def test_what_cannot_be_answered_is_not(client, offers):
    assert client.open_exchange().answer_challenges(offers, offers, b"REGISTER", URI) == b""


def test_rejected_credentials_are_not_tried_again(client):
    """RFC 3261 section 22.1."""
    exchange = client.open_exchange()
    assert exchange.answer_challenges([challenge(b"n1")], [], b"REGISTER", URI)
    assert exchange.answer_challenges([challenge(b"n2")], [], b"REGISTER", URI) == b""
    assert client.open_exchange().write_known(b"REGISTER", URI) == b""


def test_a_stale_nonce_is_replaced_and_counts_from_one(client):
    exchange = client.open_exchange()
    exchange.answer_challenges([challenge(b"n1")], [], b"REGISTER", URI)
    [(_, found)] = read_lines(exchange.answer_challenges(
        [challenge(b"n2", rest=b'qop="auth", stale=TRUE')], [], b"REGISTER", URI))
    assert (found.nonce, found.nonce_count) == (b"n2", 1)


def test_a_new_nonce_without_stale_is_tried_once_after_an_unasked_answer(client):
    client.open_exchange().answer_challenges([challenge(b"n1")], [], b"REGISTER", URI)
    exchange = client.open_exchange()
    exchange.write_known(b"REGISTER", URI)
    [(_, found)] = read_lines(exchange.answer_challenges([challenge(b"n2")], [], b"REGISTER", URI))
    assert (found.nonce, found.nonce_count) == (b"n2", 1)
    assert exchange.answer_challenges([challenge(b"n3")], [], b"REGISTER", URI) == b""


def test_a_server_that_calls_everything_stale_is_left_in_the_end(client):
    exchange = client.open_exchange()
    tries = [exchange.answer_challenges([challenge(b"n%d" % i, rest=b"stale=true")], [], b"REGISTER", URI)
             for i in range(10)]
    assert [bool(lines) for lines in tries] == [True] * ROUND_LIMIT + [False] * (10 - ROUND_LIMIT)


def test_the_sessions_are_bounded():
    client = DigestClient(lambda realm: (b"u", b"s"), random_from(count(1)))
    for i in range(100):
        client.open_exchange().answer_challenges([challenge(realm=b"r%d" % i)], [], b"REGISTER", URI)
    assert len(client.sessions) == SESSION_LIMIT


def test_a_server_without_qop_is_answered_as_of_old(client):
    line = client.open_exchange().answer_challenges(
        [b'Digest realm="carrier.test", nonce="n1"'], [], b"REGISTER", URI)
    response = md5(md5(b"gw-user", b"carrier.test", b"gw-secret"), b"n1", md5(b"REGISTER", URI))
    assert line == (b'Authorization: Digest username="gw-user", realm="carrier.test", nonce="n1", '
                    b'uri="sip:carrier.test", response="%s"\r\n' % response)


def test_auth_int_covers_the_body_where_nothing_else_is_offered(client):
    [(_, found)] = read_lines(client.open_exchange().answer_challenges(
        [challenge(rest=b'qop="auth-int"')], [], b"INVITE", URI, b"v=0\r\n"))
    ha1, ha2 = md5(b"gw-user", b"carrier.test", b"gw-secret"), md5(b"INVITE", URI, md5(b"v=0\r\n"))
    assert found.qop == b"auth-int"
    assert found.response == md5(ha1, b"n1", b"00000001", found.cnonce, b"auth-int", ha2)


def test_names_with_quotes_survive():
    client = DigestClient(lambda realm: (b'a"b\\c', b"s"), random_from(count(1)))
    [(_, found)] = read_lines(client.open_exchange().answer_challenges(
        [b'Digest realm="x\\"y", nonce="n\\\\1", qop="auth"'], [], b"REGISTER", URI))
    assert (found.username, found.realm, found.nonce) == (b'a"b\\c', b'x"y', b"n\\1")
    assert is_proof(found, find_algorithm(b""), compute_ha1(find_algorithm(b""), b'a"b\\c', b'x"y', b"s"), b"REGISTER")


class TestAuthenticationInfo:
    """RFC 7616 section 3.5."""

    HA1 = md5(b"gw-user", b"carrier.test", b"gw-secret")

    @pytest.fixture
    def exchange(self, client):
        exchange = client.open_exchange()
        lines = exchange.answer_challenges([challenge()], [], b"REGISTER", URI)
        self.cnonce = read_lines(lines)[0][1].cnonce
        return exchange

    def rspauth(self, nc: bytes = b"00000001", ha1: bytes = HA1) -> bytes:
        return md5(ha1, b"n1", nc, self.cnonce, b"auth", md5(b"", URI))

    def value(self, rspauth: bytes, nc: bytes = b"00000001") -> bytes:
        return b'qop=auth, rspauth="%s", cnonce="%s", nc=%s' % (rspauth, self.cnonce, nc)

    def test_a_server_that_knows_the_secret_is_right(self, exchange):
        assert exchange.check_server(self.value(self.rspauth()), False) is ServerProof.RIGHT

    def test_a_server_that_does_not_is_wrong(self, exchange):
        assert exchange.check_server(self.value(self.rspauth(ha1=b"0" * 32)), False) is ServerProof.WRONG

    def test_a_proof_for_another_request_is_wrong(self, exchange):
        assert exchange.check_server(self.value(self.rspauth(b"00000002"), b"00000002"), False) is ServerProof.WRONG
        assert exchange.check_server(self.value(self.rspauth()).replace(self.cnonce, b"x"), False) is ServerProof.WRONG
        assert exchange.check_server(b'rspauth="%s"' % self.rspauth(), False) is ServerProof.WRONG

    def test_a_proof_of_the_wrong_role_or_none_at_all_is_wrong(self, exchange):
        assert exchange.check_server(self.value(self.rspauth()), True) is ServerProof.WRONG
        assert exchange.check_server(b'rspauth="', False) is ServerProof.WRONG

    def test_another_request_meanwhile_does_not_disturb(self, client, exchange):
        client.open_exchange().write_known(b"REGISTER", URI)
        assert exchange.check_server(self.value(self.rspauth()), False) is ServerProof.RIGHT

    def test_a_next_nonce_is_taken_up_and_counts_from_one(self, client, exchange):
        assert exchange.check_server(b'nextnonce="n7"', False) is ServerProof.ABSENT
        [(_, found)] = read_lines(client.open_exchange().write_known(b"REGISTER", URI))
        assert (found.nonce, found.nonce_count) == (b"n7", 1)
        assert is_right(found)

    def test_the_next_nonce_of_an_impostor_is_not(self, client, exchange):
        exchange.check_server(self.value(b"0" * 32) + b', nextnonce="n7"', False)
        [(_, found)] = read_lines(client.open_exchange().write_known(b"REGISTER", URI))
        assert (found.nonce, found.nonce_count) == (b"n1", 2)
