# SPDX-License-Identifier: Apache-2.0
"""A call that stands as values of JSON: who talks, both dialogs, the media between them, the record so far.

`restoring` makes the call of them again. Octets become text, one character each (latin-1). Reads alone.
"""

from typing import Any, Final

from appliance.call.call import Call
from appliance.call.leg import Leg
from appliance.call.party import Party
from appliance.ua.usage_snapshot import Snapshot, take_snapshot

FORM: Final = 1
"""Of what is written here; another one is not read."""


def take_call(call: Call) -> Snapshot | None:
    """None for a call that does not stand on both sides now."""
    bridge = call.bridge
    if bridge is None or call.state.name != "ANSWERED":
        return None
    legs: list[Snapshot] = []
    for leg in call.legs:
        legs.append(take_leg(leg))
    places = [place for side in bridge.legs for place, leg in enumerate(call.legs) if leg is side]
    if len(places) < 2 or any(legs[place]["usage"] is None for place in places):
        return None
    dial = call.dial
    return {
        "form": FORM, "dialled": write_text(dial.dialled), "uri": write_text(dial.uri), "line": dial.origin.name,
        "caller": write_party(dial.caller), "extension": write_text(dial.extension),
        "record": write_slots(call.record), "legs": legs, "bridge": places,
        "first": next((place for place, leg in enumerate(call.legs) if leg is call.caller), -1),
        "pair": bridge.pair.snapshot(),
    }


def take_leg(leg: Leg) -> Snapshot:
    """One leg; "usage" is None where its dialog does not stand, or stands no more."""
    flow = leg.flow
    return {
        "line": leg.line.name, "direction": leg.direction, "party": write_party(leg.party), "status": leg.status,
        "is_phone": leg.is_phone, "flow": None if flow is None else write_flow_key(flow.key),
        "record": write_slots(leg.record), "codec": leg.sound.codec,
        "mapped": {name: write_text(hostport) for name, hostport in leg.line.core.profile.mapped.items()},
        "usage": take_snapshot(leg.usage) if leg.usage is not None and not leg.has_ended else None,
    }


def write_slots(record: Any) -> Snapshot:
    """The plain values of a record."""
    return {name: getattr(record, name) for name in record.__slots__ if name != "legs"}


def write_party(party: Party) -> list[Any]:
    """As its four words."""
    return [write_text(party.number), write_text(party.name), party.is_private, write_text(party.domain)]


def write_flow_key(key: tuple[str, bytes, bytes, int]) -> list[Any]:
    """Of sip.flow.Flow.key."""
    name, transport, host, port = key
    return [name, write_text(transport), write_text(host), port]


def write_text(octets: bytes) -> str:
    """One character an octet."""
    return octets.decode("latin-1")
