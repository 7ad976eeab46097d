# SPDX-License-Identifier: Apache-2.0
"""RTCP: sender and receiver reports, SDES and BYE in compound packets, read and written (RFC 3550 6)."""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from appliance.errors import PeerError

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE, APPLICATION_DEFINED = range(200, 205)
CNAME = 1
BLOCKS_LIMIT = 31
LOST_MIN, LOST_MAX = -0x800000, 0x7FFFFF       # 24 bits, signed (6.4.1)
_HEADER = struct.Struct("!BBH")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")


class ReportBlock(NamedTuple):
    """What one receiver has heard of one source. jitter in timestamp units; delay in 1/65536 s (6.4.1)."""

    ssrc: int
    fraction_lost: int          # of 256, since the report before
    lost: int                   # in all, negative with duplicates
    highest_sequence: int       # extended
    jitter: int
    last_report: int            # middle 32 bits of the NTP timestamp of the last sender report, 0: none
    delay: int


class SenderReport(NamedTuple):
    """ntp_timestamp: 64 bits, seconds since 1900 in the upper half."""

    ssrc: int
    ntp_timestamp: int
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    """A report of who does not send."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


class SourceDescription(NamedTuple):
    """chunks: (SSRC or CSRC, items), an item being (type, octets), CNAME of type 1 (6.5)."""

    chunks: tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]


class Goodbye(NamedTuple):
    """RFC 3550 6.6."""

    sources: tuple[int, ...]
    reason: bytes | None = None


class OtherReport(NamedTuple):
    """A packet of a type that is not read here (6.1: it is skipped by its length)."""

    packet_type: int
    subtype: int                # the five bits that count blocks elsewhere
    content: bytes


Report = SenderReport | ReceiverReport | SourceDescription | Goodbye | OtherReport


def read_compound(octets: bytes) -> list[Report]:
    """Raises PeerError (no answer is possible) for what breaks A.2: a report first, true lengths, padding last."""
    reports: list[Report] = []
    position = 0
    while position < len(octets):
        first, packet_type, end = _read_header(octets, position)
        if position == 0 and (packet_type not in (SENDER_REPORT, RECEIVER_REPORT) or first & 0x20):  # 6.1, A.2
            raise _refuse("a compound packet begins with a report without padding", octets)
        content = octets[position + _HEADER.size:end]
        if first & 0x20:
            content = _strip_padding(content, end == len(octets))
        reports.append(_read_report(packet_type, first & 0x1F, content))
        position = end
    if not reports:
        raise _refuse("an empty RTCP packet", octets)
    return reports


def _read_header(octets: bytes, position: int) -> tuple[int, int, int]:
    if position + _HEADER.size > len(octets):
        raise _refuse("shorter than an RTCP header", octets)
    first, packet_type, words = _HEADER.unpack_from(octets, position)
    end = position + 4 * (words + 1)
    if first >> 6 != 2 or end > len(octets):
        raise _refuse("RTCP version or length is wrong", octets)
    return first, packet_type, end


def _strip_padding(content: bytes, is_last: bool) -> bytes:
    size_octets = content[-1] if content else 0
    if not is_last or not 1 <= size_octets <= len(content) or size_octets % 4:     # 6.4.1: a multiple of four
        raise _refuse("RTCP padding is wrong", content)
    return content[:-size_octets]


def _read_report(packet_type: int, count: int, content: bytes) -> Report:
    try:
        if packet_type == SENDER_REPORT:
            ntp_timestamp, rtp_timestamp, packets, octets = _SENDER.unpack_from(content, 4)
            return SenderReport(_read_word(content), ntp_timestamp, rtp_timestamp, packets, octets,
                                _read_blocks(content, 24, count))
        if packet_type == RECEIVER_REPORT:
            return ReceiverReport(_read_word(content), _read_blocks(content, 4, count))
        if packet_type == SOURCE_DESCRIPTION:
            return _read_description(content, count)
        if packet_type == GOODBYE:
            return _read_goodbye(content, count)
    except struct.error as error:
        raise _refuse("an RTCP packet shorter than its content", content) from error
    return OtherReport(packet_type, count, content)


def _read_word(content: bytes, position: int = 0) -> int:
    word: int = struct.unpack_from("!I", content, position)[0]
    return word


def _read_blocks(content: bytes, position: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for index in range(count):
        ssrc, loss, *rest = _BLOCK.unpack_from(content, position + index * _BLOCK.size)
        lost = loss & 0xFFFFFF
        blocks.append(ReportBlock(ssrc, loss >> 24, lost - (1 << 24) if lost > LOST_MAX else lost, *rest))
    return tuple(blocks)


def _read_description(content: bytes, count: int) -> SourceDescription:
    chunks = []
    position = 0
    for _ in range(count):
        source = _read_word(content, position)
        items, position = _read_items(content, position + 4)
        chunks.append((source, items))
    return SourceDescription(tuple(chunks))


def _read_items(content: bytes, position: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """Items up to the null octet, and the place of the next 32-bit word after it."""
    items = []
    while position < len(content) and content[position]:
        if position + 2 > len(content) or position + 2 + content[position + 1] > len(content):
            raise _refuse("an SDES item that is too long", content)
        end = position + 2 + content[position + 1]
        items.append((content[position], content[position + 2:end]))
        position = end
    if position >= len(content):
        raise _refuse("SDES items without an end", content)
    return tuple(items), position + 4 - position % 4


def _read_goodbye(content: bytes, count: int) -> Goodbye:
    sources = struct.unpack_from(f"!{count}I", content)
    rest = content[4 * count:]
    if not rest:
        return Goodbye(sources)
    if 1 + rest[0] > len(rest):
        raise _refuse("a reason that is too long", content)
    return Goodbye(sources, rest[1:1 + rest[0]])


def write_compound(reports: Iterable[Report]) -> bytes:
    """The octets of reports whose numbers are in range. Raises struct.error or ValueError otherwise."""
    return b"".join(_write_report(report) for report in reports)


def _write_report(report: Report) -> bytes:
    if isinstance(report, SenderReport):
        content = struct.pack("!IQIII", *report[:5]) + _write_blocks(report.blocks)
        return _frame(SENDER_REPORT, len(report.blocks), content)
    if isinstance(report, ReceiverReport):
        content = struct.pack("!I", report.ssrc) + _write_blocks(report.blocks)
        return _frame(RECEIVER_REPORT, len(report.blocks), content)
    if isinstance(report, SourceDescription):
        return _frame(SOURCE_DESCRIPTION, len(report.chunks), b"".join(map(_write_chunk, report.chunks)))
    if isinstance(report, Goodbye):
        content = struct.pack(f"!{len(report.sources)}I", *report.sources)
        if report.reason is not None:
            content += _pad(bytes([len(report.reason)]) + report.reason)
        return _frame(GOODBYE, len(report.sources), content)
    return _frame(report.packet_type, report.subtype, report.content)


def _frame(packet_type: int, count: int, content: bytes) -> bytes:
    if not 0 <= count <= BLOCKS_LIMIT or len(content) % 4:
        raise ValueError("at most 31 blocks, whole 32-bit words")
    return _HEADER.pack(2 << 6 | count, packet_type, len(content) // 4) + content


def _write_blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(map(_write_block, blocks))


def _write_block(block: ReportBlock) -> bytes:
    loss = block.fraction_lost << 24 | (_clamp_lost(block.lost) & 0xFFFFFF)
    return _BLOCK.pack(block.ssrc, loss, *block[3:])


def _clamp_lost(lost: int) -> int:
    return max(LOST_MIN, min(LOST_MAX, lost))       # 6.4.1, A.3: it does not wrap


def _write_chunk(chunk: tuple[int, tuple[tuple[int, bytes], ...]]) -> bytes:
    source, items = chunk
    written = b"".join(bytes([kind, len(text)]) + text for kind, text in items)
    return struct.pack("!I", source) + _pad(written + b"\0")       # 6.5: one null octet at least


def _pad(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def _refuse(reason: str, octets: bytes) -> PeerError:
    return PeerError(reason, 0, octets, "RFC 3550 6")
