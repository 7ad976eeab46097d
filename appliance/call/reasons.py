# SPDX-License-Identifier: Apache-2.0
"""How an end on one leg is told on the other: statuses, Reason lines (RFC 3326), Q.850 causes (RFC 3398 8.2.6).

Pure functions and tables.
"""

from typing import Final

from appliance.native.sip_scanner import Message
from appliance.ua.call_events import Cause, Release

ELSEWHERE: Final = b'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'
"""To the other phones of a group, so that they count no missed call."""
NO_ANSWER: Final = b'Reason: Q.850;cause=19;text="No answer"\r\n'
STOPPED: Final = b'Reason: SIP;cause=503;text="The telephone system stops"\r\n'
MEDIA_LOST: Final = b'Reason: Q.850;cause=41;text="Network lost"\r\n'
_OURS: Final = {401: 403, 407: 403, 416: 500, 420: 500, 421: 500, 422: 500, 423: 500, 481: 500, 482: 500, 491: 500,
                494: 500, 505: 500}
"""Statuses that are an affair between us and the leg that sent them (RFC 3261 16.7 step 6 has no element like us)."""


def translate_status(status: int) -> int:
    """The status for the caller's leg of a final response on another leg: 401 and 407 are our failure to prove who we
    are (403), a redirection that nobody follows is nobody there."""
    if 300 <= status < 400:
        return 480
    return _OURS.get(status, status)


def write_reason(release: Release) -> bytes:
    """What BYE, CANCEL or the final response on the other leg says of this end: the Reason lines that came with it, or
    one for what we know."""
    message = release.message
    if message is not None:
        lines = copy_reason(message)
        if lines:
            return lines
    if release.cause in (Cause.LOST, Cause.BROKEN):
        return b'Reason: SIP;cause=%d\r\n' % (release.status or 408)
    return b""


def copy_reason(message: Message) -> bytes:
    """The Reason lines of a message; only protocols that everybody may know (RFC 3326 2), nothing in free text."""
    lines = b""
    for value in message.values(b"Reason"):
        protocol, _, rest = value.partition(b";")
        cause = b""
        for part in rest.split(b";"):
            name, _, written = part.strip().partition(b"=")
            if name.strip().lower() == b"cause" and written.strip().isdigit():
                cause = written.strip()[:3]
        if protocol.strip().upper() in (b"SIP", b"Q.850") and cause:
            lines += b"Reason: %s;cause=%s\r\n" % (protocol.strip(), cause)
    return lines


_PREFERENCE: Final = {600: -4, 603: -3, 604: -2, 606: -1, 486: 1, 480: 8, 408: 9, 487: 9}


def choose_best(statuses: list[int]) -> int:
    """The final response of several that failed, by its place: 6xx first (16.7 step 6), then the lowest class, in it
    busy before what says less. -1 for none."""
    best, place = (10, 10), -1
    for number, status in enumerate(statuses):
        rank = (0 if status >= 600 else status // 100, _PREFERENCE.get(status, 5))
        if rank < best:
            best, place = rank, number
    return place
