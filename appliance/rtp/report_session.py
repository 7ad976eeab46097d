# SPDX-License-Identifier: Apache-2.0
"""RTCP between two: when to report, what to say, and what the far end says of us (RFC 3550 6, Appendix A.3, A.7).

Sans-IO; whoever owns the sockets asks for octets and hands over what comes. Changed by these calls alone.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.rtp.rtcp import (
    CNAME,
    Goodbye,
    ReceiverReport,
    Report,
    ReportBlock,
    SenderReport,
    SourceDescription,
    read_compound,
    write_compound,
)

LEAST_INTERVAL_S: Final = 5.0
"""6.2, 6.3.1: of two members of a call whose share of 5 % is 400 octets a second, with reports of 100, this rules."""
COMPENSATION: Final = 2.718281828459045 - 1.5      # 6.3.1: of timer reconsideration
NTP_OF_UNIX_S: Final = 2_208_988_800
SENT_KEPT: Final = 4
ROUND_TRIP_LIMIT_S: Final = 30.0


class StreamCounts(NamedTuple):
    """Both directions at this moment. ssrc, timestamp, packets, octets: of what we send; heard_ssrc: None for nobody;
    highest_sequence: extended; jitter: in timestamp units (native.handset_audio)."""

    ssrc: int
    timestamp: int
    packets: int
    octets: int
    heard_ssrc: int | None = None
    highest_sequence: int = 0
    expected: int = 0
    received: int = 0
    jitter: int = 0


class FarView(NamedTuple):
    """What the far end hears of us. lost_percent: since its report before; lost: in all; round_trip_ms: -1 unknown."""

    lost_percent: float
    lost: int
    jitter_ms: float
    round_trip_ms: float


class ReportSession:
    """cname: of this session alone (RFC 7022 4.2: nobody is to be known again by it); random_fraction: 0 up to 1;
    deadline: when `write_report` is due; ssrc: as others know us; far: None until it has reported; has_left: whether it
    has said goodbye; sent, received, unreadable, conflicting (with our SSRC): reports."""

    __slots__ = ("_before", "_cname", "_far_report", "_far_reported_at", "_random_fraction", "_rate_hz", "_sent_at",
                 "_was_sent", "conflicting", "deadline", "far", "has_left", "received", "sent", "ssrc", "unreadable")

    def __init__(self, cname: bytes, ssrc: int, random_fraction: Callable[[], float], now: float,
                 rate_hz: int = 8000) -> None:
        self._cname = cname
        self.ssrc = ssrc
        self._random_fraction = random_fraction
        self._rate_hz = rate_hz
        self._before: tuple[int | None, int, int] = (None, 0, 0)    # SSRC heard, expected and received
        self._far_report = 0
        self._far_reported_at = 0.0
        self._sent_at: dict[int, float] = {}
        self._was_sent = 0
        self.far: FarView | None = None
        self.has_left = False
        self.sent = self.received = self.unreadable = self.conflicting = 0
        self.deadline = 0.0
        self._plan(now, LEAST_INTERVAL_S / 2)       # 6.2: half for the first one

    def _plan(self, now: float, interval_s: float) -> None:
        """6.3.1: between half and one and a half of it, so that no two keep step."""
        self.deadline = now + interval_s * (0.5 + self._random_fraction()) / COMPENSATION

    # what we say

    def write_report(self, counts: StreamCounts, now: float, unix_s: float) -> bytes:
        """A compound packet (6.1); unix_s: the wall clock of the same moment."""
        self._plan(now, LEAST_INTERVAL_S)
        self.sent += 1
        return write_compound(self._write_reports(counts, now, unix_s))

    def write_goodbye(self, counts: StreamCounts, now: float, unix_s: float) -> bytes:
        """6.3.7: b"" where nothing was ever sent: nobody knows us."""
        if not self.sent and not counts.packets:
            return b""
        return write_compound([*self._write_reports(counts, now, unix_s), Goodbye((counts.ssrc,))])

    def write_departure(self, counts: StreamCounts) -> bytes:
        """8.2: goodbye to the SSRC before, where counts are another one's, which begins anew; else b""."""
        former, self.ssrc = self.ssrc, counts.ssrc
        if counts.ssrc == former:
            return b""
        self._was_sent = 0
        self._sent_at.clear()
        return write_compound([ReceiverReport(former), SourceDescription(((former, ((CNAME, self._cname),)),)),
                               Goodbye((former,))])

    def _write_reports(self, counts: StreamCounts, now: float, unix_s: float) -> list[Report]:
        blocks = () if counts.heard_ssrc is None else (self._write_block(counts, counts.heard_ssrc, now),)
        report: Report
        if counts.packets > self._was_sent:         # 6.4: since the report before
            ntp_timestamp = int((unix_s + NTP_OF_UNIX_S) * 4294967296.0) & 0xFFFFFFFFFFFFFFFF
            report = SenderReport(counts.ssrc, ntp_timestamp, counts.timestamp & 0xFFFFFFFF,
                                  counts.packets & 0xFFFFFFFF, counts.octets & 0xFFFFFFFF, blocks)
            self._remember(ntp_timestamp >> 16 & 0xFFFFFFFF, now)
        else:
            report = ReceiverReport(counts.ssrc, blocks)
        self._was_sent = counts.packets
        return [report, SourceDescription(((counts.ssrc, ((CNAME, self._cname),)),))]

    def _remember(self, middle: int, now: float) -> None:
        self._sent_at[middle] = now
        if len(self._sent_at) > SENT_KEPT:
            del self._sent_at[next(iter(self._sent_at))]

    def _write_block(self, counts: StreamCounts, heard_ssrc: int, now: float) -> ReportBlock:
        """A.3"""
        ssrc, expected, received = self._before
        if ssrc != heard_ssrc or counts.expected < expected:
            expected = received = 0
        self._before = (heard_ssrc, counts.expected, counts.received)
        wanted, came = counts.expected - expected, counts.received - received
        fraction = (wanted - came) * 256 // wanted if wanted > 0 and came < wanted else 0
        delay = round((now - self._far_reported_at) * 65536) & 0xFFFFFFFF if self._far_report else 0
        return ReportBlock(heard_ssrc, min(fraction, 255), counts.expected - counts.received, counts.highest_sequence,
                           counts.jitter, self._far_report, delay)

    # what the far end says

    def receive(self, octets: bytes, now: float) -> None:
        """A datagram of the far end. Whatever it is, it does no harm."""
        try:
            reports = read_compound(octets)
        except PeerError:
            self.unreadable += 1
            return
        if any(isinstance(report, SenderReport | ReceiverReport) and report.ssrc == self.ssrc for report in reports):
            self.conflicting += 1       # 8.2: ourselves come back, or somebody else of the same name
            return
        self.received += 1
        for report in reports:
            if isinstance(report, SenderReport):
                self._far_report = report.ntp_timestamp >> 16 & 0xFFFFFFFF
                self._far_reported_at = now
            if isinstance(report, SenderReport | ReceiverReport):
                self.has_left = False
                for block in report.blocks:
                    if block.ssrc == self.ssrc:
                        self._take_block(block, now)
            elif isinstance(report, Goodbye):
                self.has_left = True

    def _take_block(self, block: ReportBlock, now: float) -> None:
        sent_at = self._sent_at.get(block.last_report)
        round_trip_ms = -1.0 if self.far is None else self.far.round_trip_ms
        if block.last_report and sent_at is not None:       # 6.4.1
            trip_s = now - sent_at - block.delay / 65536
            if trip_s < ROUND_TRIP_LIMIT_S:
                round_trip_ms = max(0.0, trip_s * 1000)
        self.far = FarView(block.fraction_lost * 100 / 256, block.lost, block.jitter * 1000 / self._rate_hz,
                           round_trip_ms)
