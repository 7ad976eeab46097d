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
    kind = message.header(b"Content-Type")
    if kind != SESSION_TYPE and (kind or b"").partition(b";")[0].strip().lower() != SESSION_TYPE:
        return b""
    disposition = message.header(b"Content-Disposition")
    if disposition is not None and disposition.partition(b";")[0].strip().lower() not in (b"session", b""):
        return b""
    return message.body
