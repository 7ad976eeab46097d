# SPDX-License-Identifier: Apache-2.0
"""What becomes of a REFER (RFC 3515, RFC 5589): refused, or a transfer is begun, blind or attended.

A phone of the office or a user of another domain may transfer the call it is in, under its own rights; a carrier moves
nobody about (405, REFER is not among the methods of a trunk). The dialog that Replaces names must be the transferor's.
"""

from appliance.call.bridge import Bridge
from appliance.call.call import Call, call_of
from appliance.call.leg import Leg
from appliance.call.line import Dial, Refused
from appliance.call.transfer import Transfer
from appliance.sip.uri_user import read_uri_user
from appliance.ua.incoming_invite import IncomingInvite
from appliance.ua.referral import Referral
from appliance.ua.replacement import find_named


def start_transfer(call: Call, leg: Leg, referral: Referral, now: float) -> None:
    """REFER from a leg of a bridged call."""
    bridge = leg.owner
    if leg.line.is_trunk or not isinstance(bridge, Bridge):
        referral.refuse(403, now)
    elif not all(one.is_confirmed for one in bridge.legs):
        referral.refuse(491, now)
    elif referral.replaces is not None:
        _start_attended(call, bridge, leg, referral, now)
    else:
        _start_blind(call, bridge, leg, referral, now)


def _start_blind(call: Call, bridge: Bridge, leg: Leg, referral: Referral, now: float) -> None:
    moved = bridge.other_of(leg)
    dial = Dial(read_uri_user(referral.target), referral.target, moved.line, moved.party, leg.extension,
                referred_by=referral.referred_by)
    verdict = call.services.router.follow(dial, referral.target, now)
    referral.accept(now)
    if isinstance(verdict, Refused):
        referral.report(verdict.status, b"", now)
    else:
        Transfer(call, bridge, leg, referral).ring(dial, verdict, now)


def _start_attended(call: Call, bridge: Bridge, leg: Leg, referral: Referral, now: float) -> None:
    replaced = _find_leg(leg, referral)
    if replaced is None:
        referral.accept(now)
        referral.report(481, b"", now)      # RFC 3891 3: what the INVITE would have met
    elif not is_same_party(replaced, leg):
        referral.refuse(403, now)           # RFC 3891 8: somebody else's call
    elif call_of(replaced) is call:
        referral.refuse(403, now)           # with itself
    elif isinstance(replaced.owner, Bridge) and all(one.is_confirmed for one in replaced.owner.legs):
        referral.accept(now)
        if referral.replaces is not None and referral.replaces.is_early_only:
            referral.report(486, b"", now)  # RFC 3891 3
        else:
            Transfer(call, bridge, leg, referral).join(replaced, now)
    elif call_of(replaced).caller is replaced and call_of(replaced).hunt is not None:
        referral.accept(now)
        Transfer(call, bridge, leg, referral).take_hunt(replaced, now)
    else:
        referral.refuse(491, now)           # it is being transferred itself


def _find_leg(leg: Leg, referral: Referral) -> Leg | None:
    """The transferor's other leg, which stands or is still calling."""
    assert referral.replaces is not None
    usage = find_named(referral.replaces, leg.line.core.dialogs)
    if usage is None or not (usage.is_confirmed or isinstance(usage, IncomingInvite)):
        return None
    found = usage.events
    return found if isinstance(found, Leg) and not found.line.is_trunk and not found.has_ended else None


def is_same_party(one: Leg, other: Leg) -> bool:
    """Whether both legs are of the same extension, or of the same user of another domain."""
    return (one.line, one.party.number, one.party.domain) == (other.line, other.party.number, other.party.domain)
