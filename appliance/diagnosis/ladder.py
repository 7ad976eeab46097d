# SPDX-License-Identifier: Apache-2.0
"""Traced messages to a ladder: who spoke to whom, when, what; plain values, ready for JSON and for diagnosis.drawing.

Pure. Everything we own stands in one lane; every other transport address has its own.
"""

from collections.abc import Callable, Iterable
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


class Ladder(TypedDict):
    """What `show call N ladder --json` prints."""

    participants: list[Participant]
    messages: list[LadderMessage]


def build_ladder(entries: Iterable[TraceEntry], name_of: Callable[[str], str | None] = lambda address: None) -> Ladder:
    """The ladder of these entries, oldest first; name_of(host:port) says who is known to be there."""
    lanes = _Lanes(name_of)
    messages: list[LadderMessage] = []
    seen: set[tuple[bool, bytes, bytes]] = set()
    began_at = 0.0
    for entry in entries:
        began_at = began_at if messages else entry.at
        peer_address = entry.flow.hostport
        ours, peer = lanes.join(entry, peer_address.decode("ascii", "replace"))
        identity = (entry.is_sent, peer_address, entry.octets)
        source, target = (ours, peer) if entry.is_sent else (peer, ours)
        messages.append(_describe(entry, source, target, entry.at - began_at, identity in seen))
        seen.add(identity)
    return {"participants": lanes.participants(), "messages": messages}


class _Lanes:
    """Gives each address its lane, in the order in which they appear; two addresses never share a name."""

    def __init__(self, name_of: Callable[[str], str | None]) -> None:
        self._name_of = name_of
        self._names: dict[str, str] = {}
        self._own_addresses: list[str] = []

    def join(self, entry: TraceEntry, peer_address: str) -> tuple[str, str]:
        """(our lane's name, the peer's); the one that sends first stands further left."""
        own_address = entry.flow.listener.hostport.decode("ascii", "replace")
        if entry.is_sent:
            return self._own(own_address), self._peer(peer_address)
        peer = self._peer(peer_address)
        return self._own(own_address), peer

    def _own(self, address: str) -> str:
        self._names.setdefault("", OWN_NAME)
        if address not in self._own_addresses:
            self._own_addresses.append(address)
        return OWN_NAME

    def _peer(self, address: str) -> str:
        known = self._names.get(address)
        if known is not None:
            return known
        name = self._name_of(address) or address
        if name == OWN_NAME or name in self._names.values():
            name = address  # a second device of the same extension
        self._names[address] = name
        return name

    def participants(self) -> list[Participant]:
        """The lanes from left to right."""
        return [{"name": name, "address": address or ", ".join(self._own_addresses)}
                for address, name in self._names.items()]


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
