# SPDX-License-Identifier: Apache-2.0
"""Messages to phones that are there, that are not, that say nothing and that say no (RFC 3428, RFC 4320)."""

import pytest

from appliance.config.configuration import load_configuration
from tests.pbx.instant_message.message_office import HELLO, Disk, MessageOffice
from tests.pbx.proxy.virtual_office import OFFICE, A, C, D, answer, head


def test_a_message_goes_to_every_phone_at_once_whatever_its_q() -> None:
    office = MessageOffice()
    office.register("202", C, q=1.0)
    office.register("202", D, q=0.2)
    office.write()
    sent = office.take()
    assert sorted(address for _, address in sent) == [C, D]
    assert {message.body for message, _ in sent} == {HELLO}
    assert all(message.contact is None for message, _ in sent)
    office.respond(D, next(message for message, address in sent if address == D))
    assert office.hear() == [200]


def test_without_a_phone_it_is_kept_and_delivered_at_registration() -> None:
    office = MessageOffice()
    office.write(extra="Subject: lunch\r\n")
    assert office.hear() == [202]
    assert office.waiting() == 1
    office.register("202", C)
    (request,) = office.messages_to(C)
    assert request.body == HELLO
    assert request.uri == b"sip:202@192.168.1.12:5060"
    assert request.from_uri == b"sip:201@192.168.1.1"
    assert request.from_tag not in (b"", b"from201")
    assert request.to_value == b"<sip:202@192.168.1.1>"
    assert request.header(b"Content-Type") == b"text/plain;charset=UTF-8"
    assert request.header(b"Subject") == b"lunch"
    assert request.header(b"Date") == b"Tue, 14 Nov 2023 22:30:00 GMT"
    assert request.call_id != b"message-1"
    assert (request.max_forwards, request.via_count, request.contact) == (70, 1, None)
    office.respond(C, request)
    assert office.waiting() == 0
    assert office.messages_to(C, 40) == []


def test_the_answer_to_the_register_goes_out_first() -> None:
    office = MessageOffice()
    office.write()
    office.take()
    office.register("202", C)       # insists on 200 and nothing else
    assert office.waiting() == 1
    assert len(office.messages_to(C)) == 1


def test_a_refresh_of_a_registration_delivers_as_well() -> None:
    office = MessageOffice()
    office.register("202", C)
    office.write()
    (request,) = office.messages_to(C)
    office.respond(C, request, 480)
    assert office.hear() == [202]
    office.register("202", C)
    (again,) = office.messages_to(C)
    office.respond(C, again)
    assert office.waiting() == 0


def test_messages_go_in_order_and_one_at_a_time() -> None:
    office = MessageOffice()
    for number in range(5):
        office.write(body=b"%d" % number)
    office.take()
    office.register("202", C)
    for number in range(5):
        (request,) = office.messages_to(C)
        assert request.body == b"%d" % number
        office.respond(C, request)
    assert office.waiting() == 0


def test_one_phone_that_takes_it_is_enough_and_a_silent_one_holds_nothing_up() -> None:
    office = MessageOffice()
    office.write(body=b"1")
    office.write(body=b"2")
    office.take()
    office.register("202", C)
    office.register("202", D)
    (first,) = office.messages_to(C)
    office.respond(C, first)
    assert office.waiting() == 1
    assert office.messages_to(C, 3.0) == []     # the other phone has its time
    (second,) = office.messages_to(C, 2.0)
    assert second.body == b"2"
    office.respond(C, second)
    assert office.waiting() == 0
    office.settle(70)
    assert office.office.stack.transactions_open == 0


@pytest.mark.parametrize("status", [408, 480, 486, 500, 503])
def test_a_phone_that_cannot_now_is_tried_again(status: int) -> None:
    office = MessageOffice()
    office.write()
    office.take()
    office.register("202", C)
    (request,) = office.messages_to(C)
    office.respond(C, request, status)
    assert office.messages_to(C, 29) == []
    (again,) = office.messages_to(C, 2)
    assert (again.call_id, again.cseq) == (request.call_id, 2)
    office.respond(C, again)
    assert office.waiting() == 0


def test_retry_after_is_honoured_and_the_pauses_grow() -> None:
    office = MessageOffice()
    office.write()
    office.take()
    office.register("202", C)
    (request,) = office.messages_to(C)
    office.respond(C, request, 503, extra="Retry-After: 100\r\n")
    assert office.messages_to(C, 99) == []
    (request,) = office.messages_to(C, 2)
    office.respond(C, request, 503)
    assert office.messages_to(C, 59) == []
    assert len(office.messages_to(C, 2)) == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 415, 501, 513, 600, 603])
def test_a_message_that_is_refused_for_good_is_dropped_and_the_next_one_goes(status: int) -> None:
    office = MessageOffice()
    office.write(body=b"1")
    office.write(body=b"2")
    office.take()
    office.register("202", C)
    (request,) = office.messages_to(C)
    office.respond(C, request, status)
    assert office.waiting() == 1
    (request,) = office.messages_to(C)
    assert request.body == b"2"
    assert office.office.counters["messages_refused"] == 1


def test_refused_by_one_phone_but_not_by_all_it_waits() -> None:
    office = MessageOffice()
    office.write()
    office.take()
    office.register("202", C)
    office.register("202", D)
    requests = {address: message for message, address in office.settle() if message.is_request}
    office.respond(C, requests[C], 405)
    office.respond(D, requests[D], 480)
    assert office.waiting() == 1


def test_a_phone_that_says_nothing_the_sender_hears_202_in_time_and_the_message_waits() -> None:
    office = MessageOffice()
    office.register("202", C)
    office.write()
    answers = [(message.status, office.now) for message, address in office.settle(31.9) if address == A]
    assert [status for status, _ in answers] == [100, 202]
    assert office.waiting() == 1
    (request,) = office.messages_to(C, 40)
    assert request.call_id != b"message-1"
    office.respond(C, request)
    assert office.waiting() == 0
    office.settle(70)
    assert office.office.stack.transactions_open == 0


def test_a_late_answer_of_the_phone_takes_the_message_out_of_the_mailbox() -> None:
    office = MessageOffice()
    office.register("202", C)
    office.write()
    request = office.take()[0][0]
    office.settle(26)
    assert office.waiting() == 1
    office.register("202", C)
    assert office.messages_to(C) == []      # it has the original before it
    office.respond(C, request)
    assert office.waiting() == 0
    assert office.messages_to(C, 100) == []


def test_a_refusal_of_the_phone_goes_to_the_sender() -> None:
    office = MessageOffice()
    office.register("202", C)
    office.write()
    office.respond(C, office.take()[0][0], 405)
    assert office.hear() == [405]
    assert office.waiting() == 0


def test_over_tcp_the_sender_hears_202_and_nothing_is_left() -> None:
    office = MessageOffice()
    office.register("202", C)
    office.send(A, head("MESSAGE", "sip:202@192.168.1.1", A, "t", "201", "202", transport="TCP"), b"TCP")
    statuses = [message.status for message, address in office.settle(35) if address == A]
    assert statuses == [100, 202]
    assert office.waiting() == 1
    office.settle(70)


def test_a_new_message_does_not_overtake_those_that_wait_while_they_are_delivered() -> None:
    office = MessageOffice()
    office.write(body=b"1")
    office.write(body=b"2")
    office.take()
    office.register("202", C)           # a delivery is due
    office.write(body=b"3")
    assert office.hear() == [202]
    for body in (b"1", b"2", b"3", b"4"):
        (request,) = office.messages_to(C)
        assert request.body == body
        if body == b"1":
            office.write(body=b"4")     # a delivery is under way
            assert office.hear() == [202]
        office.respond(C, request)
    assert office.waiting() == 0
    office.write(body=b"5")             # nothing waits: it goes at once
    (request,) = office.messages_to(C)
    assert (request.body, office.waiting()) == (b"5", 0)


def test_a_new_message_goes_behind_one_that_is_to_be_tried_again_and_at_once_where_it_cannot_be_kept() -> None:
    office = MessageOffice()
    office.register("202", C)
    office.write(body=b"1")
    (request,) = office.messages_to(C)
    office.respond(C, request, 480)
    assert office.hear() == [202]
    office.write(body=b"2")
    assert office.hear() == [202]
    office.write(body=b"now or never", extra="Expires: 0\r\n")
    (request,) = office.messages_to(C)
    assert request.body == b"now or never"
    office.respond(C, request)
    assert office.hear() == [200]
    for body in (b"1", b"2"):
        (request,) = office.messages_to(C, 31)
        assert request.body == body
        office.respond(C, request)


def test_a_full_mailbox_is_480_with_the_reason() -> None:
    office = MessageOffice("set message max-waiting 2\n")
    for _ in range(3):
        office.write()
    first, second, third = (message for message, _ in office.take())
    assert [first.status, second.status, third.status] == [202, 202, 480]
    assert b"mailbox is full" in (third.header(b"Warning") or b"")


def test_the_octets_of_a_mailbox_are_bounded_and_one_that_fits_in_none_is_413() -> None:
    office = MessageOffice("set message max-octets 2000\n")
    office.write(body=b"x" * 1500)
    office.write(body=b"x" * 1500)
    office.write(body=b"x" * 2000)
    office.write(peer="203", body=b"x" * 1500)
    assert office.hear() == [202, 480, 413, 202]


def test_what_no_datagram_can_carry_later_is_413() -> None:
    office = MessageOffice("set message max-octets 1000000\n")
    office.write(body=b"x" * 64000)
    office.write(body=b"x" * 63000)
    assert office.hear() == [413, 202]
    office.register("202", C)
    (request,) = office.messages_to(C)
    assert len(request.body) == 63000


def test_what_has_become_too_large_for_a_datagram_waits_for_a_connection_and_holds_up_nobody() -> None:
    """A Path as long as that is not foreseen."""
    office = MessageOffice()
    office.write(body=b"x" * 63000)
    office.write(body=b"small")
    path = "Supported: path\r\nPath: <sip:192.168.1.13:5060;lr;x=%s>\r\n" % ("y" * 3000)
    office.send(C, head("REGISTER", "sip:192.168.1.1", C, "p", "202", "202", call_id="path",
                        extra=f"Contact: <sip:202@{C[0]}:{C[1]}>\r\n{path}"))
    (request,) = office.messages_to(D)
    assert request.body == b"small"
    office.respond(D, request)
    assert office.messages_to(D, 4000) == []
    assert office.waiting() == 1
    office.send(A, head("REGISTER", "sip:192.168.1.1", A, "t", "202", "202", call_id="stream", transport="TCP",
                        extra=f"Contact: <sip:202@{A[0]}:{A[1]};transport=tcp>\r\n"), b"TCP")
    (request,) = office.messages_to(A)
    assert len(request.body) == 63000
    office.send(A, answer(request, 200), b"TCP")
    assert office.waiting() == 0


def test_where_nothing_is_kept_the_sender_hears_480() -> None:
    office = MessageOffice("set message max-waiting 0\n")
    office.write()
    assert office.hear() == [480]


def test_expires_counts_from_the_date_of_the_message() -> None:
    office = MessageOffice()
    office.write(body=b"old", extra="Date: Tue, 14 Nov 2023 22:29:00 GMT\r\nExpires: 100\r\n")
    office.write(body=b"older", extra="Date: Tue, 14 Nov 2023 22:20:00 GMT\r\nExpires: 100\r\n")
    office.write(body=b"new", extra="Expires: 100\r\n")
    assert office.hear() == [202, 480, 202]
    office.settle(39)
    assert office.waiting() == 2
    office.settle(2)
    assert office.waiting() == 1
    office.register("202", C)
    (request,) = office.messages_to(C)
    assert (request.body, request.header(b"Expires")) == (b"new", b"100")


def test_a_message_waits_seven_days() -> None:
    office = MessageOffice()
    office.write()
    office.take()
    office.settle(7 * 86400 - 10)
    assert office.waiting() == 1
    office.settle(20)
    assert office.waiting() == 0
    assert office.office.counters["messages_expired"] == 1


def test_accepted_means_on_disk() -> None:
    disk = Disk()
    office = MessageOffice(disk=disk)
    office.write()
    assert office.hear() == []
    office.office.messages.note_stored(disk.told, office.now)
    assert office.hear() == [202]


def test_a_disk_that_does_not_take_it_is_told_to_the_sender() -> None:
    disk = Disk()
    office = MessageOffice(disk=disk)
    office.write()
    statuses = [message.status for message, address in office.settle(5) if address == A]
    assert statuses == [100, 500]
    assert office.waiting() == 0
    assert disk.rows == {}


def test_after_a_restart_everything_waits_as_before() -> None:
    disk = Disk()
    office = MessageOffice(disk=disk)
    office.write(body=b"1", extra="Expires: 60\r\n")
    office.write(body=b"2")
    office.write(body=b"3")
    office.office.messages.note_stored(disk.told, office.now)
    office.take()
    office.settle(61)
    office.restart()
    office.office.messages.restore(disk.rows.values(), office.now, office.wall_now)
    assert office.waiting() == 2
    office.write(body=b"4")
    office.register("202", C)
    for body in (b"2", b"3", b"4"):
        (request,) = office.messages_to(C)
        assert request.body == body
        assert request.header(b"Date") is not None
        office.respond(C, request)
    assert disk.rows == {}


def test_a_restart_that_finds_the_phone_still_bound_delivers_by_itself() -> None:
    disk = Disk()
    office = MessageOffice(disk=disk)
    office.write()
    office.restart()
    office.register("202", C)
    office.office.messages.restore(disk.rows.values(), office.now, office.wall_now)
    (request,) = office.messages_to(C, 2)
    assert request.body == HELLO


def test_a_stepped_wall_clock_ends_no_message() -> None:
    disk = Disk()
    office = MessageOffice(disk=disk)
    office.write()
    before = disk.rows[(1,)].expires_wall_s
    office.office.messages.set_wall_offset(-1_000_000.0, office.now)
    assert disk.rows[(1,)].expires_wall_s == before - 1_701_000_000.0
    assert office.waiting() == 1


def test_an_extension_that_is_gone_takes_its_messages_with_it() -> None:
    disk = Disk()
    office = MessageOffice(disk=disk)
    office.write()
    loaded = load_configuration(OFFICE.replace("set extension 202 secret b\n", ""))
    assert loaded.configuration is not None
    office.office.reconfigure(loaded.configuration, office.now)
    assert office.waiting() == 0
    assert disk.rows == {}


def test_listeners_hear_of_every_change_of_a_count() -> None:
    office = MessageOffice()
    heard: list[tuple[bytes, int]] = []
    office.office.messages.on_change(lambda extension, now: heard.append((extension, office.waiting(extension))))
    office.write()
    office.take()
    office.register("202", C)
    (request,) = office.messages_to(C)
    office.respond(C, request)
    assert heard == [(b"202", 1), (b"202", 0)]


def test_a_retransmission_is_answered_again_and_kept_once() -> None:
    office = MessageOffice()
    office.write()
    octets = office.take()
    office._sent = 0
    office.write()
    assert office.hear() == [202]
    assert len(octets) == 1
    assert office.waiting() == 1


def test_registrations_every_minute_leave_no_pile_of_timers() -> None:
    office = MessageOffice()
    office.write()
    office.take()
    for _ in range(50):
        office.register("202", C)
        for request in office.messages_to(C):
            office.respond(C, request, 480)
        office.settle(10)
    pile = [item for bucket in office.office.stack.timers._buckets.values() for item in bucket
            if item is not None and item.deadline]
    assert len(pile) < 20


def test_the_phones_own_refusal_after_the_202_drops_the_message() -> None:
    office = MessageOffice()
    office.register("202", C)
    office.write()
    request = office.take()[0][0]
    office.settle(26)
    office.respond(C, request, 405)
    assert office.waiting() == 0


def test_a_full_mailbox_does_not_hide_a_late_answer_of_the_phone() -> None:
    office = MessageOffice("set message max-waiting 1\n")
    office.write()
    office.take()
    office.register("202", C)
    office.settle(0.1)
    office.write()
    requests = [message for message, address in office.settle(28) if message.is_request and address == C]
    live = next(message for message in requests if message.call_id == b"message-2")
    office.respond(C, live)
    assert 200 in office.hear()


def test_the_same_request_after_a_restart_is_accepted_again_and_kept_once() -> None:
    disk = Disk()
    office = MessageOffice(disk=disk)
    office.write()
    office.restart()
    office.office.messages.restore(disk.rows.values(), office.now, office.wall_now)
    office._sent = 0
    office.write()
    assert office.hear() == [202]
    assert office.waiting() == 1
    office.write()
    assert office.waiting() == 2
