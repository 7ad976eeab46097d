# SPDX-License-Identifier: Apache-2.0
"""110, 118, 119: before every rule, never blocked, never rewritten."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.call.line import Dial, Refused
from appliance.call.party import Party
from tests.gateway.virtual_gateway import CARRIER, OFFICE_LINE, GatewayBox, join_carrier

LINES = """\
set trunk carrier profile jp-050
set trunk hikari listener wan
set trunk hikari registrar sip:198.51.100.2
set trunk hikari number 0312340000
set trunk hikari secret not-needed-here
set trunk hikari profile hikari-direct
set trunk hikari emergency true
set trunk hikari channels 1
set trunk spare listener wan
set trunk spare peer 198.51.100.3:5060
set trunk spare number 0312340001
set trunk spare emergency true
set route nine prefix 9
set route nine strip 1
set route nine trunk carrier
"""
TEXT = CARRIER.replace("set emergency none\n", "") + LINES


@pytest.fixture
def box() -> GatewayBox:
    return join_carrier(TEXT)[0].start()


def reached(groups) -> list[tuple[str, bytes]]:
    assert not isinstance(groups, Refused), groups
    assert all(one.is_emergency for group in groups for one in group)
    return [(one.line.name, one.uri) for group in groups for one in group]


@pytest.mark.parametrize("dialled", ["110", "1841 10", "186110", "+81110", "110#", "9110"])
def test_the_number_goes_out_exactly_however_it_was_dialled(box, dialled):
    assert reached(box.dial(dialled)) == [("spare", b"sip:110@198.51.100.3"), ("hikari", b"sip:110@198.51.100.2")]


def test_a_service_urn_is_a_call_for_help(box):
    dial = Dial(b"", b"urn:service:sos.fire", OFFICE_LINE, Party(b"201"), b"201")
    assert reached(box.gateway.router.route(dial, box.now))[0] == ("spare", b"sip:119@198.51.100.3")
    assert reached(box.gateway.router.follow(dial, b"urn:service:sos.police", box.now))[0][1] == b"sip:110@198.51.100.3"


def test_only_trunks_that_can_carry_it_are_tried_those_that_are_up_first(box):
    assert not box.trunk("hikari").link.is_up(box.now)
    assert [line for line, _ in reached(box.dial("119"))] == ["spare", "hikari"]
    box.trunk("spare").link.peer_silent(box.now)
    assert [line for line, _ in reached(box.dial("119"))] == ["hikari", "spare"]


def test_a_trunk_that_seems_down_rests_or_is_full_is_tried_all_the_same(box):
    spare = box.trunk("spare")
    spare.link.peer_silent(box.now)
    spare.link.rest(600, box.now)
    box.trunk("hikari").call_begins()
    assert box.trunk("hikari").is_full
    assert len(reached(box.dial("118"))) == 2


def test_whoever_has_no_rights_may_call_for_help(box):
    assert reached(box.dial("119", b""))
    assert reached(box.dial("119", b"unknown"))


def test_nobody_hides_from_the_emergency_service_and_the_lines_own_number_is_shown(box):
    invite = box.call("184110", b"201", Party(b"201", b"Tanaka", is_private=True))
    assert invite.uri == b"sip:110@198.51.100.3"
    assert invite.from_uri == b"sip:0312340001@198.51.100.3"
    assert invite.header(b"Privacy") is None


def test_nothing_that_only_begins_or_ends_so_is_an_emergency(box):
    for dialled in ("1100", "0110", "119119", "201"):
        groups = box.dial(dialled)
        assert isinstance(groups, Refused) or not any(one.is_emergency for group in groups for one in group)


def test_without_a_trunk_for_it_the_caller_learns_why_at_once():
    box = join_carrier()[0].start()
    refused = box.dial("110")
    assert isinstance(refused, Refused)
    assert refused.status == 503
    assert b"no trunk carries 110" in refused.lines


@pytest.mark.parametrize("target", [b"sip:110@office.test", b"tel:119", b"urn:service:sos.police",
                                    b"sip:9110@office.test", b"sip:110@198.51.100.2"])
def test_nobody_of_another_domain_sends_a_call_of_ours_to_the_emergency_service(box, target):
    """By 3xx or REFER, on which his rights count, who has none; a telephone of ours may."""
    follow = box.gateway.router.follow
    dial = Dial(b"bob@other.test", b"sip:bob@other.test", OFFICE_LINE, Party(b"201"), b"", is_elsewhere=True)
    assert follow(dial, target, box.now).status == 403
    assert box.journal.named("call_blocked")
    assert reached(follow(dial._replace(extension=b"202"), target, box.now))


def test_a_carrier_does_not_reach_the_emergency_service_through_us(box):
    dial = Dial(b"110", b"sip:110@203.0.113.5", box.trunk(), Party(b"05033334444"), b"")
    assert box.gateway.router.route(dial, box.now).status == 404


PBX = "set trunk pbx listener office\nset trunk pbx peer 192.168.1.9:5060\n"


@pytest.mark.parametrize("rule", ["", "set trunk pbx inbound trunk carrier\n", "set trunk pbx did 119 to 201\n"])
def test_a_pbx_behind_us_does_whatever_rule_it_has(rule):
    box = join_carrier(TEXT + PBX + rule)[0].start()
    dial = Dial(b"119", b"sip:119@192.168.1.1", box.trunk("pbx"), Party(b"301"), b"")
    assert reached(box.gateway.router.route(dial, box.now))[0][0] == "spare"
    assert box.gateway.router.is_emergency(dial)


def test_a_number_of_ours_that_only_ends_like_one_is_no_emergency():
    box = join_carrier(TEXT + PBX + "set trunk pbx did 9110 to 201\n")[0].start()
    dial = Dial(b"9110", b"sip:9110@192.168.1.1", box.trunk("pbx"), Party(b"301"), b"")
    assert not box.gateway.router.is_emergency(dial)
    assert not box.gateway.router.route(dial, box.now)[0][0].is_emergency


def test_a_trunk_with_a_free_channel_comes_before_a_full_one_and_a_full_one_before_one_that_is_down(box):
    registered = box.trunk("hikari")
    registered.link.registration_granted(600, box.now)
    assert [line for line, _ in reached(box.dial("119"))] == ["hikari", "spare"]
    registered.call_begins()
    assert registered.is_full
    assert [line for line, _ in reached(box.dial("119"))] == ["spare", "hikari"]
    box.trunk("spare").link.peer_silent(box.now)
    assert [line for line, _ in reached(box.dial("119"))] == ["hikari", "spare"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefix=st.sampled_from(["1", "11", "110", "0", "#", "*", "+"]), strip=st.integers(0, 3),
       number=st.sampled_from(["110", "118", "119"]))
def test_no_route_shadows_it(prefix, strip, number):
    text = TEXT + f'set route odd prefix "{prefix}"\nset route odd strip {strip}\nset route odd trunk carrier\n'
    if prefix == "0":
        text = text.replace("set route outside prefix 0\n", "").replace("set route outside trunk carrier\n", "")
    box = join_carrier(text)[0].start()
    assert {uri.partition(b"@")[0] for _, uri in reached(box.dial(number))} == {b"sip:" + number.encode()}
