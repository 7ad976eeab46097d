# SPDX-License-Identifier: Apache-2.0
"""How an end on one leg is told on the other: statuses, Reason lines (RFC 3326), Q.850 causes (RFC 3398 8.2.6).

Pure functions and tables.
"""

from typing import Final

from appliance.native.sip_scanner import Message
from appliance.ua.call_events import Cause, Release
from appliance.ua.reason import Q850, Reason, cause_of_status, read_reasons

ELSEWHERE: Final = b'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'
"""To the other phones of a group, so that they count no missed call."""
NO_ANSWER_CAUSE: Final = 19
NO_ANSWER: Final = b'Reason: Q.850;cause=19;text="No answer"\r\n'
STOPPED: Final = b'Reason: SIP;cause=503;text="The telephone system stops"\r\n'
CLOSED: Final = b'Reason: SIP;cause=503;text="The listener was taken out of service"\r\n'
MEDIA_LOST: Final = b'Reason: Q.850;cause=41;text="Network lost"\r\n'
_WARNINGS: Final = {300: b"Incompatible network protocol", 301: b"Incompatible network address formats",
                    302: b"Incompatible transport protocol", 303: b"Incompatible bandwidth units",
                    304: b"Media type not available", 305: b"Incompatible media format",
                    306: b"Attribute not understood", 307: b"Session description parameter not understood",
                    330: b"Multicast not available", 331: b"Unicast not available", 370: b"Insufficient bandwidth"}
"""RFC 3261 20.43; 399 is nothing without its words."""
_OURS: Final = {401: 403, 407: 403, 416: 500, 420: 500, 421: 500, 422: 500, 423: 500, 481: 500, 482: 500, 491: 500,
                494: 500}
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
    if release.cause in (Cause.LOST, Cause.BROKEN, Cause.EXPIRED):
        return b"Reason: SIP;cause=%d\r\n" % (release.status or 408)
    return b""


def copy_reason(message: Message) -> bytes:
    """The Reason lines of a message (RFC 3326 2): protocols that everybody knows, no text, which may name somebody."""
    return b"".join([bytes(Reason(reason.protocol, reason.cause)) for reason in read_reasons(message)])


def copy_warning(message: Message) -> bytes:
    """Why a session was refused (RFC 3261 13.3.1.3): the codes, with our own words, since others' may name somebody."""
    if message.status not in (488, 606):
        return b""
    said = {value[:3] for value in message.values(b"Warning")}
    return b"".join([b'Warning: %d denwaban "%s"\r\n' % (code, words) for code, words in _WARNINGS.items()
                     if b"%d" % code in said])


def write_cause(q850: int) -> bytes:
    """The Reason line of a Q.850 cause value; b"" for 0."""
    return bytes(Reason(Q850, q850)) if q850 else b""


def read_cause(status: int, message: Message | None) -> int:
    """The Q.850 cause value of a final response: the one that it says, else the one that stands for its status (RFC
    3398 8.2.6.1)."""
    reasons = read_reasons(message) if message is not None else []
    return next((reason.cause for reason in reasons if reason.protocol == Q850), cause_of_status(status))


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
