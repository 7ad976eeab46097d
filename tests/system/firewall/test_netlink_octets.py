# SPDX-License-Identifier: Apache-2.0
"""Netlink's octets: what is written is read again, and what is broken is refused."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.system.firewall.netlink_octets import (
    ACKNOWLEDGE,
    REQUEST,
    read_attributes,
    read_messages,
    write_attribute,
    write_message,
    write_nested,
    write_netfilter,
    write_number,
    write_text,
)

ATTRIBUTES = st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40)), max_size=8)


@given(ATTRIBUTES)
def test_attributes_are_read_as_they_were_written(attributes):
    octets = b"".join(write_attribute(number, content) for number, content in attributes)
    assert len(octets) % 4 == 0
    assert list(read_attributes(octets)) == attributes


@given(ATTRIBUTES, ATTRIBUTES)
def test_messages_are_read_as_they_were_written(first, second):
    bodies = [b"".join(write_attribute(*one) for one in attributes) for attributes in (first, second)]
    octets = b"".join(write_message(0xA06, REQUEST | ACKNOWLEDGE, number, body) for number, body in enumerate(bodies))
    assert [(one.kind, one.flags, one.sequence, one.body) for one in read_messages(octets)] == [
        (0xA06, 5, number, body) for number, body in enumerate(bodies)]


@given(st.binary(max_size=80))
def test_whatever_comes_is_read_or_refused(octets):
    for reading in (read_attributes, read_messages):
        with contextlib.suppress(ValueError):
            list(reading(octets))


@pytest.mark.parametrize("octets", [struct.pack("=HH", 3, 1), struct.pack("=HH", 9, 1) + bytes(4)])
def test_an_attribute_of_a_wrong_length_is_refused(octets):
    with pytest.raises(ValueError, match="wrong length"):
        list(read_attributes(octets))


def test_numbers_are_in_network_order_and_names_end():
    assert write_number(4, 1) == struct.pack("=HH", 8, 4) + b"\0\0\0\1"
    assert write_text(1, "abc") == struct.pack("=HH", 8, 1) + b"abc\0"
    assert write_nested(2, b"") == struct.pack("=HH", 4, 0x8002)
    assert write_netfilter(1, resource=10) == b"\x01\x00\x00\x0a"
