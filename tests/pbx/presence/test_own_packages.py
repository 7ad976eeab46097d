# SPDX-License-Identifier: Apache-2.0
"""What only its own user may watch: registrations (RFC 3680) and the mailbox (RFC 3842)."""

import pytest

from tests.pbx.presence.event_office import REGINFO, EventOffice, document
from tests.pbx.proxy.virtual_office import A, C, answer, head

OTHER = ("192.168.1.111", 5060)


@pytest.fixture
def office() -> EventOffice:
    return EventOffice()


def told(office: EventOffice) -> list[tuple[str, str, dict[str, tuple[str, str]]]]:
    """Of each NOTIFY: full or partial, state of the registration, contacts with state and event."""
    result = []
    for notify in office.notifies(A):
        root = document(notify)
        (registration,) = root
        contacts = {contact.findtext(f"{REGINFO}uri"): (contact.get("state"), contact.get("event"))
                    for contact in registration}
        result.append((root.get("state"), registration.get("state"), contacts))
    return result


def test_registrations_come_and_go(office):
    office.subscribe("201", "201", "reg", 7200)
    assert told(office) == [("full", "init", {})]
    office.register("201", A)
    office.settle()
    first = "sip:201@192.168.1.11:5060"
    assert told(office) == [("partial", "active", {first: ("active", "registered")})]
    office.register("201", OTHER)
    office.settle()
    second = "sip:201@192.168.1.111:5060"
    assert told(office) == [("partial", "active", {second: ("active", "registered")})]
    office.register("201", OTHER, contact="<sip:201@192.168.1.111:5060>;expires=0")
    office.settle()
    assert told(office) == [("partial", "active", {second: ("terminated", "unregistered")})]
    office.register("201", A)
    office.settle()
    assert told(office) == []       # a refresh
    office.advance(3601)
    assert told(office)[0] == ("partial", "terminated", {first: ("terminated", "expired")})


def test_whole_registration_state_on_each_subscribe_with_growing_version(office):
    office.register("201", A)
    office.register("201", OTHER, q=0.5)
    accepted = office.subscribe("201", "201", "reg")
    office.refresh("201", accepted, "reg", 600)
    first, second = office.notifies(A)
    assert [document(notify).get("version") for notify in (first, second)] == ["0", "1"]
    contacts = list(document(second).iter(f"{REGINFO}contact"))
    assert {contact.get("q") for contact in contacts} == {"1.000", "0.500"}
    assert len({contact.get("id") for contact in contacts}) == 2
    assert {contact.get("id") for contact in document(first).iter(f"{REGINFO}contact")} == \
        {contact.get("id") for contact in contacts}
    assert {contact.get("expires") for contact in contacts} == {"3600"}


def leave_message(office: EventOffice, body: str) -> int:
    octets = head("MESSAGE", "sip:202@192.168.1.1", A, f"m{body}", "201", "202", call_id=f"m-{body}",
                  extra="Content-Type: text/plain\r\n")
    office.send(A, octets.replace(b"Content-Length: 0", b"Content-Length: %d" % len(body)) + body.encode())
    return office.settle()[-1].status


def test_mailbox_without_messages_says_no(office):
    accepted = office.subscribe("202", "202", "message-summary", 86400)
    assert accepted.expires == 7200
    (notify,) = office.notifies(C)
    assert notify.header(b"Content-Type") == b"application/simple-message-summary"
    assert notify.body == (b"Messages-Waiting: no\r\nMessage-Account: sip:202@192.168.1.1\r\n"
                           b"Text-Message: 0/0 (0/0)\r\n")


def test_lamp_goes_on_with_a_message_and_off_when_it_was_delivered(office):
    office.subscribe("202", "202", "message-summary")
    office.notifies()
    assert leave_message(office, "one") == 202
    (notify,) = office.notifies(C)
    assert notify.body.startswith(b"Messages-Waiting: yes\r\n")
    assert b"\r\nText-Message: 1/0 (0/0)\r\n" in notify.body
    leave_message(office, "two")
    assert b"\r\nText-Message: 2/0 (0/0)\r\n" in office.notifies(C)[-1].body
    office.register("202", C)
    for _ in range(4):
        for message in office.advance(2):
            if message.is_request and message.method == b"MESSAGE":
                office.send(C, answer(message, 200))
    assert office.notifies(C)[-1].body.startswith(b"Messages-Waiting: no\r\n")
