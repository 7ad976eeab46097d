# SPDX-License-Identifier: Apache-2.0
"""What the call server and the process that relays say to each other: JSON objects, each one message of the socket.

Commands have "do" (lease, return, open, direct, hold, close, figures, list), what comes back has "told" (leased,
refused, closed, figures, silent, sessions). Reading raises PeerError for what does not belong.
"""

import json
from typing import Any

from appliance.errors import PeerError
from appliance.rtp.relaying import DirectionFigures, Figures, LegMedia, LocalPort, PayloadMapping, RelayedSession

SOCKET_NAME = "media.sock"
MESSAGE_LIMIT_OCTETS = 65536
SESSIONS_A_MESSAGE = 32             # "list" is answered in several messages; the last says so

Message = dict[str, Any]


def write_message(message: Message) -> bytes:
    """The octets of one message."""
    return json.dumps(message, separators=(",", ":")).encode()


def read_message(octets: bytes) -> Message:
    """Raises PeerError for what is no JSON object."""
    try:
        message = json.loads(octets)
    except (ValueError, RecursionError) as error:
        raise PeerError("no JSON", 0, octets) from error
    if not isinstance(message, dict):
        raise PeerError("no JSON object", 0, octets)
    return message


def describe_media(media: LegMedia) -> Message:
    """A LegMedia as a JSON value."""
    return media._asdict()


def read_media(value: Any) -> LegMedia:
    """The inverse of `describe_media` after JSON."""
    try:
        return LegMedia(_read_address(value["rtp"]), _read_address(value["rtcp"]), _read_text(value["signalling_host"]),
                        bool(value["is_behind_nat"]),
                        tuple(PayloadMapping(*map(_read_number, item)) for item in value["payloads"]),
                        _read_number(value["dscp"]))
    except (TypeError, KeyError, ValueError) as error:
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


def describe_figures(figures: Figures) -> list[list[Any]]:
    """Packed addresses become hexadecimal digits."""
    return [[item.hex() if isinstance(item, bytes) else item for item in one] for one in figures]


def read_figures(value: Any) -> Figures:
    """The inverse of `describe_figures` after JSON."""
    try:
        first, second = (DirectionFigures(*one) for one in value)
        return _read_addresses(first), _read_addresses(second)
    except (TypeError, ValueError) as error:
        raise PeerError(f"no figures: {error}") from error


def _read_addresses(figures: DirectionFigures) -> DirectionFigures:
    heard, destination = bytes.fromhex(str(figures.heard)), bytes.fromhex(str(figures.destination))
    return figures._replace(heard=heard, destination=destination)


def describe_session(found: RelayedSession) -> Message:
    """A session for the answer to "list"."""
    return found._asdict() | {"figures": describe_figures(found.figures)}


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
