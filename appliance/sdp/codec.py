# SPDX-License-Identifier: Apache-2.0
"""What a payload type stands for: rtpmap and fmtp (RFC 8866 6.6, 6.15), static numbers (RFC 3551 6), RFC 4733."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from appliance.sdp.description import MediaDescription
from appliance.sdp.section_lines import KEPT, SectionLines

_MAPPING: Final = re.compile(
    rb"(?<=\r\na=)(rtpmap|fmtp): *0*([0-9]{1,3})[ \t]+([^\r\n]*)(?=\r\n)")
_ENCODING: Final = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`{|}~-]+) */ *([0-9]{1,7})(?: */ *([0-9]{1,3}))?[ \t]*")
TELEPHONE_EVENT: Final = "TELEPHONE-EVENT"
PAYLOAD_TYPE_LIMIT: Final = 127
DYNAMIC_PAYLOAD_TYPES: Final = range(96, 128)


class Codec(NamedTuple):
    """One format of a stream under its number.

    encoding: in capitals, names being the same in any case (RFC 4855 3); clock_rate_hz: the RTP clock, which for G722
    is 8000 (RFC 3551 4.5.2); parameters: the fmtp as written, b"" without one.
    """

    payload_type: int
    encoding: str
    clock_rate_hz: int
    channels: int = 1
    parameters: bytes = b""

    @property
    def is_telephone_event(self) -> bool:
        """Whether it carries events, not sound (RFC 4733)."""
        return self.encoding == TELEPHONE_EVENT

    @property
    def is_speech(self) -> bool:
        """Whether a call can be held with it alone."""
        return self.encoding not in _COMPANIONS

    def parameter(self, name: bytes) -> bytes | None:
        """The value of name=value in the fmtp (any case); b"" without value, None where it is not there."""
        for part in self.parameters.split(b";"):
            found, _, value = part.partition(b"=")
            if found.strip().lower() == name:
                return value.strip()
        return None

    def is_same_format(self, other: "Codec") -> bool:
        """Whether both name one configuration of one format, under whatever numbers (RFC 3264 6.1 on fmtp)."""
        if (self.encoding, self.clock_rate_hz, self.channels) != (other.encoding, other.clock_rate_hz, other.channels):
            return False
        return all(_take_setting(self, name, default) == _take_setting(other, name, default)
                   for name, default in _CONFIGURATIONS.get(self.encoding, ()))


_COMPANIONS: Final = frozenset({TELEPHONE_EVENT, "CN", "RED", "TONE"})
# Parameters that make another format of it, and what holds where they are not said. The rest each side says for itself.
_CONFIGURATIONS: Final = {
    "AMR": ((b"octet-align", b"0"), (b"interleaving", b""), (b"crc", b"0")),        # RFC 4867 8.3.1
    "AMR-WB": ((b"octet-align", b"0"), (b"interleaving", b""), (b"crc", b"0")),
    "G7221": ((b"bitrate", b""),),                                                  # RFC 5577 4.1
    "H264": ((b"packetization-mode", b"0"),),                                       # RFC 6184 8.2.2
}


def _take_setting(codec: Codec, name: bytes, default: bytes) -> bytes:
    found = codec.parameter(name)
    return default if found is None else found


# RFC 3551 tables 4 and 5. What is reserved or unassigned there means nothing without an rtpmap.
STATIC_CODECS: Final = {codec.payload_type: codec for codec in (
    Codec(0, "PCMU", 8000), Codec(3, "GSM", 8000), Codec(4, "G723", 8000), Codec(5, "DVI4", 8000),
    Codec(6, "DVI4", 16000), Codec(7, "LPC", 8000), Codec(8, "PCMA", 8000), Codec(9, "G722", 8000),
    Codec(10, "L16", 44100, 2), Codec(11, "L16", 44100), Codec(12, "QCELP", 8000), Codec(13, "CN", 8000),
    Codec(14, "MPA", 90000), Codec(15, "G728", 8000), Codec(16, "DVI4", 11025), Codec(17, "DVI4", 22050),
    Codec(18, "G729", 8000), Codec(25, "CELB", 90000), Codec(26, "JPEG", 90000), Codec(28, "NV", 90000),
    Codec(31, "H261", 90000), Codec(32, "MPV", 90000), Codec(33, "MP2T", 90000), Codec(34, "H263", 90000))}


def read_codecs(medium: MediaDescription) -> list[Codec]:
    """The formats of an RTP stream in the writer's order of preference; what nobody could know the meaning of is left
    out: numbers beyond 127, dynamic ones without rtpmap, an rtpmap without clock rate."""
    rest = medium.rest
    read = _read_formats if rest.is_kept else _read_formats.__wrapped__
    return list(read(tuple(medium.formats), rest.octets))


@lru_cache(maxsize=KEPT)
def _read_formats(formats: tuple[bytes, ...], lines: bytes) -> tuple[Codec, ...]:
    encodings: dict[bytes, bytes] = {}
    parameters: dict[bytes, bytes] = {}
    for kind, number, value in _MAPPING.findall(lines):
        if kind == b"rtpmap":
            encodings.setdefault(number, value)
        else:
            parameters[number] = parameters[number] + b";" + value if number in parameters else value
    codecs = []
    for word in dict.fromkeys(formats):
        if word.isdigit() and len(word) <= 3 and int(word) <= PAYLOAD_TYPE_LIMIT:
            number = b"%d" % int(word)
            codec = _read_codec(int(word), encodings.get(number), parameters.get(number, b""))
            if codec is not None:
                codecs.append(codec)
    return tuple(codecs)


def list_speech(medium: MediaDescription) -> tuple[str, ...]:
    """The encodings of `read_codecs` that a call can be held with, in that order."""
    rest = medium.rest
    return (_list_speech if rest.is_kept else _list_speech.__wrapped__)(tuple(medium.formats), rest)


@lru_cache(maxsize=KEPT)
def _list_speech(formats: tuple[bytes, ...], rest: SectionLines) -> tuple[str, ...]:
    return tuple([codec.encoding for codec in _read_formats.__wrapped__(formats, rest.octets) if codec.is_speech])


def _read_codec(payload_type: int, encoding: bytes | None, parameters: bytes) -> Codec | None:
    if encoding is None:    # RFC 3264 5.1: then the profile's own mapping holds
        static = STATIC_CODECS.get(payload_type)
        return static._replace(parameters=parameters.strip()) if static and parameters else static
    found = _ENCODING.fullmatch(encoding)
    if found is None or not int(found[2]):
        return None
    name, clock_rate_hz = found[1].decode("ascii").upper(), int(found[2])
    if name == "G722" and clock_rate_hz == 16000:   # what some phones write; on the wire it is the same
        clock_rate_hz = 8000
    return Codec(payload_type, name, clock_rate_hz, int(found[3] or 1) or 1, parameters.strip())


def find_event_codec(codecs: Sequence[Codec], speech: Codec) -> Codec | None:
    """The telephone-event that goes with this speech: of the same clock rate (RFC 4733 2.1, 2.6.1.2)."""
    for codec in codecs:
        if codec.is_telephone_event and codec.clock_rate_hz == speech.clock_rate_hz:
            return codec
    return None
