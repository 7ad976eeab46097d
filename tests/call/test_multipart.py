# SPDX-License-Identifier: Apache-2.0
"""INVITE, 200 and ACK whose session is one of several parts (RFC 5621); the others go no further."""

import pytest

from tests.call.virtual_calls import CARRIER, VirtualCalls

MIXED = "Content-Type: multipart/mixed;boundary=edge\r\n"
LOCATION = ("Content-Type: application/pidf+xml\r\nContent-ID: <place@x>\r\n", b"<presence entity='pres:a@b'/>")
ISUP = ("Content-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal; handling=optional\r\n",
        b"\x01\x00\x49\x00")
REQUIRED = (ISUP[0].replace("optional", "required"), ISUP[1])


def mix(session: bytes, *others: tuple[str, bytes], gap: bytes = b"\r\n") -> bytes:
    parts = [*others[:1], ("Content-Type: application/sdp\r\n", session), *others[1:]]
    return b"".join([b"--edge\r\n" + head.encode() + b"\r\n" + body + gap for head, body in parts]) + b"--edge--\r\n"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls(CARRIER)


@pytest.mark.parametrize("others", [(LOCATION,), (ISUP,), (LOCATION, ISUP), ()])
def test_the_session_is_found_in_an_invite_and_in_its_200(office, others):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", mix(alice.describe(), *others), MIXED)
    invite = bob.ringing.invite
    assert invite.header(b"Content-Type") == b"application/sdp"
    assert b"m=audio" in invite.body
    assert not [word for word in (b"edge", b"presence", b"itu-t92") if word in invite.data]
    bob.ringing.respond(200, None, mix(bob.describe(), *others), MIXED)
    answer = call.last(200)
    assert answer.header(b"Content-Type") == b"application/sdp"
    assert b"m=audio" in answer.body
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_the_session_is_found_in_an_ack(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", b"")
    bob.ringing.answer()
    acknowledge_with(call, mix(alice.describe(), ISUP))
    assert b"m=audio" in bob.ringing.got("ACK")[0].body
    call.bye()
    office.check_clean()


def acknowledge_with(call, body: bytes) -> None:
    """An ACK whose body is of several parts."""
    head = [f"ACK {call.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {call.phone.hostport};branch=z9hG4bK{call.phone.new_word('ack')};rport"]
    call._send(head + call._write_dialog(call.invite_cseq, "ACK"), body, MIXED)


def test_a_session_that_ends_with_the_part_is_whole(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.invite("202", mix(alice.describe(), gap=b""), MIXED)      # its last line end is the delimiter's
    assert bob.ringing.invite.body.endswith(b"\r\n")


def test_what_insists_on_being_understood_and_is_not_gets_415(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", mix(alice.describe(), REQUIRED), MIXED)
    assert call.statuses == [415]
    assert call.last(415).values(b"Accept") == [b"application/sdp", b"multipart/mixed"]
    assert not bob.calls


@pytest.mark.parametrize("kind", ["multipart/mixed", "multipart/mixed;boundary=other", "application/isup"])
def test_what_cannot_be_read_gets_415(office, kind):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", mix(alice.describe()), f"Content-Type: {kind}\r\n")
    assert call.statuses == [415]
    assert not bob.calls


def test_a_session_that_is_for_something_else_is_none(office):
    alice, bob = office.phone("201"), office.phone("202")
    preview = mix(alice.describe()).replace(b"sdp\r\n", b"sdp\r\nContent-Disposition: preview\r\n")
    alice.invite("202", preview, MIXED)
    assert bob.ringing.invite.body == b""       # an INVITE without an offer


def test_no_carrier_sees_where_the_caller_is(office):
    carrier, alice = office.carrier(), office.phone("201")
    alice.invite("0312345678", mix(alice.describe(), LOCATION), MIXED)
    assert b"presence" not in carrier.ringing.invite.data
    assert b"m=audio" in carrier.ringing.invite.body
