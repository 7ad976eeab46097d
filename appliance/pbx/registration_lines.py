# SPDX-License-Identifier: Apache-2.0
"""Header lines of the 200 to a REGISTER, beside the Contacts (RFC 3261 20.17, RFC 3327 5.3, RFC 5626 6)."""

from appliance.native.sip_scanner import Message
from appliance.pbx.register_reading import has_option
from appliance.pbx.registration import Registration
from appliance.sip.date import build_date


def build_extension_lines(message: Message, registration: Registration) -> bytes:
    """Path as stored, for a UA that knows it (RFC 3327 5.3); Require: outbound where reg-id counted (RFC 5626 6)."""
    lines = b""
    if registration.path and has_option(message, b"Supported", b"path"):
        lines = b"Path: %b\r\n" % b", ".join(registration.path)
    if any(requested.reg_id for requested in registration.contacts) and has_option(message, b"Supported", b"outbound"):
        lines += b"Require: outbound\r\n"
    return lines


def print_date(wall_s: int) -> bytes:
    """The Date line of a moment, seconds since 1970 (20.17)."""
    return b"Date: %b\r\n" % build_date(wall_s)
