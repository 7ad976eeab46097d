# SPDX-License-Identifier: Apache-2.0
"""A side of the network without an address is an alarm, once that is no beginning any more, until it has one."""

import json

import pytest

from appliance.console.messages.catalog import JAPANESE, select_language
from appliance.console.operate import show_alarms
from appliance.control.network_alarms import GRACE_S, list_network_alarms
from appliance.system.address_watch import read_faults
from appliance.vocabulary.network_alarm import LEASE_UNUSABLE, NO_LEASE, UNPLUGGED


@pytest.fixture
def japanese():
    select_language(JAPANESE)
    yield
    select_language("en")


def tell(**sides):
    """What netd says; a side is its fault and detail, () for none."""
    healthy = {"interface": "x", "address": "192.0.2.1", "prefix": 24, "has_carrier": True}
    told = {role: healthy | ({"fault": said[0], "detail": said[1]} if said else {}) for role, said in sides.items()}
    return json.dumps({"id": 1, "ok": True, "result": told}).encode()


def alarms_at(faults, now):
    return list(list_network_alarms(faults, now, lambda at: f"{at:.1f}"))


@pytest.mark.parametrize("kind", [NO_LEASE, UNPLUGGED])
def test_a_side_that_gets_no_address_is_an_alarm_after_a_while_until_it_has_one(kind):
    faults = read_faults(tell(wan=(kind, "")), {}, 100.0)
    assert alarms_at(faults, 100.0 + GRACE_S - 1) == []
    faults = read_faults(tell(wan=(kind, "")), faults, 100.0 + GRACE_S)
    (alarm,) = alarms_at(faults, 100.0 + GRACE_S)
    assert (alarm["name"], alarm["kind"], alarm["raised_at"]) == ("network_wan", kind, "100.0")
    assert alarm["sentence"].startswith("the WAN has no address: ")
    assert alarms_at(read_faults(tell(wan=(), lan=()), faults, 200.0), 999.0) == []


def test_a_lease_in_the_network_of_the_other_side_is_an_alarm_at_once():
    (alarm,) = alarms_at(read_faults(tell(lan=(), wan=(LEASE_UNUSABLE, "192.168.1.77/24")), {}, 5.0), 5.0)
    assert "lends 192.168.1.77/24" in alarm["sentence"]
    assert "network lan address" in alarm["remedy"]


def test_what_changes_its_reason_begins_anew():
    faults = read_faults(tell(wan=(UNPLUGGED, "")), {}, 1.0)
    assert read_faults(tell(wan=(NO_LEASE, "")), faults, 50.0)["wan"].since == 50.0


def test_what_another_version_of_netd_says_is_no_alarm():
    assert alarms_at(read_faults(tell(wan=("flooded", "")), {}, 0.0), 999.0) == []
    assert read_faults(tell(wan=(7, None)), {}, 0.0) == {}


@pytest.mark.usefixtures("japanese")
def test_it_is_said_in_japanese_as_well():
    told = show_alarms.render(alarms_at(read_faults(tell(wan=(LEASE_UNUSABLE, "192.168.1.77/24")), {}, 5.0), 5.0))
    assert "WAN" in told
    assert "192.168.1.77/24" in told
    assert "アドレス" in told
