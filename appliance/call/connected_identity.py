# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end by now, for a phone of ours whose partner has changed: P-Asserted-Identity in our changes of
session (RFC 3325 9.1, RFC 5876 3.2). Only within the office: numbers and names are told to nobody else so.
"""

from typing import Final

from appliance.call.leg import Leg
from appliance.sip.grammar import escape_user, quote

NOBODY_LINES: Final = b'P-Asserted-Identity: "Anonymous" <sip:anonymous@anonymous.invalid>\r\n'


def write_connected(leg: Leg, partner: Leg) -> bytes:
    """The lines for this leg; b"" for a trunk, for another domain, and where nothing is known of the partner."""
    party = partner.party
    if leg.line.is_trunk or leg.party.domain:
        return b""      # RFC 3325 5: not to whom we do not trust
    if party.is_private:
        return NOBODY_LINES
    if not party.number:
        return b""
    domain = party.domain or leg.line.core.profile.aor.partition(b":")[2]
    name = quote(party.name) + b" " if party.name else b""
    return b"P-Asserted-Identity: %s<sip:%s@%s>\r\n" % (name, escape_user(party.number), domain)
