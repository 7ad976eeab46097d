# SPDX-License-Identifier: Apache-2.0
"""From a name to flows: which listener leads there, whose certificate is wanted, which addresses are no servers."""

import pytest

from appliance.pbx.proxy.server_finder import ServerFinder
from appliance.pbx.proxy.target import NamedTarget
from appliance.sip.flow import TCP, TLS, UDP, Flow, Listener, Side
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import Locator
from appliance.sip.locating.numeric import Target
from appliance.sip.locating.search import Verdict
from appliance.sip.timers import Timers
from tests.models.zone import Zone

OFFICE = Listener("office", UDP, b"192.168.1.1", 5060)
OFFICE_TCP = Listener("office", TCP, b"192.168.1.1", 5060)
WAN = Listener("wan", UDP, b"203.0.113.1", 5060, Side.PUBLIC)
WAN_TLS = Listener("wan", TLS, b"203.0.113.1", 5061, Side.PUBLIC)
LISTENERS = [OFFICE, OFFICE_TCP, WAN, WAN_TLS]


def flow_to(listener: Listener, host: bytes, port: int, domain: bytes = b"") -> Flow:
    flow = Flow(listener, host, port)
    flow.domain = domain
    return flow


def make(zone: Zone, routes: dict[bytes, bytes] | None = None) -> ServerFinder:
    locator = Locator(zone, Timers(), Ability.of_listeners(LISTENERS), bytes)
    return ServerFinder(locator, LISTENERS, flow_to, (routes or {}).get)


def find(zone: Zone, uri: bytes, near: Listener = OFFICE, size_octets: int = 500) -> tuple[list[Flow], Verdict]:
    results = []
    make(zone).find(NamedTarget(uri, uri, near), size_octets, lambda *found: results.append(found), 0.0)
    flows, verdict, _ = results[0]
    return flows, verdict


@pytest.mark.parametrize(("routes", "near", "expected"), [
    ({b"198.51.100.1": b"203.0.113.1"}, OFFICE, WAN),       # the kernel's route leads through the public side
    ({b"198.51.100.1": b"192.168.1.1"}, WAN, OFFICE),
    ({}, OFFICE, OFFICE),                                   # nobody knows: where the request came from
    ({b"198.51.100.1": b"10.0.0.1"}, WAN, WAN),             # an address that we do not listen on
])
def test_the_listener_on_the_way_there_is_chosen(routes, near: Listener, expected: Listener) -> None:
    assert make(Zone(), routes).choose_listener(Target(b"198.51.100.1", 5060, UDP), near) is expected


def test_no_listener_no_flow() -> None:
    assert make(Zone()).choose_listener(Target(b"2001:db8::1", 5060, UDP), OFFICE) is None


def test_tls_wants_the_certificate_of_the_domain_that_was_asked_for() -> None:
    zone = Zone({("_sips._tcp.other.test", "SRV"): [(0, 0, 5061, "edge.hoster.test")],
                 ("edge.hoster.test", "A"): ["198.51.100.1"]})
    flows, _ = find(zone, b"sips:bob@other.test")
    assert [(flow.listener, flow.host, flow.domain) for flow in flows] == [(WAN_TLS, b"198.51.100.1", b"other.test")]


@pytest.mark.parametrize(("address", "verdict"), [
    ("192.168.1.1", Verdict.OURSELVES), ("0.0.0.0", Verdict.ABSENT), ("224.0.1.75", Verdict.ABSENT),
    ("255.255.255.255", Verdict.ABSENT)])
def test_our_own_address_and_those_of_no_host_are_left_out(address: str, verdict: Verdict) -> None:
    zone = Zone({("other.test", "A"): [address]})
    assert find(zone, b"sip:bob@other.test") == ([], verdict)
    zone.records["other.test", "A"] = [address, "198.51.100.1"]
    assert [flow.host for flow in find(zone, b"sip:bob@other.test")[0]] == [b"198.51.100.1"]


def test_large_request_has_a_flow_of_each_transport() -> None:
    zone = Zone({("other.test", "A"): ["198.51.100.1"]})
    flows, _ = find(zone, b"sip:bob@other.test", size_octets=1400)
    assert [flow.listener for flow in flows] == [OFFICE_TCP, OFFICE]
