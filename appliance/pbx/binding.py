# SPDX-License-Identifier: Apache-2.0
"""One binding: an address-of-record tied to a Contact until a time (RFC 3261 section 10, RFC 3327, RFC 5626).

Only `Location` changes a binding; everyone else reads it.
"""

from enum import IntEnum

from appliance.pbx.binding_row import BindingKey, BindingRow, build_key
from appliance.sip.flow import Flow
from appliance.sip.uri import strip_for_request


class Change(IntEnum):
    """What happened to a binding; listeners of `Location` are told."""

    ADDED = 0
    REFRESHED = 1
    REMOVED = 2
    EXPIRED = 3


class Binding:
    """Where one phone of an AOR is reached, and until when.

    aor: the extension; contact: URI octets exactly as given; request_uri: contact as it may stand in a Request-URI,
    once it is a target (RFC 3261 16.6 step 2); value: the whole Contact value as last seen, b"" unknown;
    parameters: its other parameters as given, without expires, from the first ";"; is_sip: whether the URI is sip or
    sips (only such a binding can be a proxy target); q: thousandths, 1000 where absent; requested_s: its own expires
    parameter, -1 absent; granted_s; deadline: monotonic end; call_id, cseq: of the last REGISTER; flow: where requests
    for it leave; arrival: the flow the REGISTER came on, None after a restart; is_direct: no NAT was seen before it;
    path: Route values in order (RFC 3327), the proxy goes by them; instance, reg_id: RFC 5626, reg_id 0 where absent;
    user_agent; line_head: its Contact line in a 200 up to the digits of expires; bucket_begin: of the expiry bucket
    it stands in; is_pending: waiting to be stored; former: Contact URIs that it has replaced, the youngest last.
    """

    __slots__ = ("aor", "arrival", "bucket_begin", "call_id", "contact", "cseq", "deadline", "flow", "former",
                 "granted_s", "instance", "is_direct", "is_pending", "is_sip", "line_head", "parameters", "path", "q",
                 "reg_id", "request_uri", "requested_s", "user_agent", "value")

    def __init__(self, aor: bytes, contact: bytes, flow: Flow) -> None:
        self.aor = aor
        self.contact = contact
        self.flow = flow
        self.arrival: Flow | None = None
        self.value = b""
        self.parameters = b""
        self.is_sip = contact[:4].lower() == b"sip:" or contact[:5].lower() == b"sips:"
        self.request_uri = strip_for_request(contact) if self.is_sip else contact
        self.q = 1000
        self.requested_s = -1
        self.granted_s = 0
        self.deadline = 0.0
        self.call_id = b""
        self.cseq = 0
        self.is_direct = False
        self.path: tuple[bytes, ...] = ()
        self.instance = b""
        self.reg_id = 0
        self.user_agent = b""
        self.line_head = b""
        self.bucket_begin = 0.0
        self.is_pending = False
        self.former: tuple[bytes, ...] = ()

    @property
    def key(self) -> BindingKey:
        """What identifies this binding in the store."""
        return build_key(self.aor, self.contact, self.instance, self.reg_id)

    @property
    def registered_at(self) -> float:
        """When its last REGISTER came, monotonic seconds."""
        return self.deadline - self.granted_s

    def set_parameters(self, parameters: bytes) -> None:
        """Its Contact parameters without expires, and with them what a 200 says of it."""
        self.parameters = parameters
        self.line_head = b"Contact: <%b>%b;expires=" % (self.contact, parameters)

    def build_row(self, wall_offset: float) -> BindingRow:
        """This binding as it goes to disk; wall_offset: wall clock minus monotonic clock, seconds."""
        flow = self.flow
        listener = flow.listener
        return BindingRow(self.aor, self.contact, self.parameters, self.q, self.granted_s, self.deadline + wall_offset,
                          self.call_id, self.cseq, listener.name, listener.transport, flow.host, flow.port,
                          b",".join(self.path), self.instance, self.reg_id, self.user_agent)

    def __repr__(self) -> str:
        return f"<Binding {self.aor.decode('latin-1')} {self.contact.decode('latin-1')}>"
