# SPDX-License-Identifier: Apache-2.0
"""A plan that cannot be undone either: every inverse is tried, and what is left is named."""

import asyncio
from ipaddress import IPv4Interface

import pytest

from appliance.errors import MachineError
from appliance.networking.steps import AddAddress, RemoveAddress, SetUp
from appliance.networking.values import HeldAddress
from appliance.system.network.carrying_out import carry_out_plan

HELD = HeldAddress("eth0", IPv4Interface("192.0.2.1/24"))


class Hands:
    def __init__(self, *refused):
        self.refused, self.done = refused, []

    async def carry_out(self, step):
        if step in self.refused:
            raise MachineError(f"{step}: Operation not permitted (EPERM)", 1)
        self.done.append(step)


class Journal:
    def __init__(self):
        self.events = []

    def record(self, event, **values):
        self.events.append((event, values.get("step")))


def test_what_could_not_be_undone_is_named_and_the_rest_is_undone():
    plan = [SetUp("eth0", True), AddAddress(HELD), SetUp("eth1", True)]
    hands, journal = Hands(SetUp("eth1", True), RemoveAddress(HELD)), Journal()
    with pytest.raises(MachineError) as refused:
        asyncio.run(carry_out_plan(hands, plan, journal))
    assert refused.value.operation == ("bring eth1 up: Operation not permitted (EPERM); could not be undone: "
                                       "take 192.0.2.1/24 from eth0")
    assert refused.value.errno == 1
    assert hands.done == [*plan[:2], SetUp("eth0", False)]
    assert journal.events == [("network_undo_failed", "take 192.0.2.1/24 from eth0")]
