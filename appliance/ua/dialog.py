# SPDX-License-Identifier: Apache-2.0
"""Dialogs, RFC 3261 section 12: identifiers, route set, remote target and both CSeq numbers, for either role.

A dialog changes by what its usage tells it; `snapshot` and `restore` carry it over a restart.
"""

from enum import IntEnum
from typing import Final, TypedDict

from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.sip.flow import Flow
from appliance.sip.uri import strip_for_request
from appliance.ua.request_draft import RequestDraft

DialogKey = tuple[bytes, bytes, bytes]
"""Call-ID, our tag, their tag (12)."""
FlowKey = tuple[str, bytes, bytes, int]
"""What a flow is known by over a restart: listener name, transport, remote host and port (sip.flow.Flow.key)."""


class DialogState(IntEnum):
    """12: made by a provisional response it is early, by a 2xx confirmed."""

    EARLY = 0
    CONFIRMED = 1
    TERMINATED = 2


EARLY, CONFIRMED, TERMINATED = DialogState
TRANSITIONS: Final = (
    frozenset({CONFIRMED, TERMINATED}),
    frozenset({TERMINATED}),
    frozenset[DialogState](),
)
"""What may follow each state, by its number."""


class DialogSnapshot(TypedDict):
    """A dialog as plain values."""

    state: int
    call_id: bytes
    local: bytes
    remote: bytes
    remote_target: bytes
    route_set: list[bytes]
    local_cseq: int
    remote_cseq: int
    is_secure: bool
    is_on_flow: bool
    flow: FlowKey | None


class Dialog:
    """key: the dialog ID as we look it up for a request: Call-ID, To tag, From tag (12.2.2); local, remote: the whole
    From or To values with their tags; route_set: whole Route values in the order in which
    we write them; remote_target: a URI; local_cseq: of our last request, 0 for none yet; remote_cseq: of theirs, -1 for
    none yet; is_secure: every request in it goes to a SIPS URI (12.1.1); flow: the one the peer was last heard on, or
    was called on, None where nobody knows; is_on_flow: without a route set, requests go there while it is open, not
    where the remote target says: the peer is a phone of ours, which a NAT may hide; identity: header lines of our
    2xx and changes of session that say who is on our side by now (RFC 3325 9.1), b"" for none."""

    __slots__ = ("call_id", "flow", "identity", "is_on_flow", "is_secure", "key", "local", "local_cseq", "local_tag",
                 "remote", "remote_cseq", "remote_tag", "remote_target", "route_set", "state")

    def __init__(self, call_id: bytes, local: bytes, remote: bytes, tags: tuple[bytes, bytes] | None = None) -> None:
        """tags: those of both, where they are known already."""
        self.call_id = call_id
        self.local = local
        self.remote = remote
        # the remote one is b"" for an RFC 2543 peer (12.1.1)
        self.local_tag, self.remote_tag = tags or (_read_tag(local), _read_tag(remote))
        self.key: DialogKey = (call_id, self.local_tag, self.remote_tag)
        self.remote_target = b""
        self.route_set: tuple[bytes, ...] = ()
        self.local_cseq = 0
        self.remote_cseq = -1
        self.is_secure = False
        self.flow: Flow | None = None
        self.is_on_flow = False
        self.identity = b""
        self.state = EARLY

    @classmethod
    def of_caller(cls, draft: RequestDraft, response: Message, local_tag: bytes = b"") -> "Dialog":
        """12.1.2: out of the request that we sent and a response with a To tag. local_tag: where it is known."""
        dialog = cls(draft.call_id, draft.local, response.to_value,
                     (local_tag or _read_tag(draft.local), response.to_tag))
        dialog.route_set = _read_routes(response)[::-1]     # 12.1.2: in reverse order
        dialog.remote_target = response.contact_uri or draft.uri
        dialog.local_cseq = draft.cseq
        dialog.is_secure = draft.uri[:5].lower() == b"sips:"
        dialog.flow = draft.flow
        dialog.is_on_flow = draft.flow is not None
        return dialog

    @classmethod
    def of_callee(cls, request: Message, local_tag: bytes) -> "Dialog":
        """12.1.1: out of the request that we got and the tag that our responses carry. PeerError: no way back to the
        peer can be read."""
        # 8.1.1.8: exactly one, a SIP or SIPS URI
        target = request.contact_uri
        if not target or target[:4].lower() not in (b"sip:", b"sips") or len(request.values(b"Contact")) != 1:
            raise PeerError("no usable Contact", 400, request.contact or b"", "RFC 3261 12.1.1")
        dialog = cls(request.call_id, b"%s;tag=%s" % (request.to_value, local_tag), request.from_value,
                     (local_tag, request.from_tag))
        dialog.route_set = _read_routes(request)     # 12.1.1: in the order in which they stand
        if len(dialog.route_set) != len(request.values(b"Record-Route")):
            raise PeerError("unreadable Record-Route", 400, request.header(b"Record-Route") or b"", "RFC 3261 20.30")
        dialog.remote_target = target
        dialog.remote_cseq = request.cseq
        dialog.is_secure = request.uri_scheme == b"sips" and request.via_transport.upper() == b"TLS"
        return dialog

    def confirm(self, response: Message | None = None) -> None:
        """A 2xx has come (for the caller: 13.2.2.4 takes the route set from it, and the target) or was sent."""
        if self.state is EARLY:
            self._enter(CONFIRMED)
        if response is not None:
            self.route_set = _read_routes(response)[::-1]
            self.refresh_target(response)

    def terminate(self) -> None:
        """The last usage is gone."""
        if self.state is not TERMINATED:
            self._enter(TERMINATED)

    def refresh_target(self, message: Message) -> None:
        """A target refresh request came, or a 2xx to ours (12.2.1.2, 12.2.2); the route set stays as it is."""
        uri = message.contact_uri
        if uri and uri != b"*":
            self.remote_target = uri

    def admit_request(self, request: Message) -> bool:
        """12.2.2: False for a CSeq lower than one seen before, to be answered 500; otherwise that is the number now.
        Not to be asked for ACK and CANCEL, which carry the number of their INVITE."""
        if request.cseq < self.remote_cseq:
            return False
        self.remote_cseq = request.cseq
        return True

    def next_cseq(self) -> int:
        """The number of our next request (12.2.1.1)."""
        self.local_cseq += 1
        return self.local_cseq

    def draft_request(self, method: bytes, cseq: int = 0) -> RequestDraft:
        """A request in this dialog, 12.2.1.1; cseq: that of the INVITE for its ACK, 0 for the next one."""
        draft = RequestDraft(method, self.remote_target, self.local, self.remote, self.call_id)
        draft.cseq = cseq or self.next_cseq()
        flow = self.flow
        if flow is not None:
            draft.near = flow.listener
            if self.is_on_flow and not self.route_set:
                draft.flow = flow
        if self.route_set:
            first = split_address(self.route_set[0])[1]
            if _is_loose(first):
                draft.set_routes(self.route_set)
            else:   # 12.2.1.1: a strict router is the Request-URI, the remote target the last Route
                draft.uri = draft.next_hop = strip_for_request(first)
                draft.routes = (*self.route_set[1:], b"<%s>" % self.remote_target)
        return draft

    def name_local(self) -> bytes:
        """From as whoever is on our side by now, `identity`, has it (RFC 4916 4.4)."""
        name = self.identity.partition(b":")[2].partition(b"\r\n")[0].strip()
        return b"%s;tag=%s" % (name, self.local_tag)

    def snapshot(self) -> DialogSnapshot:
        """Everything that must outlive a restart."""
        return {"state": int(self.state), "call_id": self.call_id, "local": self.local, "remote": self.remote,
                "remote_target": self.remote_target, "route_set": list(self.route_set), "local_cseq": self.local_cseq,
                "remote_cseq": self.remote_cseq, "is_secure": self.is_secure, "is_on_flow": self.is_on_flow,
                "flow": None if self.flow is None else self.flow.key}

    @classmethod
    def restore(cls, saved: DialogSnapshot, flow: Flow | None = None) -> "Dialog":
        """The dialog that a snapshot was taken of; flow: the one that its key names, None where it is gone."""
        dialog = cls(saved["call_id"], saved["local"], saved["remote"])
        dialog.remote_target = saved["remote_target"]
        dialog.route_set = tuple(saved["route_set"])
        dialog.local_cseq = saved["local_cseq"]
        dialog.remote_cseq = saved["remote_cseq"]
        dialog.is_secure = saved["is_secure"]
        dialog.is_on_flow = saved["is_on_flow"]
        dialog.flow = flow
        dialog.state = DialogState(saved["state"])
        return dialog

    def _enter(self, state: DialogState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"dialog: {self.state.name} to {state.name}")
        self.state = state


def _read_routes(message: Message) -> tuple[bytes, ...]:
    """The Record-Route values that can be read; of a 2xx, which must be acknowledged, what is broken is left out."""
    routes: list[bytes] = []
    for value in message.values(b"Record-Route"):
        try:
            uri = split_address(value)[1]
        except ScanError:
            continue
        if uri:
            routes.append(value)
    return tuple(routes)


def _read_tag(value: bytes) -> bytes:
    return find_parameter(split_address(value)[2], b"tag") or b""


def _is_loose(uri: bytes) -> bool:
    """19.1.1: the lr parameter of a URI, with or without a value."""
    return any(part.partition(b"=")[0].lower() == b"lr" for part in uri.partition(b"?")[0].split(b";")[1:])
