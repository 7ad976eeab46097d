# SPDX-License-Identifier: Apache-2.0
"""Damaged SUBSCRIBEs, PUBLISHes and answers: whatever comes, the event server answers or drops it and goes on."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pbx.presence.event_office import EventOffice, document, pidf
from tests.pbx.proxy.virtual_office import A, answer, head

SUBSCRIBE = head("SUBSCRIBE", "sip:202@192.168.1.1", A, "s", "201", "202",
                 extra="Event: dialog;id=7;max-rate=5\r\nAccept: application/dialog-info+xml;q=0.5, */*\r\n"
                       "Expires: 600\r\nContact: <sip:201@192.168.1.11:5060>;x=y\r\n"
                       "Record-Route: <sip:192.168.1.60;lr>, <sip:192.168.1.61;lr>\r\n")
BODY = pidf("open", "t", "<note>ja</note>").encode()
PUBLISH = head("PUBLISH", "sip:201@192.168.1.1", A, "p", "201", "201",
               extra="Event: presence\r\nContent-Type: application/pidf+xml\r\nExpires: 600\r\nSIP-If-Match: x\r\n"
               ).replace(b"Content-Length: 0", b"Content-Length: %d" % len(BODY)) + BODY
ANSWER_LINES = b"Retry-After: 5\r\nContact: <sip:a@b>\r\n"
JUNK = st.sampled_from([b"", b"\x00", b";", b",", b'"', b"<", b">", b"\r\n", b"=", b"%", b"e" * 300,
                        b"\xff\xfe", b"99999999999999999999", b"-1", b"0.0", b"*", b"@", b":", b";id=", b";max-rate=0",
                        b"[::1"])


def damage(octets: bytes, places: list[tuple[int, int, bytes]]) -> bytes:
    for at, cut, junk in places:
        at %= len(octets) + 1
        octets = octets[:at] + junk + octets[at + cut:]
    return octets


PLACES = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 12), JUNK), min_size=1, max_size=4)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([SUBSCRIBE, PUBLISH]), PLACES)
def test_damaged_requests_are_answered_or_dropped(octets, places):
    office = EventOffice()
    office.send(A, damage(octets, places))
    statuses = [message.status for message in office.settle() if not message.is_request]
    assert all(200 <= status < 600 for status in statuses)
    for notify in office.notifies():
        document(notify)
    office.send(A, SUBSCRIBE.replace(b"z9hG4bKs", b"z9hG4bKsound").replace(b"call-1", b"call-2"))
    assert 200 in [message.status for message in office.settle()]
    office.advance(7300)        # the longest that anything is granted
    assert len(office.office.events.notifier) == 0


@settings(max_examples=200, deadline=None)
@given(PLACES, st.integers(200, 699))
def test_damaged_answers_to_a_notify_do_no_harm(places, status):
    office = EventOffice()
    office.answers_with = 0
    office.send(A, SUBSCRIBE)
    office.settle()
    (notify, address), = office.heard
    office.send(address, damage(answer(notify, status, extra=ANSWER_LINES.decode()), places))
    office.settle()
    office.advance(7300)        # the longest that anything is granted
    assert len(office.office.events.notifier) == 0
