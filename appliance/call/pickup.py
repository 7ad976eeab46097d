# SPDX-License-Identifier: Apache-2.0
"""A call that rings elsewhere is taken here: INVITE with Replaces of an early dialog (RFC 3891 3, RFC 5359 2.16).

Caller and picker have both offered: each is answered with what both have in common, and the relay translates the
numbers of formats that differ.
"""

from appliance.call.call import call_of
from appliance.call.call_table import CallTable
from appliance.call.leg import INCOMING, Leg
from appliance.call.line import Dial
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.call_taking import take_call


class Pickups:
    """Takes INVITEs that pick up a ringing leg."""

    __slots__ = ("_engine",)

    def __init__(self, engine: CallTable) -> None:
        self._engine = engine

    def take(self, ringing: Leg, server: InviteServer, message: Message, dial: Dial, now: float) -> None:
        """`ringing` is a branch of a hunt; the INVITE of `server` wants its place."""
        call = call_of(ringing)
        leg = Leg(call, dial.origin, INCOMING, dial.caller, call)
        leg.flow = server.source
        leg.record.started_at = call.wall(now)
        call.legs.append(leg)
        status = take_call(dial.origin.core, server, message, leg, now)
        if status is not None:
            self._engine.drop_leg(leg, status)
            call.legs.remove(leg)
