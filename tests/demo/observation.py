# SPDX-License-Identifier: Apache-2.0
"""What the captures say of one call: who sent what to whom, and which addresses it carried."""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.interop.capture import Capture, Datagram

SHOWN = {"INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "REFER"}


@dataclass(frozen=True)
class Lane:
    """One line of a ladder."""

    name: str
    address: str


@dataclass(frozen=True)
class Point:
    """A point of observation: the lane of each address that is seen there, and the lane of every other one."""

    name: str
    lanes: Mapping[str, str]
    others: str

    def lane(self, address: str) -> str:
        return self.lanes.get(address, self.others)


@dataclass
class SipSighting:
    """One SIP message, drawn once however often it was seen."""

    at: float
    source: str
    target: str
    payload: bytes

    @property
    def cseq_method(self) -> str:
        found = re.search(rb"^(?:CSeq)\s*:\s*\d+\s+(\w+)", self.payload, re.IGNORECASE | re.MULTILINE)
        return found[1].decode() if found else ""

    @property
    def is_response(self) -> bool:
        return self.payload.startswith(b"SIP/2.0 ")

    @property
    def label(self) -> str:
        start = self.payload.split(b"\r\n", 1)[0].decode("utf-8", "replace")
        return start[8:] if start.startswith("SIP/2.0 ") else start.split(" ", 1)[0]

    def addresses(self) -> str:
        """Where addresses stand in it (figure 7), for the messages that carry a session."""
        head, _, body = self.payload.partition(b"\r\n\r\n")
        if not body:
            return ""
        found = [first(rb"^(?:Contact|m)\s*:\s*(.*?)\s*$", head, "Contact: ", re.IGNORECASE),
                 first(rb"^(c=.*?)\s*$", body), first(rb"^(m=audio \d+)", body)]
        return "  ".join(filter(None, found))


def first(pattern: bytes, octets: bytes, prefix: str = "", flags: int = 0) -> str:
    found = re.search(pattern, octets, re.MULTILINE | flags)
    return prefix + found[1].decode("utf-8", "replace") if found else ""


def sightings(capture: Capture, points: Iterable[Point], since: float) -> list[SipSighting]:
    """The SIP messages of calls, in the order of time; what two points saw is drawn once."""
    seen: set[tuple[object, ...]] = set()
    found = []
    for point in points:
        for datagram in capture.datagrams(point.name, since):
            if not datagram.is_sip:
                continue
            sighting = SipSighting(datagram.at, point.lane(datagram.source[0]), point.lane(datagram.target[0]),
                                   datagram.payload)
            identity = (datagram.source, datagram.target, datagram.payload, round(datagram.at, 1))
            if sighting.cseq_method in SHOWN and identity not in seen:
                seen.add(identity)
                found.append(sighting)
    return sorted(found, key=lambda sighting: sighting.at)


def voice_packets(datagrams: Iterable[Datagram], *, is_sent: bool) -> list[Datagram]:
    return [datagram for datagram in datagrams if datagram.is_rtp and datagram.is_sent == is_sent]


def answer_at(capture: Capture, point: str, since: float) -> float | None:
    """When the 200 to the INVITE was seen there."""
    for datagram in capture.datagrams(point, since):
        if datagram.is_sip and datagram.payload.startswith(b"SIP/2.0 200"):
            found = re.search(rb"^CSeq\s*:\s*\d+\s+INVITE", datagram.payload, re.IGNORECASE | re.MULTILINE)
            if found:
                return datagram.at
    return None


def streams(capture: Capture, points: Iterable[Point], since: float) -> list[tuple[float, str, str, str, str]]:
    """Voice as arrows (first seen, source, target, label, addresses), one for each pair of addresses."""
    seen = [(point, is_sent, voice_packets(capture.datagrams(point.name, since), is_sent=is_sent))
            for is_sent, point in itertools.product((False, True), points)]
    arrived = {packet.payload[12:] for _point, is_sent, packets in seen if not is_sent for packet in packets}
    found: dict[tuple[object, object], tuple[float, str, str, str, str]] = {}
    for point, _is_sent, packets in seen:
        for (source, target), same in group(packets).items():
            is_lost = not any(packet.payload[12:] in arrived for packet in same)
            label = f"{len(same)} RTP{', lost' if is_lost else ''}"
            addresses = f"{source[0]}:{source[1]} -> {target[0]}:{target[1]}"
            found.setdefault((source, target), (same[0].at, point.lane(source[0]), point.lane(target[0]), label,
                                                addresses))
    return sorted(found.values())


def group(packets: Iterable[Datagram]) -> dict[tuple[tuple[str, int], tuple[str, int]], list[Datagram]]:
    groups: dict[tuple[tuple[str, int], tuple[str, int]], list[Datagram]] = {}
    for packet in packets:
        groups.setdefault((packet.source, packet.target), []).append(packet)
    return groups
