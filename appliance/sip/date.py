# SPDX-License-Identifier: Apache-2.0
"""SIP-Date (RFC 3261 20.17): the rfc1123-date in GMT, whatever the locale of the machine says. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

DAYS: Final = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DATE: Final = re.compile(rb"(?:[A-Z][a-z]{2}), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")


def read_date(value: bytes) -> float | None:
    """Seconds since 1970 of a Date value; None where it is none."""
    match = _DATE.fullmatch(value.strip())
    if match is None or match[2] not in MONTHS:
        return None
    day, year, hour, minute, second = (int(match[number]) for number in (1, 3, 4, 5, 6))
    try:
        return datetime(year, MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None     # the thirtieth of February


def build_date(wall_s: float) -> bytes:
    """The Date value of a moment, seconds since 1970."""
    moment = datetime.fromtimestamp(wall_s, UTC)
    return b"%s, %02d %s %04d %02d:%02d:%02d GMT" % (DAYS[moment.weekday()], moment.day, MONTHS[moment.month - 1],
                                                     moment.year, moment.hour, moment.minute, moment.second)
