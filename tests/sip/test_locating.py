# SPDX-License-Identifier: Apache-2.0
"""RFC 3263 section 4 and 5: which questions a URI raises, and where their answers lead."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.flow import TCP, TLS, UDP
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import BUDGET_S, GRACE_S, Located, Locator
from appliance.sip.locating.records import Srv
from appliance.sip.locating.search import TARGETS_LIMIT, Verdict, search_for_response
from appliance.sip.locating.srv_order import order_services
from appliance.sip.timers import Timers
from tests.models.zone import Zone

PLAIN = Ability([(UDP, 4), (TCP, 4)])
ALL = Ability([(transport, family) for transport in (UDP, TCP, TLS) for family in (4, 6)])
NOW = 1000.0

EXAMPLE = {     # RFC 3263 4.1 and 4.2, its own example
    ("example.com", "NAPTR"): [(50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.com"),
                               (90, 50, "s", "SIP+D2T", "", "_sip._tcp.example.com"),
                               (100, 50, "s", "SIP+D2U", "", "_sip._udp.example.com")],
    ("_sip._tcp.example.com", "SRV"): [(0, 1, 5060, "server1.example.com"), (0, 2, 5060, "server2.example.com")],
    ("_sips._tcp.example.com", "SRV"): [(0, 1, 5061, "server1.example.com")],
    ("_sip._udp.example.com", "SRV"): [(0, 1, 5060, "server1.example.com")],
    ("server1.example.com", "A"): ["192.0.2.1"],
    ("server2.example.com", "A"): ["192.0.2.2"],
}


def zeros(size: int) -> bytes:
    return bytes(size)


def locate(uri: str, zone: Zone, ability: Ability = PLAIN, size_octets: int = 500) -> Located:
    """The result of a lookup whose answers come at once."""
    results: list[Located] = []
    locator = Locator(zone, Timers(), ability, zeros)
    inquiry = locator.locate(uri.encode(), size_octets, lambda located, _: results.append(located), NOW)
    assert inquiry is None
    return results[0]


def places(uri: str, zone: Zone, ability: Ability = PLAIN, size_octets: int = 500) -> list[str]:
    return [f"{target.transport.decode().lower()}:{target.host.decode()}:{target.port}"
            for target in locate(uri, zone, ability, size_octets).targets]


@pytest.mark.parametrize(("uri", "expected"), [
    ("sip:a@192.0.2.7", ["udp:192.0.2.7:5060"]),
    ("sip:a@192.0.2.7:5080", ["udp:192.0.2.7:5080"]),
    ("sip:a@192.0.2.7;transport=tcp", ["tcp:192.0.2.7:5060"]),
    ("sips:a@192.0.2.7", ["tls:192.0.2.7:5061"]),
    ("sips:a@192.0.2.7;transport=tcp", ["tls:192.0.2.7:5061"]),
    ("sip:a@[2001:db8::7]", ["udp:2001:db8::7:5060"]),
    ("sip:a@nowhere.test;maddr=192.0.2.9", ["udp:192.0.2.9:5060"]),
])
def test_numeric_hosts_raise_no_question(uri: str, expected: list[str]) -> None:
    zone = Zone()
    assert places(uri, zone, ALL) == expected
    assert not zone.asked


def test_what_a_numeric_host_is_found_by_is_remembered_for_each_size_and_never_for_a_name() -> None:
    zone = Zone({("name.test", "A"): ["192.0.2.1"]})
    locator, results = Locator(zone, Timers(), PLAIN, zeros), []

    def ask(uri: bytes, size_octets: int) -> list[bytes]:
        locator.locate(uri, size_octets, lambda located, _: results.append(located), NOW)
        return [target.transport for target in results[-1].targets]
    for _ in range(2):
        assert ask(b"sip:192.0.2.7", 500) == [UDP]
        assert ask(b"sip:192.0.2.7", 2000) == [TCP, UDP]
    ask(b"sip:name.test:5060", 500)
    first = len(zone.asked)
    ask(b"sip:name.test:5060", 500)
    assert len(zone.asked) == 2 * first > 0


def test_another_transport_of_ours_is_another_answer_for_what_is_remembered() -> None:
    locator, results = Locator(Zone(), Timers(), Ability([(UDP, 4)]), zeros), []

    def ask() -> Verdict:
        locator.locate(b"sip:192.0.2.7;transport=tcp", 500, lambda located, _: results.append(located), NOW)
        return results[-1].verdict
    assert ask() is Verdict.UNREACHABLE
    locator.ability = PLAIN
    assert ask() is Verdict.FOUND
    locator.ability = Ability([(UDP, 4)])
    assert ask() is Verdict.UNREACHABLE


def test_example_of_the_rfc_without_tls_ends_at_tcp() -> None:
    zone = Zone(dict(EXAMPLE))
    assert places("sip:user@example.com", zone) == ["tcp:192.0.2.1:5060", "tcp:192.0.2.2:5060"]
    assert zone.asked[:2] == [("example.com", "NAPTR"), ("_sip._tcp.example.com", "SRV")]
    assert ("_sip._udp.example.com", "SRV") not in zone.asked


def test_example_of_the_rfc_with_tls_ends_at_tls() -> None:
    assert places("sip:user@example.com", Zone(dict(EXAMPLE)), ALL) == ["tls:192.0.2.1:5061"]


def test_sips_discards_every_service_that_is_not_sips() -> None:
    zone = Zone(dict(EXAMPLE))
    zone.records["example.com", "NAPTR"] = [(10, 0, "s", "SIP+D2U", "", "_sip._udp.example.com"),
                                            (50, 0, "s", "SIPS+D2T", "", "_sips._tcp.example.com")]
    assert places("sips:user@example.com", zone, ALL) == ["tls:192.0.2.1:5061"]


def test_sips_is_never_answered_with_anything_but_tls() -> None:
    zone = Zone({("other.test", "A"): ["192.0.2.1"], ("_sip._udp.other.test", "SRV"): [(0, 0, 5060, "other.test")]})
    assert places("sips:a@other.test", zone, ALL) == ["tls:192.0.2.1:5061"]
    assert locate("sips:a@other.test", zone, PLAIN).verdict is Verdict.UNREACHABLE
    assert locate("sips:a@other.test;transport=udp", zone, ALL).verdict is Verdict.UNREACHABLE


def test_naptr_of_other_services_counts_as_none() -> None:
    zone = Zone({("other.test", "NAPTR"): [(1, 1, "u", "E2U+sip", "!^.*$!sip:x@evil.test!", ""),
                                           (1, 1, "s", "SIP+D2S", "", "_sip._sctp.other.test")],
                 ("_sip._udp.other.test", "SRV"): [(0, 0, 5070, "one.other.test")],
                 ("one.other.test", "A"): ["192.0.2.1"]})
    assert places("sip:a@other.test", zone) == ["udp:192.0.2.1:5070"]


def test_without_naptr_the_transports_that_we_have_are_asked_for_udp_first() -> None:
    zone = Zone({("_sip._udp.other.test", "SRV"): [(0, 0, 5070, "one.other.test")],
                 ("_sip._tcp.other.test", "SRV"): [(0, 0, 5071, "one.other.test")],
                 ("one.other.test", "A"): ["192.0.2.1"]})
    assert places("sip:a@other.test", zone) == ["udp:192.0.2.1:5070", "tcp:192.0.2.1:5071"]
    assert ("_sips._tcp.other.test", "SRV") not in zone.asked


def test_without_naptr_and_srv_the_name_itself_at_the_default_port() -> None:
    zone = Zone({("other.test", "A"): ["192.0.2.1", "192.0.2.2"]})
    assert places("sip:a@other.test", zone) == ["udp:192.0.2.1:5060", "udp:192.0.2.2:5060"]
    assert places("sip:a@OTHER.test.", zone) == ["udp:192.0.2.1:5060", "udp:192.0.2.2:5060"]


def test_explicit_port_asks_for_addresses_alone_even_for_5060() -> None:
    zone = Zone({("other.test", "A"): ["192.0.2.1"]})
    assert places("sip:a@other.test:5060", zone) == ["udp:192.0.2.1:5060"]
    assert zone.asked == [("other.test", "A")]


def test_explicit_transport_asks_for_its_srv_alone() -> None:
    zone = Zone({("_sip._tcp.other.test", "SRV"): [(0, 0, 5071, "one.other.test")],
                 ("one.other.test", "A"): ["192.0.2.1"]})
    assert places("sip:a@other.test;transport=tcp", zone) == ["tcp:192.0.2.1:5071"]
    assert zone.asked[0] == ("_sip._tcp.other.test", "SRV")
    assert not any(kind == "NAPTR" for _, kind in zone.asked)


def test_srv_target_of_a_dot_means_that_there_is_no_service() -> None:
    zone = Zone({("_sip._udp.other.test", "SRV"): [(0, 0, 0, "")], ("other.test", "A"): ["192.0.2.1"]})
    assert locate("sip:a@other.test", zone) == Located([], Verdict.ABSENT)


def test_both_families_are_asked_for_and_ipv6_comes_first() -> None:
    zone = Zone({("other.test", "A"): ["192.0.2.1"], ("other.test", "AAAA"): ["2001:db8::1"]})
    assert places("sip:a@other.test:5070", zone, ALL) == ["udp:2001:db8::1:5070", "udp:192.0.2.1:5070"]
    assert places("sip:a@other.test:5070", zone) == ["udp:192.0.2.1:5070"]


def test_a_large_request_goes_by_tcp_first_and_has_udp_behind_it() -> None:
    zone = Zone({("other.test", "A"): ["192.0.2.1"]})
    assert places("sip:a@other.test", zone, size_octets=1301) == ["tcp:192.0.2.1:5060", "udp:192.0.2.1:5060"]
    assert places("sip:a@192.0.2.9", zone, size_octets=1301) == ["tcp:192.0.2.9:5060", "udp:192.0.2.9:5060"]
    assert places("sip:a@192.0.2.9", zone, size_octets=1300) == ["udp:192.0.2.9:5060"]
    assert places("sip:a@192.0.2.9", zone, Ability([(UDP, 4)]), 9000) == ["udp:192.0.2.9:5060"]


def test_a_large_request_prefers_the_tcp_service_of_a_domain_that_names_both() -> None:
    zone = Zone({("_sip._udp.other.test", "SRV"): [(0, 0, 5070, "one.other.test")],
                 ("_sip._tcp.other.test", "SRV"): [(0, 0, 5071, "one.other.test")],
                 ("one.other.test", "A"): ["192.0.2.1"]})
    assert places("sip:a@other.test", zone, size_octets=2000) == [
        "tcp:192.0.2.1:5071", "tcp:192.0.2.1:5070", "udp:192.0.2.1:5070"]


@pytest.mark.parametrize(("uri", "verdict"), [
    ("sip:a@nowhere.test", Verdict.ABSENT),
    ("sip:a@other.test;transport=sctp", Verdict.UNREACHABLE),
    ("sip:a@other.test;transport=tls", Verdict.UNREACHABLE),
    ("sip:a@[2001:db8::1]", Verdict.UNREACHABLE),
    ("tel:+81312345678", Verdict.ABSENT),
    ("sip:a@", Verdict.ABSENT),
])
def test_what_leads_nowhere_says_why(uri: str, verdict: Verdict) -> None:
    assert locate(uri, Zone()) == Located([], verdict)


def test_a_dead_dns_is_no_proof_of_absence() -> None:
    zone = Zone()
    zone.is_dead = True
    assert locate("sip:a@other.test", zone) == Located([], Verdict.FAILED)


def test_a_server_that_fails_naptr_and_srv_alone_still_leads_to_the_address() -> None:
    zone = Zone({("other.test", "NAPTR"): ["failed"], ("_sip._udp.other.test", "SRV"): ["failed"],
                 ("other.test", "A"): ["192.0.2.1"]})
    assert places("sip:a@other.test", zone) == ["udp:192.0.2.1:5060"]


def test_one_request_is_tried_at_a_bounded_number_of_addresses_each_once() -> None:
    many = [f"192.0.2.{number}" for number in range(1, 100)]
    zone = Zone({("_sip._udp.other.test", "SRV"): [(0, 0, 5060, "one.test"), (1, 0, 5060, "one.test")],
                 ("one.test", "A"): [*many[:3], *many[:3]]})
    assert len(places("sip:a@other.test", zone)) == 3
    zone.records["one.test", "A"] = list(many)
    assert len(places("sip:a@other.test", zone)) == TARGETS_LIMIT


def test_lookup_without_answer_ends_with_its_budget() -> None:
    zone, timers, results = Zone(), Timers(), []
    zone.held = {("other.test", "NAPTR")}
    Locator(zone, timers, PLAIN, zeros).locate(b"sip:a@other.test", 500, lambda *one: results.append(one), NOW)
    timers.run(NOW + BUDGET_S - 0.1)
    assert not results
    timers.run(NOW + BUDGET_S + 0.1)
    assert [located for located, _ in results] == [Located([], Verdict.FAILED)]
    zone.answer_held(NOW + BUDGET_S + 1)
    assert len(results) == 1


def test_a_slow_second_server_does_not_hold_up_the_first() -> None:
    zone = Zone({("_sip._udp.other.test", "SRV"): [(0, 0, 5060, "one.test"), (1, 0, 5060, "two.test")],
                 ("one.test", "A"): ["192.0.2.1"], ("two.test", "A"): ["192.0.2.2"]})
    zone.held = {("two.test", "A")}
    timers, results = Timers(), []
    Locator(zone, timers, PLAIN, zeros).locate(b"sip:a@other.test", 500, lambda *one: results.append(one), NOW)
    assert not results
    timers.run(NOW + GRACE_S + 0.1)
    assert [target.host for target in results[0][0].targets] == [b"192.0.2.1"]


def test_nobody_is_told_of_a_cancelled_inquiry() -> None:
    zone, timers, results = Zone(), Timers(), []
    zone.held = {("other.test", "NAPTR")}
    inquiry = Locator(zone, timers, PLAIN, zeros).locate(b"sip:a@other.test", 1, lambda *one: results.append(one), NOW)
    assert inquiry is not None
    inquiry.cancel()
    zone.answer_held(NOW)
    timers.run(NOW + 60)
    assert not results


@pytest.mark.parametrize(("sent_by", "transport", "asked", "found"), [
    (b"192.0.2.1", b"TCP", [], [(b"192.0.2.1", 5060)]),
    (b"192.0.2.1:5070", b"TLS", [], [(b"192.0.2.1", 5070)]),
    (b"[2001:db8::1]", b"TCP", [], [(b"2001:db8::1", 5060)]),
    (b"proxy.test:5070", b"TCP", [("proxy.test", "AAAA"), ("proxy.test", "A")], [(b"192.0.2.5", 5070)]),
    (b"proxy.test", b"TCP", [("_sip._tcp.proxy.test", "SRV"), ("two.test", "AAAA"), ("two.test", "A")],
     [(b"192.0.2.6", 5090)]),
])
def test_responses_whose_connection_is_gone_go_by_the_sent_by(sent_by, transport, asked, found) -> None:
    """Section 5."""
    zone = Zone({("proxy.test", "A"): ["192.0.2.5"], ("two.test", "A"): ["192.0.2.6"],
                 ("_sip._tcp.proxy.test", "SRV"): [(0, 0, 5090, "two.test")]})
    search, questions = search_for_response(sent_by, transport, ALL, zeros)
    questions = list(questions)
    while questions:
        question = questions.pop(0)
        zone.asked.append((question.name.decode(), question.kind.name))
        questions += search.take_answer(question, zone.find(question))
    assert zone.asked == asked
    assert [(target.host, target.port) for target in search.targets()] == found
    assert all(target.transport == transport for target in search.targets())


# RFC 2782

SERVICES = st.lists(st.builds(Srv, st.integers(0, 3), st.integers(0, 65535), st.integers(1, 65535),
                              st.sampled_from([b"a.test", b"b.test", b"c.test"])), max_size=12)


@given(SERVICES, st.randoms())
def test_srv_order_keeps_every_record_and_never_crosses_priorities(services: list[Srv], chance: random.Random) -> None:
    ordered = order_services(services, chance.randbytes)
    assert sorted(ordered) == sorted(services)
    assert [one.priority for one in ordered] == sorted(one.priority for one in services)


def test_srv_weights_decide_how_often_a_server_is_first() -> None:
    chance = random.Random(7)
    services = [Srv(0, 10, 5060, b"small.test"), Srv(0, 30, 5060, b"big.test"), Srv(0, 0, 5060, b"spare.test")]
    first = [order_services(services, chance.randbytes)[0].target for _ in range(4000)]
    assert 0.70 < first.count(b"big.test") / 4000 < 0.80
    assert 0.20 < first.count(b"small.test") / 4000 < 0.30
    assert 0 < first.count(b"spare.test") < 200     # RFC 2782: a very small chance of being selected
