# SPDX-License-Identifier: Apache-2.0
"""What is known of one call, in the form in which rules ask for it: its legs, the messages that the trace still holds,
the trunks. Values alone; times are wall clock.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from appliance.diagnosis.explain.finding import Proof
from appliance.diagnosis.observed_call import ObservedCall, ObservedLeg
from appliance.diagnosis.trace import TraceEntry
from appliance.native.sip_scanner import Message, ScanError
from appliance.vocabulary.trunk_state import TrunkState

PROOFS_SHOWN: Final = 4
"""Of many messages that say the same, the first ones and the last."""


class Seen(NamedTuple):
    """One message. at: wall clock; peer: host:port of the other side."""

    at: float
    is_sent: bool
    peer: str
    message: Message

    def tell(self) -> Proof:
        """Who said what to whom."""
        message = self.message
        said = message.method.decode("ascii", "replace")
        if not message.is_request:
            said = f"{message.status} {message.reason_phrase.decode('utf-8', 'replace')} to {said}"
        return Proof(self.at, f"{said} sent to {self.peer}" if self.is_sent else f"{said} came from {self.peer}")


class Evidence:
    """call: as observed; messages: of all its legs, oldest first; registrations: REGISTER and their answers of who was
    called; trunks: by name."""

    __slots__ = ("call", "messages", "registrations", "trunks")

    def __init__(self, call: ObservedCall, entries: Iterable[TraceEntry], registrations: Iterable[TraceEntry],
                 trunks: Mapping[str, TrunkState], wall_offset: float) -> None:
        self.call = call
        self.messages = list(_read_entries(entries, wall_offset))
        self.registrations = list(_read_entries(registrations, wall_offset))
        self.trunks = trunks

    # legs

    @property
    def tried(self) -> list[ObservedLeg]:
        """The legs that we began."""
        return [leg for leg in self.call.legs if leg.direction == "outgoing"]

    @property
    def caller_leg(self) -> ObservedLeg | None:
        """The one that the call came on, where it has one of its own."""
        return next((leg for leg in self.call.legs if leg.direction == "incoming"), None)

    def tried_with(self, *statuses: int) -> list[ObservedLeg]:
        """Those of them that ended so."""
        return [leg for leg in self.tried if leg.status in statuses]

    # messages

    def of_leg(self, leg: ObservedLeg) -> list[Seen]:
        """What was exchanged on one leg: by its Call-ID where the legs have their own, else by its address."""
        call_id = leg.call_id.encode("latin-1", "replace")
        if len(self.call.call_ids()) > 1:
            return [one for one in self.messages if one.message.call_id == call_id]
        return [one for one in self.messages if one.peer == leg.address] if leg.address else []

    @property
    def with_caller(self) -> list[Seen]:
        """What was exchanged with the caller."""
        leg = self.caller_leg
        if leg is not None and len(self.call.call_ids()) > 1:
            return self.of_leg(leg)
        address = self.call.caller_address or ("" if leg is None else leg.address)
        return [one for one in self.messages if one.peer == address]

    def final_to_caller(self) -> Seen | None:
        """The final response to the caller's INVITE that is no success, when it went out first."""
        found = [one for one in self.with_caller
                 if one.is_sent and is_response(one, b"INVITE") and one.message.status >= 300
                 and one.message.status not in (401, 407)]
        return next((one for one in found if one.message.status == found[-1].message.status), None)


def is_request(seen: Seen, method: bytes) -> bool:
    """Whether it is this request."""
    return seen.message.is_request and seen.message.method == method


def is_response(seen: Seen, method: bytes) -> bool:
    """Whether it answers this method."""
    return not seen.message.is_request and seen.message.method == method


def tell_all(seen: Iterable[Seen]) -> tuple[Proof, ...]:
    """As evidence; of many the first ones and the last."""
    proofs = [one.tell() for one in seen]
    if len(proofs) > PROOFS_SHOWN:
        left_out = len(proofs) - PROOFS_SHOWN
        last = proofs[-1]
        proofs = [*proofs[:PROOFS_SHOWN - 1], Proof(last.at, f"{last.text}, after {left_out} more like it")]
    return tuple(proofs)


def _read_entries(entries: Iterable[TraceEntry], wall_offset: float) -> Iterator[Seen]:
    for entry in entries:
        try:
            message = Message(entry.octets)
        except ScanError:
            continue        # what is no message proves nothing here; the ladder shows it
        yield Seen(entry.at + wall_offset, entry.is_sent, entry.flow.hostport.decode("ascii", "replace"), message)
