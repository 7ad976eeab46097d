# SPDX-License-Identifier: Apache-2.0
"""Who a URI names: the user part of SIP and SIPS (RFC 3261 19.1.1), the digits of tel (RFC 3966). Pure."""

import re
from typing import Final

from appliance.errors import PeerError
from appliance.sip.grammar import unescape
from appliance.sip.tel_uri import TelUri
from appliance.sip.uri import SipUri

_DIALLED: Final = re.compile(rb"[0-9*#]{1,64}")


def read_uri_user(uri: bytes) -> bytes:
    """The user part of a SIP or SIPS URI without parameters, or the digits of a tel URI, unescaped; b"" for neither.
    Telephones leave out the context that a local number should have (RFC 3966 5.1.5): it is one of here."""
    if uri[:4].lower() == b"tel:":
        try:
            return TelUri.parse(uri).number
        except PeerError:
            digits = uri[4:].partition(b";")[0].translate(None, b"-.()")
            return digits if _DIALLED.fullmatch(digits) else b""
    try:
        return unescape((SipUri.parse(uri).user or b"").partition(b";")[0])
    except PeerError:
        return b""
