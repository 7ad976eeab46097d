# SPDX-License-Identifier: Apache-2.0
"""RFC 3261 section 10.3 step by step."""

import pytest

from appliance.pbx.register_reading import ExpiryPolicy
from tests.pbx.registrar_office import Office

HERE = b"<sip:1001@192.0.2.10:5060>"


@pytest.fixture
def office():
    return Office()


def test_a_first_register_is_answered_with_its_binding_and_the_default_interval(office):
    answer = office.register(HERE)
    assert answer.status == 200
    assert answer.contacts == [HERE + b";expires=3600"]


def test_the_200_carries_a_date_when_the_box_knows_the_time(office):
    assert office.register(HERE).header(b"Date") == b"Fri, 15 Jan 2027 08:16:40 GMT"
    assert Office(wall_offset=0.0).register(HERE).header(b"Date") is None


# step 1 and 10.2

@pytest.mark.parametrize("uri", [b"sip:elsewhere.test", b"sip:office.test:5070", b"sip:192.0.2.9"])
def test_a_request_uri_of_another_domain_is_refused_before_anyone_is_asked_who_he_is(office, uri):
    office.asserted = b"nobody"
    assert office.register(HERE, uri=uri).status == 403
    assert office.stateless == [403]


@pytest.mark.parametrize("uri", [b"sip:office.test", b"sip:OFFICE.test:5060", b"sip:192.0.2.1", b"sip:office.test;x=y"])
def test_every_name_of_our_domain_is_served(office, uri):
    assert office.register(HERE, uri=uri).status == 200


def test_a_request_uri_with_userinfo_is_a_bad_request(office):
    assert office.register(HERE, uri=b"sip:1001@office.test").status == 400


@pytest.mark.parametrize("uri", [b"tel:+81312345678", b"sips:office.test"])
def test_a_scheme_that_cannot_be_served_here_is_416(office, uri):
    assert office.register(HERE, uri=uri).status == 416


# step 2

def test_an_unknown_required_extension_is_420_and_named(office):
    answer = office.register(HERE, lines=[b"Require: path, gruu", b"Require: Newthing"])
    assert answer.status == 420
    assert answer.values(b"Unsupported") == [b"gruu", b"Newthing"]


def test_path_and_outbound_may_be_required(office):
    assert office.register(HERE, lines=[b"Require: Path, outbound"]).status == 200


def test_proxy_require_is_no_matter_of_a_registrar(office):
    assert office.register(HERE, lines=[b"Proxy-Require: something"]).status == 200


# steps 3 to 5

def test_a_stranger_is_challenged_without_state_whether_or_not_the_address_exists(office):
    office.asserted = b"nobody"
    known, unknown = office.register(HERE), office.register(HERE, user=b"4711")
    assert known.status == unknown.status == 401
    assert known.header(b"WWW-Authenticate") == unknown.header(b"WWW-Authenticate")
    assert office.stateless == [401, 401]
    assert office.contacts_of() == []


@pytest.mark.parametrize("user", [b"1002", b"4711"])
def test_another_users_address_is_forbidden(office, user):
    office.asserted = b"1001"
    assert office.register(HERE, user=user).status == 403
    assert office.contacts_of(b"1002") == []


def test_an_address_of_another_domain_is_not_found(office):
    assert office.register(HERE, to=b"<sip:1001@elsewhere.test>").status == 404


def test_the_address_is_canonical_unescaped_and_without_parameters(office):
    assert office.register(HERE, to=b"<sip:10%301@office.test;user=phone>").status == 200
    assert office.contacts_of(b"1001") == [b"sip:1001@192.0.2.10:5060"]


def test_two_users_that_differ_in_nul_octets_are_two_addresses_and_two_contacts_two_bindings():
    """RFC 4475 3.1.1.4."""
    office = Office(users=(b"null-\x00-null", b"null--null"))
    office.asserted = b"null-\x00-null"
    answer = office.register(b"<sip:%00@host5.example.com>", b"<sip:%00%00@host5.example.com>",
                             to=b"sip:null-%00-null@office.test")
    assert answer.status == 200
    assert office.contacts_of(b"null-\x00-null") == [b"sip:%00@host5.example.com", b"sip:%00%00@host5.example.com"]
    assert office.contacts_of(b"null--null") == []


# step 6

def test_a_query_lists_and_changes_nothing(office):
    office.register(HERE, lines=[b"Expires: 600"])
    office.advance(100)
    answer = office.register()
    assert answer.contacts == [HERE + b";expires=500"]
    assert office.register(user=b"1002").contacts == []


def test_star_with_expires_0_removes_everything(office):
    office.register(HERE, b"<sip:1001@192.0.2.11>")
    answer = office.register(b"*", lines=[b"Expires: 0"])
    assert (answer.status, answer.contacts, office.contacts_of()) == (200, [], [])


@pytest.mark.parametrize(("contacts", "lines"), [
    ([b"*"], []),
    ([b"*"], [b"Expires: 1"]),
    ([b"*"], [b"Expires: soon"]),
    ([b"*", HERE], [b"Expires: 0"]),
    ([HERE, b"*"], [b"Expires: 0"]),
    ([HERE + b", *"], [b"Expires: 0"]),
    ([b"*", b"*"], [b"Expires: 0"]),
    ([b"*;expires=0"], []),
])
def test_any_other_use_of_star_is_a_bad_request_and_changes_nothing(office, contacts, lines):
    office.register(HERE)
    assert office.register(*contacts, lines=lines).status == 400
    assert office.contacts_of() == [b"sip:1001@192.0.2.10:5060"]


def test_star_removes_bindings_of_other_call_ids_whatever_their_cseq(office):
    office.register(HERE, call_id=b"one", cseq=900)
    assert office.register(b"*", call_id=b"two", cseq=1, lines=[b"Expires: 0"]).contacts == []


def test_a_star_that_is_late_for_one_binding_removes_none(office):
    office.register(HERE, call_id=b"one", cseq=5)
    office.register(b"<sip:1001@192.0.2.11>", call_id=b"two", cseq=900)
    assert office.register(b"*", call_id=b"one", cseq=5, lines=[b"Expires: 0"]).status == 400
    assert len(office.contacts_of()) == 2


# step 7: intervals

@pytest.mark.parametrize(("parameter", "header", "granted"), [
    (b"", None, 3600),
    (b"", b"600", 600),
    (b";expires=300", b"600", 300),
    (b";expires=300", None, 300),
    (b";expires=9000", None, 7200),
    (b"", b"4294967295", 7200),
    (b";expires=soon", b"600", 3600),
    (b";expires=-1", b"600", 3600),
    (b";expires", None, 3600),
    (b";EXPIRES=300", None, 300),
    (b"", b"soon", 3600),
    (b";expires=60", None, 60),
])
def test_the_interval_is_the_contacts_then_the_headers_then_the_default_and_never_above_the_maximum(
        office, parameter, header, granted):
    lines = [b"Expires: " + header] if header else []
    for _ in range(2):      # the second time by the short way
        assert office.register(HERE + parameter, lines=lines).contacts == [HERE + b";expires=%d" % granted]


@pytest.mark.parametrize("contacts", [[HERE + b";expires=59"], [b"<sip:1001@192.0.2.11>", HERE + b";expires=1"]])
def test_too_brief_an_interval_is_423_with_the_minimum_and_nothing_is_bound(office, contacts):
    answer = office.register(*contacts)
    assert (answer.status, answer.header(b"Min-Expires")) == (423, b"60")
    assert office.contacts_of() == []


def test_a_refresh_too_brief_is_423_and_leaves_the_binding_as_it_was(office):
    office.register(HERE, lines=[b"Expires: 600"])
    assert office.register(HERE, lines=[b"Expires: 30"]).status == 423
    assert office.location.bindings_of(b"1001")[0].granted_s == 600


def test_an_hour_or_more_is_never_too_brief():
    office = Office(policy=ExpiryPolicy(min_s=7200, max_s=86400))
    assert office.register(HERE, lines=[b"Expires: 3599"]).status == 423
    assert office.register(HERE, lines=[b"Expires: 3600"]).contacts == [HERE + b";expires=3600"]


def test_a_200_never_says_more_seconds_than_were_granted():
    for number in range(400):
        office = Office(start=1000.0 + number / 7)
        for _ in range(2):      # the long way and the short way
            assert office.register(HERE + b";expires=7200").contacts == [HERE + b";expires=7200"]
            office.now += 0.3


def test_the_default_interval_obeys_the_maximum():
    assert Office(policy=ExpiryPolicy(max_s=300)).register(HERE).contacts == [HERE + b";expires=300"]


def test_expires_0_removes_one_contact_and_of_an_unknown_contact_is_no_error(office):
    office.register(HERE, b"<sip:1001@192.0.2.11>")
    assert office.register(HERE + b";expires=0").contacts == [b"<sip:1001@192.0.2.11>;expires=3600"]
    assert office.register(b"<sip:1001@192.0.2.77>;expires=0").status == 200
    assert office.register(b"<sip:1001@192.0.2.11>", lines=[b"Expires: 0"]).contacts == []


def test_one_register_may_add_refresh_and_remove(office):
    office.register(HERE, b"<sip:1001@192.0.2.11>")
    office.register(HERE + b";expires=0", b"<sip:1001@192.0.2.11>;expires=120", b"<sip:1001@192.0.2.12>")
    granted = {binding.contact[-2:]: binding.granted_s for binding in office.location.bindings_of(b"1001")}
    assert granted == {b"11": 120, b"12": 3600}


# step 7: order

def test_a_late_register_of_the_same_call_changes_nothing_and_fails(office):
    office.register(HERE, cseq=5, lines=[b"Expires: 600"])
    for cseq in (5, 4):
        assert office.register(HERE, cseq=cseq, lines=[b"Expires: 0"]).status == 400
        assert office.register(HERE, cseq=cseq).status == 400
    assert office.location.bindings_of(b"1001")[0].granted_s == 600
    assert office.register(HERE, cseq=6).status == 200


def test_another_call_id_may_start_its_cseq_anew(office):
    office.register(HERE, cseq=500, call_id=b"before")
    assert office.register(HERE, cseq=1, call_id=b"after").status == 200
    binding, = office.location.bindings_of(b"1001")
    assert (binding.call_id, binding.cseq) == (b"after", 1)


def test_one_late_contact_spoils_the_whole_request(office):
    office.register(HERE, cseq=5)
    answer = office.register(b"<sip:1001@192.0.2.11>", HERE, cseq=5)
    assert answer.status == 400
    assert office.contacts_of() == [b"sip:1001@192.0.2.10:5060"]


def test_a_contact_said_twice_meets_its_own_tentative_binding(office):
    for again in (HERE, b"<sip:1001@192.0.2.10:5060;new=1>"):
        answer = office.register(HERE, again)
        assert answer.status == 400
        assert b"two Contacts mean the same binding" in answer.header(b"Warning")
        assert office.contacts_of() == []
    office.register(HERE)
    assert office.register(HERE, b"<sip:1001@192.0.2.10:5060;new=1>", call_id=b"other").status == 400


# 10.2.4 and 19.1.4: what is the same contact

@pytest.mark.parametrize("other", [
    b"<sip:1001@PHONE.example;Transport=UDP>", b"<sip:%31001@phone.example;transport=udp>",
    b"<sip:1001@phone.example;transport=udp;new=5>", b'"Reception" <sip:1001@phone.example;transport=udp>',
])
def test_an_equal_uri_updates_the_binding_and_is_kept_as_last_written(office, other):
    office.register(b"<sip:1001@phone.example;transport=udp>")
    answer = office.register(other)
    assert answer.contacts == [other[other.index(b"<"):] + b";expires=3600"]


@pytest.mark.parametrize("other", [
    b"<sips:1001@phone.example>", b"<sip:1001@phone.example:5060>", b"<sip:1001@phone.example;transport=udp>",
    b"<sip:1002@phone.example>", b"<sip:1001@192.0.2.10>", b"<mailto:1001@phone.example>",
])
def test_a_different_uri_is_another_binding(office, other):
    office.register(b"<sip:1001@phone.example>")
    assert len(office.register(other).contacts) == 2


def test_several_contacts_in_one_line_and_in_several_lines_with_q_and_unknown_parameters(office):
    answer = office.register(b'"Mr. Watson" <sip:1001@192.0.2.10>;q=0.7; expires=3600, <mailto:w@bell.test> ;q=0.1',
                             b'sip:1001@192.0.2.11;q=1.0;+audio;description="<a;b>, \\"c\\""')
    assert answer.contacts == [b"<sip:1001@192.0.2.10>;q=0.7;expires=3600", b"<mailto:w@bell.test>;q=0.1;expires=3600",
                               b'<sip:1001@192.0.2.11>;q=1.0;+audio;description="<a;b>, \\"c\\"";expires=3600']
    assert [(binding.q, binding.is_sip) for binding in office.location.bindings_of(b"1001")] == [
        (700, True), (100, False), (1000, True)]


@pytest.mark.parametrize(("q", "thousandths"), [
    (b"0", 0), (b"0.5", 500), (b"0.123", 123), (b"1", 1000), (b"1.000", 1000), (b".25", 250), (b"0.", 0),
    (b"0.7777", 777)])
def test_q_is_kept_in_thousandths(office, q, thousandths):
    office.register(HERE + b";q=" + q)
    assert office.location.bindings_of(b"1001")[0].q == thousandths


@pytest.mark.parametrize("contact", [
    HERE + b";q=high", HERE + b";q=2", HERE + b";q=-1", b"<sip:>", b"hello", b"<1001>"])
def test_an_unreadable_contact_is_a_bad_request_and_changes_nothing(office, contact):
    assert office.register(b"<sip:1001@192.0.2.11>", contact).status == 400
    assert office.contacts_of() == []


def test_an_empty_contact_header_is_a_bad_request(office):
    assert office.register(b"").status == 400


# the limit

def test_the_eleventh_binding_is_refused_and_the_ten_stay(office):
    for number in range(10):
        office.register(b"<sip:1001@192.0.2.%d>" % (20 + number))
    assert office.register(HERE).status == 403
    assert len(office.contacts_of()) == 10
    assert office.register(HERE, b"<sip:1001@192.0.2.20>;expires=0").status == 200
    assert office.register(*[b"<sip:1001@192.0.2.%d>" % number for number in range(11)], user=b"1002").status == 403
    assert office.contacts_of(b"1002") == []


def test_a_phone_that_restarts_again_and_again_replaces_its_own_binding_when_the_address_is_full(office):
    for number in range(25):
        contact = b'<sip:1001@192.0.2.10:%d>;+sip.instance="<urn:uuid:1>"' % (6000 + number)
        assert office.register(contact, call_id=b"%d" % number).status == 200
    assert len(office.contacts_of()) == 10
    assert office.contacts_of()[-1] == b"sip:1001@192.0.2.10:6024"


def test_bindings_whose_connection_is_closed_make_room(office):
    for number in range(12):
        answer = office.register(b"<sip:1001@192.0.2.10:%d;transport=tcp>" % (6000 + number), transport=b"TCP",
                                 source=(b"192.0.2.10", 6000 + number), listener=office.stream_listener)
        assert answer.status == 200
        office.location.bindings_of(b"1001")[-1].flow.is_open = False
    assert len(office.contacts_of()) == 10


# RFC 3327

def test_a_path_is_stored_in_order_and_echoed_to_a_phone_that_knows_it(office):
    path = [b"Path: <sip:edge.test;lr>, <sip:inner.test;lr>", b"Path: <sip:last.test;lr>"]
    stored = (b"<sip:edge.test;lr>", b"<sip:inner.test;lr>", b"<sip:last.test;lr>")
    answer = office.register(HERE, lines=[*path, b"Supported: Path"])
    assert tuple(answer.values(b"Path")) == stored
    assert office.location.bindings_of(b"1001")[0].path == stored
    assert office.register(HERE, lines=path).header(b"Path") is None
    office.register(HERE)
    assert office.location.bindings_of(b"1001")[0].path == ()


def test_an_unreadable_path_is_a_bad_request(office):
    for path in (b"<edge>", b"<tel:1>", b"<sip:"):
        assert office.register(HERE, lines=[b"Path: " + path]).status == 400


# RFC 5626

def test_the_same_instance_and_reg_id_replace_the_binding_whatever_the_contact(office):
    for port in (6000, 6001):
        contact = b'<sip:1001@192.0.2.10:%d>;reg-id=1;+sip.instance="<urn:uuid:1>"' % port
        answer = office.register(contact, lines=[b"Supported: path, outbound"])
        assert answer.contacts == [contact + b";expires=3600"]
        assert answer.header(b"Require") == b"outbound"
    # the last word is what holds, for whoever knows a binding by its instance and reg-id
    assert [(kind, contact[-4:]) for _, kind, contact in office.changes] == [
        ("ADDED", b"6000"), ("REMOVED", b"6000"), ("ADDED", b"6001")]


def test_reg_ids_of_one_instance_are_separate_bindings_even_with_one_contact(office):
    contact = b'<sip:1001@192.0.2.10>;reg-id=%d;+sip.instance="<urn:uuid:1>"'
    office.register(contact % 1)
    assert len(office.register(contact % 2, source=(b"192.0.2.10", 7000)).contacts) == 2
    left, = office.register((contact % 1) + b";expires=0").contacts
    assert b"reg-id=2" in left


def test_require_outbound_is_said_only_to_who_supports_it_and_where_reg_id_counted(office):
    contact = b'<sip:1001@192.0.2.10>;reg-id=1;+sip.instance="<urn:uuid:1>"'
    assert office.register(contact).header(b"Require") is None
    assert office.register(b"<sip:1001@192.0.2.11>;reg-id=1", lines=[b"Supported: outbound"]).header(b"Require") is None


def test_reg_id_behind_a_hop_that_knows_no_outbound_is_439_or_ignored(office):
    contact = b'<sip:1001@192.0.2.10>;reg-id=1;+sip.instance="<urn:uuid:1>"'
    hop = b"Via: SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKx"
    assert office.register(contact, lines=[hop, b"Supported: outbound"]).status == 439
    assert office.register(contact, lines=[hop, b"Supported: outbound", b"Path: <sip:edge.test;lr>"]).status == 439
    assert office.register(contact, lines=[hop]).status == 200
    assert office.location.bindings_of(b"1001")[0].reg_id == 0
    answer = office.register(contact, lines=[hop, b"Supported: outbound", b"Path: <sip:edge.test;lr;ob>"])
    assert (answer.status, answer.header(b"Require")) == (200, b"outbound")


def test_reg_id_beside_another_lasting_contact_is_a_bad_request(office):
    contact = b'<sip:1001@192.0.2.10>;reg-id=1;+sip.instance="<urn:uuid:1>"'
    assert office.register(contact, b"<sip:1001@192.0.2.11>").status == 400
    assert office.register(contact, b"<sip:1001@192.0.2.11>;expires=0").status == 200


def test_a_phone_whose_outbound_was_switched_off_is_not_bound_twice(office):
    office.register(b'<sip:1001@192.0.2.10>;reg-id=1;+sip.instance="<urn:uuid:1>"')
    assert len(office.register(b'<sip:1001@192.0.2.10>;+sip.instance="<urn:uuid:1>"', call_id=b"new").contacts) == 1


def test_a_contact_without_reg_id_means_the_binding_without_one(office):
    office.register(b'<sip:1001@192.0.2.10>;reg-id=1;+sip.instance="<urn:uuid:1>"')
    office.register(b"<sip:1001@192.0.2.10>", call_id=b"one")
    office.register(b'<sip:1001@192.0.2.10>;reg-id=1;+sip.instance="<urn:uuid:1>"', call_id=b"two")
    office.register(b"<sip:1001@192.0.2.10>", call_id=b"three")
    office.register(b"<sip:1001@192.0.2.10>;expires=0", call_id=b"four")
    assert [binding.reg_id for binding in office.location.bindings_of(b"1001")] == [1]


# 10.2.1

def test_a_sips_address_takes_only_sips_contacts(office):
    assert office.register(HERE, to=b"<sips:1001@office.test>").status == 400
    assert office.register(b"<sips:1001@192.0.2.10>", to=b"<sips:1001@office.test>").status == 200


# RFC 3665 section 2

def test_rfc_3665_2_1_to_2_4(office):
    contact = b"<sip:1001@client.office.test>"
    # 2.1 successful new registration: F1 REGISTER, F2 401, F3 REGISTER, F4 200
    office.asserted = b"nobody"
    assert office.register(contact, cseq=1, call_id=b"a84b4c76e66710").status == 401
    office.asserted = None
    assert office.register(contact, cseq=2, call_id=b"a84b4c76e66710").contacts == [contact + b";expires=3600"]
    # 2.2 update of contact list
    mail = b"<mailto:1001@office.test>"
    assert office.register(mail, cseq=3, call_id=b"a84b4c76e66710").contacts == [
        contact + b";expires=3600", mail + b";expires=3600"]
    # 2.3 request for current contact list
    assert len(office.register(cseq=4, call_id=b"a84b4c76e66710").contacts) == 2
    # 2.4 cancellation of registration
    answer = office.register(b"*", cseq=5, call_id=b"a84b4c76e66710", lines=[b"Expires: 0"])
    assert (answer.status, answer.contacts) == (200, [])


def test_record_route_is_ignored(office):
    assert office.register(HERE, lines=[b"Record-Route: <sip:p.test;lr>"]).header(b"Record-Route") is None


def test_a_register_whose_octets_repeat_is_refreshed_by_the_short_way_with_the_same_answer(office):
    first = office.register(HERE)
    office.advance(10)
    second = office.register(HERE, call_id=b"another")
    assert first.contacts == second.contacts
    assert [kind for _, kind, _ in office.changes] == ["ADDED", "REFRESHED"]
