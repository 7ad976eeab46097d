# SPDX-License-Identifier: Apache-2.0
# Methods and header names as numbers, and the limits of a message; header-only, no state.
from sip_characters cimport Octets, is_same

cdef extern from *:
    """
    #ifndef DENWABAN_SIP_HEAD
    #define DENWABAN_SIP_HEAD
    enum { OTHER, VIA, FROM, TO, CALL_ID, CSEQ, MAX_FORWARDS, CONTENT_LENGTH, EXPIRES, CONTENT_TYPE, TIMESTAMP, CONTACT,
           ROUTE, RECORD_ROUTE, REQUIRE, PROXY_REQUIRE, AUTHORIZATION, PROXY_AUTHORIZATION, KINDS };
    /* FROM to TIMESTAMP have no comma in their grammar: one line each, RFC 3261 7.3.1 */
    static const char *const DUPLICATE[] = { "", "", "duplicate From", "duplicate To", "duplicate Call-ID",
        "duplicate CSeq", "duplicate Max-Forwards", "duplicate Content-Length", "duplicate Expires",
        "duplicate Content-Type", "duplicate Timestamp" };
    static const char *const MISSING[] = { "", "", "no From", "no To", "no Call-ID", "no CSeq" };
    enum { METHODS = 14, LINE_ROOM = 24, LINE_LIMIT = 256, LINE_SIZE_LIMIT = 8192, MESSAGE_SIZE_LIMIT = 65535,
           REQUEST_URI_LIMIT = 2048, ANSWERED_VIA_LIMIT = 70 };
    static const struct { unsigned char size; const char *name; } METHOD[METHODS] = {
        {6, "INVITE"}, {3, "ACK"}, {3, "BYE"}, {8, "REGISTER"}, {7, "OPTIONS"}, {6, "CANCEL"}, {5, "PRACK"},
        {6, "UPDATE"}, {4, "INFO"}, {9, "SUBSCRIBE"}, {6, "NOTIFY"}, {5, "REFER"}, {7, "MESSAGE"}, {7, "PUBLISH"} };
    static inline int find_method(const unsigned char *p, long size) {
        for (int i = 0; i < METHODS; i++)
            if (METHOD[i].size == size && memcmp(METHOD[i].name, p, size) == 0) return i;
        return -1;
    }
    #endif
    """
    const int OTHER, VIA, FROM, TO, CALL_ID, CSEQ, MAX_FORWARDS, CONTENT_LENGTH, EXPIRES, CONTENT_TYPE, TIMESTAMP
    const int CONTACT, ROUTE, RECORD_ROUTE, REQUIRE, PROXY_REQUIRE, AUTHORIZATION, PROXY_AUTHORIZATION
    const int METHODS, LINE_LIMIT, LINE_SIZE_LIMIT, MESSAGE_SIZE_LIMIT, REQUEST_URI_LIMIT, ANSWERED_VIA_LIMIT
    enum: KINDS, LINE_ROOM
    const char **DUPLICATE
    const char **MISSING
    int find_method(const unsigned char *p, long size) noexcept nogil


cdef inline int classify_letter(unsigned char letter) noexcept nogil:
    """Compact forms, RFC 3261 7.3.3."""
    letter |= 0x20
    if letter == c'v': return VIA
    if letter == c'f': return FROM
    if letter == c't': return TO
    if letter == c'i': return CALL_ID
    if letter == c'm': return CONTACT
    if letter == c'l': return CONTENT_LENGTH
    if letter == c'c': return CONTENT_TYPE
    return OTHER


cdef inline int classify_name(Octets name, Py_ssize_t size) noexcept nogil:
    if size == 1: return classify_letter(name[0])
    if size == 2: return TO if is_same(name, "to", 2) else OTHER
    if size == 3: return VIA if is_same(name, "via", 3) else OTHER
    if size == 4:
        if is_same(name, "from", 4): return FROM
        return CSEQ if is_same(name, "cseq", 4) else OTHER
    if size == 5: return ROUTE if is_same(name, "route", 5) else OTHER
    if size == 7:
        if is_same(name, "contact", 7): return CONTACT
        if is_same(name, "call-id", 7): return CALL_ID
        if is_same(name, "expires", 7): return EXPIRES
        return REQUIRE if is_same(name, "require", 7) else OTHER
    if size == 9: return TIMESTAMP if is_same(name, "timestamp", 9) else OTHER
    if size == 12:
        if is_same(name, "max-forwards", 12): return MAX_FORWARDS
        if is_same(name, "record-route", 12): return RECORD_ROUTE
        return CONTENT_TYPE if is_same(name, "content-type", 12) else OTHER
    if size == 13:
        if is_same(name, "authorization", 13): return AUTHORIZATION
        return PROXY_REQUIRE if is_same(name, "proxy-require", 13) else OTHER
    if size == 14: return CONTENT_LENGTH if is_same(name, "content-length", 14) else OTHER
    if size == 19: return PROXY_AUTHORIZATION if is_same(name, "proxy-authorization", 19) else OTHER
    return OTHER
