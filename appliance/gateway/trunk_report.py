# SPDX-License-Identifier: Apache-2.0
"""How a trunk stands, for whoever looks (vocabulary.trunk_state). Reads, changes nothing."""

from typing import Final

from appliance.config.configuration import TrunkConfiguration
from appliance.gateway.attachment import Attachment
from appliance.gateway.trunk import Trunk
from appliance.gateway.trunk_link import LinkState
from appliance.vocabulary.trunk_state import TrunkFault, TrunkState

HAS_NO_ADDRESS: Final = "has no address yet"
_WORDS: Final = {LinkState.IDLE: "down", LinkState.PENDING: "registering", LinkState.UP: "up", LinkState.DOWN: "down"}


def describe_trunk(trunk: Trunk, attachment: Attachment, now: float) -> TrunkState:
    """One trunk now."""
    configuration, link = trunk.configuration, trunk.link
    preferred = trunk.servers.preferred
    qualification = attachment.qualification
    fault, reason = _find_obstacle(trunk, now)
    state = _WORDS[link.state] if link.state is not LinkState.UP or link.is_up(now) else "down"
    return TrunkState(
        name=trunk.name,
        is_registered=configuration.registrar is not None,
        state=state,
        listener=configuration.listener,
        number=configuration.number,
        fault=fault,
        reason=reason,
        server=_write_server(preferred) if preferred is not None else "",
        registered_until=link.granted_until,
        channels_used=trunk.calls,
        channels_limit=configuration.channels,
        qualify_s=(qualification.round_trip_s or None) if qualification is not None else None,
        is_emergency=trunk.is_emergency,
        last_fault=link.last_fault,
        last_failure=link.last_failure,
        failed_at=link.failed_at,
        barred_since=link.barred_since,
        refusing_since=link.refusals.since,
        down_since=0.0 if state != "down" else link.granted_until if link.state is LinkState.UP else link.since,
    )


def describe_waiting_trunk(configuration: TrunkConfiguration, since: float) -> TrunkState:
    """One whose listener is not open since then: its interface has no address yet."""
    return TrunkState(
        name=configuration.name, is_registered=configuration.registrar is not None, state="down",
        listener=configuration.listener, number=configuration.number, fault=TrunkFault.NOT_OPEN,
        reason=f"its listener {HAS_NO_ADDRESS}", channels_limit=configuration.channels,
        is_emergency=configuration.is_emergency, down_since=since)


def _find_obstacle(trunk: Trunk, now: float) -> tuple[TrunkFault, str]:
    """What keeps the next call off it."""
    link = trunk.link
    if link.state is not LinkState.UP:
        return link.fault, link.reason
    if not link.is_up(now):
        return link.last_fault, "the registration has run out"
    if link.is_resting(now):
        return TrunkFault.OVERLOADED, link.last_failure
    if trunk.is_full:
        return TrunkFault.FULL, f"all {trunk.configuration.channels} channels are in use"
    return TrunkFault.NONE, ""


def _write_server(server: tuple[bytes, int]) -> str:
    host = server[0].decode("ascii")
    return f"[{host}]:{server[1]}" if ":" in host else f"{host}:{server[1]}"
