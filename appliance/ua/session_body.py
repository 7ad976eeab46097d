# SPDX-License-Identifier: Apache-2.0
"""The session description in a message, as opaque octets: RFC 3261 7.4, 13.2.1. No state."""

from typing import Final

from appliance.native.sip_scanner import Message

SESSION_TYPE: Final = b"application/sdp"
SESSION_LINE: Final = b"Content-Type: application/sdp\r\n"


def read_session(message: Message) -> bytes:
    """The body where it is a session; b"" where there is none or it is something else (and then may be ignored, or the
    request would have met 415)."""
    if not message.body:
        return b""
    kind = (message.header(b"Content-Type") or b"").partition(b";")[0].strip().lower()
    disposition = (message.header(b"Content-Disposition") or b"session").partition(b";")[0].strip().lower()
    return message.body if kind == SESSION_TYPE and disposition == b"session" else b""
