# SPDX-License-Identifier: Apache-2.0
"""Which header lines of a carrier's requests phones of the office get, in the INVITE and later."""

from tests.call.virtual_calls import CARRIER, VirtualCalls

OURS = "05011112222"
OBEYED = ("Call-Info: <sip:x>;answer-after=0\r\nAlert-Info: <http://127.0.0.1>;info=alert-autoanswer\r\n"
          "Subject: Free money\r\nUser-to-User: 56a3;encoding=hex\r\nAnswer-Mode: Auto\r\n")
HARMLESS = "Priority: urgent\r\nAlert-Info: <urn:alert:source:external>\r\n"
NAMES = (b"Call-Info", b"Subject", b"User-to-User", b"Answer-Mode")


def test_a_carrier_makes_no_phone_answer_by_itself():
    office = VirtualCalls(CARRIER)
    carrier, alice = office.carrier(), office.phone("201")
    call = carrier.invite(OURS, lines=OBEYED + HARMLESS)
    invite = alice.ringing.invite
    assert [invite.header(name) for name in NAMES] == [None] * 4
    assert invite.headers(b"Alert-Info") == [b"<urn:alert:source:external>"]
    assert invite.header(b"Priority") == b"urgent"
    alice.ringing.answer()
    call.acknowledge()
    call.request("INFO", b"Signal=1\r\n", OBEYED + "Content-Type: application/dtmf-relay\r\n")
    info = alice.ringing.got("INFO")[0]
    assert [info.header(name) for name in (*NAMES, b"Alert-Info")] == [None] * 5
    assert info.body == b"Signal=1\r\n"
    alice.ringing.respond(200, info)
    call.bye()
    office.check_clean()


def test_phones_of_the_office_tell_one_another_what_they_like():
    office = VirtualCalls(CARRIER)
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", lines=OBEYED)
    assert all(bob.ringing.invite.header(name) is not None for name in NAMES)
    call.cancel()
    bob.ringing.respond(487)
    office.check_clean()
