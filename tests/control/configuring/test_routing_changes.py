# SPDX-License-Identifier: Apache-2.0
"""What a commit says of numbers that go another way afterwards."""

from appliance.control.configuring.routing_changes import list_routing_changes
from tests.gateway.test_route_simulator import read


def test_nothing_changes_where_the_rules_are_the_same():
    assert list_routing_changes(read(), read()) == []
    assert list_routing_changes(read(), read("set extension 1003 secret charlie-1003")) == []


def test_a_route_that_goes_is_told_by_the_numbers_that_lose_their_way():
    changes = list_routing_changes(read(), read(without="route outside"))
    assert "0312345678: trunk first (0312345678), then trunk second (0312345678) -> nobody" in changes
    assert not [one for one in changes if one.startswith("110")]


def test_who_calls_for_help_by_another_trunk_is_told():
    changes = list_routing_changes(read(), read(without="trunk first emergency"))
    assert "110: trunk first (110), then trunk second (110) -> trunk second (110)" in changes


def test_changed_rights_are_told_for_those_whom_they_concern():
    changes = list_routing_changes(read(), read("set extension 1001 allow international"))
    assert [one for one in changes if "01012125550100" in one] == [
        "from 1001: 01012125550100: not allowed -> trunk first (01012125550100), then trunk second (01012125550100)"]


def test_an_extension_that_hides_a_way_out_is_told():
    changes = list_routing_changes(read(), read("set extension 0312 secret delta-0312"))
    assert changes == ["0312: trunk first (0312), then trunk second (0312) -> extension 0312"]
