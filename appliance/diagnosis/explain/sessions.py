# SPDX-License-Identifier: Apache-2.0
"""What session descriptions in messages say (RFC 8866), read for a person; unreadable ones say nothing."""

from typing import NamedTuple

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sdp.codec import read_codecs
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.direction import is_hold
from appliance.sdp.parser import parse_session


class Voice(NamedTuple):
    """The audio line of one description. address: host:port; is_held: its writer wants to hear nothing."""

    address: str
    port: int
    is_held: bool
    codecs: str


def read_session(message: Message) -> SessionDescription | None:
    """The description in a message, None without one that can be read."""
    kind = (message.header(b"Content-Type") or b"").partition(b";")[0].strip().lower()
    if not message.body or kind != b"application/sdp":
        return None
    try:
        return parse_session(message.body)
    except PeerError:
        return None


def list_codecs(message: Message) -> str:
    """The names of the audio codecs in a message, in order, "" for none."""
    session = read_session(message)
    if session is None:
        return ""
    return ", ".join(dict.fromkeys(_name_codecs(medium) for medium in session.media if medium.kind == b"audio"))


def _name_codecs(medium: MediaDescription) -> str:
    return ", ".join(dict.fromkeys(codec.encoding for codec in read_codecs(medium) if codec.is_speech))


def read_voice(message: Message) -> Voice | None:
    """The first audio line, None where there is none that can be read."""
    session = read_session(message)
    if session is None:
        return None
    for medium in session.media:
        if medium.kind == b"audio":
            try:
                host = session.connection_of(medium).address.decode("ascii", "replace")
                return Voice(f"{host}:{medium.port}", medium.port, is_hold(session, medium), _name_codecs(medium))
            except PeerError:
                return None
    return None
