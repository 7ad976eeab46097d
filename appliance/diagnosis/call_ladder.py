# SPDX-License-Identifier: Apache-2.0
"""One call as a ladder: the messages of all its legs, and at the end what was spoken."""

from appliance.diagnosis.ladder import Ladder, Lanes, MediaRow, list_messages
from appliance.diagnosis.observed_call import ObservedCall, ObservedLeg
from appliance.diagnosis.trace import Trace


def build_call_ladder(call: ObservedCall, trace: Trace) -> Ladder:
    """Whatever the trace still holds of the call; phones are named by their extensions, carriers by their trunks."""
    entries = trace.entries_of(call.call_ids())
    lanes = Lanes(entries, name_addresses(call).get)
    return {"participants": lanes.participants(), "messages": list_messages(entries, lanes),
            "media": list_media(call, lanes)}


def name_addresses(call: ObservedCall) -> dict[str, str]:
    """Who is known to be where."""
    names = {call.caller_address: call.caller} if call.caller_address and call.caller else {}
    for leg in call.legs:
        if leg.address:
            names.setdefault(leg.address, leg.line if leg.is_trunk else leg.number)
    return names


def list_media(call: ObservedCall, lanes: Lanes) -> list[MediaRow]:
    """What came from each leg, and what went there, where a relay has counted it: that nothing came says most."""
    rows: list[MediaRow] = []
    for leg in call.legs:
        found = lanes.find_peer(leg.address)
        is_counted = leg.packets_received or leg.packets_sent or (call.is_relayed and call.ended_at and leg.answered_at)
        if found is not None and is_counted:
            rows += _describe_media(leg, *found)
    return rows


def _describe_media(leg: ObservedLeg, peer: str, own: str) -> list[MediaRow]:
    expected = leg.packets_received + max(leg.lost, 0)
    heard: MediaRow = {
        "source": peer, "target": own, "codec": leg.codec, "packets": leg.packets_received,
        "loss_percent": round(100.0 * max(leg.lost, 0) / expected, 2) if expected else -1.0,
        "jitter_ms": round(leg.jitter_ms, 2) if expected else -1.0, "opinion": round(leg.opinion, 2)}
    sent: MediaRow = {
        "source": own, "target": peer, "codec": leg.codec, "packets": leg.packets_sent, "loss_percent": -1.0,
        "jitter_ms": -1.0, "opinion": 0.0}
    return [heard, sent]
