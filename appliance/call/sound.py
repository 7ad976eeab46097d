# SPDX-License-Identifier: Apache-2.0
"""How one leg sounds: what the relay has told of it last, the estimate interval by interval, the codec. For the record
and for who looks. Its leg's MediaWatch changes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.rtp.interval_quality import IntervalQuality
from appliance.sdp.codec import list_speech

if TYPE_CHECKING:
    from appliance.call.call_record import LegRecord
    from appliance.call.media_pair import MediaPair
    from appliance.rtp.relaying import DirectionFigures
    from appliance.sdp.description import SessionDescription


class Sound:
    """codec: that is spoken, "" for unknown; heard: figures of what came from the leg, as last told, also after the
    end; sent: packets that went there, of the session that is open; is_open: `heard` is of a session that goes on."""

    __slots__ = ("codec", "heard", "is_open", "quality", "sent")

    def __init__(self) -> None:
        self.codec = ""
        self.heard: DirectionFigures | None = None
        self.sent = 0
        self.is_open = False
        self.quality = IntervalQuality()

    def note(self, heard: DirectionFigures, sent: int) -> None:
        """What the relay says while it goes on."""
        self.heard, self.sent, self.is_open = heard, sent, True
        self.quality.note(heard, self.codec)

    def note_end(self, heard: DirectionFigures, sent: int, record: LegRecord) -> None:
        """The session is closed: into the record, which may hold an earlier one of the same leg already."""
        self.note(heard, sent)
        self.is_open = False
        self.quality.begin_anew()
        record.codec = self.codec or record.codec
        record.packets_received += heard.packets
        record.packets_sent += sent
        record.lost += heard.lost
        record.jitter_ms = max(record.jitter_ms, heard.jitter_ms)
        record.opinion = self.quality.opinion


def name_codec(pair: MediaPair) -> str:
    """What both sides of a pair have agreed to speak, "" for nothing or unknown: the first that both have, in the order
    of side 1, which mostly answered (RFC 3264 6.1)."""
    first = _list_voice(pair.description_of(0))
    for name in _list_voice(pair.description_of(1)):
        if name in first:
            return name
    return ""


def _list_voice(session: SessionDescription | None) -> tuple[str, ...]:
    for medium in session.media if session is not None else ():
        if medium.kind == b"audio" and medium.port:
            return list_speech(medium)
    return ()
