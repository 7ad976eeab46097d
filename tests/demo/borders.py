# SPDX-License-Identifier: Apache-2.0
"""Whether anything of one side was ever seen on the other: every octet that passed is searched."""

import re
import socket
from collections.abc import Iterable

from tests.interop.capture import Capture, Frame, read_datagrams

WORD = rb"(?<![0-9A-Za-z])%s(?![0-9A-Za-z])"
SIZE = re.compile(rb"^((?:Content-Length|l)\s*:)\s*\d+", re.IGNORECASE | re.MULTILINE)


def find_foreign(capture: Capture, point: str, words: Iterable[str], since: float) -> list[str]:
    """Each place in which one of `words` stands in a frame of that point, one line a place; none is what we want.

    A word that ends with a dot is the beginning of addresses: in text anywhere, and in the IP header of every frame.
    Other words count where they stand alone. Voice is not text: in RTP only addresses of the header are searched.
    """
    words = list(words)
    frames = [frame for frame in list(capture.frames[point]) if frame.at >= since]
    prefixes = [bytes(int(number) for number in word.rstrip(".").split(".")) for word in words if word.endswith(".")]
    found = [f"{point}: a packet between {describe_addresses(frame)}" for frame in frames
             if any(address.startswith(prefix) for prefix in prefixes for address in ip_addresses(frame))]
    patterns = [(word, re.compile(re.escape(word.encode()) if word.endswith(".") else
                                  WORD % re.escape(word.encode()), re.IGNORECASE)) for word in words]
    for datagram in read_datagrams(frames):
        if datagram.is_rtp:
            continue
        text = SIZE.sub(rb"\1", datagram.payload)                    # a body of 201 octets is no extension
        for word, pattern in patterns:
            for match in pattern.finditer(text):
                around = text[max(match.start() - 30, 0):match.end() + 30]
                way = f"{datagram.source[0]}:{datagram.source[1]} -> {datagram.target[0]}:{datagram.target[1]}"
                found.append(f"{point}: {word!r} in {way}: {around!r}")
    return found


def ip_addresses(frame: Frame) -> tuple[bytes, ...]:
    """Source and destination of an IPv4 packet, sender and target of an ARP one."""
    kind = frame.octets[12:14]
    if kind == b"\x08\x00":
        return frame.octets[26:30], frame.octets[30:34]
    if kind == b"\x08\x06":
        return frame.octets[28:32], frame.octets[38:42]
    return ()


def describe_addresses(frame: Frame) -> str:
    return " and ".join(socket.inet_ntoa(address) for address in ip_addresses(frame))


def count_octets(capture: Capture, point: str, since: float) -> tuple[int, int]:
    """(frames, octets) searched."""
    frames = [frame for frame in list(capture.frames[point]) if frame.at >= since]
    return len(frames), sum(len(frame.octets) for frame in frames)
