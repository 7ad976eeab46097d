# SPDX-License-Identifier: Apache-2.0
"""One SIP message as an offset table over its octets, and the edits a server makes by splicing (RFC 3261).

No policy: nothing in here knows what a transaction or a binding is. The grammar over pointers is in sip_characters.pxd,
sip_values.pxd, sip_kinds.pxd, sip_head.pxd and sip_splice.pxd; here are the object that owns the octets, and its
Python face.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset
from sip_characters cimport Octets, TOKEN, is_same, lower, put, put_text, skip_class, skip_space
from sip_head cimport Head, Line, Span, is_seen, scan_head
from sip_kinds cimport (AUTHORIZATION, CALL_ID, FROM, MESSAGE_SIZE_LIMIT, PROXY_AUTHORIZATION, PROXY_REQUIRE, REQUIRE,
                        ROUTE, TO)
from sip_octets cimport cut, lower_case, octets_of, run_of, split_run, unfold, unquote
from sip_splice cimport Forward, OctetRun, Reply, has_realm, write_forward, write_reply, write_without_top_via
from sip_values cimport Address, Parameter, is_named, parse_address, parse_parameter
from siphash cimport siphash24, write_hex64

cdef enum:
    STACK_ROOM = 4096               # octets of an edited message that need no heap
    FIXED_ROOM = 160                # what an edit writes beyond the octets it is given: numbers, names, line ends

cdef tuple METHOD_NAMES = (b"INVITE", b"ACK", b"BYE", b"REGISTER", b"OPTIONS", b"CANCEL", b"PRACK", b"UPDATE", b"INFO",
                           b"SUBSCRIBE", b"NOTIFY", b"REFER", b"MESSAGE", b"PUBLISH")
cdef bytes EMPTY = b""
cdef dict COMPACT_FORMS = {         # RFC 3261 7.3.3 and the registry of header fields
    b"a": b"accept-contact", b"b": b"referred-by", b"c": b"content-type", b"d": b"request-disposition",
    b"e": b"content-encoding", b"f": b"from", b"i": b"call-id", b"j": b"reject-contact", b"k": b"supported",
    b"l": b"content-length", b"m": b"contact", b"n": b"identity-info", b"o": b"event", b"r": b"refer-to",
    b"s": b"subject", b"t": b"to", b"u": b"allow-events", b"v": b"via", b"x": b"session-expires", b"y": b"identity"}
cdef dict COMPACT_LETTERS = {name: letter for letter, name in COMPACT_FORMS.items()}


class ScanError(ValueError):
    """The octets are no SIP message that could be answered; `reason` is snake_case."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


cdef bytes normalise_line_ends(bytes data, Py_ssize_t head_size):
    return data[:head_size].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + data[head_size:]


@cython.final
@cython.freelist(64)
cdef class Message:
    """One request or response."""

    cdef Head head
    cdef readonly bytes data
    cdef readonly bytes source_host
    cdef readonly uint16_t source_port
    cdef readonly bytes method

    def __cinit__(self, bytes data not None, bytes source_host not None=EMPTY, uint16_t source_port=0,
                  bint is_stream=False):
        self.source_host, self.source_port = source_host, source_port
        if octets_of(data)[0] <= 32:
            data = data.lstrip(b"\r\n")                 # RFC 3261 7.5: empty lines before the start line
        self.data = data
        self.scan(is_stream)
        if self.head.has_bare_newline:                  # tolerated, but nothing of ours leaves with it
            self.data = normalise_line_ends(data, self.head.head_size)
            self.forget()
            self.scan(is_stream)
        self.cut_surplus()
        if self.head.is_request and self.head.method >= 0:
            self.method = <bytes>METHOD_NAMES[self.head.method]
        elif not self.head.is_request and self.head.cseq_method >= 0:
            self.method = <bytes>METHOD_NAMES[self.head.cseq_method]
        else:
            self.method = self.take(self.head.start_method if self.head.is_request else self.head.cseq_method_name)

    def __dealloc__(self):
        self.forget()

    cdef void forget(self) noexcept:
        if self.head.lines != NULL and self.head.lines != self.head.room:
            free(self.head.lines)
        memset(&self.head, 0, sizeof(Head))

    cdef int scan(self, bint is_stream) except -1:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.data)
        if size == 0:
            raise ScanError("empty")
        if size > MESSAGE_SIZE_LIMIT:
            raise ScanError("too_large")
        scan_head(&self.head, octets_of(self.data), octets_of(self.data) + size, is_stream)
        if self.head.has_no_memory:
            raise MemoryError
        if self.head.error != NULL:
            raise ScanError((<bytes>self.head.error).decode("ascii"))
        return 0

    cdef int cut_surplus(self) except -1:
        """RFC 3261 18.3: octets behind the body that Content-Length announces are not of this message."""
        cdef Py_ssize_t end = self.head.head_size + self.head.content_length
        if self.head.content_length >= 0 and end < PyBytes_GET_SIZE(self.data):
            self.data = self.data[:end]
            self.head.base = octets_of(self.data)
            self.head.limit = self.head.base + end
        return 0

    cdef inline bytes take(self, Span span):
        return cut(self.head.base + span.begin, self.head.base + span.end)

    cdef inline bytes take_unfolded(self, Span span):
        return unfold(self.head.base + span.begin, self.head.base + span.end)

    cdef bytes take_value(self, int kind):
        if not is_seen(&self.head, kind):
            return EMPTY
        cdef Line *line = self.head.lines + self.head.first[kind]
        return unfold(self.head.base + line.value, self.head.base + line.end)

    @property
    def is_request(self):
        return <bint>self.head.is_request

    @property
    def status(self):
        return self.head.status

    @property
    def cseq(self):
        return self.head.cseq

    @property
    def max_forwards(self):
        return self.head.max_forwards

    @property
    def expires(self):
        return self.head.expires

    @property
    def content_length(self):
        return self.head.content_length

    @property
    def via_count(self):
        return self.head.via_count

    @property
    def via_port(self):
        return self.head.via_port

    @property
    def has_rport(self):
        return self.head.rport.end != 0

    @property
    def fault_status(self):
        return self.head.fault_status

    @property
    def fault_reason(self):
        return <bytes>self.head.fault if self.head.fault != NULL else EMPTY

    @property
    def head_size(self):
        return self.head.head_size

    @property
    def uri(self):
        return self.take(self.head.uri)

    @property
    def uri_scheme(self):
        return lower_case(self.head.base + self.head.scheme.begin, self.head.base + self.head.scheme.end)

    @property
    def uri_user(self):
        return self.take(self.head.uri_user)

    @property
    def uri_hostport(self):
        return lower_case(self.head.base + self.head.uri_hostport.begin, self.head.base + self.head.uri_hostport.end)

    @property
    def reason_phrase(self):
        return self.take(self.head.reason)

    @property
    def branch(self):
        return self.take(self.head.branch)

    @property
    def sent_by(self):
        return self.take(self.head.sent_by)

    @property
    def via_host(self):
        return self.take(self.head.via_host)

    @property
    def via_transport(self):
        return self.take(self.head.transport)

    @property
    def via_params(self):
        return self.take_unfolded(self.head.via_parameters)

    @property
    def call_id(self):
        return self.take_value(CALL_ID)

    @property
    def from_value(self):
        return self.take_value(FROM)

    @property
    def to_value(self):
        return self.take_value(TO)

    @property
    def from_tag(self):
        return self.take(self.head.from_tag)

    @property
    def to_tag(self):
        return self.take(self.head.to_tag)

    @property
    def from_uri(self):
        return self.take(self.head.from_uri)

    @property
    def to_uri(self):
        return self.take(self.head.to_uri)

    @property
    def from_user(self):
        return self.take(self.head.from_user)

    @property
    def to_user(self):
        return self.take(self.head.to_user)

    @property
    def contact(self):
        return self.take_unfolded(self.head.contact) if self.head.contact.end else None

    @property
    def contact_uri(self):
        return self.take(self.head.contact_uri) if self.head.contact_uri.end else None

    @property
    def route(self):
        return self.take_unfolded(self.head.route) if self.head.route.end else None

    @property
    def route_uri(self):
        return self.take(self.head.route_uri) if self.head.route_uri.end else None

    @property
    def body(self):
        return cut(self.head.base + self.head.head_size, self.head.limit)

    @property
    def has_require(self):
        return is_seen(&self.head, REQUIRE) or is_seen(&self.head, PROXY_REQUIRE)

    @property
    def has_credentials(self):
        return is_seen(&self.head, AUTHORIZATION) or is_seen(&self.head, PROXY_AUTHORIZATION)

    cdef bytes build_server_key(self, bytes method):
        cdef Head *head = &self.head
        cdef Span branch = head.branch, sent_by = head.sent_by
        cdef int i, branch_size = branch.end - branch.begin, sent_by_size = sent_by.end - sent_by.begin
        if branch_size < 7 or memcmp(head.base + branch.begin, "z9hG4bK", 7) != 0:
            return self.build_old_server_key(method)
        cdef bytes key = PyBytes_FromStringAndSize(NULL, branch_size + sent_by_size + PyBytes_GET_SIZE(method) + 2)
        cdef unsigned char *at = <unsigned char *>PyBytes_AS_STRING(key)
        at = put_text(put(at, head.base + branch.begin, branch_size), " ", 1)
        for i in range(sent_by_size):
            at[i] = lower(head.base[sent_by.begin + i])
        at = put_text(at + sent_by_size, " ", 1)
        put(at, octets_of(method), PyBytes_GET_SIZE(method))
        return key

    cdef bytes build_old_server_key(self, bytes method):
        """RFC 3261 17.2.3, what a server does for a client of RFC 2543."""
        to_tag = EMPTY if method == b"INVITE" else self.take(self.head.to_tag)
        return b"\n".join((b"2543", self.uri, to_tag, self.from_tag, self.call_id, b"%d" % self.head.cseq,
                           self.take_unfolded(self.head.via), method))

    @property
    def server_key(self):
        return self.build_server_key(<bytes>METHOD_NAMES[0] if self.head.method == 1 else self.method)

    @property
    def invite_key(self):
        return self.build_server_key(<bytes>METHOD_NAMES[0])

    @property
    def client_key(self):
        cdef Span branch = self.head.branch
        cdef Py_ssize_t size = branch.end - branch.begin
        cdef bytes key = PyBytes_FromStringAndSize(NULL, size + 1 + PyBytes_GET_SIZE(self.method))
        cdef unsigned char *at = put(<unsigned char *>PyBytes_AS_STRING(key), self.head.base + branch.begin, size)
        put(put_text(at, " ", 1), octets_of(self.method), PyBytes_GET_SIZE(self.method))
        return key

    @property
    def merge_key(self):
        return b"%b %b %d %b" % (self.from_tag, self.call_id, self.head.cseq, self.method)

    def loop_hash(self, bytes key not None, bytes realm not None=EMPTY):
        cdef OctetRun own = run_of(realm)
        cdef list parts = [self.uri, self.from_tag, self.to_tag, self.call_id, b"%d" % self.head.cseq]
        cdef int i, kind
        cdef Line *line
        for i in range(self.head.count):
            line = self.head.lines + i
            kind = line.kind
            if kind == PROXY_AUTHORIZATION and own.size and has_realm(&self.head, line, own):
                continue                                # `forward` takes them off: a loop comes back without them
            if kind == ROUTE or kind == PROXY_REQUIRE or kind == PROXY_AUTHORIZATION:
                parts.append(cut(self.head.base + line.start, self.head.base + line.end))
        return siphash(key, b"\n".join(parts))

    cdef list find_lines(self, bytes name, bint is_first_only):
        """Values of every line with this name (full or compact, any case), unfolded."""
        cdef bytes full = name.lower()
        full = <bytes>COMPACT_FORMS.get(full, full)
        cdef bytes letter = <bytes>COMPACT_LETTERS.get(full, full)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(full), letter_size = PyBytes_GET_SIZE(letter)
        cdef list found = []
        cdef Octets start
        cdef Py_ssize_t name_size
        cdef int i
        for i in range(self.head.count):
            start = self.head.base + self.head.lines[i].start
            name_size = self.name_end(i) - start
            if ((name_size == size and is_same(start, PyBytes_AS_STRING(full), size))
                    or (name_size == letter_size and is_same(start, PyBytes_AS_STRING(letter), letter_size))):
                found.append(unfold(self.head.base + self.head.lines[i].value, self.head.base + self.head.lines[i].end))
                if is_first_only:
                    break
        return found

    cdef inline Octets name_end(self, int i):
        cdef Line *line = self.head.lines + i
        return skip_class(self.head.base + line.start, self.head.base + line.value, TOKEN)

    def header(self, bytes name not None):
        cdef list found = self.find_lines(name, True)
        return found[0] if found else None

    def headers(self, bytes name not None):
        return self.find_lines(name, False)

    def values(self, bytes name not None):
        cdef list values = []
        for line in self.find_lines(name, False):
            values.extend(split_values(<bytes>line))
        return values

    def header_lines(self):
        cdef list lines = []
        cdef int i
        for i in range(self.head.count):
            lines.append((cut(self.head.base + self.head.lines[i].start, self.name_end(i)),
                          unfold(self.head.base + self.head.lines[i].value, self.head.base + self.head.lines[i].end)))
        return lines

    def credentials(self, bint is_proxy):
        cdef int i, kind = PROXY_AUTHORIZATION if is_proxy else AUTHORIZATION
        cdef list found = []
        for i in range(self.head.count):
            if self.head.lines[i].kind == kind:
                found.append(unfold(self.head.base + self.head.lines[i].value, self.head.base + self.head.lines[i].end))
        return found

    def reply(self, bytes status_line not None, bytes to_tag not None, bytes lines not None=EMPTY,
              bytes body not None=EMPTY, bint has_record_route=False):
        cdef Reply reply
        cdef unsigned char[STACK_ROOM] room
        cdef unsigned char *begin
        cdef Py_ssize_t size
        reply.status_line, reply.to_tag = run_of(status_line), run_of(to_tag)
        reply.lines, reply.body = run_of(lines), run_of(body)
        reply.source_host, reply.source_port = run_of(self.source_host), self.source_port
        reply.has_record_route = has_record_route
        size = (self.head.head_size + 2 * self.head.count + FIXED_ROOM + reply.status_line.size + reply.to_tag.size
                + reply.lines.size + reply.body.size + reply.source_host.size)
        begin = &room[0] if size <= STACK_ROOM else <unsigned char *>malloc(size)
        if begin == NULL:
            raise MemoryError
        try:
            return cut(begin, write_reply(begin, &self.head, &reply))
        finally:
            if begin != &room[0]:
                free(begin)

    def forward(self, bytes uri not None, bytes via not None, bytes lines not None=EMPTY, int routes_to_drop=0,
                bytes realm not None=EMPTY):
        cdef Forward forward
        cdef unsigned char[STACK_ROOM] room
        cdef unsigned char *begin
        cdef Py_ssize_t size
        forward.uri, forward.via, forward.lines, forward.realm = run_of(uri), run_of(via), run_of(lines), run_of(realm)
        forward.source_host, forward.source_port = run_of(self.source_host), self.source_port
        forward.routes_to_drop = routes_to_drop
        size = (PyBytes_GET_SIZE(self.data) + FIXED_ROOM + forward.uri.size + forward.via.size + forward.lines.size
                + forward.source_host.size)
        begin = &room[0] if size <= STACK_ROOM else <unsigned char *>malloc(size)
        if begin == NULL:
            raise MemoryError
        try:
            return cut(begin, write_forward(begin, &self.head, &forward))
        finally:
            if begin != &room[0]:
                free(begin)

    def without_top_via(self):
        cdef unsigned char[STACK_ROOM] room
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.data) + FIXED_ROOM
        cdef unsigned char *begin = &room[0] if size <= STACK_ROOM else <unsigned char *>malloc(size)
        if begin == NULL:
            raise MemoryError
        try:
            return cut(begin, write_without_top_via(begin, &self.head))
        finally:
            if begin != &room[0]:
                free(begin)


def split_values(bytes value not None):
    return split_run(octets_of(value), octets_of(value) + PyBytes_GET_SIZE(value))


def split_address(bytes value not None):
    cdef Address address
    cdef Octets end = octets_of(value) + PyBytes_GET_SIZE(value)
    if parse_address(octets_of(value), end, &address) != end:
        raise ScanError("bad_address")
    display = unquote(address.display, address.display_end) if address.display != NULL else EMPTY
    return display, cut(address.uri.begin, address.uri.end), cut(address.parameters, address.end)


def find_parameter(bytes parameters not None, bytes name not None):
    cdef Octets p = octets_of(parameters), end = octets_of(parameters) + PyBytes_GET_SIZE(parameters)
    cdef Parameter parameter
    cdef bytes wanted = name.lower()
    p = skip_space(p, end)
    while p != NULL and p < end and p[0] == c";":
        p = parse_parameter(p + 1, end, &parameter)
        if p != NULL and is_named(&parameter, PyBytes_AS_STRING(wanted), PyBytes_GET_SIZE(wanted)):
            return EMPTY if parameter.value == NULL else unquote(parameter.value, parameter.value_end)
    return None


def siphash(bytes key not None, bytes data not None):
    if PyBytes_GET_SIZE(key) != 16:
        raise ValueError("key must have 16 octets")
    cdef unsigned char[16] digits
    write_hex64(siphash24(octets_of(key), octets_of(data), PyBytes_GET_SIZE(data)), digits)
    return cut(digits, digits + 16)
