# SPDX-License-Identifier: Apache-2.0
"""The session description in a message, as opaque octets: RFC 3261 7.4, 13.2.1, RFC 5621. No state."""

from typing import Final

from appliance.native.sip_scanner import Message
from appliance.ua.body_parts import MULTIPART, read_parts

SESSION_TYPE: Final = b"application/sdp"
SESSION_LINE: Final = b"Content-Type: application/sdp\r\n"


def read_session(message: Message) -> bytes:
    """The body where it is a session, or the part of it that is one; b"" where there is none or it is something else
    (and then may be ignored, or the request would have met 415)."""
    if not message.body:
        return b""
    encoding = message.header(b"Content-Encoding")
    if encoding is not None and encoding.strip().lower() not in (b"identity", b""):
        return b""      # 20.12: nothing that we can read; of a request it is 415 before
    kind = message.header(b"Content-Type")
    if kind != SESSION_TYPE and (kind or b"").partition(b";")[0].strip().lower() != SESSION_TYPE:
        return _find_session(kind or b"", message.body)
    disposition = message.header(b"Content-Disposition")
    if disposition is not None and disposition.partition(b";")[0].strip().lower() not in (b"session", b""):
        return b""
    return message.body


def _find_session(kind: bytes, body: bytes) -> bytes:
    """Among several parts, of which the others are nothing to us (RFC 5621 3)."""
    if kind[:10].lower() != MULTIPART:
        return b""
    return next((part.octets for part in read_parts(kind, body) if part.kind == SESSION_TYPE and part.is_readable
                 and part.disposition in (b"session", b"")), b"")
