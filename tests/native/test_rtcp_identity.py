# SPDX-License-Identifier: Apache-2.0
"""RTCP that the relay passes on says no more who somebody is (RFC 3550 6.5), and is as sound as it was."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.rtp.rtcp import (
    CNAME,
    Goodbye,
    OtherReport,
    ReceiverReport,
    SourceDescription,
    read_compound,
    write_compound,
)
from tests.native.test_packet_relay import make_call, received_by, relay  # noqa: F401

NAME, TOOL = 2, 6
HIDDEN = set(b"0123456789abcdefghijklmnopqrstuv")
ITEMS = st.lists(st.tuples(st.integers(1, 8), st.binary(max_size=60)), max_size=4).map(tuple)
CHUNKS = st.lists(st.tuples(st.integers(0, 2**32 - 1), ITEMS), max_size=4).map(tuple)


@pytest.fixture
def pass_on(make_call):  # noqa: F811
    """What becomes of one RTCP packet on its way."""
    call = make_call()
    call.direct(0)
    call.direct(1)

    def send(octets):
        call.send(0, octets, call.reporters[0], 1)
        return received_by(call.reporters[1])
    return send


def describe(*chunks):
    return write_compound([ReceiverReport(9), SourceDescription(tuple(chunks)), Goodbye((9,), b"bye")])


def test_a_name_is_replaced_and_the_other_items_are_blotted_out(pass_on):
    octets = describe((9, ((CNAME, b"sip:201@office.test"), (NAME, b"Yamada"), (TOOL, b"phone 1.0"))))
    passed = pass_on(octets)
    report, description, goodbye = read_compound(passed)
    [(ssrc, items)] = description.chunks
    assert (report, goodbye, ssrc) == (ReceiverReport(9), Goodbye((9,), b"---"), 9)
    assert items[1:] == ((NAME, b"------"), (TOOL, b"---------"))
    assert len(items[0][1]) == len(b"sip:201@office.test")
    assert set(items[0][1]) <= HIDDEN


def test_one_name_stays_one_name_and_two_stay_two(pass_on):
    octets = describe((1, ((CNAME, b"a@office.test"),)), (2, ((CNAME, b"a@office.test"),)),
                      (3, ((CNAME, b"b@office.test"),)))
    names = [items[0][1] for _ssrc, items in read_compound(pass_on(octets))[1].chunks]
    assert names[0] == names[1] != names[2]
    assert pass_on(octets) == pass_on(octets), "the audio and the picture of a call belong together"


def test_a_name_is_another_one_in_another_call(make_call):  # noqa: F811
    octets = describe((1, ((CNAME, b"sip:201@office.test"),)))
    names = []
    for key in (None, None, bytes(16), bytes(16)):
        call = make_call(key=key)
        call.direct(0)
        call.direct(1)
        call.send(0, octets, call.reporters[0], 1)
        [(_ssrc, items)] = read_compound(received_by(call.reporters[1]))[1].chunks
        names.append(items[0][1])
    assert names[0] != names[1]     # nobody can tell that it is the same telephone
    assert names[2] == names[3]     # two streams of one call


@pytest.mark.parametrize("text", [b"", b"camera malfunction", b"x" * 255])
def test_why_somebody_leaves_is_not_told(pass_on, text):
    passed = read_compound(pass_on(write_compound([ReceiverReport(9), Goodbye((9, 10), text)])))
    assert passed[1] == Goodbye((9, 10), b"-" * len(text))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 31), st.integers(0, 20))
def test_a_spoiled_goodbye_hurts_nobody(pass_on, content, count, words):
    octets = write_compound([ReceiverReport(9)]) + bytes((0x80 | count, 203, 0, words)) + content
    passed = pass_on(octets)
    assert len(passed) == len(octets)
    assert passed[:12] == octets[:12]


def test_a_long_name_does_not_repeat_itself(pass_on):
    [(_ssrc, items)] = read_compound(pass_on(describe((1, ((CNAME, b"x" * 255),)))))[1].chunks
    pieces = {items[0][1][at:at + 12] for at in range(0, 252, 12)}
    assert len(pieces) == 21


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(CHUNKS)
def test_whatever_is_described_keeps_its_shape(pass_on, chunks):
    before = read_compound(describe(*chunks))
    after = read_compound(pass_on(describe(*chunks)))
    assert [type(report) for report in after] == [type(report) for report in before]
    for (ssrc, items), (ssrc_after, items_after) in zip(before[1].chunks, after[1].chunks, strict=True):
        assert ssrc == ssrc_after
        assert [(kind, len(text)) for kind, text in items] == [(kind, len(text)) for kind, text in items_after]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_what_is_no_description_passes_as_it_is(pass_on, content):
    octets = write_compound([ReceiverReport(9), OtherReport(204, 1, content + bytes(-len(content) % 4))])
    assert pass_on(octets) == octets


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 40), st.integers(0, 31))
def test_a_spoiled_description_never_says_more_than_it_was_and_hurts_nobody(pass_on, content, words, count):
    octets = write_compound([ReceiverReport(9)]) + bytes((0x80 | count, 202, 0, words)) + content
    passed = pass_on(octets)
    assert len(passed) == len(octets)
    assert passed[:8] == octets[:8]
