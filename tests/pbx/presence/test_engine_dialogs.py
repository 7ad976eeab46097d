# SPDX-License-Identifier: Apache-2.0
"""Lamps of calls that the call engine carries: each phone's own dialog with us, as the phone sees it (RFC 4235)."""

import pytest

from appliance.native.sip_scanner import Message
from appliance.pbx.assembly import Surroundings, assemble_office
from appliance.vocabulary.journal import SilentJournal
from tests.pbx.presence.event_office import (
    DIALOG_INFO,
    PHONES,
    EventOffice,
    activities,
    document,
)
from tests.pbx.proxy.virtual_office import A, C, answer, head
from tests.pbx.virtual_relay import VirtualRelay
from tests.work import count_work

SDP = ("v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
       "a=rtpmap:0 PCMU/8000\r\na={direction}\r\n")


class CarriedOffice(EventOffice):
    """Calls between extensions pass the engine; the relay is made of numbers."""

    def __init__(self, more: str = "") -> None:
        self.relay = VirtualRelay()
        super().__init__("".join(f"set extension {user} role b2bua\n" for user in PHONES) + more)

    def _assemble(self):
        surroundings = Surroundings(self._flow_to, self._octets, SilentJournal())
        surroundings.signing_key = self.signing_key
        surroundings.subscription_store = self.subscription_rows
        surroundings.publication_store = self.publication_rows
        surroundings.wall_offset = 1_700_000_000.0 - self.now
        surroundings.relay = self.relay
        office = assemble_office(self.configuration, self.listeners, surroundings)
        self.relay.user = office.calls.watch
        return office


def with_session(octets: bytes, host: str, direction: str = "sendrecv") -> bytes:
    """The message with a session of that host."""
    body = SDP.format(host=host, direction=direction).encode()
    return octets.replace(b"Content-Length: 0\r\n\r\n",
                          b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def ring(office: CarriedOffice, caller: str = "201", callee: str = "202", call_id: str = "talk") -> Message:
    """A call; the INVITE as the callee's phone got it."""
    phone = PHONES[caller]
    octets = head("INVITE", f"sip:{callee}@192.168.1.1", phone, f"i{call_id}", caller, callee, 1, call_id,
                  extra=f"Contact: <sip:{caller}@{phone[0]}:{phone[1]}>\r\n")
    office.send(phone, with_session(octets, phone[0]))
    (invite,) = [one for one in office.settle() if one.is_request and one.method == b"INVITE"]
    return invite


def take(office: CarriedOffice, invite: Message, callee: str = "202", tag: str = "callee") -> Message:
    """The callee answers; the 200 as the caller got it, acknowledged on both sides."""
    phone = PHONES[callee]
    octets = answer(invite, 200, tag, f"Contact: <sip:{callee}@{phone[0]}:{phone[1]}>\r\n")
    office.send(phone, with_session(octets, phone[0]))
    sent = office.settle()
    (accepted,) = [one for one in sent if one.status == 200]
    caller = accepted.from_user.decode()
    office.send(PHONES[caller], head("ACK", accepted.contact_uri.decode(), PHONES[caller], "ack", caller,
                                     accepted.to_user.decode(), accepted.cseq, accepted.call_id.decode(),
                                     accepted.to_tag.decode()))
    office.settle()
    return accepted


def leave(office: CarriedOffice, accepted: Message, cseq: int = 2) -> None:
    """The caller hangs up, the callee's phone agrees."""
    caller, phone = accepted.from_user.decode(), PHONES[accepted.from_user.decode()]
    office.send(phone, head("BYE", accepted.contact_uri.decode(), phone, f"bye{cseq}", caller,
                            accepted.to_user.decode(), cseq, accepted.call_id.decode(), accepted.to_tag.decode()))
    for bye in [one for one in office.settle() if one.is_request and one.method == b"BYE"]:
        office.send(PHONES[bye.to_user.decode()], answer(bye, 200))
    office.settle()
    office.relay.tell(office.now)


@pytest.fixture
def office() -> CarriedOffice:
    """203 watches 201 and 202, who are registered."""
    office = CarriedOffice()
    for user in ("201", "202"):
        office.register(user, PHONES[user])
    for user in ("201", "202"):
        office.subscribe("203", user, "dialog", 7200)
    office.notifies()
    return office


def dialogs(office: CarriedOffice) -> dict[str, dict[str, object]]:
    """What the lamps were told last, by extension."""
    told = {}
    for notify in office.notifies():
        for dialog in document(notify).iter(f"{DIALOG_INFO}dialog"):
            state = dialog.find(f"{DIALOG_INFO}state")
            local, remote = dialog.find(f"{DIALOG_INFO}local"), dialog.find(f"{DIALOG_INFO}remote")
            target = local.find(f"{DIALOG_INFO}target")
            told[document(notify).get("entity")[4:7]] = {
                **dialog.attrib, "state": state.text, "event": state.get("event"), "code": state.get("code"),
                "local": local.findtext(f"{DIALOG_INFO}identity"), "remote": remote.findtext(f"{DIALOG_INFO}identity"),
                "target": None if target is None else target.get("uri"),
                "held": target is not None and any(one.get("pname") == "+sip.rendering" and one.get("pval") == "no"
                                                   for one in target)}
    return told


def test_both_lamps_follow_the_call_through_all_states(office):
    invite = ring(office)
    told = dialogs(office)
    assert {who: (one["direction"], one["state"]) for who, one in told.items()} == {
        "201": ("initiator", "proceeding"), "202": ("recipient", "trying")}
    office.send(C, answer(invite, 180))
    office.settle()
    assert {who: one["state"] for who, one in dialogs(office).items()} == {"201": "early", "202": "early"}
    accepted = take(office, invite)
    assert {who: one["state"] for who, one in dialogs(office).items()} == {"201": "confirmed", "202": "confirmed"}
    leave(office, accepted)
    told = dialogs(office)
    assert (told["201"]["state"], told["201"]["event"]) == ("terminated", "local-bye")
    assert (told["202"]["state"], told["202"]["event"]) == ("terminated", "remote-bye")


def test_each_lamp_has_the_identifiers_of_its_phones_own_dialog(office):
    # pick-up: INVITE with Replaces built of these must find the leg (RFC 3891 3, RFC 4235 4.1.1)
    invite = ring(office)
    office.send(C, answer(invite, 180, "theirs"))
    office.settle()
    callee = dialogs(office)["202"]
    assert (callee["call-id"], callee["local-tag"], callee["remote-tag"]) == (
        invite.call_id.decode(), "theirs", invite.from_tag.decode())
    accepted = take(office, invite, tag="theirs")
    told = dialogs(office)
    caller = told["201"]
    assert (caller["call-id"], caller["local-tag"], caller["remote-tag"]) == (
        "talk", "from201", accepted.to_tag.decode())
    assert caller["call-id"] != told["202"]["call-id"]
    assert (caller["target"], told["202"]["target"]) == ("sip:201@192.168.1.11:5060", "sip:202@192.168.1.12:5060")
    assert (caller["local"], caller["remote"]) == ("sip:201@192.168.1.1", "sip:202@192.168.1.1")
    assert (told["202"]["local"], told["202"]["remote"]) == ("sip:202@192.168.1.1", "sip:201@192.168.1.1")


def test_a_refused_call_is_rejected_with_its_status(office):
    invite = ring(office)
    dialogs(office)
    office.send(C, answer(invite, 486))
    office.settle()
    told = dialogs(office)
    assert [(told[who]["state"], told[who]["event"], told[who]["code"]) for who in ("201", "202")] == [
        ("terminated", "rejected", "486")] * 2


def test_a_call_that_its_caller_gives_up_is_cancelled(office):
    invite = ring(office)
    office.send(C, answer(invite, 180))
    office.settle()
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "italk", "201", "202", 1, "talk"))
    (cancel,) = [one for one in office.settle() if one.is_request and one.method == b"CANCEL"]
    office.send(C, answer(cancel, 200))
    office.send(C, answer(invite, 487))
    office.settle()
    told = dialogs(office)
    assert [(told[who]["state"], told[who]["event"]) for who in ("201", "202")] == [("terminated", "cancelled")] * 2


def test_hold_shows_on_the_lamp_of_who_holds(office):
    invite = ring(office)
    accepted = take(office, invite)
    assert not any(one["held"] for one in dialogs(office).values())
    octets = head("INVITE", accepted.contact_uri.decode(), A, "hold", "201", "202", 2, "talk", accepted.to_tag.decode(),
                  extra="Contact: <sip:201@192.168.1.11:5060>\r\n")
    office.send(A, with_session(octets, "192.168.1.11", "sendonly"))
    (reinvite,) = [one for one in office.settle() if one.is_request and one.method == b"INVITE"]
    octets = answer(reinvite, 200, extra="Contact: <sip:202@192.168.1.12:5060>\r\n")
    office.send(C, with_session(octets, "192.168.1.12", "recvonly"))
    office.settle()
    told = dialogs(office)
    assert {who: one["held"] for who, one in told.items()} == {"201": True}


def test_a_full_document_tells_of_calls_in_progress(office):
    accepted = take(office, ring(office))
    office.notifies()
    office.subscribe("203", "202", "dialog", call_id="look")
    full = dialogs(office)
    assert full["202"]["state"] == "confirmed"
    leave(office, accepted)
    office.notifies()
    office.subscribe("203", "202", "dialog", call_id="look-again")
    assert dialogs(office) == {}


def test_who_talks_is_on_the_phone_and_no_longer_when_he_has_hung_up(office):
    office.subscribe("203", "202", "presence")
    office.notifies()
    accepted = take(office, ring(office))
    said = [notify for notify in office.notifies() if notify.header(b"Event").startswith(b"presence")]
    assert "on-the-phone" in activities(said[-1])
    leave(office, accepted)
    said = [notify for notify in office.notifies() if notify.header(b"Event").startswith(b"presence")]
    assert activities(said[-1]) == []


def test_nothing_is_told_twice(office):
    invite = ring(office)
    office.notifies()
    for _ in range(3):
        office.send(C, answer(invite, 180))
        office.settle()
    assert len(office.notifies()) == 2


def test_memory_of_what_was_told_ends_with_the_call(office):
    accepted = take(office, ring(office))
    package = office.office.events._dialogs
    assert package._told
    leave(office, accepted)
    office.advance(40)
    assert package._told == {}


def test_a_call_that_nobody_watches_costs_next_to_nothing():
    office = CarriedOffice()
    office.register("202", C)
    take(office, ring(office))
    assert office.notifies() == []
    (call,) = office.office.calls.calls.values()
    assert count_work(lambda: office.office.events._note_carried(call)) < 40     # 18 with Python 3.11


def test_an_anonymous_caller_stays_so(office):
    octets = head("INVITE", "sip:202@192.168.1.1", A, "anon", "201", "202", 1, "anon",
                  extra="Contact: <sip:201@192.168.1.11:5060>\r\nPrivacy: id\r\n")
    office.send(A, with_session(octets, "192.168.1.11"))
    office.settle()
    assert dialogs(office)["202"]["remote"] == "sip:anonymous@anonymous.invalid"


def test_lamps_of_others_stay_dark(office):
    office.subscribe("201", "203", "dialog")
    office.notifies()
    take(office, ring(office))
    assert "203" not in dialogs(office)


def test_the_lamp_of_a_phone_that_does_not_answer_its_cancel_goes_dark(office):
    invite = ring(office)
    office.send(C, answer(invite, 180))
    office.settle()
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "italk", "201", "202", 1, "talk"))
    (_cancel,) = [one for one in office.settle() if one.is_request and one.method == b"CANCEL"]
    office.notifies()
    office.advance(2.0)
    told = dialogs(office)
    assert told["202"]["state"] == "terminated"
    assert not list(office.office.calls.calls)
