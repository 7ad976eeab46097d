# SPDX-License-Identifier: Apache-2.0
"""Lamps: the calls of an extension as RFC 4235 tells them, from both sides, in full and in part."""

import pytest

from appliance.pbx.presence.dialog_package import DialogPackage
from tests.pbx.presence.event_office import (
    DIALOG_INFO,
    PHONES,
    EventOffice,
    call,
    document,
    hang_up,
    pick_up,
    state_of,
)
from tests.pbx.proxy.virtual_office import A, C, D, answer, head

E = ("192.168.1.14", 5060)


@pytest.fixture
def office() -> EventOffice:
    """203 watches 201 and 202, who are registered."""
    office = EventOffice()
    for user in ("201", "202"):
        office.register(user, PHONES[user])
    for user in ("201", "202"):
        office.subscribe("203", user, "dialog", 7200)
    office.notifies()
    return office


def lamps(office: EventOffice) -> dict[str, list[tuple[str, str, str]]]:
    """Per watched extension what has been told: state of the document, direction, state of the dialog."""
    told: dict[str, list[tuple[str, str, str]]] = {}
    for notify in office.notifies():
        root = document(notify)
        for dialog in root.iter(f"{DIALOG_INFO}dialog"):
            told.setdefault(root.get("entity")[4:7], []).append(
                (root.get("state"), dialog.get("direction"), dialog.findtext(f"{DIALOG_INFO}state")))
    return told


def test_first_document_is_full_and_empty_with_version_0():
    office = EventOffice()
    office.subscribe("203", "201", "dialog")
    (notify,) = office.notifies()
    root = document(notify)
    assert (root.get("version"), root.get("state"), root.get("entity")) == ("0", "full", "sip:201@192.168.1.1")
    assert list(root) == []
    assert notify.header(b"Content-Type") == b"application/dialog-info+xml"


def test_call_lights_both_lamps_through_all_states(office):
    invite = call(office, "201", "202")
    assert lamps(office) == {"201": [("partial", "initiator", "proceeding")],
                             "202": [("partial", "recipient", "trying")]}
    office.send(C, answer(invite, 180))
    office.settle()
    assert lamps(office) == {"201": [("partial", "initiator", "early")], "202": [("partial", "recipient", "early")]}
    accepted = pick_up(office, invite)
    assert lamps(office) == {"201": [("partial", "initiator", "confirmed")],
                             "202": [("partial", "recipient", "confirmed")]}
    hang_up(office, accepted)
    assert lamps(office) == {"201": [("partial", "initiator", "terminated")],
                             "202": [("partial", "recipient", "terminated")]}


def test_versions_count_up_by_one_within_each_subscription(office):
    office.subscribe("201", "202", "dialog")
    hang_up(office, pick_up(office, call(office, "201", "202")))
    versions: dict[bytes, list[int]] = {}
    for notify in office.notifies():
        versions.setdefault(notify.call_id, []).append(int(document(notify).get("version")))
    assert len(versions) == 3
    for seen in versions.values():
        assert seen == list(range(seen[0], seen[0] + len(seen)))
        assert len(seen) > 2


def test_dialog_says_who_talks_with_whom_and_by_which_identifiers(office):
    invite = call(office, "201", "202")
    pick_up(office, invite)
    dialogs = {document(notify).get("entity"): next(document(notify).iter(f"{DIALOG_INFO}dialog"))
               for notify in office.notifies()}
    caller, callee = dialogs["sip:201@192.168.1.1"], dialogs["sip:202@192.168.1.1"]
    assert caller.get("call-id") == callee.get("call-id") == "talk"
    assert (caller.get("local-tag"), caller.get("remote-tag")) == ("from201", "callee")
    assert (callee.get("local-tag"), callee.get("remote-tag")) == ("callee", "from201")
    for dialog, local, remote in ((caller, "201", "202"), (callee, "202", "201")):
        for side, user in (("local", local), ("remote", remote)):
            party = dialog.find(f"{DIALOG_INFO}{side}")
            assert party.findtext(f"{DIALOG_INFO}identity") == f"sip:{user}@192.168.1.1"
            assert party.find(f"{DIALOG_INFO}target").get("uri") == f"sip:{user}@{PHONES[user][0]}:5060"


def test_refresh_tells_the_whole_state_and_the_id_stays(office):
    accepted = office.subscribe("203", "202", "dialog")
    office.notifies()
    pick_up(office, call(office, "201", "202"))
    partial = [notify for notify in office.notifies() if notify.call_id == accepted.call_id][-1]
    office.advance(30)
    office.refresh("203", accepted, "dialog", 600)
    (full,) = office.notifies()
    assert document(full).get("state") == "full"
    (dialog,) = document(full).iter(f"{DIALOG_INFO}dialog")
    assert dialog.get("id") == next(document(partial).iter(f"{DIALOG_INFO}dialog")).get("id")
    assert dialog.findtext(f"{DIALOG_INFO}state") == "confirmed"
    assert dialog.findtext(f"{DIALOG_INFO}duration") == "30"


@pytest.mark.parametrize(("status", "event", "code"), [(486, "rejected", "486"), (603, "rejected", "603")])
def test_refused_call_ends_with_its_status(office, status, event, code):
    office.send(C, answer(call(office, "201", "202"), status))
    office.settle()
    ends = [next(document(notify).iter(f"{DIALOG_INFO}state")) for notify in office.notifies()]
    assert [(end.text, end.get("event"), end.get("code")) for end in ends][-2:] == [("terminated", event, code)] * 2


def test_call_that_was_given_up_is_cancelled(office):
    invite = call(office, "201", "202")
    office.send(C, answer(invite, 180))
    office.settle()
    office.send(A, head("CANCEL", "sip:202@192.168.1.1", A, "italk", "201", "202", 1, "talk"))
    cancel = next(message for message in office.settle() if message.method == b"CANCEL" and message.is_request)
    office.send(C, answer(cancel, 200))
    office.send(C, answer(invite, 487))
    office.settle()
    ends = [next(document(notify).iter(f"{DIALOG_INFO}state")) for notify in office.notifies()]
    assert [(end.text, end.get("event")) for end in ends][-2:] == [("terminated", "cancelled")] * 2


def test_who_hung_up_is_told_from_each_side(office):
    accepted = pick_up(office, call(office, "201", "202"))
    office.notifies()
    hang_up(office, accepted)
    events = {document(notify).get("entity")[4:7]: next(document(notify).iter(f"{DIALOG_INFO}state")).get("event")
              for notify in office.notifies()}
    assert events == {"201": "local-bye", "202": "remote-bye"}


def fork(office: EventOffice) -> dict[str, bytes]:
    """Two phones of 202, at C and E, have answered the same call of 201; the 200 of each by its tag."""
    office.register("202", E)
    office.settle()
    office.notifies()
    office.send(A, head("INVITE", "sip:202@192.168.1.1", A, "fork", "201", "202", call_id="fork",
                        extra="Contact: <sip:201@192.168.1.11:5060>\r\n"))
    invites = []
    while len(invites) < 2:
        sent = office.take() or office.settle()
        invites += [(m, a) for m, a in sent if m.method == b"INVITE" and m.is_request]
    for (invite, phone), tag in zip(sorted(invites, key=lambda one: one[1]), ("c", "e"), strict=True):
        office.send(phone, answer(invite, 200, tag, f"Contact: <sip:202@{phone[0]}:5060>\r\n"))
    return {m.to_tag.decode(): m for m in office.settle() if m.status == 200}


def bye(office: EventOffice, accepted, is_by_caller: bool) -> None:
    """BYE in one of the dialogs of `fork`, and its 200."""
    tag, phone = accepted.to_tag.decode(), C if accepted.to_tag == b"c" else E
    route = f"Route: {accepted.header(b'Record-Route').decode()}\r\n"
    if is_by_caller:
        office.send(A, head("BYE", f"sip:202@{phone[0]}:5060", A, f"b{tag}", "201", "202", 2, "fork", tag, extra=route))
    else:
        office.send(phone, head("BYE", "sip:201@192.168.1.11:5060", phone, f"b{tag}", "202", "201", 2, "fork",
                                "from201", tag, route))
    (request,) = [message for message in office.settle() if message.is_request]
    office.send(phone if is_by_caller else A, answer(request, 200))
    office.settle()


def told_of(office: EventOffice) -> list[tuple[str, str, str, str | None, str | None]]:
    """What the lamps were told: of whom, the callee's tag, state, event, the callee's target."""
    told = []
    for notify in office.notifies():
        for dialog in document(notify).iter(f"{DIALOG_INFO}dialog"):
            is_caller = dialog.get("direction") == "initiator"
            state = dialog.find(f"{DIALOG_INFO}state")
            target = dialog.find(f"{DIALOG_INFO}{'remote' if is_caller else 'local'}/{DIALOG_INFO}target")
            told.append((document(notify).get("entity")[4:7], dialog.get("remote-tag" if is_caller else "local-tag"),
                         state.text, state.get("event"), None if target is None else target.get("uri")))
    return told


def test_two_phones_that_answered_are_two_confirmed_dialogs_each_with_its_own_target(office):
    fork(office)
    last = {(who, tag): rest for who, tag, *rest in told_of(office)}
    for who in ("201", "202"):
        assert last[who, "c"] == ["confirmed", None, "sip:202@192.168.1.12:5060"]
        assert last[who, "e"] == ["confirmed", None, "sip:202@192.168.1.14:5060"]


@pytest.mark.parametrize(("gone", "left", "host"), [("c", "e", "192.168.1.14"), ("e", "c", "192.168.1.12")])
@pytest.mark.parametrize("is_by_caller", [True, False])
def test_of_two_that_answered_one_hangs_up_and_the_other_stays_itself(office, gone, left, host, is_by_caller):
    # RFC 4235 3.7.1: a confirmed dialog ends by BYE, never by "cancelled"
    accepted = fork(office)
    told_of(office)
    bye(office, accepted[gone], is_by_caller)
    last = {(who, tag): rest for who, tag, *rest in told_of(office)}
    assert last["201", gone][:2] == ["terminated", "local-bye" if is_by_caller else "remote-bye"]
    assert last["202", gone][:2] == ["terminated", "remote-bye" if is_by_caller else "local-bye"]
    office.subscribe("203", "202", "dialog", call_id="look")
    (full,) = [one for one in told_of(office) if one[1] == left]
    assert full == ("202", left, "confirmed", None, f"sip:202@{host}:5060")
    bye(office, accepted[left], not is_by_caller)
    last = {(who, tag): rest for who, tag, *rest in told_of(office)}
    assert last["201", left][:2] == ["terminated", "remote-bye" if is_by_caller else "local-bye"]


def test_phone_that_rang_when_another_answered_is_cancelled(office):
    office.register("202", D)
    office.send(A, head("INVITE", "sip:202@192.168.1.1", A, "fork", "201", "202", call_id="fork",
                        extra="Contact: <sip:201@192.168.1.11:5060>\r\n"))
    invites = {a: m for m, a in office.take() if m.method == b"INVITE" and m.is_request}
    office.send(D, answer(invites[D], 180, "d"))
    office.send(C, answer(invites[C], 180, "c"))
    office.settle()
    office.send(C, answer(invites[C], 200, "c"))
    office.settle()
    last = {(who, tag): rest for who, tag, *rest in told_of(office)}
    assert last["201", "d"][:2] == ["terminated", "cancelled"]
    assert last["201", "c"][:2] == ["confirmed", None]


def test_target_that_moves_by_a_reinvite_is_told(office):
    accepted = pick_up(office, call(office, "201", "202"))
    told_of(office)
    office.send(A, head("INVITE", "sip:202@192.168.1.12:5060", A, "re", "201", "202", 2, "talk", "callee",
                        extra=f"Route: {accepted.header(b'Record-Route').decode()}\r\n"
                              "Contact: <sip:201@192.168.1.11:5062>\r\n"))
    (invite,) = [message for message in office.settle() if message.is_request]
    office.send(C, answer(invite, 200, extra="Contact: <sip:202@192.168.1.12:5066>\r\n"))
    office.settle()
    assert {(who, target) for who, _, _, _, target in told_of(office)} == {
        ("201", "sip:202@192.168.1.12:5066"), ("202", "sip:202@192.168.1.12:5066")}
    (talk,) = office.office.dialogs.calls()
    assert talk.caller_uri == b"sip:201@192.168.1.11:5062"


def test_two_calls_of_one_extension_are_two_dialogs(office):
    pick_up(office, call(office, "201", "202", "one"))
    call(office, "203", "202", "two")
    office.notifies()
    office.subscribe("201", "202", "dialog", 0)
    (notify,) = office.notifies()
    assert state_of(notify) == "terminated;reason=timeout"
    states = {dialog.get("call-id"): dialog.findtext(f"{DIALOG_INFO}state")
              for dialog in document(notify).iter(f"{DIALOG_INFO}dialog")}
    assert states == {"one": "confirmed", "two": "trying"}


def test_what_happens_while_a_notify_is_under_way_is_told_in_one_document(office):
    office.answers_with = 0
    invite = call(office, "201", "202")
    sent = office.heard[:]
    office.send(C, answer(invite, 180))
    accepted = pick_up(office, invite)
    assert len(office.heard) == len(sent)
    office.answers_with = 200
    for notify, address in sent:
        office.send(address, answer(notify, 200))
    office.heard.clear()
    office.settle()
    assert lamps(office) == {"201": [("partial", "initiator", "confirmed")],
                             "202": [("partial", "recipient", "confirmed")]}
    assert accepted.status == 200


def test_a_call_to_an_extension_of_another_domain_lights_no_lamp_here(office):
    office.send(A, head("INVITE", "sip:202@192.168.1.77", A, "far", "201", "202", call_id="far",
                        extra="Contact: <sip:201@192.168.1.11:5060>\r\n"))
    office.settle()
    told = lamps(office)
    assert set(told) == {"201"}


def test_ids_and_octets_from_phones_cannot_break_the_document(office):
    office.send(A, head("INVITE", "sip:202@192.168.1.1", A, "odd", "201", "202", call_id="a<b>&\"c'@x", from_tag="t'<&",
                        extra="Contact: <sip:201@192.168.1.11:5060;x=\"<>&\">\r\n"))
    office.settle()
    for notify in office.notifies():
        assert document(notify).tag == f"{DIALOG_INFO}dialog-info"


def test_nobody_watching_costs_no_message():
    office = EventOffice()
    office.register("202", C)
    hang_up(office, pick_up(office, call(office, "201", "202")))
    assert office.notifies() == []


def test_changes_that_no_datagram_holds_are_told_as_the_whole_state():
    package = DialogPackage(b"office.test", lambda extension: [], lambda hostport: True)
    small = [b"<dialog id=\"%d\"/>" % number for number in range(3)]
    assert b'state="partial"' in package.build_document(b"201", 5, small, 0.0)
    large = package.build_document(b"201", 6, [b"x" * 1000] * 100, 0.0)
    assert b'version="6" state="full"' in large
    assert len(large) < 1000


def test_call_of_a_user_who_is_removed_meanwhile_leaves_nothing(office):
    for user, phone in (("202", C), ("203", D)):
        office.register(user, phone)
    office.subscribe("201", "202", "dialog")
    accepted = pick_up(office, call(office, "203", "202"))
    events = office.office.events
    (known,) = office.office.dialogs.calls()
    assert events._dialogs.is_told(known)
    events.reconfigure(events.extensions - {b"202"}, office.now)
    office.settle()
    hang_up(office, accepted)
    office.advance(40)
    assert not events._dialogs.is_told(known)
    assert known not in events._changed_calls
