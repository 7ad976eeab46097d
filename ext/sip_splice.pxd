# SPDX-License-Identifier: Apache-2.0
# The edits of a server, written as copies of runs between the lines of a Head; header-only, no state.
# The caller gives room for everything that can come out (see `room_for`); every line is copied at most once.
from libc.string cimport memcmp
from sip_characters cimport CLASS_OF, Octets, SPACE, lower, put, put_number, put_text, skip_space
from sip_head cimport Head, Line, is_seen
from sip_kinds cimport (AUTHORIZATION, CALL_ID, CONTENT_LENGTH, CSEQ, FROM, MAX_FORWARDS, PROXY_AUTHORIZATION,
                        RECORD_ROUTE, ROUTE, TIMESTAMP, TO, VIA)
from sip_values cimport Parameter, find_comma, is_named, parse_parameter

cdef struct OctetRun:
    Octets begin
    Py_ssize_t size

cdef struct Reply:
    OctetRun status_line
    OctetRun to_tag
    OctetRun lines
    OctetRun body
    OctetRun source_host
    int source_port
    bint has_record_route

cdef struct Forward:
    OctetRun uri
    OctetRun via
    OctetRun lines
    OctetRun realm
    OctetRun source_host
    int source_port
    int routes_to_drop


cdef inline unsigned char *put_run(unsigned char *at, OctetRun run) noexcept nogil:
    return put(at, run.begin, run.size)


cdef inline unsigned char *put_span(unsigned char *at, Head *head, int begin, int end) noexcept nogil:
    return put(at, head.base + begin, end - begin) if end > begin else at


cdef inline bint needs_received(Head *head, OctetRun source_host) noexcept nogil:
    """RFC 3261 18.2.1: sent-by differs from the source; RFC 3581 4: always with rport; a claim in it is replaced."""
    cdef int i
    if source_host.size == 0:
        return False
    if head.rport.end or head.received.end or head.via_host.end - head.via_host.begin != source_host.size:
        return True
    for i in range(source_host.size):
        if lower(head.base[head.via_host.begin + i]) != lower(source_host.begin[i]):
            return True
    return False


cdef inline unsigned char *put_top_via(unsigned char *at, Head *head, int begin, OctetRun host,
                                       int port) noexcept nogil:
    """[begin, end of the top Via value) with rport and received filled in."""
    cdef bint is_received = needs_received(head, host), has_rport = head.rport.end != 0 and host.size != 0
    cdef int rport = head.rport.begin if has_rport else begin, drop = begin, kept = begin
    if is_received and head.received.end:
        drop, kept = head.received.begin, head.received.end
    if has_rport and (drop == kept or rport <= drop):
        at = put_span(at, head, begin, rport)
        at = put_number(put_text(at, "=", 1), port)
        begin = head.rport.end                                  # a value that the client wrote is replaced
        has_rport = False
    if kept > drop:
        at = put_span(at, head, begin, drop)
        begin = kept
    if has_rport:
        at = put_span(at, head, begin, rport)
        at = put_number(put_text(at, "=", 1), port)
        begin = head.rport.end
    at = put_span(at, head, begin, head.via.end)
    if is_received:
        at = put_run(put_text(at, ";received=", 10), host)
    return at


cdef inline unsigned char *put_line(unsigned char *at, Head *head, Line *line) noexcept nogil:
    return put_text(put_span(at, head, line.start, line.end), "\r\n", 2)


cdef inline unsigned char *write_reply(unsigned char *at, Head *head, Reply *reply) noexcept nogil:
    """RFC 3261 8.2.6.2."""
    cdef int i, kind
    cdef Line *line
    cdef bint is_trying = reply.status_line.size > 11 and memcmp(reply.status_line.begin + 8, "100", 3) == 0
    at = put_run(at, reply.status_line)
    for i in range(head.count):
        line = head.lines + i
        kind = line.kind
        if kind == VIA:
            if head.first[VIA] != i:
                at = put_line(at, head, line)
                continue
            at = put_top_via(at, head, line.start, reply.source_host, reply.source_port)
            at = put_text(put_span(at, head, head.via.end, line.end), "\r\n", 2)
        elif kind == TO and head.first[TO] == i:
            at = put_span(at, head, line.start, line.end)
            if head.to_tag.end == 0 and reply.to_tag.size:
                at = put_run(put_text(at, ";tag=", 5), reply.to_tag)
            at = put_text(at, "\r\n", 2)
        elif (((kind == FROM or kind == CALL_ID or kind == CSEQ) and head.first[kind] == i)
              or (kind == RECORD_ROUTE and reply.has_record_route) or (kind == TIMESTAMP and is_trying)):
            at = put_line(at, head, line)
    at = put_run(at, reply.lines)
    at = put_number(put_text(at, "Content-Length: ", 16), reply.body.size)
    at = put_text(at, "\r\n\r\n", 4)
    return put_run(at, reply.body)


cdef inline unsigned char *put_tail(unsigned char *at, Head *head, int begin) noexcept nogil:
    """Everything from `begin` to the end of the message, a Content-Length before the empty line where there is none."""
    cdef int blank = head.lines[head.count].start
    at = put_span(at, head, begin, blank)
    if not is_seen(head, CONTENT_LENGTH):                       # RFC 3261 20.14: SHOULD; over a stream MUST
        at = put_number(put_text(at, "Content-Length: ", 16), head.limit - head.base - head.head_size)
        at = put_text(at, "\r\n", 2)
    return put(at, head.base + blank, head.limit - head.base - blank)


cdef inline int drop_values(Head *head, Line *line, int count, int *dropped) noexcept nogil:
    """Where a line's values go on when `count` are taken off; its end when none is left. dropped: how many were."""
    cdef Octets p = head.base + line.value, end = head.base + line.end
    dropped[0] = 0
    while dropped[0] < count:
        p = find_comma(p, end)
        dropped[0] += 1
        if p == end:
            return line.end
        p = skip_space(p + 1, end)
    return <int>(p - head.base)


cdef inline bint has_realm(Head *head, Line *line, OctetRun realm) noexcept nogil:
    """Whether a line of credentials is for this realm, RFC 3261 22.3."""
    cdef Octets p = head.base + line.value, end = head.base + line.end
    cdef Parameter parameter
    while p < end and not CLASS_OF[p[0]] & SPACE:               # the scheme
        p += 1
    while p < end:
        p = parse_parameter(p, end, &parameter)
        if p == NULL:
            return False
        if is_named(&parameter, "realm", 5) and parameter.value != NULL:
            if parameter.value[0] == c'"':
                parameter.value += 1
                parameter.value_end -= 1
            return (parameter.value_end - parameter.value == realm.size
                    and memcmp(parameter.value, realm.begin, realm.size) == 0)
        p += 1                                                  # the comma
    return False


cdef inline unsigned char *write_forward(unsigned char *at, Head *head, Forward *forward) noexcept nogil:
    """RFC 3261 16.6 steps 2-8 on the octets."""
    cdef int i, kind, dropped, rest, run = head.lines[0].start, to_drop = forward.routes_to_drop
    cdef Line *line
    at = put_span(at, head, head.start_method.begin, head.start_method.end)
    at = put_run(put_text(at, " ", 1), forward.uri)
    at = put_text(at, " SIP/2.0\r\n", 10)
    at = put_run(put_run(at, forward.via), forward.lines)
    for i in range(head.count):
        line = head.lines + i
        kind = line.kind
        if kind == VIA and head.first[VIA] == i:
            at = put_top_via(at, head, run, forward.source_host, forward.source_port)
            run = head.via.end
        elif kind == MAX_FORWARDS:
            at = put_span(at, head, run, line.value)
            at = put_number(at, head.max_forwards - 1 if head.max_forwards > 0 else 0)
            run = line.end
        elif kind == ROUTE and to_drop > 0:
            rest = drop_values(head, line, to_drop, &dropped)
            to_drop -= dropped
            at = put_span(at, head, run, line.value if rest < line.end else line.start)
            run = rest if rest < line.end else head.lines[i + 1].start
        elif ((kind == PROXY_AUTHORIZATION or kind == AUTHORIZATION)
              and forward.realm.size and has_realm(head, line, forward.realm)):
            at = put_span(at, head, run, line.start)
            run = head.lines[i + 1].start
    if not is_seen(head, MAX_FORWARDS):                         # 16.6 step 3
        at = put_span(at, head, run, head.lines[head.count].start)
        at = put_text(at, "Max-Forwards: 70\r\n", 18)
        run = head.lines[head.count].start
    return put_tail(at, head, run)


cdef inline unsigned char *write_without_top_via(unsigned char *at, Head *head) noexcept nogil:
    cdef Line *line = head.lines + head.first[VIA]
    cdef int dropped, rest = drop_values(head, line, 1, &dropped)
    if rest < line.end:
        return put_tail(put_span(at, head, 0, line.value), head, rest)
    return put_tail(put_span(at, head, 0, line.start), head, head.lines[head.first[VIA] + 1].start)
