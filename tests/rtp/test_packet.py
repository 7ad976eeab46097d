# SPDX-License-Identifier: Apache-2.0
"""RTP packets and the arithmetic of their numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.rtp.packet import HeaderExtension, RtpPacket, read_packet, write_packet
from appliance.rtp.sequence import SEQUENCE_MODULUS, TIMESTAMP_MODULUS, count_steps, extend_sequence, is_later

WORD = st.integers(0, 0xFFFFFFFF)
EXTENSIONS = st.builds(HeaderExtension, st.integers(0, 0xFFFF), st.integers(0, 8).flatmap(
    lambda words: st.binary(min_size=4 * words, max_size=4 * words)))
PACKETS = st.builds(RtpPacket, st.integers(0, 127), st.integers(0, 0xFFFF), WORD, WORD, st.binary(max_size=200),
                    st.booleans(), st.lists(WORD, max_size=15).map(tuple), st.none() | EXTENSIONS, st.integers(0, 255))


def test_the_octets_of_a_packet_are_those_of_the_rfc():
    packet = RtpPacket(0, 0x1234, 0x01020304, 0xDEADBEEF, b"\xd5\xd5", is_marked=True)
    assert write_packet(packet) == bytes.fromhex("80801234 01020304 deadbeef d5d5")


@given(PACKETS)
def test_a_packet_is_read_as_it_was_written(packet):
    assert read_packet(write_packet(packet)) == packet


@given(st.binary(max_size=60))
def test_any_octets_are_a_packet_or_refused(octets):
    try:
        packet = read_packet(octets)
    except PeerError:
        return
    assert octets[0] >> 6 == 2
    assert packet.payload in octets


@pytest.mark.parametrize(("octets", "why"), [
    (b"", "shorter than an RTP header"),
    (bytes(12), "RTP version 0"),
    (b"\x8f" + bytes(11), "shorter than its CSRC list"),
    (b"\x90" + bytes(11), "shorter than its header extension"),
    (b"\x90" + bytes(13) + b"\x00\x01", "shorter than its header extension"),
    (b"\xa0" + bytes(11) + b"\x00", "padding of 0 octets"),
    (b"\xa0" + bytes(11) + b"\x02", "padding of 2 octets"),
])
def test_what_is_no_packet_is_refused_with_its_reason(octets, why):
    with pytest.raises(PeerError, match=why):
        read_packet(octets)


@given(PACKETS, st.data())
def test_a_packet_cut_short_is_never_read_beyond_its_end(packet, data):
    octets = write_packet(packet)
    cut = octets[:data.draw(st.integers(0, len(octets)))]
    try:
        shorter = read_packet(cut)
    except PeerError:
        return
    assert len(shorter.payload) + shorter.padding_size_octets <= len(cut) - 12


@pytest.mark.parametrize("modulus", [SEQUENCE_MODULUS, TIMESTAMP_MODULUS])
@given(data=st.data())
def test_steps_lead_from_one_number_to_the_other_the_short_way(modulus, data):
    earlier, later = (data.draw(st.integers(0, modulus - 1)) for _ in range(2))
    steps = count_steps(earlier, later, modulus)
    assert (earlier + steps) % modulus == later
    assert -modulus // 2 <= steps < modulus // 2
    assert is_later(later, earlier, modulus) == (steps > 0)


@given(st.integers(0, 1 << 40), st.integers(-0x7000, 0x7000))
def test_a_sequence_number_is_extended_to_the_nearest(reference, offset):
    truth = max(0, reference + offset)
    assert extend_sequence(truth % SEQUENCE_MODULUS, reference) == truth
