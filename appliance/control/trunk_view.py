# SPDX-License-Identifier: Apache-2.0
"""Trunks as the control socket tells them."""

from collections.abc import Callable

from appliance.control.observed import Trunk
from appliance.vocabulary.trunk_state import TrunkState


def describe_trunk(trunk: TrunkState, write_moment: Callable[[float], str]) -> Trunk:
    """One trunk in its documented form; write_moment: of monotonic seconds."""
    return {
        "name": trunk.name,
        "kind": "registered" if trunk.is_registered else "static",
        "state": trunk.state,
        "fault": trunk.fault.value,
        "reason": trunk.reason,
        "server": trunk.server,
        "listener": trunk.listener,
        "number": trunk.number,
        "registered_until": write_moment(trunk.registered_until),
        "channels_used": trunk.channels_used,
        "channels_limit": trunk.channels_limit,
        "qualify_ms": -1.0 if trunk.qualify_s is None else round(trunk.qualify_s * 1000.0, 1),
        "is_emergency": trunk.is_emergency,
        "last_failure": trunk.last_failure,
        "failed_at": write_moment(trunk.failed_at),
    }
