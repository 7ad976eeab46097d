# SPDX-License-Identifier: Apache-2.0
"""Alarms of sides of the network without an address. Read from what netd tells: an alarm ends with its cause."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from appliance.control.alarm_writing import Cause, write_alarm
from appliance.control.observed import Alarm
from appliance.system.address_watch import SideFault
from appliance.vocabulary.network_alarm import LEASE_UNUSABLE, WORDINGS

GRACE_S: Final = 30.0
"""So long a start, or a modem that is switched on, may take before anybody is bothered."""


def list_network_alarms(faults: Mapping[str, SideFault], now: float, write_moment: Callable[[float], str]
                        ) -> Iterator[Alarm]:
    """One for each side at fault; write_moment: of monotonic seconds."""
    for role, fault in sorted(faults.items()):
        wording = WORDINGS.get(fault.kind)
        if wording is None or (fault.kind != LEASE_UNUSABLE and now - fault.since < GRACE_S):
            continue
        yield write_alarm(f"network_{role}", Cause(fault.kind, role.upper(), fault.detail), wording,
                          write_moment(fault.since))
