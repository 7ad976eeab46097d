# SPDX-License-Identifier: Apache-2.0
"""NOTIFYs and what becomes of them: order, rate, failures, restarts (RFC 6665 4.2.2, RFC 6446, RFC 5057)."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.pbx.presence.event_reading import read_gap, write_rate
from tests.pbx.presence.event_office import EventOffice, basics, pidf, state_of
from tests.pbx.proxy.virtual_office import A, C, D, answer, head


@pytest.fixture
def office() -> EventOffice:
    return EventOffice()


def change(office: EventOffice, number: int) -> None:
    """The presence of 202 becomes another, without the phones answering anything yet."""
    body = pidf("open", f"t{number}")
    if not hasattr(office, "etag"):
        office.etag = ""
    reply = office.publish("202", body, office.etag)
    assert reply.status == 200
    office.etag = reply.header(b"SIP-ETag").decode()


def test_change_is_told_to_every_watcher_in_its_own_dialog(office):
    for user in ("201", "203"):
        office.subscribe(user, "202", "presence")
    office.notifies()
    change(office, 1)
    first, second = office.notifies(A), office.notifies(D)
    assert [len(first), len(second)] == [1, 1]
    assert first[0].body == second[0].body
    assert first[0].call_id != second[0].call_id


def test_one_notify_is_under_way_and_the_next_tells_the_latest(office):
    office.answers_with = 0
    office.subscribe("201", "202", "presence")
    change(office, 1)
    change(office, 2)
    change(office, 3)
    (first,) = office.notifies()
    office.answers_with = 200
    office.send(A, answer(first, 200))
    office.settle()
    (second,) = office.notifies()
    assert basics(second) == {"t3": "open", "registration": "closed"}
    assert second.cseq == first.cseq + 1


def test_nothing_is_told_twice(office):
    office.subscribe("201", "202", "presence")
    office.register("202", C)
    office.settle()
    office.notifies()
    office.register("202", C, contact="<sip:202@192.168.1.12:5060;line=2>")
    office.settle()
    assert office.notifies() == []      # registered before, registered now


@pytest.mark.parametrize("status", [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604, 408])
def test_subscriber_that_wants_no_more_is_dropped(office, status):
    office.answers_with = status
    office.subscribe("201", "202", "presence")
    assert len(office.office.events.notifier) == 0
    assert office.subscription_rows.rows == {}
    office.answers_with = 200
    office.notifies()
    change(office, 1)
    assert office.notifies() == []


def test_subscriber_that_never_answers_is_dropped_after_timer_f(office):
    office.answers_with = 0
    office.subscribe("201", "202", "presence")
    office.advance(31)
    assert len(office.office.events.notifier) == 1
    copies = office.notifies()
    assert len({copy.data for copy in copies}) == 1
    assert len(copies) >= 10
    office.advance(2)
    assert len(office.office.events.notifier) == 0


def test_watchers_that_never_answer_hold_up_nobody_else(office):
    office.subscribe("203", "202", "presence")
    office.notifies()
    office.answers_with = 0
    office.subscribe("201", "202", "presence")
    office.notifies()
    office.answers_with = 200
    change(office, 1)
    assert len(office.notifies(D)) == 1


@pytest.mark.parametrize("status", [401, 407, 500, 503])
def test_error_that_may_pass_keeps_the_subscription_and_tells_again_later(office, status):
    office.subscribe("201", "202", "presence")
    office.notifies()
    office.answers_with = status
    change(office, 1)
    office.answers_with = 200
    office.notifies()
    assert len(office.office.events.notifier) == 1
    office.advance(59)
    assert office.notifies() == []
    office.advance(2)
    (again,) = office.notifies()
    assert basics(again) == {"t1": "open", "registration": "closed"}


def test_retry_after_of_a_subscriber_is_honoured(office):
    office.answers_with = 0
    office.subscribe("201", "202", "presence")
    (first,) = office.notifies()
    office.answers_with = 200
    office.send(A, answer(first, 503, extra="Retry-After: 7 (busy)\r\n"))
    office.advance(6.5)
    change(office, 1)
    assert office.notifies() == []
    office.advance(1)
    assert len(office.notifies()) == 1


def test_rate_that_the_subscriber_asked_for_is_kept_and_said(office):
    office.subscribe("201", "202", "presence;max-rate=0.2")
    (first,) = office.notifies()
    assert state_of(first) == "active;expires=3600;max-rate=0.2"
    assert first.header(b"Event") == b"presence"
    change(office, 1)
    change(office, 2)
    assert office.notifies() == []
    office.advance(5.1)
    (second,) = office.notifies()
    assert basics(second) == {"t2": "open", "registration": "closed"}


@given(st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,10})?", fullmatch=True))
@example("0.0000000001")
@example("99.9999999999")
@example("00.0010000000")
@example("0.0000999999")
def test_rate_is_said_by_its_grammar_and_what_is_asked_is_what_is_said(asked):
    gap_s = read_gap(asked.encode())
    if float(asked) < 0.001:
        assert gap_s == 0.0
    else:
        said = write_rate(gap_s)
        assert re.fullmatch(rb"[0-9]{1,2}(\.[0-9]{1,10})?", said)
        assert float(said) == float(asked)


@pytest.mark.parametrize("rate", ["0.0000000001", "0", "1e-3", "-1", "100", ""])
def test_rate_that_cannot_be_meant_is_as_if_it_were_absent(office, rate):
    office.subscribe("201", "202", f"presence;max-rate={rate}")
    assert [state_of(notify) for notify in office.notifies()] == ["active;expires=3600"]
    change(office, 1)
    assert len(office.notifies()) == 1


def test_without_a_wish_every_change_goes_at_once(office):
    office.subscribe("201", "202", "presence")
    office.notifies()
    for number in range(15):
        change(office, number)
        assert len(office.notifies()) == 1


def test_flood_of_changes_waits_a_second_at_most_and_ends_with_the_latest(office):
    office.subscribe("201", "202", "presence")
    office.notifies()
    for number in range(200):
        change(office, number)
    assert len(office.notifies()) < 20
    office.advance(1.1)
    last = office.notifies()[-1]
    assert "t199" in basics(last)


def test_subscriptions_of_a_removed_extension_end(office):
    office.subscribe("201", "202", "presence")
    office.subscribe("202", "201", "presence")
    office.subscribe("203", "201", "presence")
    office.notifies()
    gone = EventOffice().configuration
    gone.extensions.pop("202")
    office.office.reconfigure(gone, office.now)
    office.settle()
    assert [state_of(notify) for notify in office.notifies(A)] == ["terminated;reason=noresource"]
    assert [state_of(notify) for notify in office.notifies(C)] == ["terminated;reason=rejected"]
    assert office.notifies(D) == []


def test_restart_tells_everyone_the_whole_state_without_the_phones_doing_anything(office):
    office.subscribe("201", "202", "presence", 600)
    accepted = office.subscribe("203", "202", "dialog;id=3", 600)
    change(office, 1)
    before = office.notifies()
    assert office.restart(lost_s=100.0) == 2
    office.settle()
    presence, = office.notifies(A)
    dialog, = office.notifies(D)
    assert basics(presence) == {"t1": "open", "registration": "closed"}
    assert state_of(presence) == "active;expires=500"
    assert dialog.header(b"Event") == b"dialog;id=3"
    assert b'state="full"' in dialog.body
    assert (dialog.call_id, dialog.from_tag, dialog.to_tag, dialog.uri) == (
        accepted.call_id, accepted.to_tag, accepted.from_tag, b"sip:203@192.168.1.13:5060")
    assert min(presence.cseq, dialog.cseq) > max(notify.cseq for notify in before)
    assert office.refresh("203", accepted, "dialog;id=3", 300).status == 200


def test_cseq_and_version_never_go_back_over_many_notifies_and_restarts(office):
    office.subscribe("201", "202", "presence", 7200)
    seen = [notify.cseq for notify in office.notifies()]
    for _ in range(4):
        for number in range(70):
            change(office, number)
            office.advance(0.2)
            seen += [notify.cseq for notify in office.notifies()]
        office.restart()
        office.settle()
        seen += [notify.cseq for notify in office.notifies()]
    assert seen == sorted(set(seen))
    assert office.subscription_rows.writes < 20


def test_what_ended_while_the_server_was_down_is_not_taken_up(office):
    office.subscribe("201", "202", "presence", 60)
    office.publish("202", pidf("open"), expires=60)
    assert office.restart(lost_s=61.0) == 0
    assert office.settle() == []
    assert office.subscription_rows.rows == {}
    assert office.publication_rows.rows == {}


def test_connection_that_is_gone_is_no_reason_to_forget_the_subscriber(office):
    """Over TCP, after a restart, until the phone has registered again."""
    lines = "Event: presence\r\nContact: <sip:201@192.168.1.11:5060;transport=tcp>\r\nExpires: 600\r\n"
    office.send(A, head("SUBSCRIBE", "sip:202@192.168.1.1", A, "s", "201", "202", extra=lines, transport="TCP"), b"TCP")
    (accepted, _), (notify, _) = office.take()
    assert (accepted.status, notify.method) == (200, b"NOTIFY")
    assert accepted.contact_uri == b"sip:202@192.168.1.1:5060;transport=tcp"
    flow = next(flow for flow in office.flows.values() if flow.listener.transport == b"TCP")
    office.office.stack.flow_failed(flow, office.now)
    assert len(office.office.events.notifier) == 1
    office.flows.pop(next(key for key, value in office.flows.items() if value is flow))
    octets = head("REGISTER", "sip:192.168.1.1", A, "r", "201", "201", transport="TCP",
                  extra="Contact: <sip:201@192.168.1.11:5060;transport=tcp>\r\n")
    office.send(A, octets, b"TCP")
    office.office.stack.handle_deadline(office.now)
    sent = [message for message, _ in office.take()]
    assert [message.method for message in sent if message.is_request] == [b"NOTIFY"]


def test_a_phone_whose_contact_is_its_end_of_a_connection_is_told_on_its_next_one(office):
    """RFC 5626: it registers the new end under the same instance and reg-id; its dialogs know it by the old one."""
    office.register("202", C)

    def register(port: int, cseq: int) -> str:
        contact = f"<sip:201@192.168.1.11:{port};transport=TCP;ob>"
        lines = f'Supported: path, outbound\r\nContact: {contact};reg-id=1;+sip.instance="<urn:uuid:1>"\r\n'
        here = ("192.168.1.11", port)
        office.send(here, head("REGISTER", "sip:192.168.1.1", here, f"r{port}", "201", "201", cseq, call_id="reg",
                               extra=lines, transport="TCP"), b"TCP")
        return contact
    contact = register(40001, 1)
    lines = f"Event: presence\r\nContact: {contact}\r\nExpires: 600\r\n"
    here = ("192.168.1.11", 40001)
    office.send(here, head("SUBSCRIBE", "sip:202@192.168.1.1", here, "s", "201", "202", extra=lines, transport="TCP"),
                b"TCP")
    assert (200, here) in office.statuses()
    office.settle()
    flow = next(flow for flow in office.flows.values() if flow.port == 40001)
    flow.is_open = False
    office.office.stack.flow_failed(flow, office.now)
    office.settle()
    register(40002, 2)
    office.office.stack.handle_deadline(office.now)
    ((notify, address),) = [(one, address) for one, address in office.take() if one.is_request]
    assert (notify.method, address) == (b"NOTIFY", ("192.168.1.11", 40002))
    assert notify.uri == b"sip:201@192.168.1.11:40001;transport=TCP;ob"
