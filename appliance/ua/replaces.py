# SPDX-License-Identifier: Apache-2.0
"""The Replaces header, RFC 3891: which dialog a new INVITE takes over, and the rules for the answer. Pure, no state."""

from typing import NamedTuple

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.grammar import is_token


class Replaces(NamedTuple):
    """A dialog as whoever gets the header knows it. to_tag: the local tag there, from_tag: the remote one;
    is_early_only: not once it is confirmed."""

    call_id: bytes
    to_tag: bytes
    from_tag: bytes
    is_early_only: bool = False

    def __bytes__(self) -> bytes:
        flag = b";early-only" if self.is_early_only else b""
        return b"%s;to-tag=%s;from-tag=%s%s" % (self.call_id, self.to_tag, self.from_tag, flag)


def read_replaces(value: bytes) -> Replaces:
    """One header value. PeerError, 400: not exactly one of each tag (6.1), or no Call-ID."""
    call_id, *parameters = [part.strip() for part in value.split(b";")]
    tags: dict[bytes, bytes] = {}
    is_early_only = False
    for parameter in parameters:
        name, _, written = (part.strip() for part in parameter.partition(b"="))
        name = name.lower()
        if name in (b"to-tag", b"from-tag"):
            if name in tags or not is_token(written):
                raise _refuse(value)
            tags[name] = written
        elif name == b"early-only":
            is_early_only = True
    if not call_id or b"," in call_id or len(tags) != 2:
        raise _refuse(value)
    return Replaces(call_id, tags[b"to-tag"], tags[b"from-tag"], is_early_only)


def read_replaces_of(request: Message) -> Replaces | None:
    """What a request wants replaced; None for nothing. PeerError, 400: two of them, or in no INVITE (3)."""
    values = request.headers(b"Replaces")
    if not values:
        return None
    if len(values) > 1 or request.method != b"INVITE" or request.header(b"Join") is not None:
        raise _refuse(values[0])    # 3; RFC 3911 4: Join contradicts it
    return read_replaces(values[0])


def _refuse(value: bytes) -> PeerError:
    return PeerError("unusable Replaces", 400, value, "RFC 3891 3")


class Replaced(NamedTuple):
    """What is known of the dialog that a Replaces names. is_call: an INVITE made it; was_initiated: our INVITE did;
    is_confirmed: it is no early one any more; has_ended: it was a dialog until just now."""

    is_call: bool
    was_initiated: bool
    is_confirmed: bool
    has_ended: bool


def decide_replacement(replaces: Replaces, found: Replaced | None) -> int:
    """0 where the dialog may be replaced, else the status for the INVITE (3); who may do it, the element decides."""
    if found is None or not found.is_call:
        return 481
    if found.has_ended:
        return 603      # "prevents an irritating race-condition where the UA rings for a call which is not wanted"
    if found.is_confirmed:
        return 486 if replaces.is_early_only else 0
    return 0 if found.was_initiated else 481
