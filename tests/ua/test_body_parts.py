# SPDX-License-Identifier: Apache-2.0
"""Bodies of several parts as RFC 5621 and RFC 2046 have them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.ua.body_parts import DEPTH_LIMIT, PARTS_LIMIT, read_parts

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def join(*parts: bytes, boundary: bytes = b"edge", before: bytes = b"", after: bytes = b"") -> bytes:
    inside = b"".join([b"--%s\r\n%s\r\n" % (boundary, part) for part in parts])
    return before + inside + b"--%s--\r\n" % boundary + after


def test_each_part_has_its_type_disposition_and_content():
    location, session, isup = read_parts(b"multipart/mixed;boundary=edge", join(
        b"Content-Type: application/pidf+xml\r\nContent-ID: <1@x>\r\n\r\n<presence/>",
        b"content-type: Application/SDP;charset=x\r\nContent-Disposition: session;handling=required\r\n\r\n" + SDP,
        b"Content-Type: application/isup;version=itu-t92+\r\n"
        b"Content-Disposition: signal; handling=optional\r\n\r\n\x01\x00\r\n\x02"))
    assert (location.kind, location.disposition, location.is_required) == (b"application/pidf+xml", b"", False)
    assert (session.kind, session.disposition, session.is_required, session.octets) == (
        b"application/sdp", b"session", True, SDP)
    assert (isup.kind, isup.disposition, isup.octets) == (b"application/isup", b"signal", b"\x01\x00\r\n\x02")


@pytest.mark.parametrize("kind", [
    b'multipart/mixed; boundary="edge"', b"Multipart/Mixed ; BOUNDARY=edge", b"multipart/mixed;x=1;boundary=edge;y=2"])
def test_the_boundary_is_found_however_it_is_written(kind):
    assert [part.octets for part in read_parts(kind, join(b"\r\nhello"))] == [b"hello"]


def test_what_stands_before_and_behind_is_no_part():
    part = b"Content-Type: application/sdp\r\n\r\n" + SDP
    body = join(part, before=b"This is a message\r\n", after=b"--edge\r\n\r\nx")
    assert [part.octets for part in read_parts(b"multipart/mixed;boundary=edge", body)] == [SDP]


def test_a_part_without_header_lines_is_text():
    (part,) = read_parts(b"multipart/mixed;boundary=edge", join(b"\r\nhello"))
    assert part.kind == b"text/plain"


def test_a_last_delimiter_that_is_missing_ends_with_the_body():
    body = b"--edge\r\nContent-Type: application/sdp\r\n\r\n" + SDP
    assert [part.octets for part in read_parts(b"multipart/mixed;boundary=edge", body)] == [SDP]


def test_folded_header_lines_and_blanks_behind_a_delimiter_are_read():
    body = b"--edge \t\r\nContent-Type:\r\n application/sdp\r\n\r\n" + SDP + b"\r\n--edge--"
    assert [part.kind for part in read_parts(b"multipart/mixed;boundary=edge", body)] == [b"application/sdp"]


@pytest.mark.parametrize("coding", [b"Content-Transfer-Encoding: base64", b"Content-Encoding: gzip"])
def test_a_part_in_another_coding_is_not_read(coding):
    body = join(b"Content-Type: application/sdp\r\n%s\r\n\r\nx" % coding)
    (part,) = read_parts(b"multipart/mixed;boundary=edge", body)
    assert not part.is_readable


def test_parts_within_parts_are_parts():
    body = join(b"Content-Type: application/sdp\r\n\r\n" + SDP, boundary=b"inner")
    outer = join(b"Content-Type: multipart/alternative;boundary=inner\r\n\r\n" + body, b"\r\nhello")
    assert [part.kind for part in read_parts(b"multipart/mixed;boundary=edge", outer)] == [
        b"application/sdp", b"text/plain"]


def test_neither_depth_nor_number_is_without_limit():
    body = b"\r\nhello"
    for level in range(50):
        body = b"Content-Type: multipart/mixed;boundary=e%d\r\n\r\n" % level + join(body, boundary=b"e%d" % level)
    assert len(read_parts(b"multipart/mixed;boundary=edge", join(body))) <= DEPTH_LIMIT
    assert len(read_parts(b"multipart/mixed;boundary=edge", join(*[b"\r\nx"] * 1000))) == PARTS_LIMIT


@given(st.binary(max_size=200), st.sampled_from([b"multipart/mixed", b"multipart/mixed;boundary=-", b"multipart/x"]))
def test_whatever_comes_is_read_to_its_end(body, kind):
    for part in read_parts(kind, body):
        assert part.octets in body


@given(st.lists(st.binary(max_size=60).filter(lambda octets: b"--edge" not in octets), max_size=6))
def test_contents_come_out_as_they_were_put_in(contents):
    body = join(*[b"Content-Type: x/y\r\n\r\n" + octets for octets in contents])
    assert [part.octets for part in read_parts(b"multipart/mixed;boundary=edge", body)] == contents
