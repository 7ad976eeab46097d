# SPDX-License-Identifier: Apache-2.0
"""Calls of our users to other domains through the call engine: servers found first (RFC 3263), then media and listener;
nothing of the office's addresses is seen outside."""

import pytest

from appliance.config.configuration import load_configuration
from appliance.native.sip_scanner import Message
from appliance.sdp.parser import parse_session
from tests.call.virtual_house import HOUSE, House, Voice
from tests.models.zone import Zone

ONE, TWO, SIX = "198.51.100.50", "198.51.100.51", "2001:db8::50"
OUR_WAN, OUR_WAN_SIX = "203.0.113.5", "2001:db8::5"
RECORDS = {("_sip._udp.other.test", "SRV"): [(0, 0, 5060, "one.other.test"), (1, 0, 5060, "two.other.test")],
           ("one.other.test", "A"): [ONE], ("two.other.test", "A"): [TWO],
           ("six.test", "AAAA"): [SIX], ("six.test", "A"): [ONE]}
SIX_LISTENER = f"set sip listener six address {OUR_WAN_SIX}\nset sip listener six transport udp\n" \
               "set sip listener six side public\n"


class HouseWithNames(House):
    """With a DNS, a route to the outside by the public listener, and somebody of another domain."""

    def __init__(self, more: str = "") -> None:
        self.zone = Zone(dict(RECORDS))
        super().__init__(more)
        self.bob = Voice(self.network, ONE, "bob", "203.0.113.5")

    def _equip(self, surroundings) -> None:
        surroundings.resolver = self.zone
        surroundings.source_of = find_source

    def call_out(self, uri: str = "sip:bob@other.test", user: str = "201", lines: bytes = b""):
        """201 dials a URI, by way of the house."""
        desk = self.desks[user]
        draft = desk.agent.draft_call(uri.encode(), desk.describe())
        draft.next_hop = b"sip:192.168.1.1"
        draft.lines += lines
        return desk.agent.place_call(draft, desk.user, self.now)

    def sent_outside(self) -> list[Message]:
        return [message for _at, source, _target, message in self.network.sent
                if source[0] in (OUR_WAN.encode(), OUR_WAN_SIX.encode())]


def find_source(host: bytes) -> bytes:
    """As the kernel's routing table would say."""
    if host.startswith(b"192.168."):
        return b"192.168.1.1"
    return OUR_WAN_SIX.encode() if b":" in host else OUR_WAN.encode()


@pytest.fixture
def house() -> HouseWithNames:
    return HouseWithNames()


def test_the_call_leaves_by_the_public_listener_with_its_address_everywhere(house):
    call = house.call_out(lines=b"Call-Info: <http://192.168.1.11/me.png>\r\nSubject: hello\r\n")
    house.run()
    assert call.is_confirmed
    assert house.hear_one_another(call, house.bob.last_call)
    invite = next(message for message in house.sent_outside() if message.method == b"INVITE")
    assert invite.uri == b"sip:bob@other.test"
    assert invite.contact_uri == b"sip:203.0.113.5:5060"
    session = parse_session(invite.body)
    assert session.connection_of(session.media[0]).address == OUR_WAN.encode()
    assert invite.header(b"Subject") == b"hello"
    house.bob.last_call.hang_up(house.now)
    house.run()
    assert call.is_over
    assert all(b"192.168." not in message.data for message in house.sent_outside())
    assert house.records[-1].callee == "bob@other.test"
    house.assert_quiet()


def test_hold_and_the_callers_bye_take_the_same_way(house):
    call = house.call_out()
    house.run()
    house.desks["201"].hold(call)
    house.run()
    assert b"a=sendonly" in house.bob.last_call.exchange.remote
    call.hang_up(house.now)
    house.run()
    assert house.bob.last_call.is_over
    assert all(b"192.168." not in message.data for message in house.sent_outside())
    house.assert_quiet()


def test_the_next_server_is_asked_after_a_503(house):
    house.bob.refuse_with(503)
    second = Voice(house.network, TWO, "bob", "203.0.113.5")
    call = house.call_out()
    house.run()
    assert call.is_confirmed
    assert house.hear_one_another(call, second.last_call)
    call.hang_up(house.now)
    house.assert_quiet()


def test_a_503_of_the_last_server_is_not_ours_to_pass_on(house):
    """RFC 3261 16.7 step 6: the caller's phone would take us for what is out of service."""
    house.bob.refuse_with(503)
    Voice(house.network, TWO, "bob", "203.0.113.5").refuse_with(503)
    house.call_out()
    house.run()
    assert house.desks["201"].user.releases[-1].status == 500
    house.assert_quiet()


def test_a_server_that_has_failed_is_asked_last_by_the_next_call(house):
    house.bob.refuse_with(503)
    second = Voice(house.network, TWO, "bob", "203.0.113.5")
    for _ in range(2):
        call = house.call_out()
        house.run()
        assert call.is_confirmed
        call.hang_up(house.now)
        house.run()
    assert len(second.user.calls) == 2
    assert len(house.bob.user.calls) == 1


def test_a_silent_server_gives_way_within_seconds(house):
    del house.network.phones[house.bob.address]
    second = Voice(house.network, TWO, "bob", "203.0.113.5")
    call = house.call_out()
    house.run(5)
    assert call.is_confirmed
    assert house.hear_one_another(call, second.last_call)
    call.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_server_behind_another_address_of_ours_gets_media_at_that_address(is_silent):
    house = HouseWithNames(SIX_LISTENER)
    six = Voice(house.network, SIX, "bob", "[2001:db8::5]")
    six.refuse_with(503)
    if is_silent:
        del house.network.phones[six.address]
    call = house.call_out("sip:bob@six.test")
    house.run(6)
    assert call.is_confirmed
    assert house.hear_one_another(call, house.bob.last_call)
    connections = []
    for message in house.sent_outside():
        if message.method == b"INVITE" and message.body:
            session = parse_session(message.body)
            connections.append(session.connection_of(session.media[0]).address.decode())
    assert set(connections) == {OUR_WAN_SIX, OUR_WAN}
    call.hang_up(house.now)
    house.assert_quiet()


def test_a_refusal_is_no_reason_to_ask_another_server():
    house = HouseWithNames(SIX_LISTENER)
    Voice(house.network, SIX, "bob", "[2001:db8::5]").refuse_with(404)
    house.call_out("sip:bob@six.test")
    house.run(6)
    assert house.desks["201"].user.releases[-1].status == 404
    assert house.bob.user.calls == []
    house.assert_quiet()


def test_a_name_that_leads_nowhere_is_404_with_the_reason(house):
    house.call_out("sip:bob@nowhere.test")
    house.run()
    release = house.desks["201"].user.releases[-1]
    assert release.status == 404
    assert b"no such domain" in release.message.header(b"Warning")
    assert "nowhere.test: no such domain" in house.records[-1].reason
    house.assert_quiet()


def test_a_dead_dns_is_500_and_no_503(house):
    house.zone.is_dead = True
    house.call_out()
    house.run()
    release = house.desks["201"].user.releases[-1]
    assert release.status == 500
    assert b"no name server answers" in release.message.header(b"Warning")
    house.assert_quiet()


def test_who_gives_up_during_the_lookup_leaves_nothing_behind(house):
    house.zone.held = {("other.test", "NAPTR")}
    call = house.call_out()
    house.run()
    call.hang_up(house.now)
    house.run()
    house.zone.answer_held(house.now)
    house.run()
    assert house.sent_outside() == []
    house.assert_quiet()


def test_sips_needs_tls_all_the_way(house):
    """The house has no TLS listener: what came without TLS is refused at the door."""
    house.call_out("sips:bob@other.test")
    house.run()
    assert house.desks["201"].user.releases[-1].status == 416
    house.assert_quiet()


def test_a_trunks_host_is_not_reached_past_its_routes(house):
    house.zone.records["sly.test", "A"] = ["198.51.100.2"]
    house.call_out("sip:0312345678@sly.test")
    house.run()
    assert house.desks["201"].user.releases[-1].status == 404
    assert house.sent_outside() == []
    house.assert_quiet()


def test_a_route_that_the_caller_names_is_taken(house):
    call = house.call_out("sip:bob@behind.test", lines=f"Route: <sip:{ONE};lr>\r\n".encode())
    house.run()
    invite = next(message for message in house.sent_outside() if message.method == b"INVITE")
    assert invite.uri == b"sip:bob@behind.test"
    assert invite.headers(b"Route") == [f"<sip:{ONE};lr>".encode()]
    assert call.is_confirmed
    call.hang_up(house.now)
    house.assert_quiet()


def test_an_emergency_number_in_another_domain_is_somebody_there(house):
    call = house.call_out("sip:110@other.test")
    house.run()
    assert call.is_confirmed
    assert house.bob.last_call is not None
    call.hang_up(house.now)
    house.assert_quiet()


def test_nothing_starred_is_picked_up_for_another_domain(house):
    house.desks["203"].ring_only()
    house.desks["202"].dial("203")
    house.run()
    call = house.call_out("sip:*8203@other.test")
    house.run()
    assert house.hear_one_another(call, house.bob.last_call)
    house.desks["203"].lift()
    house.run()
    house.desks["203"].leave()
    call.hang_up(house.now)
    house.assert_quiet()


def test_the_callee_elsewhere_is_transferred_to_a_colleague(house):
    call = house.call_out()
    house.run()
    clerk, colleague = house.desks["201"], house.desks["202"]
    clerk.refer(call, "202")
    house.run(3)
    assert house.hear_one_another(house.bob.last_call, colleague.last_call)
    assert all(b"192.168." not in message.data for message in house.sent_outside())
    colleague.leave()
    house.assert_quiet()


def test_a_colleague_is_transferred_to_somebody_elsewhere(house):
    clerk, colleague = house.desks["201"], house.desks["202"]
    theirs, _ = house.talk(colleague, "201", clerk)
    consult = house.call_out()
    house.run()
    assert consult.is_confirmed
    clerk.refer(clerk.user.calls[-1], "sip:bob@other.test", consult)
    house.run(3)
    assert house.hear_one_another(theirs, house.bob.last_call)
    theirs.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "PRACK"])
@pytest.mark.parametrize("uri", ["sip:202@192.168.1.1", "sip:bob@other.test"])
def test_what_means_nothing_outside_dialogs_is_carried_nowhere(house, method, uri):
    desk, heard = house.desks["201"], []

    class Owner:
        def request_refused(self, request, status, response, now):
            heard.append(status)

    draft = desk.core.draft_request(method.encode(), uri.encode())
    draft.next_hop = b"sip:192.168.1.1"
    desk.agent.send_request(draft, Owner(), house.now)
    house.run()
    assert heard == [481]
    assert house.sent_outside() == []
    house.assert_quiet()


def test_in_the_proxy_role_the_proxy_carries_it():
    house = HouseWithNames()
    house.office.reconfigure(load_proxy(), house.now)
    house.call_out()
    house.run()
    invite = next(message for message in house.sent_outside() if message.method == b"INVITE")
    assert invite.via_count == 2
    assert house.calls.calls == {}


def load_proxy():
    return load_configuration(HOUSE.replace("role b2bua", "role proxy")).configuration


def redirect_to(house, *contacts: bytes) -> None:
    """bob@other.test has moved."""
    lines = b"".join([b"Contact: <%s>\r\n" % one for one in contacts])
    house.bob.user.script["offered"] = lambda call, now: call.refuse(302, now, lines)


def test_another_domain_sends_the_call_to_a_third(house):
    """RFC 3261 8.1.3.4: the caller is ours, and could have called there himself."""
    carol = Voice(house.network, TWO, "carol", "203.0.113.5")
    house.zone.records["third.test", "A"] = [TWO]
    redirect_to(house, b"sip:carol@third.test")
    call = house.call_out()
    house.run()
    assert call.is_confirmed
    assert house.hear_one_another(call, carol.last_call)
    assert [message.uri for message in house.sent_outside() if message.method == b"INVITE"] == [
        b"sip:bob@other.test", b"sip:carol@third.test"]
    call.hang_up(house.now)
    house.run()
    house.assert_quiet()


def test_domains_that_send_a_call_round_in_circles_end_it(house):
    redirect_to(house, b"sip:bob@other.test", b"sip:bob@one.other.test")
    house.call_out()
    house.run()
    assert len([message for message in house.sent_outside() if message.method == b"INVITE"]) == 2
    assert house.desks["201"].user.releases[-1].status == 480
    house.assert_quiet()


@pytest.mark.parametrize("contact", [
    b"sip:0312345678@office.test", b"tel:0312345678", b"tel:0990123456", b"sip:110@office.test", b"urn:service:sos",
    b"sip:0104412345678@198.51.100.2", b"sip:0104412345678@sly.test"])
def test_another_domain_sends_nobody_to_a_trunk_or_to_the_police(house, contact):
    house.zone.records["sly.test", "A"] = ["198.51.100.2"]
    redirect_to(house, contact)
    house.call_out()
    house.run()
    assert [message.uri for message in house.sent_outside() if message.method == b"INVITE"] == [b"sip:bob@other.test"]
    assert house.desks["201"].user.releases[-1].status >= 400
    house.assert_quiet()


@pytest.mark.parametrize("contact", [b"sip:202@192.168.1.12:5060", b"sip:camera@192.168.1.77", b"sip:door@inner.test"])
def test_another_domain_sends_nobody_to_an_address_in_the_house(house, contact):
    house.zone.records["inner.test", "A"] = ["192.168.1.78"]
    redirect_to(house, contact)
    house.call_out()
    house.run()
    reached = [target for _at, source, target, message in house.network.sent
               if message.method == b"INVITE" and not message.status and source[0] == b"192.168.1.1"]
    assert reached == []
    assert house.desks["201"].user.releases[-1].status >= 400
    house.assert_quiet()
