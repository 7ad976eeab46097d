# SPDX-License-Identifier: Apache-2.0
"""Header lines of the 200 to a REGISTER, beside the Contacts (RFC 3261 20.17, RFC 3327 5.3, RFC 5626 6)."""

from datetime import UTC, datetime
from typing import Final

from appliance.native.sip_scanner import Message
from appliance.pbx.register_reading import has_option
from appliance.pbx.registration import Registration

DAYS: Final = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def build_extension_lines(message: Message, registration: Registration) -> bytes:
    """Path as stored, for a UA that knows it (RFC 3327 5.3); Require: outbound where reg-id counted (RFC 5626 6)."""
    lines = b""
    if registration.path and has_option(message, b"Supported", b"path"):
        lines = b"Path: %b\r\n" % b", ".join(registration.path)
    if any(requested.reg_id for requested in registration.contacts) and has_option(message, b"Supported", b"outbound"):
        lines += b"Require: outbound\r\n"
    return lines


def print_date(wall_s: int) -> bytes:
    """The Date line of a moment, seconds since 1970 (20.17: always GMT, names in English)."""
    moment = datetime.fromtimestamp(wall_s, UTC)
    return b"Date: %b, %02d %b %d %02d:%02d:%02d GMT\r\n" % (
        DAYS[moment.weekday()], moment.day, MONTHS[moment.month - 1], moment.year, moment.hour, moment.minute,
        moment.second)
