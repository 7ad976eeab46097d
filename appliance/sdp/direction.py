# SPDX-License-Identifier: Apache-2.0
"""sendrecv, sendonly, recvonly, inactive: who may send, and every way to say hold (RFC 3264 5.1, 6.1, 8.4)."""

from enum import IntEnum
from typing import Final

from appliance.sdp.description import MediaDescription, SessionDescription


class Direction(IntEnum):
    """As its writer sees it: 1 is "I send", 2 is "I receive"."""

    INACTIVE = 0
    SENDONLY = 1
    RECVONLY = 2
    SENDRECV = 3

    @property
    def is_sending(self) -> bool:
        """Whether the writer sends media."""
        return bool(self & 1)

    @property
    def is_receiving(self) -> bool:
        """Whether the writer wants media."""
        return bool(self & 2)

    @property
    def reverse(self) -> "Direction":
        """The same stream as the other side sees it."""
        return _REVERSE[self]

    @property
    def attribute(self) -> bytes:
        """The name of its a= line (RFC 8866 6.7)."""
        return _NAMES[self]


_REVERSE: Final = (Direction.INACTIVE, Direction.RECVONLY, Direction.SENDONLY, Direction.SENDRECV)
_NAMES: Final = (b"inactive", b"sendonly", b"recvonly", b"sendrecv")
_BY_NAME: Final = dict(zip(_NAMES, Direction, strict=True))


def read_direction(session: SessionDescription, medium: MediaDescription) -> Direction:
    """What the stream is marked with: at the medium, else at the session, else sendrecv (RFC 8866 6.7)."""
    return _BY_NAME[medium.rest.direction or session.rest.direction or b"sendrecv"]


def decide_answer_direction(offered: Direction, wanted: Direction) -> Direction:
    """The most of what we want that may answer the offer (RFC 3264 6.1); RFC 6337 5.3 wants no more and no less."""
    return Direction(offered.reverse & wanted)


def is_hold(session: SessionDescription, medium: MediaDescription) -> bool:
    """Whether the writer wants to hear nothing now: sendonly, inactive, or the address 0.0.0.0 (8.4).

    With 0.0.0.0 neither RTP nor RTCP is sent, but the direction of an answer follows the attribute (RFC 6337 5.4).
    """
    if medium.port == 0:
        return False
    return not read_direction(session, medium).is_receiving or session.connection_of(medium).is_unspecified


def is_held_session(session: SessionDescription) -> bool:
    """Whether every stream that there is, is on hold: "held SDP" (8.4)."""
    is_held = False
    for medium in session.media:
        if medium.port:
            if not is_hold(session, medium):
                return False
            is_held = True
    return is_held
