# SPDX-License-Identifier: Apache-2.0
"""Messages cut out of a stream: split, coalesced, dripping, broken (RFC 3261 18.3, RFC 5626 4.4.1)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip import stream_framing
from appliance.sip.stream_framing import KEEP_ALIVE, MESSAGE_SIZE_LIMIT, StreamFraming
from tests.work import assert_in_proportion


def build_message(body: bytes = b"", length: bytes | None = None, name: bytes = b"Content-Length") -> bytes:
    line = b"%s: %s\r\n" % (name, b"%d" % len(body) if length is None else length)
    return (b"MESSAGE sip:201@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:201@b>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n%s\r\n%s" % (line, body))


def feed_all(framing: StreamFraming, *segments: bytes) -> list[bytes]:
    return [message for segment in segments for message in framing.feed(segment, 0.0)]


def keep_all(kept: list[bytes], messages) -> None:
    """What came out before an error stays in `kept`."""
    for message in messages:
        kept.append(message)


BODIES = st.lists(st.binary(max_size=40) | st.just(b"\r\n\r\nContent-Length: 9\r\n\r\n"), min_size=1, max_size=5)


@given(BODIES, st.lists(st.integers(0, 1500), max_size=12))
def test_messages_come_out_whole_wherever_the_stream_was_cut(bodies, cuts):
    messages = [build_message(body) for body in bodies]
    stream = b"".join(messages)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    framing = StreamFraming()
    assert feed_all(framing, *(stream[begin:end] for begin, end in pairwise(places))) == messages
    assert framing.unfinished_since is None


def test_a_body_may_look_like_a_message():
    inner = build_message()
    assert feed_all(StreamFraming(), build_message(inner) + inner) == [build_message(inner), inner]


@pytest.mark.parametrize("line", [b"l", b"L", b"content-LENGTH", b"Content-Length  ", b"Content-Length\t"])
def test_every_way_to_write_the_name(line):
    message = build_message(b"abc", name=line)
    assert feed_all(StreamFraming(), message + message) == [message] * 2


def test_a_folded_value():
    message = build_message(b"abc", b"\r\n  3 ")
    assert feed_all(StreamFraming(), message + message) == [message] * 2


def test_a_double_crlf_between_messages_is_a_ping_however_it_is_cut():
    message = build_message()
    assert feed_all(StreamFraming(), b"\r\n\r\n") == [KEEP_ALIVE]
    assert feed_all(StreamFraming(), b"\r", b"\n", b"\r", b"\n") == [KEEP_ALIVE]
    assert feed_all(StreamFraming(), message + b"\r\n\r\n" + message) == [message, KEEP_ALIVE, message]
    assert feed_all(StreamFraming(), b"\r\n\r\n\r\n\r\n") == [KEEP_ALIVE] * 2


def test_a_single_crlf_is_dropped_and_leaves_nothing_unfinished():
    framing = StreamFraming()
    assert feed_all(framing, b"\r\n") == []
    assert framing.unfinished_since is None
    assert feed_all(framing, build_message()) == [build_message()]
    assert feed_all(framing, b"\r\n") == []


def test_an_empty_line_before_and_one_behind_a_message_are_no_ping():
    framing = StreamFraming()
    assert feed_all(framing, b"\r\n", build_message(), b"\r\n") == [build_message()]


@pytest.mark.parametrize("length", [b"-1", b"x", b"", b"1 2", b"0x5", b"99999", b"9" * 400, b"5\r\nContent-Length: 6",
                                    b"5\r\nl: 6", b"5\r\n 6", "５".encode()])
def test_a_bad_length_ends_the_stream_after_its_head_was_given(length):
    framing = StreamFraming()
    good, bad = build_message(b"x"), build_message(b"", length)
    given_out: list[bytes] = []
    with pytest.raises(PeerError) as caught:
        keep_all(given_out, framing.feed(good + bad + b"rest", 0.0))
    assert caught.value.status_hint == 400
    assert given_out == [good, bad]
    assert Message(bad, b"192.0.2.9", 5060, True).fault_status == 400
    with pytest.raises(PeerError):
        feed_all(framing, good)


def test_a_missing_length_ends_the_stream_after_its_head_was_given():
    # RFC 3261 20.14: over a stream Content-Length is a must
    bad = build_message(name=b"Content-Size")
    kept: list[bytes] = []
    with pytest.raises(PeerError):
        keep_all(kept, StreamFraming().feed(bad, 0.0))
    assert kept == [bad]
    assert Message(bad, is_stream=True).fault_reason == b"no Content-Length over a stream"
    assert Message(bad).fault_status == 0


def test_a_head_without_end_is_refused_at_the_limit():
    framing = StreamFraming()
    assert feed_all(framing, b"X: " + b"a" * (MESSAGE_SIZE_LIMIT - 3)) == []
    with pytest.raises(PeerError):
        feed_all(framing, b"a")


def test_the_largest_message_passes():
    head = len(build_message(b"", b"65000"))
    message = build_message(b"b" * (MESSAGE_SIZE_LIMIT - head), b"%d" % (MESSAGE_SIZE_LIMIT - head))
    assert feed_all(StreamFraming(), message) == [message]


def test_the_time_an_unfinished_message_began_stays_while_it_drips():
    framing, message = StreamFraming(), build_message(b"abc")
    assert framing.unfinished_since is None
    for index, octet in enumerate(message[:-1]):
        assert list(framing.feed(bytes([octet]), 10.0 + index)) == []
        assert framing.unfinished_since == 10.0
    assert list(framing.feed(message[-1:] + message[:5], 900.0)) == [message]
    assert framing.unfinished_since == 900.0


class LookingPattern:
    """A pattern of the framing that counts the octets which it is given to look at."""

    def __init__(self, pattern) -> None:
        self._pattern = pattern
        self.octets = 0

    def search(self, buffer, begin: int):
        self.octets += len(buffer) - begin
        return self._pattern.search(buffer, begin)

    def finditer(self, buffer, begin: int, end: int):
        self.octets += end - begin
        return self._pattern.finditer(buffer, begin, end)


@pytest.fixture
def looking(monkeypatch) -> LookingPattern:
    """Where a head ends; that it has a length is looked for once it is whole."""
    pattern = LookingPattern(stream_framing._HEAD_END)
    monkeypatch.setattr(stream_framing, "_HEAD_END", pattern)
    return pattern


def test_dripping_takes_work_in_proportion_to_the_octets(looking):
    def prepare(size: int):
        framing, octets = StreamFraming(), b"X: " + b"a\n " * (size // 3)

        def act() -> None:
            buffer, looking.octets = framing._buffer, 0
            for index in range(len(octets)):
                assert list(framing.feed(octets[index:index + 1], 0.0)) == []
            assert looking.octets <= 3 * len(octets)
            assert framing._buffer is buffer        # it grows where it is: nothing is copied
        return act
    assert_in_proportion(prepare, 1000)


def test_the_largest_message_may_drip(looking):
    message = build_message(b"abc").replace(b"Max-Forwards", b"X: y\r\n" * 10000 + b"Max-Forwards")
    assert feed_all(StreamFraming(), *(message[index:index + 1] for index in range(len(message)))) == [message]
    assert looking.octets <= 3 * len(message)


SCRAPS = st.sampled_from([b"\r\n", b"\r\n\r\n", b"l:", b"1", build_message()])


@given(st.lists(st.binary(max_size=30) | SCRAPS, max_size=8))
def test_any_octets_give_messages_or_a_peer_error(segments):
    framing = StreamFraming()
    try:
        given_out = feed_all(framing, *segments)
    except PeerError:
        return
    assert sum(map(len, given_out)) <= sum(map(len, segments))
