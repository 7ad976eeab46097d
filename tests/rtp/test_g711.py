# SPDX-License-Identifier: Apache-2.0
"""G.711 decoding against the values of the tables of the recommendation."""

import pytest

from appliance.rtp.g711 import PCMA, PCMU, decode_payload

# G.711 table 2a/2b: the decoder output values y_0, y_16, ... of the positive segments, 14 bits; ours are 16 bits wide.
MU_LAW_SEGMENTS = {0xFF: 0, 0xFE: 2, 0xEF: 33, 0xDF: 99, 0xCF: 231, 0xBF: 495, 0xAF: 1023, 0x9F: 2079, 0x8F: 4191,
                   0x80: 8031}
# G.711 table 1a: 13 bits, values of the first code of each segment; codes with the even bits inverted.
A_LAW_SEGMENTS = {0x80: 1, 0x90: 33, 0xA0: 66, 0xB0: 132, 0xC0: 264, 0xD0: 528, 0xE0: 1056, 0xF0: 2112, 0xFF: 4032}


@pytest.mark.parametrize(("code", "value"), MU_LAW_SEGMENTS.items())
def test_mu_law_is_that_of_the_recommendation(code, value):
    assert decode_payload(PCMU, bytes((code, code & 0x7F))).tolist() == [4 * value, -4 * value]


@pytest.mark.parametrize(("code", "value"), A_LAW_SEGMENTS.items())
def test_a_law_is_that_of_the_recommendation(code, value):
    assert decode_payload(PCMA, bytes((code ^ 0x55, (code & 0x7F) ^ 0x55))).tolist() == [8 * value, -8 * value]


@pytest.mark.parametrize("payload_type", [PCMU, PCMA])
def test_louder_codes_are_louder_samples(payload_type):
    turn = 0xFF if payload_type == PCMU else 0x55
    rising = bytes((0x80 | code) ^ turn if payload_type == PCMA else (code ^ 0x7F) | 0x80 for code in range(128))
    samples = decode_payload(payload_type, rising).tolist()
    assert samples == sorted(set(samples))
    assert min(samples) >= 0


def test_other_payload_types_are_refused():
    with pytest.raises(KeyError):
        decode_payload(101, b"x")
