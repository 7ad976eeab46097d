# SPDX-License-Identifier: Apache-2.0
"""SUBSCRIBE as RFC 6665 4.2.1 has it: accepted, refreshed, fetched, ended, refused."""

import pytest

from tests.pbx.presence.event_office import EventOffice, answer_challenge, basics, state_of
from tests.pbx.proxy.virtual_office import STRANGER, A, C, head


@pytest.fixture
def office() -> EventOffice:
    return EventOffice()


def test_accepted_subscription_is_answered_and_notified_at_once_in_its_dialog(office):
    accepted = office.subscribe("201", "202", "presence", 600)
    assert (accepted.status, accepted.expires) == (200, 600)
    assert accepted.contact_uri == b"sip:202@192.168.1.1:5060"
    (notify,) = office.notifies(A)
    assert notify.uri == b"sip:201@192.168.1.11:5060"
    assert (notify.call_id, notify.from_tag, notify.to_tag) == (accepted.call_id, accepted.to_tag, accepted.from_tag)
    assert notify.from_value == accepted.to_value
    assert notify.to_value == accepted.from_value
    assert notify.contact_uri == accepted.contact_uri
    assert notify.header(b"Event") == b"presence"
    assert state_of(notify) == "active;expires=600"
    assert notify.header(b"Content-Type") == b"application/pidf+xml"
    assert notify.max_forwards == 70


def test_event_id_is_repeated_in_every_notify(office):
    office.subscribe("201", "202", "presence;id=a7")
    assert [notify.header(b"Event") for notify in office.notifies()] == [b"presence;id=a7"]


def test_compact_event_header_is_understood(office):
    phone = office.request("SUBSCRIBE", "201", "202", "o: presence\r\nm: <sip:201@192.168.1.11:5060>\r\n")
    assert phone.status == 200


def test_no_expires_gets_the_packages_default(office):
    assert office.subscribe("201", "202", "dialog", None).expires == 3600
    assert office.subscribe("201", "201", "reg", None).expires == 3761


def test_long_expires_is_shortened_and_short_one_refused_with_the_least(office):
    assert office.subscribe("201", "202", "presence", 999999).expires == 7200
    refused = office.subscribe("201", "202", "presence", 20)
    assert (refused.status, refused.header(b"Min-Expires")) == (423, b"60")


def test_unknown_package_hears_which_there_are(office):
    for event in ("Event: conference\r\n", "", "Event: \r\n", "Event: a b\r\n"):
        refused = office.request("SUBSCRIBE", "201", "202", event + "Contact: <sip:201@192.168.1.11>\r\n")
        assert refused.status == 489
        assert refused.header(b"Allow-Events") == b"presence, dialog, reg, message-summary"
    assert office.notifies() == []


def test_unknown_extension_is_not_found(office):
    assert office.subscribe("201", "299", "presence").status == 404


@pytest.mark.parametrize(("accept", "status"), [
    ("Accept: application/pidf+xml\r\n", 200), ("Accept: application/xpidf+xml, application/*;q=0.5\r\n", 200),
    ("Accept: */*\r\n", 200), ("Accept: APPLICATION/PIDF+XML;level=1\r\n", 200),
    ("Accept: application/xpidf+xml\r\n", 406), ("Accept: application/pidf+xml;q=0\r\n", 406), ("Accept: \r\n", 406)])
def test_accept_decides_whether_the_format_fits(office, accept, status):
    assert office.subscribe("201", "202", "presence", extra=accept).status == status


@pytest.mark.parametrize("contact", ["", "*", "<tel:+81312345678>", "<sip:201@192.168.1.11>, <sip:201@192.168.1.99>",
                                     "<sip:@>"])
def test_contact_that_no_notify_can_follow_is_refused(office, contact):
    line = f"Contact: {contact}\r\n" if contact else ""
    refused = office.request("SUBSCRIBE", "201", "202", "Event: presence\r\n" + line)
    assert refused.status == 400


def test_required_extension_that_is_unknown_is_named(office):
    refused = office.subscribe("201", "202", "presence", extra="Require: eventlist\r\n")
    assert (refused.status, refused.header(b"Unsupported")) == (420, b"eventlist")


def test_filter_body_is_not_understood(office):
    refused = office.subscribe("201", "202", "presence", extra="Content-Type: application/simple-filter+xml\r\n",
                               body="<filter/>")
    assert refused.status == 415


def test_mailbox_and_registrations_are_for_their_own_user_alone(office):
    for package in ("message-summary", "reg"):
        assert office.subscribe("201", "202", package).status == 403
        assert office.subscribe("202", "202", package).status == 200


def test_fetch_gets_one_notify_and_leaves_nothing(office):
    accepted = office.subscribe("201", "202", "presence", 0)
    assert (accepted.status, accepted.expires) == (200, 0)
    (notify,) = office.notifies()
    assert state_of(notify) == "terminated;reason=timeout"
    assert basics(notify) == {"registration": "closed"}
    office.register("202", C)
    office.settle()
    assert office.notifies() == []
    assert len(office.office.events.notifier) == 0
    assert office.subscription_rows.rows == {}


def test_refresh_in_the_dialog_prolongs_and_notifies_the_whole_state(office):
    accepted = office.subscribe("201", "202", "presence", 600)
    office.advance(500)
    office.notifies()
    refreshed = office.refresh("201", accepted, "presence", 900)
    assert (refreshed.status, refreshed.expires, refreshed.to_tag) == (200, 900, accepted.to_tag)
    (notify,) = office.notifies()
    assert state_of(notify) == "active;expires=900"
    assert notify.cseq == 2
    office.advance(890)
    assert office.notifies() == []
    office.advance(20)
    assert [state_of(notify) for notify in office.notifies()] == ["terminated;reason=timeout"]


def test_subscription_ends_when_it_is_not_refreshed(office):
    office.subscribe("201", "202", "presence", 600)
    office.notifies()
    office.advance(599)
    assert office.notifies() == []
    office.advance(2)
    (notify,) = office.notifies()
    assert state_of(notify) == "terminated;reason=timeout"
    assert len(office.office.events.notifier) == 0
    assert office.subscription_rows.rows == {}


def test_unsubscribing_gets_a_last_notify(office):
    accepted = office.subscribe("201", "202", "presence")
    office.notifies()
    ended = office.refresh("201", accepted, "presence", 0)
    assert (ended.status, ended.expires) == (200, 0)
    assert [state_of(notify) for notify in office.notifies()] == ["terminated;reason=timeout"]
    office.register("202", C)
    office.settle()
    assert office.notifies() == []
    assert office.refresh("201", accepted, "presence", 600).status == 481


def test_refresh_may_move_the_subscriber(office):
    accepted = office.subscribe("201", "202", "presence")
    office.notifies()
    moved = ("192.168.1.44", 5070)
    office.refresh("201", accepted, "presence", 600, phone=moved)
    (notify,) = office.notifies(moved)
    assert notify.uri == b"sip:201@192.168.1.44:5070"


def test_refresh_that_comes_too_late_by_cseq_is_refused(office):
    accepted = office.subscribe("201", "202", "presence", cseq=10)
    refused = office.refresh("201", accepted, "presence", 600, cseq=9)
    assert refused.status == 500
    assert refused.header(b"Retry-After")


def test_another_event_within_the_dialog_is_no_subscription(office):
    accepted = office.subscribe("201", "202", "presence")
    assert office.refresh("201", accepted, "presence;id=1", 600).status == 481
    assert office.refresh("201", accepted, "conference", 600).status == 489
    assert len(office.office.events.notifier) == 1


def test_dialog_of_another_is_not_taken_by_its_identifiers(office):
    accepted = office.subscribe("201", "202", "presence")
    other = office.request("SUBSCRIBE", "203", "202", "Event: presence\r\nExpires: 0\r\n",
                           call_id=accepted.call_id.decode(), from_tag=accepted.from_tag.decode(),
                           to_tag=accepted.to_tag.decode())
    assert other.status == 403
    assert len(office.office.events.notifier) == 1
    assert office.refresh("201", accepted, "presence", 600, to_tag="wrong").status == 481


def test_strangers_are_challenged_as_a_user_agent_does_and_leave_nothing(office):
    accepted = office.subscribe("201", "202", "presence")
    office.settle()
    for method, extra, tag in (("SUBSCRIBE", "Event: presence\r\n", ""), ("PUBLISH", "Event: presence\r\n", ""),
                               ("SUBSCRIBE", "Event: presence\r\nExpires: 0\r\n", accepted.to_tag.decode())):
        call_id = accepted.call_id.decode() if tag else method
        office.send(STRANGER, head(method, "sip:202@192.168.1.1", STRANGER, f"{method}{tag}", "201", "202", 50,
                                   call_id=call_id, from_tag=accepted.from_tag.decode(), to_tag=tag, extra=extra))
        assert office.statuses() == [(401, STRANGER)]
    assert len(office.office.events.notifier) == 1


def subscribe_as_stranger(office: EventOffice):
    """A subscription of 201 from a source that is not trusted; its 200."""
    challenged = office.subscribe("201", "202", "presence", phone=STRANGER)
    assert challenged.status == 401
    credentials = answer_challenge(challenged, "201", "a", "SUBSCRIBE", "sip:202@192.168.1.1")
    accepted = office.subscribe("201", "202", "presence", phone=STRANGER, extra=credentials)
    assert accepted.status == 200
    office.notifies()
    return accepted


def test_refresh_from_where_the_dialog_lives_is_not_challenged(office):
    accepted = subscribe_as_stranger(office)
    assert office.refresh("201", accepted, "presence", 600, phone=STRANGER).status == 200
    assert [state_of(notify) for notify in office.notifies()] == ["active;expires=600"]
    assert office.refresh("201", accepted, "presence", 600, phone=(STRANGER[0], 40001)).status == 200
    assert office.refresh("201", accepted, "presence", 600, phone=STRANGER, cseq=1).status == 500
    assert office.refresh("201", accepted, "presence", 0, phone=STRANGER).status == 200
    assert [state_of(notify) for notify in office.notifies()][-1] == "terminated;reason=timeout"


def test_refresh_is_not_challenged_after_a_restart(office):
    accepted = subscribe_as_stranger(office)
    assert office.restart() == 1
    office.settle()
    assert office.refresh("201", accepted, "presence", 600, phone=STRANGER).status == 200


def test_refresh_is_challenged_where_the_dialog_proves_nothing(office):
    accepted = subscribe_as_stranger(office)
    elsewhere = ("203.0.113.78", 5060)
    assert office.refresh("201", accepted, "presence", 0, phone=elsewhere).status == 401
    assert office.refresh("201", accepted, "presence", 0, phone=STRANGER, cseq=accepted.cseq).status == 401
    assert office.refresh("201", accepted, "presence", 0, phone=STRANGER, to_tag="guessed").status == 481
    challenged = office.refresh("201", accepted, "presence", 600, phone=elsewhere)
    uri = accepted.contact_uri.decode()
    credentials = answer_challenge(challenged, "203", "c", "SUBSCRIBE", uri)
    assert office.refresh("201", accepted, "presence", 0, phone=elsewhere, extra=credentials).status == 403
    challenged = office.refresh("201", accepted, "presence", 600, phone=elsewhere)
    credentials = answer_challenge(challenged, "201", "a", "SUBSCRIBE", uri)
    assert office.refresh("201", accepted, "presence", 600, phone=elsewhere, extra=credentials).status == 200
    assert office.refresh("201", accepted, "presence", 600, phone=elsewhere).status == 200, "the dialog has moved"
    assert len(office.office.events.notifier) == 1


def test_from_of_another_user_is_forbidden_to_credentials_of_one(office):
    challenged = office.subscribe("201", "202", "presence", phone=STRANGER)
    assert challenged.status == 401
    credentials = answer_challenge(challenged, "203", "c", "SUBSCRIBE", "sip:202@192.168.1.1")
    assert office.subscribe("201", "202", "presence", phone=STRANGER, extra=credentials).status == 403
    challenged = office.subscribe("201", "202", "presence", phone=STRANGER)
    credentials = answer_challenge(challenged, "201", "a", "SUBSCRIBE", "sip:202@192.168.1.1")
    assert office.subscribe("201", "202", "presence", phone=STRANGER, extra=credentials).status == 200


def test_same_request_by_two_ways_makes_one_subscription(office):
    extra = "Event: presence\r\nContact: <sip:201@192.168.1.11:5060>\r\n"
    for branch in ("one", "two"):
        office.send(A, head("SUBSCRIBE", "sip:202@192.168.1.1", A, branch, "201", "202", extra=extra))
    assert sorted(message.status for message in office.settle()) == [200, 482]
    assert len(office.office.events.notifier) == 1


def test_retransmitted_subscribe_makes_one_subscription(office):
    octets = head("SUBSCRIBE", "sip:202@192.168.1.1", A, "one", "201", "202",
                  extra="Event: presence\r\nContact: <sip:201@192.168.1.11:5060>\r\n")
    office.send(A, octets)
    office.send(A, octets)
    answers = office.settle()
    assert len(answers) == 2
    assert answers[0].data == answers[1].data
    assert len(office.notifies()) == 1


def test_one_user_cannot_fill_the_table(office):
    statuses = [office.subscribe("201", "202", "presence", phone=("192.168.1.20", 6000 + number)).status
                for number in range(12)]
    assert statuses == [200] * 10 + [403, 403]
    assert office.subscribe("201", "202", "presence", 0).status == 200      # a fetch leaves nothing
    assert office.subscribe("203", "202", "presence").status == 200         # others are not concerned


def test_a_thousand_subscriptions_of_one_user_are_bounded():
    office = EventOffice("".join(f"set extension {number} secret a\n" for number in range(300, 640)))
    statuses = [office.subscribe("201", str(300 + number % 340), ("presence", "dialog")[number // 340 % 2]).status
                for number in range(1000)]
    assert statuses[:680].count(200) == 256     # then some ask for what they watch already
    assert set(statuses[256:680]) == {403}
    assert len(office.office.events.notifier) == 256


def subscribe_ten_times(office: EventOffice, contact: str = "") -> list:
    """Ten phones of 201 that watch 202; their answers."""
    accepted = [office.subscribe("201", "202", "presence", phone=("192.168.1.20", 6000 + number),
                                 contact=contact.format(number) or f"<sip:201@192.168.1.20:{6000 + number}>")
                for number in range(10)]
    assert [answer.status for answer in accepted] == [200] * 10
    office.notifies()
    return accepted


def watched_dialogs(office: EventOffice) -> list[bytes]:
    return [one.call_id for one in office.office.events.notifier.subscriptions()]


def test_phone_that_starts_again_and_again_is_never_refused(office):
    statuses = [office.subscribe("201", "202", "presence").status for _ in range(15)]
    assert statuses == [200] * 15
    assert len(office.office.events.notifier) == 10
    assert len(office.subscription_rows.rows) == 10
    assert [state_of(notify) for notify in office.notifies()].count("terminated;reason=rejected") == 5


def test_earlier_subscription_of_the_same_phone_gives_way_and_no_other(office):
    accepted = subscribe_ten_times(office)
    assert office.subscribe("201", "202", "presence", phone=("192.168.1.20", 6003)).status == 200
    left = watched_dialogs(office)
    assert len(left) == 10
    assert [answer.call_id in left for answer in accepted] == [number != 3 for number in range(10)]


def test_phone_is_known_by_its_instance_at_another_address(office):
    accepted = subscribe_ten_times(office, contact='<sip:201@192.168.1.20:7{0}>;+sip.instance="<urn:uuid:{0}>"')
    again = office.subscribe("201", "202", "presence",
                             contact='<sip:201@192.168.1.99:5060>;+sip.instance="<urn:uuid:4>"')
    assert again.status == 200
    assert accepted[4].call_id not in watched_dialogs(office)
    assert len(watched_dialogs(office)) == 10


def test_oldest_whose_connection_is_gone_gives_way(office):
    accepted = subscribe_ten_times(office)
    subscriptions = office.office.events.notifier.subscriptions()
    for number in (6, 7):
        subscriptions[number].flow.is_open = False
    statuses = [office.subscribe("201", "202", "presence", phone=("192.168.1.21", 6000 + number)).status
                for number in range(3)]
    assert statuses == [200, 200, 403]
    left = watched_dialogs(office)
    assert [answer.call_id in left for answer in accepted] == [number not in (6, 7) for number in range(10)]


def test_phone_with_all_its_lamps_starts_again():
    office = EventOffice("".join(f"set extension {number} secret a\n" for number in range(300, 556)))
    for _ in range(2):
        assert {office.subscribe("201", str(300 + number), "dialog").status for number in range(256)} == {200}
    assert office.subscribe("201", "202", "dialog").status == 403
    assert len(office.office.events.notifier) == 256


def test_route_set_of_the_subscribe_is_followed(office):
    accepted = office.subscribe("201", "202", "presence",
                                extra="Record-Route: <sip:192.168.1.60;lr>\r\nRecord-Route: <sip:192.168.1.61;lr>\r\n")
    assert accepted.headers(b"Record-Route") == [b"<sip:192.168.1.60;lr>", b"<sip:192.168.1.61;lr>"]
    (notify,) = office.notifies(("192.168.1.60", 5060))
    assert notify.uri == b"sip:201@192.168.1.11:5060"
    assert notify.headers(b"Route") == [b"<sip:192.168.1.60;lr>", b"<sip:192.168.1.61;lr>"]


def test_strict_router_gets_its_own_uri(office):
    office.subscribe("201", "202", "presence", extra="Record-Route: <sip:192.168.1.60>, <sip:192.168.1.61;lr>\r\n")
    (notify,) = office.notifies(("192.168.1.60", 5060))
    assert notify.uri == b"sip:192.168.1.60"
    assert notify.headers(b"Route") == [b"<sip:192.168.1.61;lr>", b"<sip:201@192.168.1.11:5060>"]


def test_subscriber_behind_a_nat_is_notified_the_way_it_came(office):
    outside = ("192.168.1.200", 40000)
    octets = head("SUBSCRIBE", "sip:202@192.168.1.1", ("10.0.0.5", 5060), "n", "201", "202",
                  extra="Event: presence\r\nContact: <sip:201@10.0.0.5:5060>\r\n")
    office.send(outside, octets)
    office.settle()
    (notify,) = office.notifies(outside)
    assert notify.uri == b"sip:201@10.0.0.5:5060"


def test_contact_cannot_aim_notifies_at_the_servers_inside(office):
    for contact in ("<sip:x@127.0.0.1:25>", "<sip:x@239.1.2.3>", "<sip:x@255.255.255.255>"):
        office.subscribe("201", "202", "presence", contact=contact)
        assert [address for _, address in office.heard] == [A]
        office.heard.clear()


def test_secure_subscription_over_an_insecure_hop_is_refused(office):
    assert office.subscribe("201", "202", "presence", uri="sips:202@192.168.1.1").status == 416


def test_contact_that_is_our_own_address_is_notified_the_way_it_came(office):
    """192.168.1.1:5060 is ours: a NOTIFY would come back to ourselves."""
    contact = "Event: presence\r\nContact: <sip:201@192.168.1.1:5060>\r\n"
    assert office.request("SUBSCRIBE", "201", "202", contact).status == 200
    assert {address for _, address in office.heard} == {A}


def test_secure_subscriber_gets_a_secure_contact(office):
    accepted = office.subscribe("201", "202", "presence", contact="<sips:201@192.168.1.11>")
    assert accepted.contact_uri == b"sips:202@192.168.1.1:5060"


def test_accepted_subscription_says_which_other_events_there_are(office):
    assert office.subscribe("201", "202", "presence").header(b"Allow-Events") == \
        b"presence, dialog, reg, message-summary"


def test_options_says_which_events_there_are(office):
    office.send(A, head("OPTIONS", "sip:192.168.1.1", A, "o", "201", "x"))
    (reply,) = office.settle()
    assert reply.header(b"Allow-Events") == b"presence, dialog, reg, message-summary"
    assert {b"SUBSCRIBE", b"PUBLISH"} <= set(reply.values(b"Allow"))


def test_bye_in_a_subscriptions_dialog_has_no_call(office):
    accepted = office.subscribe("201", "202", "presence")
    office.send(A, head("BYE", accepted.contact_uri.decode(), A, "b", "201", "202", 90,
                        call_id=accepted.call_id.decode(), from_tag=accepted.from_tag.decode(),
                        to_tag=accepted.to_tag.decode()))
    assert [message.status for message in office.settle()] == [481]
