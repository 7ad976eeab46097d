# SPDX-License-Identifier: Apache-2.0
"""DNS messages: what is asked, and that nothing but an answer to it counts, whatever the octets."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.locating.records import ABSENT, FAILED, Answer, Naptr, Outcome, Question, RecordType, Srv
from appliance.system.dns.wire import RECORDS_LIMIT, Reading, build_query, read_response

NAME = Question(b"one.test", RecordType.A)
QUERY = build_query(NAME, 0x1234)
assert QUERY is not None


def respond(*lines: str, question: Question = NAME, number: int = 0x1234, rcode: int = 0, flags: int = 0,
            authority: str = "") -> bytes:
    query = build_query(question, number)
    assert query is not None
    response = dns.message.make_response(query.message)
    response.set_rcode(rcode)
    response.flags |= flags
    for line in lines:
        name, ttl, kind, text = line.split(" ", 3)
        response.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, text))
    if authority:
        name, ttl, kind, text = authority.split(" ", 3)
        response.authority.append(dns.rrset.from_text(name, int(ttl), "IN", kind, text))
    return response.to_wire()


def test_addresses_and_the_time_they_hold() -> None:
    assert read_response(respond("one.test. 60 A 192.0.2.1"), QUERY) == Reading(
        Answer(Outcome.FOUND, addresses=(b"192.0.2.1",)), 60)


def test_services_and_rewrites() -> None:
    srv = Question(b"_sip._udp.other.test", RecordType.SRV)
    naptr = Question(b"other.test", RecordType.NAPTR)
    read = read_response(respond("_sip._udp.other.test. 60 SRV 1 2 5060 One.Other.Test.", question=srv),
                         build_query(srv, 0x1234))
    assert read == Reading(Answer(Outcome.FOUND, services=(Srv(1, 2, 5060, b"one.other.test"),)), 60)
    read = read_response(respond('other.test. 9 NAPTR 1 2 "s" "SIP+D2U" "" _sip._udp.other.test.', question=naptr),
                         build_query(naptr, 0x1234))
    assert read == Reading(Answer(Outcome.FOUND, rewrites=(
        Naptr(1, 2, b"s", b"SIP+D2U", b"", b"_sip._udp.other.test"),)), 9)
    read = read_response(respond("_sip._udp.other.test. 60 SRV 0 0 0 .", question=srv), build_query(srv, 0x1234))
    assert read is not None
    assert read.answer.services == (Srv(0, 0, 0, b""),)


def test_absence_holds_as_long_as_the_zone_says() -> None:
    soa = "test. 3600 SOA ns.test. root.test. 1 2 3 4 120"
    assert read_response(respond(rcode=dns.rcode.NXDOMAIN, authority=soa), QUERY) == Reading(ABSENT, 120)
    assert read_response(respond(authority=soa), QUERY) == Reading(ABSENT, 120)


def test_aliases_are_followed_within_the_answer_and_their_shortest_time_counts() -> None:
    read = read_response(respond("one.test. 600 CNAME two.test.", "two.test. 5 CNAME three.test.",
                                 "three.test. 60 A 192.0.2.3"), QUERY)
    assert read == Reading(Answer(Outcome.FOUND, addresses=(b"192.0.2.3",)), 5)


@pytest.mark.parametrize("lines", [
    ["one.test. 60 CNAME two.test.", "two.test. 60 CNAME one.test."],
    ["one.test. 60 CNAME one.test."],
    ["one.test. 60 CNAME a0.test.", *(f"a{number}.test. 60 CNAME a{number + 1}.test." for number in range(40))],
])
def test_aliases_in_a_circle_or_without_end_are_a_failure(lines: list[str]) -> None:
    read = read_response(respond(*lines), QUERY)
    assert read is not None
    assert read.answer in (FAILED, ABSENT)
    assert not read.answer.addresses


def test_records_of_another_name_are_nothing_to_us() -> None:
    read = read_response(respond("evil.test. 60 A 192.0.2.66"), QUERY)
    assert read is not None
    assert read.answer is ABSENT


@pytest.mark.parametrize("octets", [
    b"", b"\x12\x34", b"\x12\x34" + b"\xff" * 500,
    respond("one.test. 60 A 192.0.2.66", number=0x1235),                            # another number
    respond("two.test. 60 A 192.0.2.66", question=Question(b"two.test", RecordType.A)),     # another name
    respond(question=Question(b"one.test", RecordType.AAAA)),                       # another type
    QUERY.octets,                                                                   # our own query come back
    respond("one.test. 60 A 192.0.2.1")[:-2],                                       # cut off
])
def test_what_is_no_answer_to_the_query_is_not_heard(octets: bytes) -> None:
    assert read_response(octets, QUERY) is None


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP, dns.rcode.FORMERR])
def test_refusals_are_failures(rcode: int) -> None:
    assert read_response(respond(rcode=rcode), QUERY) == Reading(FAILED)


def test_a_truncated_answer_says_so() -> None:
    read = read_response(respond(flags=dns.flags.TC), QUERY)
    assert read is not None
    assert read.is_truncated


def test_a_list_without_end_is_cut() -> None:
    lines = [f"one.test. 60 A 10.0.{number // 250}.{number % 250}" for number in range(400)]
    response = dns.message.make_response(QUERY.message)
    response.answer.append(dns.rrset.from_text("one.test.", 60, "IN", "A", *[line.split()[-1] for line in lines]))
    read = read_response(response.to_wire(max_size=65535), QUERY)
    assert read is not None
    assert len(read.answer.addresses) == RECORDS_LIMIT


@pytest.mark.parametrize("name", [b"a" * 64 + b".test", b".".join([b"a" * 60] * 6), b"a..test", b".", b"\xff.test"])
def test_what_cannot_be_a_name_is_not_asked(name: bytes) -> None:
    assert build_query(Question(name, RecordType.A), 1) is None or name == b"."


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_not_heard(octets: bytes) -> None:
    for prefix in (b"", QUERY.octets[:2] + b"\x81\x80", QUERY.octets[:2] + b"\x81\x80" + QUERY.octets[4:12]):
        read_response(prefix + octets, QUERY)


@given(st.data())
def test_a_spoilt_answer_is_read_or_not_heard(data: st.DataObject) -> None:
    octets = bytearray(respond("one.test. 60 CNAME two.test.", "two.test. 5 A 192.0.2.3",
                               "two.test. 5 NAPTR 1 2 \"s\" \"SIP+D2U\" \"\" x.test."))
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(2, len(octets) - 1))] = data.draw(st.integers(0, 255))
    read = read_response(bytes(octets), QUERY)
    assert read is None or read.answer.outcome in Outcome
