# SPDX-License-Identifier: Apache-2.0
# URIs, name-addr and Via values of RFC 3261 over (begin, end) pointers; header-only, no state.
# A parser gives the position behind the value, or NULL with `fault` saying why in a few ASCII words.
from libc.string cimport memchr, memcmp
from sip_characters cimport (ALPHA, CLASS_OF, DIGIT, HEX, HOST, Octets, PARAMETER, SPACE, TOKEN, VISIBLE, is_same,
                             read_number, skip_class, skip_space, trim_space)

cdef enum UriKind:
    OTHER_URI, SIP_URI, SIPS_URI, TEL_URI

cdef struct Uri:
    Octets begin
    Octets end
    Octets scheme_end
    Octets user_begin               # NULL where absent; the password is not in it
    Octets user_end
    Octets hostport_begin
    Octets hostport_end
    Octets headers_begin            # behind the "?", NULL where absent
    UriKind kind
    const char *fault

cdef struct Parameter:
    Octets name
    Octets name_end
    Octets value                    # NULL where there is no "="
    Octets value_end

cdef struct Address:
    Octets begin
    Octets end
    Octets display                  # with quotes, as written; NULL where absent
    Octets display_end
    Uri uri
    bint has_brackets
    Octets parameters               # at the first ";" behind the URI, `end` where there is none
    Octets tag
    Octets tag_end
    Octets expires
    Octets expires_end
    const char *fault

cdef struct Via:
    Octets begin
    Octets end
    Octets transport
    Octets transport_end
    Octets sent_by                  # NULL: unusable
    Octets sent_by_end
    Octets host                     # without brackets
    Octets host_end
    int port                        # -1 absent
    Octets parameters               # at the first ";", `end` where there is none
    Octets branch
    Octets branch_end
    Octets rport                    # behind ";rport"
    Octets rport_end                # behind its value, where it has one
    Octets received                 # the ";" of an existing received parameter
    Octets received_end
    const char *fault


cdef inline Octets parse_quoted(Octets p, Octets end) noexcept nogil:
    """The position behind the quoted-string that begins at p; NULL: unbalanced, or a bare control octet."""
    p += 1
    while p < end:
        if p[0] == c'"':
            return p + 1
        if p[0] == c'\\':
            p += 1                  # quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F)
            if p >= end or p[0] == c'\r' or p[0] == c'\n':
                return NULL
        elif p[0] < 0x20 and not CLASS_OF[p[0]] & SPACE:
            return NULL
        p += 1
    return NULL


cdef inline Octets parse_host(Octets p, Octets end, Octets *host, Octets *host_end) noexcept nogil:
    """hostname / IPv4address / IPv6reference; host comes without brackets."""
    if p < end and p[0] == c'[':
        host[0] = p + 1
        p += 1
        while p < end and (CLASS_OF[p[0]] & HEX or p[0] == c':' or p[0] == c'.'):
            p += 1
        host_end[0] = p
        if p >= end or p[0] != c']' or p - host[0] < 2 or memchr(host[0], c':', p - host[0]) == NULL:
            return NULL
        return p + 1
    host[0] = p
    p = skip_class(p, end, HOST)
    host_end[0] = p
    return p if p > host[0] else NULL


cdef inline Octets parse_port(Octets p, Octets end, int *port) noexcept nogil:
    cdef Octets begin = p
    p = skip_class(p, end, DIGIT)
    port[0] = <int>read_number(begin, p, 65535)
    return p if port[0] >= 0 else NULL


cdef inline Octets parse_parameter(Octets p, Octets end, Parameter *parameter) noexcept nogil:
    """One generic-param; p stands behind its ";". The result is at the next ";" or ",", or at the end."""
    p = skip_space(p, end)
    parameter.name = p
    p = skip_class(p, end, TOKEN)
    parameter.name_end = p
    parameter.value = parameter.value_end = NULL
    if p == parameter.name:
        return NULL
    p = skip_space(p, end)
    if p < end and p[0] == c'=':
        p = skip_space(p + 1, end)
        parameter.value = p
        if p < end and p[0] == c'"':
            p = parse_quoted(p, end)
            if p == NULL:
                return NULL
        else:
            p = skip_class(p, end, PARAMETER)
        parameter.value_end = p
        if p == parameter.value:
            return NULL
        p = skip_space(p, end)
    if p < end and p[0] != c';' and p[0] != c',':
        return NULL
    return p


cdef inline bint is_named(Parameter *parameter, const char *name, Py_ssize_t size) noexcept nogil:
    return parameter.name_end - parameter.name == size and is_same(parameter.name, name, size)


cdef inline void parse_sip_part(Uri *uri, Octets p) noexcept nogil:
    """[userinfo "@"] hostport ..., RFC 3261 25.1; p stands behind the scheme's colon."""
    cdef Octets at = NULL, q = p, host = NULL, host_end = NULL
    cdef int port = 0
    while q < uri.end:
        if not CLASS_OF[q[0]] & VISIBLE:
            uri.fault = "space, quote or control octet in URI"
            return
        if q[0] == c'@':
            if at != NULL:
                uri.fault = "second @ in URI"
                return
            at = q
        q += 1
    if at != NULL:
        uri.user_begin = p
        q = <Octets>memchr(p, c':', at - p)
        uri.user_end = q if q != NULL else at
        if uri.user_end == p:
            uri.fault = "empty user in URI"
            return
        p = at + 1
    uri.hostport_begin = p
    p = parse_host(p, uri.end, &host, &host_end)
    if p != NULL and p < uri.end and p[0] == c':':
        p = parse_port(p + 1, uri.end, &port)
    if p == NULL or (p < uri.end and p[0] != c';' and p[0] != c'?'):
        uri.fault = "bad host or port in URI"       # RFC 5118 4.2: an IPv6 address without [] among them
        return
    uri.hostport_end = p
    q = <Octets>memchr(p, c'?', uri.end - p)
    uri.headers_begin = q + 1 if q != NULL else NULL


cdef inline void parse_uri(Uri *uri, Octets begin, Octets end) noexcept nogil:
    cdef Octets p = begin
    cdef Py_ssize_t size
    uri.begin, uri.end = begin, end
    uri.user_begin = uri.user_end = uri.hostport_begin = uri.hostport_end = uri.headers_begin = NULL
    uri.kind, uri.fault = OTHER_URI, NULL
    if p < end and CLASS_OF[p[0]] & ALPHA:
        # scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )
        while p < end and (CLASS_OF[p[0]] & (ALPHA | DIGIT) or p[0] == c'+' or p[0] == c'-' or p[0] == c'.'):
            p += 1
    uri.scheme_end = p
    if p == begin or p >= end or p[0] != c':' or p + 1 == end:
        uri.fault = "no URI"
        return
    size = p - begin
    p += 1
    if size == 3 and is_same(begin, "sip", 3):
        uri.kind = SIP_URI
    elif size == 4 and is_same(begin, "sips", 4):
        uri.kind = SIPS_URI
    else:
        if size == 3 and is_same(begin, "tel", 3):
            uri.kind = TEL_URI
        if skip_class(p, end, VISIBLE) != end:
            uri.fault = "space, quote or control octet in URI"
        return
    parse_sip_part(uri, p)


cdef inline Octets parse_brackets(Octets p, Octets end, Address *address) noexcept nogil:
    """LAQUOT addr-spec RAQUOT; p stands at the "<"."""
    cdef Octets closing = <Octets>memchr(p, c'>', end - p)
    if closing == NULL:
        address.fault = "no > in address"
        return NULL
    address.has_brackets = True
    parse_uri(&address.uri, p + 1, closing)
    if address.uri.fault != NULL:
        address.fault = address.uri.fault
        return NULL
    return skip_space(closing + 1, end)


cdef inline Octets parse_plain(Octets begin, Octets p, Octets end, Address *address) noexcept nogil:
    """addr-spec without <>; p stands at the first octet that is neither token nor space."""
    # RFC 3261 20.10: with a comma, question mark or semicolon in the URI, <> is a must; so they end it here
    while p < end and p[0] != c';' and p[0] != c',' and not CLASS_OF[p[0]] & SPACE:
        if p[0] == c'?':
            address.fault = "URI with headers not in <>"
            return NULL
        p += 1
    parse_uri(&address.uri, begin, p)
    if address.uri.fault != NULL:
        address.fault = address.uri.fault
        return NULL
    return skip_space(p, end)


cdef inline Octets parse_address_uri(Octets p, Octets end, Address *address) noexcept nogil:
    """( name-addr / addr-spec ), white space behind it skipped."""
    cdef Octets begin = p
    if p < end and p[0] == c'"':
        p = parse_quoted(p, end)
        if p == NULL:
            address.fault = "unbalanced quotes"
            return NULL
        address.display, address.display_end = begin, p
        p = skip_space(p, end)
        if p >= end or p[0] != c'<':
            address.fault = "no < behind display name"
            return NULL
        return parse_brackets(p, end, address)
    # UTF-8 without quotes is not in the grammar, but Japanese phones send their names so: it harms nobody
    while p < end and (CLASS_OF[p[0]] & (TOKEN | SPACE) or p[0] >= 0x80):
        p += 1
    if p < end and p[0] == c'<':
        if p > begin:                               # display-name = *(token LWS): RFC 4475 3.1.1.6 omits the LWS
            address.display, address.display_end = begin, trim_space(begin, p)
        return parse_brackets(p, end, address)
    if p >= end or p[0] != c':':
        address.fault = "display name neither quoted nor tokens"
        return NULL
    return parse_plain(begin, p, end, address)


cdef inline Octets parse_address(Octets p, Octets end, Address *address) noexcept nogil:
    """One value of From, To, Contact, Route ... with its parameters; the result is at a "," or at the end."""
    cdef Parameter parameter
    address.display = address.display_end = address.tag = address.tag_end = NULL
    address.expires = address.expires_end = NULL
    address.has_brackets, address.fault = False, NULL
    p = skip_space(p, end)
    address.begin = address.end = address.parameters = p
    p = parse_address_uri(p, end, address)
    if p == NULL:
        return NULL
    address.parameters = p
    while p < end and p[0] == c';':
        p = parse_parameter(p + 1, end, &parameter)
        if p == NULL:
            address.fault = "bad parameter"
            return NULL
        if is_named(&parameter, "tag", 3):
            if parameter.value == NULL or address.tag != NULL:
                address.fault = "bad tag"
                return NULL
            address.tag, address.tag_end = parameter.value, parameter.value_end
        elif is_named(&parameter, "expires", 7):
            address.expires, address.expires_end = parameter.value, parameter.value_end
    if p < end and p[0] != c',':
        address.fault = "octets behind address"
        return NULL
    address.end = trim_space(address.begin, p)
    if address.parameters > address.end:
        address.parameters = address.end
    return p


cdef inline Octets parse_sent_protocol(Octets p, Octets end, Via *via) noexcept nogil:
    """protocol-name SLASH protocol-version SLASH transport LWS; NULL where it cannot be read at all."""
    cdef Octets q
    if end - p > 8 and memcmp(p, "SIP/2.0/", 8) == 0:
        p += 8
    else:
        q = skip_class(p, end, TOKEN)
        if q - p != 3 or not is_same(p, "sip", 3):
            via.fault = "protocol of Via is not SIP"
        p = skip_space(q, end)
        if p >= end or p[0] != c'/':
            return NULL
        p = skip_space(p + 1, end)
        q = skip_class(p, end, TOKEN)
        if q - p != 3 or memcmp(p, "2.0", 3) != 0:
            via.fault = "version of Via is not 2.0"
        p = skip_space(q, end)
        if p >= end or p[0] != c'/':
            return NULL
        p = skip_space(p + 1, end)
    via.transport = p
    p = skip_class(p, end, TOKEN)
    via.transport_end = p
    if p == via.transport or p >= end or not CLASS_OF[p[0]] & SPACE:
        return NULL
    return skip_space(p, end)


cdef inline Octets parse_sent_by(Octets p, Octets end, Via *via) noexcept nogil:
    """host [ COLON port ]; sent_by stays NULL where it cannot be read."""
    cdef Octets begin = p
    p = parse_host(p, end, &via.host, &via.host_end)
    if p == NULL:
        return NULL
    via.sent_by_end = p
    p = skip_space(p, end)
    if p < end and p[0] == c':':
        p = skip_space(p + 1, end)
        p = parse_port(p, end, &via.port)
        if p == NULL:
            return NULL
        via.sent_by_end = p
        p = skip_space(p, end)
    via.sent_by = begin
    return p


cdef inline void note_via_parameter(Octets semicolon, Parameter *parameter, Via *via) noexcept nogil:
    if is_named(parameter, "branch", 6):
        if parameter.value == NULL or via.branch != NULL:
            via.fault = "bad branch"
        else:
            via.branch, via.branch_end = parameter.value, parameter.value_end
    elif is_named(parameter, "rport", 5):
        if via.rport != NULL:
            via.fault = "second rport"
        else:
            via.rport = parameter.name_end
            via.rport_end = parameter.value_end if parameter.value != NULL else parameter.name_end
    elif is_named(parameter, "received", 8):
        if via.received != NULL:                    # a second one would survive when ours replaces the first
            via.fault = "second received"
        else:
            via.received = semicolon
            via.received_end = parameter.value_end if parameter.value != NULL else parameter.name_end


cdef inline Octets parse_via(Octets p, Octets end, Via *via) noexcept nogil:
    """One Via value; the result is at a "," or at the end; NULL: malformed (answerable while sent_by is set)."""
    cdef Parameter parameter
    cdef Octets semicolon
    via.sent_by = via.sent_by_end = via.branch = via.branch_end = via.rport = via.rport_end = NULL
    via.received = via.received_end = via.host = via.host_end = via.transport = via.transport_end = NULL
    via.port, via.fault = -1, NULL
    p = skip_space(p, end)
    via.begin = p
    via.end = via.parameters = end
    p = parse_sent_protocol(p, end, via)
    if p != NULL:
        p = parse_sent_by(p, end, via)
    if p == NULL:
        via.fault = "bad Via"
        return NULL
    via.parameters = p
    while p < end and p[0] == c';':
        semicolon = p
        p = parse_parameter(p + 1, end, &parameter)
        if p == NULL:
            via.fault = "bad Via parameter"
            return NULL
        note_via_parameter(semicolon, &parameter, via)
    if p < end and p[0] != c',':
        via.fault = "octets behind Via"
        return NULL
    via.end = trim_space(via.begin, p)
    if via.parameters > via.end:
        via.parameters = via.end
    return p if via.fault == NULL else NULL


cdef inline Octets find_comma(Octets p, Octets end) noexcept nogil:
    """The next comma outside quoted strings and <>, or the end."""
    while p < end and p[0] != c',':
        if p[0] == c'"':
            p = parse_quoted(p, end)
        elif p[0] == c'<':
            p = <Octets>memchr(p, c'>', end - p)
        else:
            p += 1
        if p == NULL:                               # nothing closes it: the rest is one value
            return end
    return p
