# SPDX-License-Identifier: Apache-2.0
"""What a SUBSCRIBE or PUBLISH says of itself: Event, Accept, body, Require (RFC 6665 8.2, RFC 3903 6, RFC 3261 8.2).

Pure; whatever cannot be served raises PeerError with the status to answer.
"""

import re
from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, find_parameter
from appliance.sip.grammar import is_token

MEDIA_RANGE: Final = re.compile(rb"\s*([^\s;/]+/[^\s;]+)\s*(;.*)?", re.DOTALL)
Q_ZERO: Final = re.compile(rb"0(?:\.0{0,3})?")
RATE: Final = re.compile(rb"\d{1,2}(?:\.\d{1,10})?")
RATE_MIN: Final = 0.001
"""Notifications a second: who asks for fewer than one in a quarter of an hour has asked for something else."""


class Event(NamedTuple):
    """An Event header field. package: lower case; value: what NOTIFYs of it repeat, package and id (RFC 6665 8.2.1);
    gap_s: the least time between two NOTIFYs that the subscriber wants (RFC 6446 max-rate), 0.0 for none."""

    package: bytes
    value: bytes
    gap_s: float


def read_event(message: Message) -> Event:
    """The Event of a request. PeerError 489 where there is none or it is no event (RFC 6665 4.2.1.1)."""
    value = message.header(b"Event")
    if value is None:
        raise PeerError("no Event", 489, paragraph="RFC 6665 8.2.1")
    name, semicolon, rest = value.partition(b";")
    name = name.strip()
    if not is_token(name):
        raise PeerError("unreadable Event", 489, value, "RFC 6665 8.2.1")
    parameters = semicolon + rest
    event_id = find_parameter(parameters, b"id") if parameters else None
    if event_id is not None and not is_token(event_id):
        raise PeerError("unreadable id of the Event", 400, value, "RFC 6665 8.2.1")
    # package names are compared octet by octet by the grammar's token rule; tokens are case-insensitive (3261 7.3.1)
    package = name.lower()
    return Event(package, package if event_id is None else b"%b;id=%b" % (package, event_id),
                 read_gap(find_parameter(parameters, b"max-rate") if parameters else None))


def read_gap(max_rate: bytes | None) -> float:
    """Seconds between NOTIFYs for a max-rate (RFC 6446 4.3, 9.2: notifications a second); nonsense is as if absent, so
    is what would outlast most subscriptions."""
    if max_rate is None or not RATE.fullmatch(max_rate):
        return 0.0
    rate = float(max_rate)
    return 1.0 / rate if rate >= RATE_MIN else 0.0


def write_rate(gap_s: float) -> bytes:
    """The max-rate of a gap above 0.01 s, as RFC 6446 9.2 spells it: no exponent, ten places at most."""
    return (b"%.10f" % (1.0 / gap_s)).rstrip(b"0").rstrip(b".")


def may_accept(message: Message, content_type: bytes) -> bool:
    """Whether the subscriber takes bodies of this type; without Accept it takes the package's own (RFC 6665 8.2.2)."""
    if not message.headers(b"Accept"):
        return True
    ranges = {b"*/*", content_type.partition(b"/")[0] + b"/*", content_type}
    for value in message.values(b"Accept"):
        match = MEDIA_RANGE.fullmatch(value)
        if match is not None and match[1].lower() in ranges:
            q = find_parameter(match[2], b"q") if match[2] else None
            if q is None or not Q_ZERO.fullmatch(q):
                return True
    return False


def read_content_type(message: Message) -> bytes:
    """The media type of the body, lower case and without parameters; b"" where there is none."""
    return (message.header(b"Content-Type") or b"").partition(b";")[0].strip().lower()


def check_require(message: Message) -> None:
    """8.2.2.3: no option is needed here, so none that is required is understood. PeerError 420, excerpt: them all."""
    if message.has_require:
        unknown = [*message.values(b"Require"), *message.values(b"Proxy-Require")]
        if unknown:
            raise PeerError("unsupported extension", 420, b", ".join(unknown), "RFC 3261 8.2.2.3")


def check_filter(message: Message) -> None:
    """No filter language is known here (RFC 6665 5.4.4): a body that must be understood is refused. PeerError 415."""
    if message.body and read_content_type(message):
        disposition = (message.header(b"Content-Disposition") or b"").lower()
        if b"handling=optional" not in disposition:
            raise PeerError("a filter that is not known", 415, message.header(b"Content-Type") or b"", "RFC 3261 8.2.3")
