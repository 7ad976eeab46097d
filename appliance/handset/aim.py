# SPDX-License-Identifier: Apache-2.0
"""What somebody dials, as a call: whom it is to, by which way, and whether it is one for help. Pure."""

from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.handset.account import Account
from appliance.handset.taken_transfer import read_number
from appliance.numbering.emergency import is_emergency
from appliance.sip.uri import SipUri

IMPOSSIBLE: Final = 484             # RFC 3261 21.4.22: nothing that anybody could be called by


class Aim(NamedTuple):
    """uri: to be called, b"" for nobody; is_direct: without the server; is_urgent: for help; status: why there is no
    uri, 0: no line."""

    uri: bytes
    is_direct: bool
    is_urgent: bool
    status: int = 0


def find_aim(dialled: str, account: Account, country: str) -> Aim:
    """A number, or an address. An emergency number is one in whatever form our server would get it."""
    uri = account.write_uri(dialled)
    if uri:
        try:
            SipUri.parse(uri)
        except PeerError:
            return Aim(b"", False, False, IMPOSSIBLE)
    is_direct = account.is_direct(uri)
    is_urgent = is_emergency(dialled, country) or (not is_direct and is_emergency(read_number(uri), country))
    has_line = is_direct or account.is_ready or (is_urgent and account.has_server)
    return Aim(uri if has_line else b"", is_direct, is_urgent)
