# SPDX-License-Identifier: Apache-2.0
"""The configuration of the first start is in order, safe, and different on every machine."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.configuration import load_configuration
from appliance.config.first_start import SECRET_ALPHABET, compose_first_configuration, make_secret


@pytest.mark.parametrize("address", ["192.168.1.1", "2001:db8::1"])
def test_the_first_configuration_has_no_finding_and_three_extensions(address):
    result = load_configuration(compose_first_configuration(address, random.Random(1).randbytes, 5062), "F")
    assert result.findings == ()
    configuration = result.configuration
    assert list(configuration.extensions) == ["1001", "1002", "1003"]
    assert configuration.domain == address
    listener = configuration.listeners["office"]
    assert (listener.address, listener.port, listener.transports) == (address, 5062, ("udp", "tcp"))
    assert len({one.secret for one in configuration.extensions.values()}) == 3


@given(st.integers(0, 2**32))
def test_a_secret_has_sixteen_characters_that_nobody_confuses(seed):
    secret = make_secret(random.Random(seed).randbytes)
    assert [len(group) for group in secret.split("-")] == [4, 4, 4, 4]
    assert not set(secret) & set("0o1liOIL")


def test_every_character_of_a_secret_is_equally_likely():
    octets = iter(list(range(256)) * 16)
    drawn = "".join(make_secret(lambda count: bytes([next(octets)])).replace("-", "") for _ in range(31 * 8))
    counts = {character: drawn.count(character) for character in SECRET_ALPHABET}
    assert set(counts.values()) == {len(drawn) // len(SECRET_ALPHABET)}
