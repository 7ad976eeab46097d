# SPDX-License-Identifier: Apache-2.0
"""Media lines in the places that they have in a session, whoever offers now (RFC 3264 8; RFC 6337 5.2.5).

A transfer joins two parties whose descriptions have grown apart: the number of media lines may never fall, while the
answer must go back in the order of the offer that it answers. Pure functions.
"""

from collections.abc import Sequence
from typing import NamedTuple

from appliance.errors import MisuseError
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.serializer import write_refusal


class Alignment(NamedTuple):
    """session: the offer in the places of the session it goes into; places: where each medium of the offer now is."""

    session: SessionDescription
    places: tuple[int, ...]


def align_offer(previous: SessionDescription, offer: SessionDescription) -> Alignment:
    """The offer with a line for each of `previous`, what was last sent there: the same place for a medium of the same
    kind, port 0 where there is none any more (8.2); what is new fills ended places (8.1) or comes below."""
    media: list[MediaDescription | None] = [None] * len(previous.media)
    places = [_find_place(previous, media, medium) for medium in offer.media]
    for number, medium in enumerate(offer.media):
        if places[number] < 0:
            places[number] = _find_ended_place(previous, media)
            media[places[number]:places[number] + 1] = [medium]
    filled = [medium or MediaDescription(write_refusal(previous.media[place])) for place, medium in enumerate(media)]
    return Alignment(SessionDescription(offer.octets, tuple(filled)), tuple(places))


def _find_place(previous: SessionDescription, media: list[MediaDescription | None], medium: MediaDescription) -> int:
    """Takes the first free place of its kind; -1 where there is none."""
    for place, before in enumerate(previous.media):
        if media[place] is None and before.kind == medium.kind:
            media[place] = medium
            return place
    return -1


def _find_ended_place(previous: SessionDescription, media: list[MediaDescription | None]) -> int:
    for place, before in enumerate(previous.media):
        if media[place] is None and before.is_refused:
            return place
    return len(media)


def restore_answer(answer: SessionDescription, places: Sequence[int]) -> SessionDescription:
    """The answer to an aligned offer, with the media of the offer as it was, in its order (6)."""
    if any(place >= len(answer.media) for place in places):
        raise MisuseError("an answer to another offer")
    return SessionDescription(answer.octets, tuple(answer.media[place] for place in places))
