# SPDX-License-Identifier: Apache-2.0
"""New session descriptions in octets: what stands below the o= line, which `OwnOrigin` puts above (RFC 8866 5)."""

from collections.abc import Iterable, Sequence

from appliance.sdp.codec import Codec
from appliance.sdp.description import MediaDescription
from appliance.sdp.direction import Direction


def write_session(address: str, sections: Iterable[bytes], time: bytes = b"0 0") -> bytes:
    """s= to the end. address: textual, ours; sections: of `write_medium` and `write_refusal`; time: the words of t=."""
    family = b"IP6" if ":" in address else b"IP4"
    return b"s=-\r\nc=IN %s %s\r\nt=%s\r\n" % (family, address.encode("ascii"), time) + b"".join(sections)


def write_medium(head: tuple[bytes, int, bytes], codecs: Sequence[Codec], direction: Direction,
                 packet_time_ms: int = 0, is_multiplexed: bool = False) -> bytes:
    """One stream. head: kind, our port, protocol; codecs: in order of preference; packet_time_ms: 0 to say none.

    Every format gets its rtpmap, static ones too (RFC 3264 5.1).
    """
    kind, port, protocol = head
    lines = [b"m=%s %d %s %s" % (kind, port, protocol, b" ".join([b"%d" % codec.payload_type for codec in codecs]))]
    for codec in codecs:
        lines.append(b"a=rtpmap:%d %s" % (codec.payload_type, _write_encoding(codec)))
        if codec.parameters:
            lines.append(b"a=fmtp:%d %s" % (codec.payload_type, codec.parameters))
    if packet_time_ms:
        lines.append(b"a=ptime:%d" % packet_time_ms)
    if is_multiplexed:
        lines.append(b"a=rtcp-mux")     # RFC 5761 5.1.1
    lines.append(b"a=" + direction.attribute)
    return b"\r\n".join(lines) + b"\r\n"


def write_refusal(offered: MediaDescription) -> bytes:
    """The answer to a stream that we do not want: port 0, one of its formats, no attributes (RFC 3264 6, 8.2)."""
    return b"m=%s 0 %s %s\r\n" % (offered.kind, offered.protocol, offered.formats[0])


def _write_encoding(codec: Codec) -> bytes:
    name = _WRITTEN.get(codec.encoding, codec.encoding)
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    return f"{name}/{codec.clock_rate_hz}{channels}".encode("ascii")


_WRITTEN = {"TELEPHONE-EVENT": "telephone-event", "OPUS": "opus", "SPEEX": "speex", "ILBC": "iLBC"}
"""How the registrations spell them; the same in any case, but not for every phone (RFC 4855 3)."""
