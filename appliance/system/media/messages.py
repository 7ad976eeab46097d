# SPDX-License-Identifier: Apache-2.0
"""What the call server and the process that relays say to each other over DIR/media.sock (SOCK_SEQPACKET): each message
of the socket is a JSON array of objects, in order.

Commands have "do" (lease, return, open - with the first direct in it -, direct, hold, close, figures, list, end), what
comes back has "told" (hello, leased, refused, closed, figures, silent, heard, quiet, sessions). Reading raises
PeerError for what does not belong.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from appliance.errors import PeerError
from appliance.rtp.relaying import DirectionFigures, Figures, LegMedia, LocalPort, PayloadMapping, RelayedSession

SOCKET_NAME = "media.sock"
PROTOCOL = 3                        # of this file: a relay that speaks another is replaced
MESSAGE_LIMIT_OCTETS = 65536
OBJECTS_A_MESSAGE = 16              # none is longer than 3 KiB
SESSIONS_AN_OBJECT = 4              # "list" is answered in several; the last says so
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_DECODE = json.JSONDecoder().decode

Message = dict[str, Any]


class Greeting(NamedTuple):
    """What a relay says first: only one that is exactly as wanted is adopted. first, last: its ports."""

    version: str
    protocol: int
    first: int
    last: int


def write_messages(objects: list[Message]) -> Iterator[bytes]:
    """The messages that carry these objects. Writing several at once costs half."""
    for first in range(0, len(objects), OBJECTS_A_MESSAGE):
        yield _ENCODE(objects[first:first + OBJECTS_A_MESSAGE]).encode()


def read_objects(octets: bytes) -> list[Message]:
    """The objects of one message. Raises PeerError for anything else."""
    try:
        objects = _DECODE(octets.decode())
    except (ValueError, RecursionError) as error:
        raise PeerError("no JSON", 0, octets) from error
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise PeerError("no array of objects", 0, octets)
    return objects


def describe_greeting(greeting: Greeting) -> Message:
    """The first object that a relay sends."""
    return {"told": "hello", **greeting._asdict()}


def read_greeting(message: Message) -> Greeting | None:
    """None for what no relay of ours says."""
    values: list[Any] = [message.get(name) for name in Greeting._fields]
    return Greeting(*values) if [type(value) for value in values] == [str, int, int, int] else None


def read_media(value: Any) -> LegMedia:
    """A LegMedia after JSON."""
    try:
        rtp, rtcp, signalling_host, is_behind_nat, payloads, dscp, other_host = value
        return LegMedia(_read_address(rtp), _read_address(rtcp), _read_text(signalling_host), bool(is_behind_nat),
                        tuple([PayloadMapping(*map(_read_number, item)) for item in payloads]), _read_number(dscp),
                        _read_text(other_host))
    except (TypeError, ValueError) as error:
        raise PeerError(f"no description of media: {error}") from error


def read_port(value: Any) -> LocalPort:
    """[host, port]."""
    found = _read_address(value)
    if found is None:
        raise PeerError("no port")
    return LocalPort(*found)


def read_word(message: Message, name: str) -> str:
    """A text that must be there."""
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise PeerError(f"{name} is missing")
    return value


def read_count(message: Message, name: str, limit: int) -> int:
    """A number from 0 to limit that must be there."""
    value = message.get(name)
    if not isinstance(value, int) or not 0 <= value <= limit:
        raise PeerError(f"{name} is 0 to {limit}")
    return value


def read_figures(value: Any) -> Figures:
    """Both directions."""
    try:
        first, second = value
    except (TypeError, ValueError) as error:
        raise PeerError("figures of two directions") from error
    return read_direction(first), read_direction(second)


def read_direction(value: Any) -> DirectionFigures:
    """Figures of one direction after JSON."""
    try:
        return DirectionFigures(*value[:-3], *[one and _read_address(one) for one in value[-3:]])
    except (TypeError, ValueError) as error:
        raise PeerError(f"no figures: {error}") from error


def describe_session(found: RelayedSession) -> Message:
    """A session for the answer to "list"."""
    return found._asdict()


def read_session(value: Any) -> RelayedSession:
    """The inverse of `describe_session` after JSON."""
    try:
        first, second = map(read_port, value["ports"])
        return RelayedSession(read_word(value, "session"), (first, second), bool(value["is_held"]),
                              read_figures(value["figures"]))
    except (TypeError, KeyError, ValueError) as error:
        raise PeerError(f"no session: {error}") from error


def _read_address(value: Any) -> tuple[str, int] | None:
    if value is None:
        return None
    try:
        host, port = value
    except (TypeError, ValueError) as error:
        raise PeerError("no address") from error
    if not isinstance(host, str) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise PeerError("no address")
    return host, port


def _read_text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise PeerError("no text")
    return value


def _read_number(value: Any) -> int:
    if not isinstance(value, int):
        raise PeerError("no number")
    return value
