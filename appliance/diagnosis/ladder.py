# SPDX-License-Identifier: Apache-2.0
"""Traced messages to a ladder: who spoke to whom, when, what; plain values, ready for JSON and for diagnosis.drawing.

Pure. What we own stands in one lane, or in one for each listener where a call passes through several: both sides of
the border. Every other transport address has its own.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypedDict

from appliance.diagnosis.redaction import redact_message
from appliance.diagnosis.trace import TraceEntry
from appliance.native.sip_scanner import Message, ScanError

OWN_NAME = "server"


class Participant(TypedDict):
    """One lane; address: host:port, several separated by ", "."""

    name: str
    address: str


class LadderMessage(TypedDict):
    """One arrow. offset_s: seconds since the first; source, target: names of participants; status: 0 for a request."""

    offset_s: float
    source: str
    target: str
    transport: str
    label: str
    start_line: str
    method: str
    status: int
    cseq: int
    call_id: str
    is_retransmission: bool
    size_octets: int
    text: str


class MediaRow(TypedDict):
    """What was spoken one way between two lanes. packets: RTP; loss_percent, jitter_ms: -1.0 where nobody measured;
    opinion: an estimate of how it sounds (1.0 to 4.5), 0.0 unknown."""

    source: str
    target: str
    codec: str
    packets: int
    loss_percent: float
    jitter_ms: float
    opinion: float


class Ladder(TypedDict):
    """What `show call N ladder --json` prints."""

    participants: list[Participant]
    messages: list[LadderMessage]
    media: list[MediaRow]


def build_ladder(entries: Iterable[TraceEntry], name_of: Callable[[str], str | None] = lambda address: None) -> Ladder:
    """The ladder of these entries, oldest first; name_of(host:port) says who is known to be there."""
    entries = list(entries)
    lanes = Lanes(entries, name_of)
    return {"participants": lanes.participants(), "messages": list_messages(entries, lanes), "media": []}


def list_messages(entries: Iterable[TraceEntry], lanes: "Lanes") -> list[LadderMessage]:
    """One arrow an entry, between the lanes of their addresses."""
    messages: list[LadderMessage] = []
    seen: set[tuple[bool, bytes, bytes]] = set()
    began_at = 0.0
    for entry in entries:
        began_at = began_at if messages else entry.at
        ours, peer = lanes.own_of(entry), lanes.peer_of(entry)
        identity = (entry.is_sent, entry.flow.hostport, entry.octets)
        source, target = (ours, peer) if entry.is_sent else (peer, ours)
        messages.append(_describe(entry, source, target, entry.at - began_at, identity in seen))
        seen.add(identity)
    return messages


class Lanes:
    """Gives each address its lane, in the order in which they appear; two addresses never share a name. Whoever speaks
    first stands on the left, our own lanes beside him, everybody else to the right of us."""

    def __init__(self, entries: Sequence[TraceEntry], name_of: Callable[[str], str | None]) -> None:
        self._name_of = name_of
        self._own: dict[str, list[str]] = {}        # addresses by the name of their listener
        self._peers: dict[str, str] = {}            # names by address
        self._sides: dict[str, str] = {}            # by peer's address: the listener that it is reached from
        for entry in entries:
            listener = entry.flow.listener
            addresses = self._own.setdefault(listener.name, [])
            own_address = listener.hostport.decode("ascii", "replace")
            if own_address not in addresses:
                addresses.append(own_address)
        for entry in entries:
            address = _peer_address(entry)
            if address not in self._peers:
                self._peers[address] = self._choose_name(address)
                self._sides[address] = entry.flow.listener.name
        self._is_sender_first = bool(entries) and not entries[0].is_sent

    def own_of(self, entry: TraceEntry) -> str:
        """The name of our lane that an entry begins or ends at."""
        return self._own_name(entry.flow.listener.name)

    def peer_of(self, entry: TraceEntry) -> str:
        """The name of the other lane."""
        return self._peers[_peer_address(entry)]

    def find_peer(self, address: str) -> tuple[str, str] | None:
        """(its lane, ours beside it) of a host:port, None where nothing was exchanged with it."""
        if address not in self._peers:
            return None
        return self._peers[address], self._own_name(self._sides[address])

    def _own_name(self, listener: str) -> str:
        return OWN_NAME if len(self._own) == 1 else f"{OWN_NAME} {listener}"

    def _choose_name(self, address: str) -> str:
        name = self._name_of(address) or address
        is_taken = name in self._peers.values() or name in map(self._own_name, self._own)
        return address if is_taken else name    # a second device of the same extension

    def participants(self) -> list[Participant]:
        """The lanes from left to right."""
        peers: list[Participant] = [{"name": name, "address": address} for address, name in self._peers.items()]
        own: list[Participant] = [{"name": self._own_name(listener), "address": ", ".join(addresses)}
                                  for listener, addresses in self._own.items()]
        left = 1 if self._is_sender_first else 0
        return [*peers[:left], *own, *peers[left:]]


def _peer_address(entry: TraceEntry) -> str:
    return entry.flow.hostport.decode("ascii", "replace")


def _describe(entry: TraceEntry, source: str, target: str, offset_s: float, is_retransmission: bool) -> LadderMessage:
    text = redact_message(entry.octets)
    start_line = text.lstrip("\r\n").partition("\r\n")[0].partition("\n")[0]
    try:
        message = Message(entry.octets)
        method, status, cseq = message.method.decode("ascii", "replace"), message.status, message.cseq
        call_id = message.call_id.decode("utf-8", "backslashreplace")
    except ScanError as error:
        method, status, cseq, call_id = error.reason, 0, 0, ""
    return {
        "offset_s": round(offset_s, 3), "source": source, "target": target,
        "transport": entry.flow.listener.transport.decode("ascii").lower(),
        "label": _label(start_line, method), "start_line": start_line, "method": method, "status": status, "cseq": cseq,
        "call_id": call_id, "is_retransmission": is_retransmission, "size_octets": len(entry.octets), "text": text,
    }


def _label(start_line: str, method: str) -> str:
    if start_line[:8].upper() == "SIP/2.0 ":
        return start_line[8:]
    return method
