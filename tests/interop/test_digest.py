# SPDX-License-Identifier: Apache-2.0
"""Digest as an attacker and a clumsy phone meet it: replay, made-up nonces, guessing, and who is slowed down by it."""

import pytest

from tests.interop.raw_sip import SipMessage, UdpPeer, authorize, build_request, digest_value, new_branch, transact
from tests.interop.server import SECRETS

pytestmark = pytest.mark.ours


def request_of(peer: UdpPeer, user: str) -> bytes:
    return build_request(peer, "REGISTER", "sip:office.test", user=user, to=f"sip:{user}@office.test")


def try_secret(peer: UdpPeer, user: str, secret: str) -> SipMessage:
    request = request_of(peer, user)
    challenge = transact(peer, request)
    assert challenge is not None
    assert challenge.status == 401
    answer = transact(peer, authorize(request, challenge, user, secret))
    assert answer is not None
    return answer


@pytest.fixture
def stranger(server, network):
    """A socket on a host that nobody has used."""
    with UdpPeer((server.host, server.port), network.new_host()) as peer:
        yield peer


def test_replayed_credentials_are_refused_as_stale(stranger):
    request = request_of(stranger, "1001")
    challenge = transact(stranger, request)
    assert challenge is not None
    granted = authorize(request, challenge, "1001", SECRETS["1001"])
    first = transact(stranger, granted)
    branch = granted.split(b"branch=", 1)[1].split(b";", 1)[0]
    again = transact(stranger, granted.replace(branch, new_branch()).replace(b"CSeq: 2 ", b"CSeq: 3 "))
    assert first is not None
    assert again is not None
    assert (first.status, again.status) == (200, 401)
    assert b"stale=true" in again.header(b"WWW-Authenticate").lower()


def test_made_up_nonce_is_challenged_anew(stranger):
    request = request_of(stranger, "1001")
    made_up = 'Digest realm="office.test", nonce="0123456789abcdef0123456789abcdef", qop="auth"'
    value = digest_value(made_up, "REGISTER", "sip:office.test", "1001", SECRETS["1001"])
    line = f"Authorization: {value}\r\nContent-Length:"
    answer = transact(stranger, request.replace(b"Content-Length:", line.encode()))
    assert answer is not None
    assert answer.status == 401


def test_md5_alone_is_offered_by_default(stranger):
    challenge = transact(stranger, request_of(stranger, "1001"))
    assert challenge is not None
    assert len(challenge.all(b"WWW-Authenticate")) == 1
    value = challenge.header(b"WWW-Authenticate")
    assert b"algorithm=MD5" in value or b"algorithm" not in value
    assert b'realm="office.test"' in value


def test_guessing_is_slowed_down_for_that_pair_of_source_and_user_only(stranger, server, network):
    for guess in range(6):
        assert try_secret(stranger, "1006", f"guess {guess}").status == 401
    assert try_secret(stranger, "1006", SECRETS["1006"]).status == 401, "a verdict was given to a guesser"
    assert try_secret(stranger, "1007", SECRETS["1007"]).status == 200, "another user of that source was slowed down"
    with UdpPeer((server.host, server.port), network.new_host()) as elsewhere:
        answer = try_secret(elsewhere, "1006", SECRETS["1006"])
    assert answer.status == 200, "another source of that user was slowed down"


def test_a_user_known_at_that_address_is_never_slowed_down(stranger):
    assert try_secret(stranger, "1008", SECRETS["1008"]).status == 200
    for guess in range(8):
        assert try_secret(stranger, "1008", f"guess {guess}").status == 401
    assert try_secret(stranger, "1008", SECRETS["1008"]).status == 200


def test_unknown_user_looks_like_a_known_one(stranger):
    known, unknown = try_secret(stranger, "1005", "wrong"), try_secret(stranger, "no-such-user", "wrong")
    assert known.status == unknown.status
    assert [name for name, _ in known.headers] == [name for name, _ in unknown.headers]
