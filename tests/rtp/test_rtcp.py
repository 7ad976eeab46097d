# SPDX-License-Identifier: Apache-2.0
"""RTCP compound packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.rtp.rtcp import (
    CNAME,
    LOST_MAX,
    LOST_MIN,
    Goodbye,
    OtherReport,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    read_compound,
    write_compound,
)

WORD = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(st.builds(ReportBlock, WORD, st.integers(0, 255), st.integers(LOST_MIN, LOST_MAX), WORD, WORD, WORD,
                            WORD), max_size=31).map(tuple)
ITEMS = st.lists(st.tuples(st.integers(1, 8), st.binary(max_size=255)), max_size=4).map(tuple)
REPORTS = (st.builds(SenderReport, WORD, st.integers(0, (1 << 64) - 1), WORD, WORD, WORD, BLOCKS)
           | st.builds(ReceiverReport, WORD, BLOCKS))
OTHERS = (st.builds(SourceDescription, st.lists(st.tuples(WORD, ITEMS), max_size=4).map(tuple))
          | st.builds(Goodbye, st.lists(WORD, max_size=5).map(tuple), st.none() | st.binary(max_size=255))
          | st.builds(OtherReport, st.just(204), st.integers(0, 31), st.just(b"name1234")))
RECEIVER = bytes.fromhex("80c90001 00000001")


@given(REPORTS, st.lists(REPORTS | OTHERS, max_size=4))
def test_reports_are_read_as_they_were_written(first, rest):
    assert read_compound(write_compound([first, *rest])) == [first, *rest]


def test_a_description_has_the_octets_of_the_rfc():
    written = write_compound([ReceiverReport(1), SourceDescription(((7, ((CNAME, b"a@b"),)),))])
    assert written == RECEIVER + bytes.fromhex("81ca0003 00000007 0103") + b"a@b" + bytes(3)


def test_a_loss_beyond_24_bits_is_clamped_and_does_not_wrap():
    written = write_compound([ReceiverReport(1, (ReportBlock(2, 255, LOST_MAX + 5, 0, 0, 0, 0),))])
    assert read_compound(written)[0].blocks[0].lost == LOST_MAX


@pytest.mark.parametrize("octets", [
    b"",
    bytes.fromhex("80cb0000"),                                  # BYE first
    bytes.fromhex("a0c90002 00000001 00000004"),                # padding in the first packet
    bytes.fromhex("80c90002 00000001"),                         # longer than the datagram
    bytes.fromhex("00c90001 00000001"),                         # version 0
    bytes.fromhex("81c90001 00000001"),                         # a block that is not there
    bytes.fromhex("80c90000"),                                  # no SSRC
    RECEIVER + bytes.fromhex("81ca0002 00000007 01ff4142"),     # an item beyond the packet
    RECEIVER + bytes.fromhex("81ca0002 00000007 01024142"),     # items without an end
    RECEIVER + bytes.fromhex("81cb0002 00000007 09414243"),     # a reason beyond the packet
    RECEIVER + bytes.fromhex("a0cb0001 00000003"),              # padding of three octets
    RECEIVER + bytes.fromhex("a0cb0001 00000004 80cb0000"),     # padding before the last packet
])
def test_what_is_no_compound_packet_is_refused(octets):
    with pytest.raises(PeerError):
        read_compound(octets)


@given(st.binary(max_size=120))
def test_any_octets_are_a_compound_packet_or_refused(octets):
    for prefix in (b"", RECEIVER):
        try:
            reports = read_compound(prefix + octets)
        except PeerError:
            continue
        assert isinstance(reports[0], SenderReport | ReceiverReport)


def test_padding_of_the_last_packet_is_taken_off():
    assert read_compound(RECEIVER + bytes.fromhex("a1cb0002 00000007 00000004"))[1] == Goodbye((7,))
