# SPDX-License-Identifier: Apache-2.0
"""The ring under the trace, against the slow and obvious way."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.native.message_ring import KINDS, MessageRing

HEADS = st.sampled_from([f"{kind} sip:a SIP/2.0\r\n".encode() for kind in KINDS[:15]]
                        + [b"SIP/2.0 %d x\r\n" % status for status in range(100, 700, 50)]
                        + [b"SIP/2.0 ", b"SIP/2.0", b"SIP/2.0 7", b"SIP/2.0 \xff", b"INVITE", b"INVITEE sip:a",
                           b"invite sip:a"])


def kind_of(octets: bytes) -> str:
    """The obvious way."""
    if octets.startswith(b"SIP/2.0 "):
        digit = octets[8:9].decode("latin-1")
        return f"{digit}xx" if digit and digit in "123456" else "other response"
    method, blank, _rest = octets.partition(b" ")
    name = method.decode("latin-1")
    return name if blank and name in KINDS[:14] else "other"


@given(st.lists(st.tuples(st.booleans(), st.lists(HEADS | st.binary(max_size=30), max_size=6)), max_size=30))
def test_counts_and_bounds_are_those_of_the_obvious_way(batches: list[tuple[bool, list[bytes]]]):
    ring = MessageRing(300, 10)
    counts = {False: dict.fromkeys(KINDS, 0), True: dict.fromkeys(KINDS, 0)}
    held: list[tuple[float, bool, list[bytes]]] = []
    for number, (is_sent, batch) in enumerate(batches):
        append = ring.append_sent if is_sent else ring.append_received
        append([(octets, None) for octets in batch], float(number))
        for octets in batch:
            counts[is_sent][kind_of(octets)] += 1
        if batch:
            held.append((float(number), is_sent, batch))
        while sum(len(one) for *_, one in held) > 10 or sum(len(octets) for *_, one in held for octets in one) > 300:
            held.pop(0)
        assert [(at, sent, [octets for octets, _flow in one]) for at, sent, _size, one in ring.batches()] == held
        assert len(ring) == sum(len(one) for *_, one in held)
        assert ring.size_octets == sum(len(octets) for *_, one in held for octets in one)
    for is_sent in (False, True):
        assert dict(zip(KINDS, ring.counts(is_sent), strict=True)) == counts[is_sent]
        mine = [octets for sent, batch in batches if sent == is_sent for octets in batch]
        assert ring.octets_total(is_sent) == sum(map(len, mine))


@pytest.mark.parametrize("batch", [None, 7, [b"octets"], [("text", None)], [(b"x",)], [(bytearray(b"x"), None)],
                                   [(b"x", None), 7]])
def test_anything_but_octets_and_flow_is_refused_and_counts_nothing(batch: object):
    ring = MessageRing(100, 10)
    with pytest.raises(TypeError):
        ring.append_received(batch, 1.0)
    assert (sum(ring.counts(False)), len(ring), ring.size_octets) == (0, 0, 0)


def test_what_has_left_the_ring_is_freed():
    ring = MessageRing(1000, 4)
    flow = object()
    before = sys.getrefcount(flow)
    for number in range(100):
        ring.append_received([(b"%d" % number, flow)], 1.0)
    assert sys.getrefcount(flow) - before == 4
    del ring
    assert sys.getrefcount(flow) == before
