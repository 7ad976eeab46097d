# SPDX-License-Identifier: Apache-2.0
"""Where the requests of a trunk go: what a numeric URI leads to is remembered, as long as it is still true."""

import pytest

from appliance.gateway.servers import PATHS_KEPT, TrunkServers
from appliance.sip.flow import UDP, Flow, Listener
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import Locator
from appliance.sip.locating.records import SilentResolver
from appliance.sip.locating.search import Verdict
from appliance.sip.timers import Timers
from appliance.ua.location import Hop

SERVER, FAR_END = b"sip:198.51.100.1", b"sip:0312345678@198.51.100.77:5062"


class Ways:
    """servers: under test; opened: the flows that were asked for, in order."""

    def __init__(self) -> None:
        self.listener = Listener("wan", UDP, b"203.0.113.5", 5060)
        self.opened: list[Flow] = []
        self.flows: dict[tuple[bytes, int], Flow] = {}
        locator = Locator(SilentResolver(), Timers(), Ability.of_listeners([self.listener]), bytes)
        self.servers = TrunkServers(locator, [self.listener], self.open)

    def open(self, listener: Listener, host: bytes, port: int, domain: bytes = b"") -> Flow:
        flow = self.flows.get((host, port))
        if flow is None or not flow.is_open:
            flow = self.flows[host, port] = Flow(listener, host, port)
        self.opened.append(flow)
        return flow

    def find(self, uri: bytes, is_in_dialog: bool = False, size_octets: int = 600) -> list[Flow]:
        found: list[Flow] = []

        def take(flows, verdict: Verdict, _now: float) -> None:
            assert (verdict is Verdict.FOUND) == bool(flows)
            found.extend(flows)

        assert self.servers(Hop(uri, size_octets, self.listener, is_in_dialog), take, 0.0) is None
        return found


@pytest.fixture
def ways() -> Ways:
    return Ways()


def test_each_request_of_a_call_takes_the_same_flow_that_is_opened_once(ways):
    assert ways.find(SERVER) == ways.find(SERVER) == ways.opened
    assert ways.find(FAR_END, True) == ways.find(FAR_END, True) == ways.opened[1:]


def test_a_flow_that_has_closed_is_opened_again(ways):
    (first,) = ways.find(SERVER)
    first.is_open = False
    (second,) = ways.find(SERVER)
    assert second is not first
    assert second.is_open


def test_once_a_listener_has_moved_to_the_address_itself_nothing_is_sent_there(ways):
    assert ways.find(SERVER)
    ways.listener.move("wan", b"198.51.100.1", 5060, ways.listener.side)
    assert ways.find(SERVER) == []
    assert ways.servers.verdict is Verdict.UNREACHABLE


def test_who_is_named_inside_a_dialog_is_a_server_only_once_the_trunk_leads_there(ways):
    (flow,) = ways.find(FAR_END, True)
    assert not ways.servers.is_server(flow)
    assert ways.find(FAR_END, True) == [flow]
    assert not ways.servers.is_server(flow)
    assert ways.find(FAR_END) == [flow]
    assert ways.servers.is_server(flow)


def test_an_alias_leads_where_its_trunk_says_now(ways):
    ways.servers.aliases[b"sip:carrier.test"] = b"sip:198.51.100.1"
    (first,) = ways.find(b"sip:carrier.test")
    ways.servers.aliases[b"sip:carrier.test"] = b"sip:198.51.100.2"
    (second,) = ways.find(b"sip:carrier.test")
    assert (first.host, second.host) == (b"198.51.100.1", b"198.51.100.2")


def test_what_is_remembered_is_bounded(ways):
    for number in range(3 * PATHS_KEPT):
        assert ways.find(b"sip:%d@198.51.100.77" % number, True)
    assert len(ways.servers._paths) <= PATHS_KEPT


def test_the_server_that_answered_last_is_known_until_it_fails(ways):
    (flow,) = ways.find(SERVER)
    assert ways.servers.latest is None
    ways.servers.note_answer(flow)
    assert ways.servers.latest is flow
    ways.servers.note_failure(flow, 1.0)
    assert ways.servers.latest is None
    assert ways.servers.preferred is None


def test_a_server_is_one_on_the_listener_of_its_trunk_alone(ways):
    ways.find(SERVER)
    inside = Listener("office", UDP, b"192.168.1.1", 5060)
    for listener, is_believed in ((ways.listener, True), (inside, False)):
        flow = Flow(listener, b"198.51.100.1", 5060)
        assert ways.servers.is_server(flow) is is_believed
        assert ways.servers.has_server(flow) is is_believed
