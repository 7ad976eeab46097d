# SPDX-License-Identifier: Apache-2.0
"""One SIP message as an offset table over its octets, and the edits that a server makes by splicing (RFC 3261).

No policy: nothing in here knows what a transaction or a binding is. All values are octets as they stand in the message,
with surrounding white space off; folded lines stay folded in `forward` and `reply` and are unfolded by `header*`.
"""

class ScanError(ValueError):
    """The octets are no SIP message that could be answered (no start line, no usable top Via, too much of what an
    answer repeats); `reason`: snake_case."""

    reason: str

class Message:
    """One request or response.

    `fault_status` is 0 for a sound message; otherwise the status a request deserves (400, 414, 501, 505 ...) with
    `fault_reason` saying why in a few ASCII words; a faulty message can still be answered with `reply`, and a faulty
    response is to be discarded. What is wrong with headers of a response that are not needed to forward it (Contact,
    Record-Route, Expires ...) is no fault (16.7): such a value reads as absent, and `values` gives it as it stands.
    """

    data: bytes                 # the octets, cut at the end of the body when the datagram was longer; empty lines
                                # before the start line are off, and a head with bare line feeds has them made CRLF
    source_host: bytes          # who sent it, from the packet: numeric, no brackets
    source_port: int
    is_request: bool
    method: bytes               # of a response: that of its CSeq. Known methods are interned
    status: int                 # 0 for a request
    cseq: int
    max_forwards: int           # -1 absent
    expires: int                # -1 absent or unreadable (RFC 3261 20.19 treats it as absent in REGISTER)
    content_length: int         # -1 absent
    via_count: int
    via_port: int               # of the top Via's sent-by; 5060 where absent (5061 for TLS)
    has_rport: bool             # the top Via asks for RFC 3581 (rport; a value in it is tolerated and replaced)
    fault_status: int
    fault_reason: bytes
    head_size: int              # offset of the first octet of the body

    def __init__(self, data: bytes, source_host: bytes = b"", source_port: int = 0,
                 is_stream: bool = False) -> None: ...
    """is_stream: framed out of a stream, where Content-Length is a must (18.3)."""

    # start line
    @property
    def uri(self) -> bytes: ...                 # Request-URI, b"" for a response
    @property
    def uri_scheme(self) -> bytes: ...          # lower case, b"sip", b"sips", b"tel" ...
    @property
    def uri_user(self) -> bytes: ...            # user part without password, still escaped; b"" where absent
    @property
    def uri_hostport(self) -> bytes: ...        # host[:port] as written, lower case
    @property
    def reason_phrase(self) -> bytes: ...

    # hot headers
    @property
    def branch(self) -> bytes: ...              # b"" for an RFC 2543 peer
    @property
    def sent_by(self) -> bytes: ...             # host[:port] of the top Via, as written
    @property
    def via_host(self) -> bytes: ...            # without brackets
    @property
    def via_transport(self) -> bytes: ...       # as written
    @property
    def via_params(self) -> bytes: ...          # from the first ";" of the top Via
    @property
    def call_id(self) -> bytes: ...
    @property
    def from_value(self) -> bytes: ...
    @property
    def to_value(self) -> bytes: ...
    @property
    def from_tag(self) -> bytes: ...            # b"" where absent
    @property
    def to_tag(self) -> bytes: ...
    @property
    def from_uri(self) -> bytes: ...
    @property
    def to_uri(self) -> bytes: ...
    @property
    def from_user(self) -> bytes: ...           # still escaped, without password
    @property
    def to_user(self) -> bytes: ...
    @property
    def contact(self) -> bytes | None: ...      # the first Contact value, with its parameters
    @property
    def contact_uri(self) -> bytes | None: ...  # URI of the first Contact value; b"*" for the star
    @property
    def route(self) -> bytes | None: ...        # the first Route value
    @property
    def route_uri(self) -> bytes | None: ...    # URI of the first Route value
    @property
    def body(self) -> bytes: ...
    @property
    def has_require(self) -> bool: ...          # any Require or Proxy-Require line
    @property
    def has_credentials(self) -> bool: ...      # any Authorization or Proxy-Authorization line

    # transaction keys
    @property
    def server_key(self) -> bytes: ...
    """RFC 3261 17.2.3: branch, sent-by (lower case) and method, ACK counting as INVITE; for a branch without the magic
    cookie, Request-URI, To tag (not for INVITE and ACK), From tag, Call-ID, CSeq number and the whole top Via."""
    @property
    def invite_key(self) -> bytes: ...
    """server_key as the INVITE of the same branch has it: what a CANCEL looks for (9.2)."""
    @property
    def client_key(self) -> bytes: ...
    """RFC 3261 17.1.3 for a response: branch of the top Via, one space, CSeq method."""
    @property
    def merge_key(self) -> bytes: ...
    """RFC 3261 8.2.2.2: From tag, Call-ID, CSeq number and method."""
    def loop_hash(self, key: bytes, realm: bytes = b"") -> bytes: ...
    """RFC 5393 4.2: 16 hex digits over Request-URI, From tag, To tag, Call-ID, CSeq number, Route, Proxy-Require and
    Proxy-Authorization, without credentials of this realm, which `forward` takes off (b"" leaves none out); key: 16
    random octets (SipHash-2-4)."""

    # any header; names are full or compact, any case
    def header(self, name: bytes) -> bytes | None: ...          # first line's whole value, unfolded
    def headers(self, name: bytes) -> list[bytes]: ...          # each line's whole value, unfolded, in order
    def values(self, name: bytes) -> list[bytes]: ...           # comma-separated values of all lines
    def header_lines(self) -> list[tuple[bytes, bytes]]: ...    # (name as written, unfolded value) of every line
    def credentials(self, is_proxy: bool) -> list[bytes]: ...   # (Proxy-)Authorization lines, in order, unfolded

    # edits
    def reply(self, status_line: bytes, to_tag: bytes, lines: bytes = b"", body: bytes = b"",
              has_record_route: bool = False) -> bytes: ...
    """A response to this request, RFC 3261 8.2.6.2: all Via values (top one stamped with received and rport, RFC 3581),
    From, To (with to_tag where it has none and to_tag is not empty), Call-ID, CSeq; Record-Route too when asked;
    Timestamp copied into a 100. status_line and lines end in CRLF; Content-Length is written, Content-Type stands in
    lines."""
    def forward(self, uri: bytes, via: bytes, lines: bytes = b"", routes_to_drop: int = 0,
                realm: bytes = b"") -> bytes: ...
    """This request as a proxy sends it, RFC 3261 16.6, in one splice: Request-URI replaced by uri; via (whole line) and
    lines (whole lines, e.g. Record-Route) put on top; the old top Via stamped; Max-Forwards one less (70 where absent);
    that many topmost Route values gone; Authorization and Proxy-Authorization of this realm gone (b"" keeps all);
    Content-Length added where absent. Everything else stays octet for octet."""
    def without_top_via(self) -> bytes: ...
    """This response as a proxy sends it on: the topmost Via value gone (16.7 step 3); Content-Length where absent."""

def split_values(value: bytes) -> list[bytes]: ...
"""A comma-separated header value in its parts; quoted strings and <> respected, white space off. b"" gives [b""]."""
def split_address(value: bytes) -> tuple[bytes, bytes, bytes]: ...
"""(display name without quotes and backslashes, URI, header parameters from the first ";") of a name-addr or addr-spec
(20.10: without <>, parameters belong to the header). Raises ScanError."""
def find_parameter(parameters: bytes, name: bytes) -> bytes | None: ...
"""Value of `;name=value` in a parameter string (any case, quotes and backslashes off); b"" without value, None if not
there."""
def siphash(key: bytes, data: bytes) -> bytes: ...
"""SipHash-2-4 as 16 hex digits; key: 16 octets."""
