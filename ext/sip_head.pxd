# SPDX-License-Identifier: Apache-2.0
# One message's start line and header lines as an offset table, checked on the way; header-only, no state of its own.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport malloc
from libc.string cimport memcmp, memcpy
from sip_characters cimport (CLASS_OF, Octets, SPACE, TOKEN, find_control, is_same, read_number, skip_class, skip_space,
                             trim_space)
from sip_kinds cimport (ANSWERED_VIA_LIMIT, CALL_ID, CONTACT, CONTENT_LENGTH, CSEQ, DUPLICATE, EXPIRES, FROM, KINDS,
                        LINE_LIMIT, LINE_ROOM, LINE_SIZE_LIMIT, MAX_FORWARDS, MESSAGE_SIZE_LIMIT, MISSING, OTHER,
                        RECORD_ROUTE, REQUEST_URI_LIMIT, ROUTE, TIMESTAMP, TO, VIA, classify_name, find_method)
from sip_values cimport Address, OTHER_URI, Uri, Via, parse_address, parse_uri, parse_via

cdef struct Span:
    uint16_t begin
    uint16_t end

cdef struct Line:
    uint16_t start                  # of the line; it ends where the next one starts
    uint16_t value                  # first octet of the value
    uint16_t end                    # behind its last octet, white space off
    uint8_t kind

cdef struct Head:
    Octets base
    Octets limit                    # behind the last octet received
    Line *lines                     # `count` of them and one more that marks the end
    Line[LINE_ROOM] room            # where they stand in the common case
    int count
    int head_size
    int method                      # place in METHOD, -1 unknown
    int cseq_method
    int status
    int via_count
    int via_port
    int max_forwards
    int cseq
    int fault_status
    int64_t expires
    int64_t content_length
    const char *fault
    const char *error               # no message at all
    uint32_t seen                   # one bit a kind
    uint16_t[KINDS] first           # its first line
    bint is_request
    bint is_stream
    bint is_cut                     # the header section does not end
    bint has_bare_newline
    bint has_no_memory
    Span start_method
    Span cseq_method_name
    Span uri
    Span scheme
    Span uri_user
    Span uri_hostport
    Span reason
    Span via
    Span transport
    Span sent_by
    Span via_host
    Span via_parameters
    Span branch
    Span rport
    Span received
    Span from_uri
    Span from_user
    Span from_tag
    Span to_uri
    Span to_user
    Span to_tag
    Span contact
    Span contact_uri
    Span route
    Span route_uri


cdef inline Span span_of(Head *head, Octets begin, Octets end) noexcept nogil:
    cdef Span span
    span.begin = <uint16_t>(begin - head.base) if begin != NULL else 0
    span.end = <uint16_t>(end - head.base) if begin != NULL else 0
    return span


cdef inline void note_fault(Head *head, int status, const char *reason) noexcept nogil:
    if head.fault_status == 0:      # the first one is the one to tell
        head.fault_status, head.fault = status, reason


cdef inline void note_request_fault(Head *head, const char *reason) noexcept nogil:
    """A fault of a header that who forwards a response does not need: a response goes on with it (RFC 3261 16.7)."""
    if head.is_request:
        note_fault(head, 400, reason)


cdef inline bint is_seen(Head *head, int kind) noexcept nogil:
    return (head.seen >> kind) & 1


cdef inline Octets find_line_end(Head *head, Octets p, Octets *after) noexcept nogil:
    """The end of the physical line at p; `after` is where the next one starts."""
    while True:
        p = find_control(p, head.limit)
        if p == head.limit:
            head.is_cut = True
            after[0] = p
            return p
        if p[0] == c'\n':
            head.has_bare_newline = True
            after[0] = p + 1
            return p
        if p[0] == c'\r':
            if p + 1 < head.limit and p[1] == c'\n':
                after[0] = p + 2
                return p
            note_fault(head, 400, "carriage return inside a line")
        p += 1


cdef inline void read_status_line(Head *head, Octets p, Octets end) noexcept nogil:
    """SIP-Version SP Status-Code SP Reason-Phrase, RFC 3261 7.2; the last SP may be missing."""
    if end - p < 11 or not is_same(p, "sip/2.0 ", 8) or (end - p > 11 and p[11] != c' ') or end - p > LINE_SIZE_LIMIT:
        head.error = "bad_status_line"
        return
    head.status = <int>read_number(p + 8, p + 11, 699)
    if head.status < 100:
        head.error = "bad_status_code"
        return
    head.reason = span_of(head, p + 12 if end - p > 12 else end, end)


cdef inline void read_request_uri(Head *head, Octets begin, Octets end) noexcept nogil:
    cdef Uri uri
    head.uri = span_of(head, begin, end)
    if end - begin > REQUEST_URI_LIMIT:
        note_fault(head, 414, "Request-URI too long")           # RFC 3261 21.4.12
        return
    parse_uri(&uri, begin, end)
    if uri.fault != NULL:
        note_fault(head, 400, "bad Request-URI")
        return
    head.scheme = span_of(head, begin, uri.scheme_end)
    head.uri_user = span_of(head, uri.user_begin, uri.user_end)
    head.uri_hostport = span_of(head, uri.hostport_begin, uri.hostport_end)
    if uri.headers_begin != NULL:
        note_fault(head, 400, "headers in Request-URI")         # RFC 3261 19.1.1: not allowed there


cdef inline void read_request_line(Head *head, Octets p, Octets end) noexcept nogil:
    """Method SP Request-URI SP SIP-Version, RFC 3261 7.1."""
    cdef Octets method_end = skip_class(p, end, TOKEN), last = trim_space(p, end), version
    if method_end == p or method_end >= last or method_end[0] != c' ':
        head.error = "no_start_line"
        return
    version = last
    while not CLASS_OF[(version - 1)[0]] & SPACE:                    # stops at the space behind the method
        version -= 1
    if version - 1 == method_end or last - version < 5 or not is_same(version, "sip/", 4):
        head.error = "not_sip"
        return
    if last - version != 7 or not is_same(version, "sip/2.0", 7):
        note_fault(head, 505, "SIP-Version is not 2.0")
    if last != end:
        note_fault(head, 400, "space behind SIP-Version")
    if method_end - p > LINE_SIZE_LIMIT:
        head.error = "line_too_long"
    head.start_method = span_of(head, p, method_end)
    head.method = find_method(p, method_end - p)
    read_request_uri(head, method_end + 1, version - 1)


cdef inline Octets read_start_line(Head *head) noexcept nogil:
    cdef Octets after = NULL, p = head.base, end = find_line_end(head, p, &after)
    head.is_request = not (end - p > 4 and is_same(p, "sip/", 4))
    if head.is_request:
        read_request_line(head, p, end)
    else:
        read_status_line(head, p, end)
    return after


cdef inline void read_top_via(Head *head, Via *via) noexcept nogil:
    head.via = span_of(head, via.begin, via.end)
    head.transport = span_of(head, via.transport, via.transport_end)
    head.sent_by = span_of(head, via.sent_by, via.sent_by_end)
    head.via_host = span_of(head, via.host, via.host_end)
    head.via_parameters = span_of(head, via.parameters, via.end)
    head.branch = span_of(head, via.branch, via.branch_end)
    head.rport = span_of(head, via.rport, via.rport_end)
    head.received = span_of(head, via.received, via.received_end)
    head.via_port = via.port
    if via.port < 0:
        head.via_port = 5061 if via.transport_end - via.transport == 3 and is_same(via.transport, "tls", 3) else 5060
    if via.branch_end - via.branch == 7 and memcmp(via.branch, "z9hG4bK", 7) == 0:
        note_fault(head, 400, "branch is only the magic cookie")


cdef inline void read_via(Head *head, Octets p, Octets end) noexcept nogil:
    cdef Via via
    cdef Octets next_value
    while True:
        next_value = parse_via(p, end, &via)
        head.via_count += 1
        if head.via_count == 1:
            if via.sent_by == NULL:
                head.error = "no_usable_via"
                return
            read_top_via(head, &via)
        if next_value == NULL:
            note_fault(head, 400, via.fault)
            return
        if next_value == end:
            return
        p = next_value + 1


cdef inline void read_party(Head *head, Octets p, Octets end, bint is_from) noexcept nogil:
    cdef Address address
    p = parse_address(p, end, &address)
    if p != end:
        note_fault(head, 400, "bad From" if is_from else "bad To")
        return
    if is_from:
        head.from_uri = span_of(head, address.uri.begin, address.uri.end)
        head.from_user = span_of(head, address.uri.user_begin, address.uri.user_end)
        head.from_tag = span_of(head, address.tag, address.tag_end)
    else:
        head.to_uri = span_of(head, address.uri.begin, address.uri.end)
        head.to_user = span_of(head, address.uri.user_begin, address.uri.user_end)
        head.to_tag = span_of(head, address.tag, address.tag_end)


cdef inline void read_contact(Head *head, Octets p, Octets end) noexcept nogil:
    cdef Address address
    if end - p == 1 and p[0] == c'*':
        if head.contact.end == 0:
            head.contact = head.contact_uri = span_of(head, p, end)
        return
    while True:
        p = parse_address(p, end, &address)
        if p == NULL:
            note_request_fault(head, "bad Contact")
            return
        if address.expires != NULL and read_number(address.expires, address.expires_end, 0xffffffff) == -2:
            note_request_fault(head, "expires of Contact too large")
        if head.contact.end == 0:
            head.contact = span_of(head, address.begin, address.end)
            head.contact_uri = span_of(head, address.uri.begin, address.uri.end)
        if p == end:
            return
        p += 1


cdef inline void read_route(Head *head, Octets p, Octets end, bint is_route) noexcept nogil:
    cdef Address address
    while True:
        p = parse_address(p, end, &address)
        if p == NULL or not address.has_brackets:               # route-param = name-addr *( SEMI rr-param )
            note_request_fault(head, "bad Route" if is_route else "bad Record-Route")
            return
        if is_route and head.route.end == 0:
            head.route = span_of(head, address.begin, address.end)
            head.route_uri = span_of(head, address.uri.begin, address.uri.end)
        if p == end:
            return
        p += 1


cdef inline void read_cseq(Head *head, Octets p, Octets end) noexcept nogil:
    cdef Octets digits_end = p
    while digits_end < end and not CLASS_OF[digits_end[0]] & SPACE:
        digits_end += 1
    cdef int64_t number = read_number(p, digits_end, 0x7fffffff)    # RFC 3261 8.1.1.5: less than 2**31
    p = skip_space(digits_end, end)
    if number < 0 or p == end or skip_class(p, end, TOKEN) != end:
        note_fault(head, 400, "bad CSeq")
        return
    head.cseq = <int>number
    head.cseq_method_name = span_of(head, p, end)
    head.cseq_method = find_method(p, end - p)


cdef inline void read_number_header(Head *head, int kind, Octets p, Octets end) noexcept nogil:
    cdef int64_t number
    if kind == MAX_FORWARDS:
        head.max_forwards = <int>read_number(p, end, 255)           # RFC 3261 20.22
        if head.max_forwards < 0:
            head.max_forwards = -1
            note_request_fault(head, "bad Max-Forwards")
    elif kind == CONTENT_LENGTH:
        head.content_length = read_number(p, end, MESSAGE_SIZE_LIMIT)
        if head.content_length < 0:
            head.content_length = -1
            note_fault(head, 400, "bad Content-Length")
    else:
        number = read_number(p, end, 0xffffffff)
        head.expires = number if number >= 0 else -1
        if number == -2:
            note_request_fault(head, "Expires too large")


cdef inline void read_call_id(Head *head, Octets p, Octets end) noexcept nogil:
    if p == end:
        note_fault(head, 400, "empty Call-ID")
    while p < end:
        if p[0] <= 0x20 or p[0] == 0x7f:
            note_fault(head, 400, "space or control octet in Call-ID")
            return
        p += 1


cdef inline void read_header(Head *head, int kind, Octets value, Octets end) noexcept nogil:
    if is_seen(head, kind) and FROM <= kind <= TIMESTAMP:
        if kind <= CSEQ or kind == CONTENT_LENGTH:
            note_fault(head, 400, DUPLICATE[kind])
        else:
            note_request_fault(head, DUPLICATE[kind])
    elif kind == VIA:
        read_via(head, value, end)
    elif kind == FROM or kind == TO:
        read_party(head, value, end, kind == FROM)
    elif kind == CALL_ID:
        read_call_id(head, value, end)
    elif kind == CSEQ:
        read_cseq(head, value, end)
    elif kind == CONTACT:
        read_contact(head, value, end)
    elif kind == ROUTE or kind == RECORD_ROUTE:
        read_route(head, value, end, kind == ROUTE)
    elif MAX_FORWARDS <= kind <= EXPIRES:
        read_number_header(head, kind, value, end)


cdef inline void note_surplus_line(Head *head, int kind) noexcept nogil:
    """A line beyond the limit is not kept. What the answer repeats must be among those that are, and little of it Via:
    so the answer is smaller than the request."""
    cdef uint32_t needed = 1 << VIA | 1 << FROM | 1 << TO | 1 << CALL_ID | 1 << CSEQ
    if head.seen & needed != needed or VIA <= kind <= CSEQ or head.via_count > ANSWERED_VIA_LIMIT:
        head.error = "too_many_headers"
    note_fault(head, 400, "too many header lines")


cdef inline bint add_line(Head *head, Octets start, Octets value, Octets end, int kind) noexcept nogil:
    cdef Line *line
    if head.count == LINE_LIMIT:
        note_surplus_line(head, kind)
        return False
    if head.count == LINE_ROOM - 1:                             # one place stays for the mark at the end
        line = <Line *>malloc((LINE_LIMIT + 1) * sizeof(Line))
        if line == NULL:
            head.has_no_memory = True
            head.error = "no_memory"
            return False
        memcpy(line, head.room, sizeof(head.room))
        head.lines = line
    line = head.lines + head.count
    line.start = <uint16_t>(start - head.base)
    line.value = <uint16_t>(value - head.base)
    line.end = <uint16_t>(end - head.base)
    line.kind = <uint8_t>kind
    if not is_seen(head, kind):
        head.first[kind] = <uint16_t>head.count
    head.count += 1
    return True


cdef inline Octets read_line(Head *head, Octets start) noexcept nogil:
    """One header line with its folds; the start of the next one."""
    cdef Octets p = skip_class(start, head.limit, TOKEN), after = NULL, end, value
    cdef int kind = OTHER
    end = p
    while p < head.limit and (p[0] == c' ' or p[0] == c'\t'):   # HCOLON = *( SP / HTAB ) ":" SWS
        p += 1
    if end == start or p == head.limit or p[0] != c':':
        note_fault(head, 400, "bad header line")
        value = start
    else:
        kind = classify_name(start, end - start)
        p += 1
        value = NULL
    end = find_line_end(head, p, &after)
    while after < head.limit and (after[0] == c' ' or after[0] == c'\t'):      # RFC 3261 7.3.1: folded
        end = find_line_end(head, after, &after)
    if end - start > LINE_SIZE_LIMIT:
        if VIA <= kind <= CSEQ:                                 # the answer would repeat it
            head.error = "line_too_long"
            return after
        kind = OTHER
        note_fault(head, 400, "header line too long")
    if value == NULL:
        value = skip_space(p, end)
    end = trim_space(value, end)
    if add_line(head, start, value, end, kind):
        if kind != OTHER:
            read_header(head, kind, value, end)
        head.seen |= <uint32_t>1 << kind
    return after


cdef inline void check_head(Head *head) noexcept nogil:
    """What holds for the header section as a whole; RFC 3261 8.1.1, 8.2.2, 16.3."""
    cdef int kind
    if not is_seen(head, VIA):
        head.error = "no_via"
        return
    if head.is_cut:
        note_fault(head, 400, "header section not ended")
    for kind in range(FROM, CSEQ + 1):
        if not is_seen(head, kind):
            note_fault(head, 400, MISSING[kind])
    if head.is_stream and not is_seen(head, CONTENT_LENGTH):
        note_fault(head, 400, "no Content-Length over a stream")    # RFC 3261 18.3, 20.14: MUST
    if not head.is_request:
        return
    cdef Span own = head.start_method, other = head.cseq_method_name
    if other.end != 0 and (own.end - own.begin != other.end - other.begin
                           or memcmp(head.base + own.begin, head.base + other.begin, own.end - own.begin) != 0):
        # RFC 4475 3.1.2.18: 501 is better when the method is not known anyway
        note_fault(head, 400 if head.method >= 0 else 501, "CSeq method differs")


cdef inline void scan_head(Head *head, Octets base, Octets limit, bint is_stream) noexcept nogil:
    """Fill `head`, which the caller zeroed. Afterwards head.error is set, or head.fault_status says how sound it is."""
    cdef Octets p
    head.base, head.limit, head.is_stream = base, limit, is_stream
    head.lines = head.room
    head.method = head.cseq_method = head.max_forwards = -1
    head.expires = head.content_length = -1
    p = read_start_line(head)
    while head.error == NULL:
        if p >= limit:
            head.is_cut = True
            break
        if p[0] == c'\r' and p + 1 < limit and p[1] == c'\n':
            head.lines[head.count].start = <uint16_t>(p - base)
            p += 2
            break
        if p[0] == c'\n':
            head.has_bare_newline = True
            head.lines[head.count].start = <uint16_t>(p - base)
            p += 1
            break
        p = read_line(head, p)
    if head.is_cut and head.error == NULL:
        head.lines[head.count].start = <uint16_t>(p - base)
    head.head_size = <int>(p - base)
    if head.error == NULL:
        check_head(head)
    if head.error == NULL and head.content_length > limit - p:
        note_fault(head, 400, "Content-Length larger than the message")     # RFC 3261 18.3
