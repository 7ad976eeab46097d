# SPDX-License-Identifier: Apache-2.0
"""One user agent challenges another: what proves, what is counted as a guess, and that strangers fill no memory."""

from itertools import count

import pytest

from appliance.native.sip_digest import Credentials
from appliance.sip.digest.algorithm import MD5, compute_ha1
from appliance.sip.digest.verifier import GUESS_MEMORY_S, GUESSES, NONCE_LIFE_S, SOURCES_LIMIT, DigestVerifier
from tests.models.digest_oracle import answer_value

REALM, USER, SECRET, URI = b"carrier.test", b"theirs", b"their-secret", b"sip:box.test"
HA1 = compute_ha1(MD5, USER, REALM, SECRET)
HERE = b"198.51.100.7"


@pytest.fixture
def verifier() -> DigestVerifier:
    numbers = count(1)
    return DigestVerifier(lambda size: next(numbers).to_bytes(size, "big"))


def answer(verifier: DigestVerifier, secret: bytes = SECRET, now: float = 0.0) -> Credentials:
    """To a challenge of this moment."""
    return Credentials(answer_value(verifier.challenge(REALM, now).rstrip(), USER, secret, b"INVITE", URI, 1))


def test_the_right_answer_proves_once(verifier):
    given = answer(verifier)
    assert verifier.is_proof(given, HA1, b"INVITE", HERE, 0.0)
    assert not verifier.is_proof(given, HA1, b"INVITE", HERE, 0.0)
    assert not verifier.is_proof(answer(verifier), HA1, b"BYE", HERE, 0.0)


def test_an_old_nonce_proves_nothing_and_is_no_guess(verifier):
    for _ in range(2 * GUESSES):
        assert not verifier.is_proof(answer(verifier), HA1, b"INVITE", HERE, NONCE_LIFE_S + 1.0)
    now = NONCE_LIFE_S + 1.0
    assert verifier.is_proof(answer(verifier, now=now), HA1, b"INVITE", HERE, now)


@pytest.mark.parametrize("ha1", [HA1, None])
def test_who_has_guessed_too_often_gets_no_verdict_for_a_minute(verifier, ha1):
    for _ in range(GUESSES):
        assert not verifier.is_proof(answer(verifier, b"guess"), ha1, b"INVITE", HERE, 0.0)
    assert not verifier.is_proof(answer(verifier), HA1, b"INVITE", HERE, 1.0)
    assert verifier.is_proof(answer(verifier), HA1, b"INVITE", b"198.51.100.8", 1.0)
    assert verifier.is_proof(answer(verifier), HA1, b"INVITE", HERE, GUESS_MEMORY_S)


def test_sources_are_bounded(verifier):
    guess = answer(verifier, b"guess")
    for number in range(SOURCES_LIMIT + 50):
        assert not verifier.is_proof(guess, HA1, b"INVITE", b"10.0.%d.%d" % divmod(number, 256), 0.0)
    assert len(verifier._guesses) == SOURCES_LIMIT
