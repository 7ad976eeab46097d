# SPDX-License-Identifier: Apache-2.0
"""The location service: expiry, the way to a phone, what goes to the store and what comes back."""

import pytest

from appliance.pbx.binding_row import BindingRow
from appliance.pbx.location import BINDINGS_MAX
from appliance.pbx.register_reading import ExpiryPolicy
from tests.pbx.registrar_office import EPOCH, PHONE, Office, RowStore, wall_now

HERE = b"<sip:1001@192.0.2.10:5060>"


@pytest.fixture
def office():
    return Office(store=RowStore())


def get_only(office, user=b"1001"):
    binding, = office.location.bindings_of(user)
    return binding


# expiry

def test_a_binding_ends_within_a_second_of_its_time_and_never_before(office):
    office.register(HERE, lines=[b"Expires: 60"])
    office.advance(59.99)
    assert office.contacts_of() == [b"sip:1001@192.0.2.10:5060"]
    office.advance(1.0)
    assert office.contacts_of() == []
    assert office.changes[-1] == (b"1001", "EXPIRED", b"sip:1001@192.0.2.10:5060")
    assert office.location.binding_at(b"sip:1001@192.0.2.10:5060") is None


def test_a_refreshed_binding_lives_on_and_a_shortened_one_ends_early(office):
    office.register(HERE, lines=[b"Expires: 100"])
    office.advance(90)
    office.register(HERE, lines=[b"Expires: 100"])
    office.advance(99)
    assert office.contacts_of()
    office.register(HERE, lines=[b"Expires: 7200"])
    office.register(HERE, lines=[b"Expires: 60"])
    office.advance(61)
    assert office.contacts_of() == []


@pytest.mark.parametrize("parameter", [b"", b";x"])
def test_a_long_binding_that_is_cut_short_ends_at_its_new_time(office, parameter):
    office.register(HERE, lines=[b"Expires: 7200"])
    office.register(HERE + parameter, lines=[b"Expires: 60"])
    office.advance(61)
    assert office.contacts_of() == []


def test_a_contact_without_its_time_is_not_touched_by_another_ones_end(office):
    office.register(HERE + b";expires=60", b"<sip:1001@192.0.2.11>;expires=90")
    office.advance(61)
    assert office.contacts_of() == [b"sip:1001@192.0.2.11"]


def test_lengthening_and_shortening_for_hours_leaves_nothing_behind_in_the_timer(office):
    for number in range(3000):
        office.register(HERE + b";expires=%d" % (7200 if number % 2 else 60))
        office.advance(0.1)
    assert sum(map(len, office.timers._buckets.values())) < 1300     # a bucket for each half second passed, not two
    office.advance(7300)
    assert office.timers.next_deadline() is None


def test_remaining_seconds_count_down_in_every_answer(office):
    office.register(HERE + b";expires=100")
    office.advance(40.5)
    assert office.register().contacts == [HERE + b";expires=60"]


# the way to the phone

def test_a_phone_that_says_where_it_listens_is_reached_there(office):
    office.register(b"<sip:1001@192.0.2.10:5090>", source=(b"192.0.2.10", 5081))
    assert get_only(office).flow.hostport == b"192.0.2.10:5090"


def test_a_phone_that_listens_where_it_sends_from_is_reached_on_its_flow(office):
    office.register(HERE)
    assert get_only(office).flow is office.flow_to(office.listener, *PHONE)


@pytest.mark.parametrize(("contact", "via"), [
    (b"<sip:1001@10.0.0.5:5060>", b"10.0.0.5:5060"),                # NAT: the Via names another host
    (b"<sip:1001@192.0.2.10:5090>", b"192.0.2.10:5061"),            # NAT: the Via names another port
    (b"<sip:1001@192.0.2.10:5090>", b"phone.example:5060"),
    (b"<sip:1001@phone.example:5090>", b"192.0.2.10:5060"),         # no numeric address
    (b"<sip:1001@192.0.2.10:5090;transport=tcp>", b"192.0.2.10:5060"),
    (b"<sips:1001@192.0.2.10:5090>", b"192.0.2.10:5060"),
    (b'<sip:1001@192.0.2.10:5090>;reg-id=1;+sip.instance="<urn:uuid:1>"', b"192.0.2.10:5060"),
    (b"<mailto:1001@office.test>", b"192.0.2.10:5060"),
    (b"<sip:1001@0.0.0.0:5090>", b"192.0.2.10:5060"),
    (b"<sip:1001@255.255.255.255:5090>", b"192.0.2.10:5060"),
    (b"<sip:1001@224.0.1.75:5090>", b"192.0.2.10:5060"),
    (b"<sip:1001@127.0.0.1:5090>", b"192.0.2.10:5060"),             # no one aims at our own inside
    (b"<sip:1001@192.0.2.1:5060>", b"192.0.2.10:5060"),             # or at ourselves
    (b"<sip:1001@[2001:db8::1]:5090>", b"192.0.2.10:5060"),         # another family than the listener's
    (b"<sip:1001@192.0.2.10:5090;maddr=a:b>", b"192.0.2.10:5060"),
])
def test_a_phone_that_cannot_be_reached_at_its_contact_is_reached_the_way_it_came(office, contact, via):
    office.register(contact, via=via)
    assert get_only(office).flow is office.flow_to(office.listener, *PHONE)


def test_a_phone_on_a_connection_is_reached_on_it(office):
    office.register(b"<sip:1001@192.0.2.10:5090;transport=tcp>", transport=b"TCP", listener=office.stream_listener)
    assert get_only(office).flow is office.flow_to(office.stream_listener, *PHONE)


def test_a_loopback_contact_of_a_loopback_phone_counts(office):
    office.register(b"<sip:1001@127.0.0.1:5090>", source=(b"127.0.0.1", 5081))
    assert get_only(office).flow.hostport == b"127.0.0.1:5090"


def test_with_a_path_the_flow_is_the_one_to_the_edge(office):
    office.register(b"<sip:1001@198.51.100.7>", lines=[b"Path: <sip:192.0.2.10;lr>"])
    assert get_only(office).flow is office.flow_to(office.listener, *PHONE)


def test_a_phone_that_moves_behind_a_new_nat_port_is_followed_at_once(office):
    contact = b"<sip:1001@10.0.0.5:5060>"
    for port in (40000, 40001):
        office.register(contact, via=b"10.0.0.5:5060", source=(b"192.0.2.10", port))
        assert get_only(office).flow.port == port


def test_a_phone_that_learns_its_outer_address_is_judged_anew(office):
    contact = b"<sip:1001@192.0.2.10:5090>"
    office.register(contact, via=b"10.0.0.5:5060")
    assert get_only(office).flow.port == 5060
    office.register(contact, via=b"192.0.2.10:5060")
    assert get_only(office).flow.port == 5090


def test_the_binding_at_a_contact_uri_is_found_for_any_user(office):
    office.register(HERE)
    office.register(HERE, user=b"1002")
    first, second = get_only(office), get_only(office, b"1002")
    assert office.location.binding_at(b"sip:1001@192.0.2.10:5060") is second
    office.register(HERE + b";expires=0", user=b"1002")
    assert office.location.binding_at(b"sip:1001@192.0.2.10:5060") is first


def test_a_change_of_phone_software_is_noticed(office):
    office.register(HERE, call_id=b"one", lines=[b"User-Agent: Phone/1"])
    office.register(HERE, call_id=b"two", lines=[b"User-Agent: Phone/2"])
    assert get_only(office).user_agent == b"Phone/2"


# the store

def test_a_new_and_a_removed_binding_reach_the_store_within_a_second(office):
    office.register(HERE)
    office.advance(1.0)
    row, = office.store.rows.values()
    assert row == BindingRow(b"1001", b"sip:1001@192.0.2.10:5060", b"", 1000, 3600, EPOCH + 1000 + 3600, b"c1@phone", 1,
                             "office", b"UDP", b"192.0.2.10", 5060, b"", b"", 0, b"")
    office.register(HERE + b";expires=0")
    office.advance(1.0)
    assert office.store.rows == {}


def test_a_new_a_changed_and_a_removed_binding_reach_the_store_within_50_ms_whatever_else_waits(office):
    office.register(HERE, user=b"1002")
    office.advance(1)
    office.register(HERE, user=b"1002")     # a refresh: it may wait
    office.advance(0.37)
    del office.store.batches[:]
    key = (b"1001", b"sip:1001@192.0.2.10:5060")
    for contact, kind in ((HERE, "save"), (HERE + b";q=0.5", "save"), (HERE + b";expires=0", "delete")):
        office.register(contact)
        office.advance(0.052)
        assert office.store.batches == [(kind, [key])]
        del office.store.batches[:]
    office.advance(31)
    assert [user for _, [(user, _)] in office.store.batches] == [b"1002"]


def test_bindings_that_change_all_the_time_keep_no_more_timers_than_one(office):
    office.register(HERE)
    for _ in range(100):
        office.register(HERE)
        office.register(HERE + b";q=0.5")
        office.advance(0.02)
    assert sum(map(len, office.timers._buckets.values())) <= 4


@pytest.mark.parametrize(("expires_s", "window_s"), [(60, 3), (300, 15), (3600, 30)])
def test_refreshes_wait_for_a_twentieth_of_their_interval_and_leave_in_one_batch(office, expires_s, window_s):
    contact = HERE + b";expires=%d" % expires_s
    office.register(contact)
    office.advance(1)
    del office.store.batches[:]
    for _ in range(3):
        office.register(contact)
    office.advance(window_s - 1)
    assert office.store.batches == []
    office.advance(2)
    assert len(office.store.batches) == 1
    end = get_only(office).deadline + EPOCH
    assert [row.expires_wall_s for row in office.store.rows.values()] == [end]


def test_a_short_interval_among_waiting_refreshes_is_not_kept_longer_than_its_own_window(office):
    office.register(HERE)
    office.register(HERE + b";expires=60", user=b"1002")
    office.advance(1)
    del office.store.batches[:]
    office.register(HERE)
    office.register(HERE + b";expires=60", user=b"1002")
    office.advance(4)
    assert len(office.store.batches) == 1


def test_a_phone_at_a_new_address_is_stored_at_once(office):
    office.register(HERE, via=b"10.0.0.5")
    office.advance(1)
    office.register(HERE, via=b"10.0.0.5", source=(b"192.0.2.10", 40000))
    office.advance(1)
    assert [row.source_port for row in office.store.rows.values()] == [40000]


def test_a_server_that_stops_hands_over_everything(office):
    office.register(HERE)
    office.location.flush(office.now)
    assert len(office.store.rows) == 1
    office.register(HERE)
    office.location.flush(office.now)
    assert [row.cseq for row in office.store.rows.values()] == [2]


def test_a_great_batch_leaves_in_pieces_that_do_not_hold_up_calls():
    users = [b"%d" % number for number in range(2000, 3000)]
    office = Office(store=RowStore(), users=users)
    for user in users:
        office.register(b"<sip:%b@192.0.2.10>" % user, user=user)
    office.advance(1.0)
    assert len(office.store.rows) == 1000
    assert max(len(keys) for _, keys in office.store.batches) <= 250


def test_a_storm_of_refreshes_is_not_written_over_and_over_while_a_batch_leaves():
    users = [b"%d" % number for number in range(2000, 3000)]
    office = Office(store=RowStore(), users=users)
    for user in users:
        office.register(b"<sip:%b@192.0.2.10>" % user, user=user)
    office.advance(1.0)
    for _ in range(10):
        for user in users:
            office.register(b"<sip:%b@192.0.2.10>" % user, user=user)
        office.advance(0.05)
    office.advance(35.0)
    assert sum(len(keys) for _, keys in office.store.batches) <= 2000


def test_an_idle_office_wakes_nobody(office):
    office.register(HERE + b";expires=60")
    office.advance(70)
    assert office.timers.next_deadline() is None


def test_a_contact_replaced_under_its_reg_id_stays_one_row(office):
    for port in (6000, 6001):
        office.register(b'<sip:1001@192.0.2.10:%d>;reg-id=1;+sip.instance="<urn:uuid:1>"' % port)
    office.advance(1)
    assert [row.contact for row in office.store.rows.values()] == [b"sip:1001@192.0.2.10:6001"]


OUTBOUND = b';reg-id=1;+sip.instance="<urn:uuid:1>"'


def register_from_port(office, port, parameters=OUTBOUND, user=b"1001", **more):
    """A phone on a TCP connection, whose Contact is its end of it, as PJSIP writes it."""
    contact = b"sip:%s@192.0.2.10:%d;transport=TCP;ob" % (user, port)
    answer = office.register(b"<%s>%s" % (contact, parameters), user=user, source=(b"192.0.2.10", port),
                             listener=office.stream_listener, **more)
    assert answer.status == 200
    return contact


def test_the_contact_of_before_leads_to_the_same_phones_new_connection(office):
    first = register_from_port(office, 40001)
    second = register_from_port(office, 40002)
    third = register_from_port(office, 40003)
    binding = get_only(office)
    assert binding.flow.port == 40003
    assert [office.location.binding_at(contact) for contact in (first, second, third)] == [binding] * 3
    register_from_port(office, 40003, OUTBOUND + b";expires=0")
    assert [office.location.binding_at(contact) for contact in (first, second, third)] == [None] * 3


def test_the_contact_of_before_a_restart_leads_to_the_phone_that_has_come_back(office):
    first = register_from_port(office, 40001)
    office.advance(1)
    restarted = restart(office)
    assert not restarted.location.binding_at(first).flow.is_open
    register_from_port(restarted, 40002, call_id=b"other@phone")
    binding = restarted.location.binding_at(first)
    assert binding is get_only(restarted)
    assert binding.flow.is_open
    assert binding.flow.port == 40002


def test_a_contact_of_before_that_another_phone_has_now_is_that_phones(office):
    first = register_from_port(office, 40001)
    register_from_port(office, 40002)
    office.register(b"<%s>" % first, user=b"1002", source=(b"192.0.2.10", 40001), listener=office.stream_listener)
    assert office.location.binding_at(first).aor == b"1002"


def test_a_contact_that_two_phones_had_before_leads_to_the_one_that_is_left(office):
    other = b';reg-id=1;+sip.instance="<urn:uuid:2>"'
    shared = register_from_port(office, 40001)
    register_from_port(office, 40002)
    assert register_from_port(office, 40001, other) == shared
    register_from_port(office, 40003, other)
    register_from_port(office, 40002, OUTBOUND + b";expires=0")
    assert office.location.binding_at(shared).flow.port == 40003
    register_from_port(office, 40003, other + b";expires=0")
    assert office.location.binding_at(shared) is None


def test_another_phone_or_one_without_outbound_takes_over_no_contact(office):
    for parameters in (b';reg-id=2;+sip.instance="<urn:uuid:1>"', b';reg-id=1;+sip.instance="<urn:uuid:2>"',
                       b';+sip.instance="<urn:uuid:1>"'):
        made = Office()
        first = register_from_port(made, 40001)
        register_from_port(made, 40002, parameters)
        assert made.location.binding_at(first).flow.port == 40001


def test_contacts_of_before_are_bounded_and_end_with_their_binding(office):
    contacts = [register_from_port(office, port) for port in range(40001, 40021)]
    found = [contact for contact in contacts if office.location.binding_at(contact) is not None]
    assert found == contacts[-5:]
    office.advance(7200)
    assert not any(office.location.binding_at(contact) for contact in contacts)
    assert not office.location._former


def test_a_binding_removed_and_made_again_within_one_batch_is_stored(office):
    office.register(HERE)
    office.register(HERE + b";expires=0")
    office.register(HERE)
    office.advance(1)
    assert len(office.store.rows) == 1


# after a restart

def restart(office, down_s=0.0, start=5.0, wall_error_s=0.0):
    """Another process with the same disk; its monotonic clock starts anew."""
    office.location.flush(office.now)
    wall = office.now + office.location.wall_offset + down_s + wall_error_s
    again = Office(store=office.store, wall_offset=wall - start, start=start)
    rows = list(office.store.rows.values())
    again.restored = again.location.restore(rows, again.now, wall_now(again), again.find_flow)
    return again


def test_bindings_come_back_with_the_time_they_have_left(office):
    office.register(HERE + b';q=0.5;+sip.instance="<urn:uuid:1>"', lines=[b"User-Agent: Phone/1", b"Expires: 600"])
    office.register(b"<sip:1002@192.0.2.12>", user=b"1002",
                    lines=[b"Path: <sip:a.test;lr>, <sip:b.test;x=\"1,2\";lr>", b"Expires: 60"])
    again = restart(office, down_s=100)
    assert again.restored == 1
    binding = get_only(again)
    assert (binding.q, binding.instance, binding.user_agent) == (500, b"<urn:uuid:1>", b"Phone/1")
    assert binding.flow is again.flow_to(again.listener, *PHONE)
    assert again.changes == []
    assert again.register().contacts == [HERE + b';q=0.5;+sip.instance="<urn:uuid:1>";expires=500']
    again.advance(1)
    assert len(again.store.rows) == 1       # the one that had ended is gone from the disk too
    again.advance(501)
    assert again.contacts_of() == []


def test_a_path_comes_back_value_by_value(office):
    office.register(HERE, lines=[b"Path: <sip:a.test;lr>, <sip:b@[2001:db8::1]?x=1,2>"])
    path = get_only(office).path
    assert get_only(restart(office)).path == path
    assert len(path) == 2


def test_order_is_kept_over_a_restart(office):
    office.register(HERE, cseq=7)
    again = restart(office)
    assert again.register(HERE, cseq=7).status == 400
    assert again.register(HERE, cseq=8).status == 200
    assert len(again.contacts_of()) == 1


def test_a_restored_connection_is_closed_until_its_phone_comes_back(office):
    contact = b"<sip:1001@192.0.2.10:5090;transport=tcp>"
    office.register(contact, transport=b"TCP", listener=office.stream_listener)
    again = restart(office)
    assert not get_only(again).flow.is_open
    again.register(contact, transport=b"TCP", listener=again.stream_listener, call_id=b"new")
    assert get_only(again).flow.is_open


def test_a_box_that_believes_it_is_1970_keeps_bindings_no_longer_than_they_were_granted(office):
    office.register(HERE)
    again = restart(office, wall_error_s=-1_700_000_000.0)
    assert again.register().contacts == [HERE + b";expires=3600"]
    again.advance(3601)
    assert again.contacts_of() == []


def test_of_more_rows_than_an_address_may_have_the_first_come_back(office):
    office.register(HERE)
    office.location.flush(office.now)
    row, = office.store.rows.values()
    rows = [row._replace(contact=b"sip:1001@192.0.2.10:%d" % (6000 + number)) for number in range(2 * BINDINGS_MAX)]
    again = Office(store=RowStore())
    assert again.location.restore(rows, again.now, wall_now(again), again.find_flow) == BINDINGS_MAX
    assert len(again.contacts_of()) == BINDINGS_MAX


def test_a_binding_whose_listener_is_configured_no_more_is_dropped(office):
    office.register(HERE)
    office.location.flush(office.now)
    row, = office.store.rows.values()
    again = Office(store=office.store)
    assert again.location.restore([row._replace(listener="gone")], again.now, wall_now(again), again.find_flow) == 0
    again.advance(1)
    assert office.store.rows == {}


def test_a_contact_without_reg_id_finds_the_binding_without_one_in_whatever_order_they_came_back(office):
    office.register(b"<sip:1001@192.0.2.10>", call_id=b"one")
    office.register(b'<sip:1001@192.0.2.10>;reg-id=1;+sip.instance="<urn:uuid:1>"', call_id=b"two")
    office.location.flush(office.now)
    office.store.rows = dict(reversed(office.store.rows.items()))
    again = restart(office)
    again.register(b"<sip:1001@192.0.2.10>;expires=0", call_id=b"three")
    assert get_only(again).reg_id == 1


# clocks

def test_a_jump_of_the_wall_clock_moves_no_expiry_and_is_written_down(office):
    office.register(HERE + b";expires=600")
    office.advance(1)
    office.location.set_wall_offset(EPOCH + 86_400.0, office.now)
    office.advance(1)
    assert office.register().contacts == [HERE + b";expires=598"]
    assert [row.expires_wall_s for row in office.store.rows.values()] == [EPOCH + 86_400.0 + 1600]
    office.advance(597)
    assert office.contacts_of()
    office.advance(2)
    assert office.contacts_of() == []


def test_a_crawl_of_the_wall_clock_writes_nothing(office):
    office.register(HERE)
    office.advance(1)
    del office.store.batches[:]
    office.location.set_wall_offset(EPOCH + 0.01, office.now)
    office.advance(60)
    assert office.store.batches == []


# the shell

def test_addresses_that_are_configured_no_more_lose_their_bindings(office):
    office.register(HERE)
    office.register(b"<sip:1002@192.0.2.12>", user=b"1002")
    office.location.retain({b"1002"}.__contains__, office.now)
    assert office.location.aors() == [b"1002"]
    assert office.location.count_bindings() == 1
    assert office.changes[-1] == (b"1001", "REMOVED", b"sip:1001@192.0.2.10:5060")


def test_without_a_store_everything_works_in_memory():
    office = Office(policy=ExpiryPolicy(min_s=1))
    office.register(HERE + b";expires=1")
    office.advance(2)
    assert office.contacts_of() == []
