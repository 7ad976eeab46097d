# SPDX-License-Identifier: Apache-2.0
"""Which call of a telephone an INVITE with Replaces wants to take the place of (RFC 3891 3). No state."""

from appliance.errors import PeerError
from appliance.handset.phone_call import PhoneCall
from appliance.native.sip_scanner import Message
from appliance.ua.agent_core import DialogDirectory
from appliance.ua.inspection import Refusal
from appliance.ua.replacement import find_replaced
from appliance.ua.replaces import read_replaces_of


def find_replaced_call(request: Message, dialogs: DialogDirectory, is_from_server: bool) -> PhoneCall | Refusal | None:
    """None where it wants nothing replaced. Our server alone may say that somebody takes another's place."""
    try:
        replaces = read_replaces_of(request)
    except PeerError as error:
        return Refusal(error.status_hint)
    if replaces is None:
        return None
    found = find_replaced(replaces, dialogs)
    if isinstance(found, int):
        return Refusal(found)
    call = found.events
    if not isinstance(call, PhoneCall):
        return Refusal(481)
    return call if is_from_server and not call.is_emergency else Refusal(603)
