# SPDX-License-Identifier: Apache-2.0
"""Digest credentials read and computed without Python objects in between; RFC 2617, 7616, 8760; MD5 is RFC 1321.

Three zones: C functions over pointers, the classes that own memory, the def shell. No policy: what a right answer is
worth is decided by pbx.authentication. Nothing here changes after construction except NonceCounts.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memset

from md5 cimport Md5, md5_add, md5_close, md5_open, read_hex, write_hex
from siphash cimport siphash24, write_hex64

# --------------------------------------------------------------------- C: reading the parameters (hashes: the .pxd)

cdef enum:
    USERNAME, REALM, NONCE, URI, RESPONSE, ALGORITHM, CNONCE, OPAQUE, QOP, NC, SPAN_COUNT
    USERNAME_EXTENDED, UNKNOWN

cdef enum:
    READ, NOT_DIGEST, UNREADABLE, TWICE, BAD_NONCE_COUNT

cdef tuple FAULTS = ("", "not Digest", "unreadable parameters", "parameter given twice", "unreadable nc")


cdef struct Span:
    const uint8_t *begin
    int size


cdef inline bint is_space(uint8_t octet) noexcept nogil:
    return octet == 32 or octet == 9 or octet == 13 or octet == 10


cdef inline bint is_name(uint8_t octet) noexcept nogil:
    return 32 < octet < 127 and octet != 61 and octet != 44 and octet != 34 and octet != 59


cdef inline bint is_word(const uint8_t *octets, const char *word, int size) noexcept nogil:
    """Equal in any case; word is in lower case."""
    cdef int i
    for i in range(size):
        if octets[i] != <uint8_t>word[i] and (octets[i] | 32) != <uint8_t>word[i]:
            return False
    return True


cdef int find_name(const uint8_t *name, Py_ssize_t size) noexcept nogil:
    if size == 2:
        return NC if is_word(name, "nc", 2) else UNKNOWN
    if size == 3:
        return URI if is_word(name, "uri", 3) else QOP if is_word(name, "qop", 3) else UNKNOWN
    if size == 5:
        return REALM if is_word(name, "realm", 5) else NONCE if is_word(name, "nonce", 5) else UNKNOWN
    if size == 6:
        return CNONCE if is_word(name, "cnonce", 6) else OPAQUE if is_word(name, "opaque", 6) else UNKNOWN
    if size == 8:
        return USERNAME if is_word(name, "username", 8) else RESPONSE if is_word(name, "response", 8) else UNKNOWN
    if size == 9:
        if is_word(name, "algorithm", 9):
            return ALGORITHM
        return USERNAME_EXTENDED if is_word(name, "username*", 9) else UNKNOWN
    return UNKNOWN


cdef uint8_t *read_quoted(uint8_t *here, uint8_t *end, Span *span) noexcept nogil:
    """From behind the opening quote to behind the closing one, NULL when there is none.

    unq() of RFC 7616 section 3.3: quoting slashes are removed, in place (the caller owns the octets if there are any).
    """
    cdef uint8_t *out
    span.begin = here
    while here < end and here[0] != 34 and here[0] != 92 and (here[0] >= 32 or here[0] == 9) and here[0] != 127:
        here += 1
    out = here
    while here < end and here[0] != 34:
        if here[0] == 92:
            here += 1
            if here == end:
                return NULL
        if (here[0] < 32 and here[0] != 9) or here[0] == 127:
            return NULL     # qdtext and quoted-pair have no line ends and no NUL (RFC 3261 section 25.1)
        out[0] = here[0]
        out += 1
        here += 1
    if here == end:
        return NULL
    span.size = <int>(out - span.begin)
    return here + 1


cdef uint8_t *read_plain(uint8_t *here, uint8_t *end, Span *span) noexcept nogil:
    span.begin = here
    while here < end and here[0] != 44 and not is_space(here[0]):
        if here[0] < 32 or here[0] == 34 or here[0] == 127:
            return NULL
        here += 1
    span.size = <int>(here - span.begin)
    return here


cdef bint decode_extended(Span *span) noexcept nogil:
    """RFC 5987 ext-value in place: UTF-8'language'percent-encoded; RFC 7616 section 3.4 (username*)."""
    cdef uint8_t *out = <uint8_t *>span.begin
    cdef const uint8_t *here = span.begin
    cdef const uint8_t *end = here + span.size
    cdef int quotes = 0
    cdef int64_t octet
    if span.size < 7 or not is_word(here, "utf-8'", 6):
        return False
    while here < end and quotes < 2:
        quotes += here[0] == 39
        here += 1
    if quotes < 2:
        return False
    while here < end:
        if here[0] == 37:
            octet = read_hex(here + 1, 2) if end - here > 2 else -1
            if octet < 32:
                return False
            out[0] = <uint8_t>octet
            here += 3
        else:
            out[0] = here[0]
            here += 1
        out += 1
    span.size = <int>(out - span.begin)
    return True


cdef int read_parameters(uint8_t *here, uint8_t *end, Span *spans) noexcept nogil:
    cdef uint8_t *name
    cdef Span span
    cdef int which, seen = 0
    if end - here < 7 or not is_word(here, "digest", 6) or not is_space(here[6]):
        return NOT_DIGEST
    here += 7
    while True:
        while here < end and (is_space(here[0]) or here[0] == 44):
            here += 1
        if here == end:
            return READ if seen else UNREADABLE
        name = here
        while here < end and is_name(here[0]):
            here += 1
        which = find_name(name, here - name)
        while here < end and is_space(here[0]):
            here += 1
        if here == end or here[0] != 61 or here == name:
            return UNREADABLE
        here += 1
        while here < end and is_space(here[0]):
            here += 1
        here = read_quoted(here + 1, end, &span) if here < end and here[0] == 34 else read_plain(here, end, &span)
        if here == NULL:
            return UNREADABLE
        while here < end and is_space(here[0]):
            here += 1
        if here < end and here[0] != 44:
            return UNREADABLE
        if which == USERNAME_EXTENDED:
            if not decode_extended(&span):
                return UNREADABLE
            which = USERNAME        # both forms at once are an error, RFC 7616 section 3.4
        if which != UNKNOWN:
            if seen & 1 << which:
                return TWICE
            seen |= 1 << which
            spans[which] = span


# ------------------------------------------------------------------------------------------- what owns memory

@cython.final
@cython.freelist(16)
cdef class Credentials:
    """The parameters of one Authorization or Proxy-Authorization value, quotes off, b"" where absent.

    nonce_count: nc as a number; 0 without nc or without qop.

    Raises ValueError for a scheme other than Digest or unreadable parameters. RFC 3261 section 22.4, RFC 7616 section
    3.4; tolerant of quotes round nc, qop and algorithm and of their absence elsewhere; username* is read into username.
    """

    cdef bytes value                # what the spans point into
    cdef Span[SPAN_COUNT] spans
    cdef readonly int64_t nonce_count

    def __cinit__(self, bytes value not None):
        cdef uint8_t *octets = <uint8_t *>PyBytes_AS_STRING(value)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
        cdef int fault
        if size > 65535:
            raise ValueError("unreadable parameters")
        if memchr(octets, 92, size) != NULL or memchr(octets, 37, size) != NULL:
            value = PyBytes_FromStringAndSize(<char *>octets, size)     # ours alone: quoted pairs are resolved in place
            octets = <uint8_t *>PyBytes_AS_STRING(value)
        self.value = value
        memset(self.spans, 0, sizeof(self.spans))
        fault = read_parameters(octets, octets + size, self.spans)
        if fault == READ and self.spans[NC].size:
            self.nonce_count = read_hex(self.spans[NC].begin, self.spans[NC].size) if self.spans[NC].size <= 8 else -1
            fault = BAD_NONCE_COUNT if self.nonce_count < 0 else READ
            if fault == READ and self.spans[QOP].size and self.nonce_count == 0:
                fault = BAD_NONCE_COUNT     # RFC 7616 section 3.4: counting begins with 1; 0 would pass for no count
            if self.spans[QOP].size == 0:
                self.nonce_count = 0    # without qop the response does not cover nc: whoever replays it may write any
        if fault != READ:
            raise ValueError(FAULTS[fault])

    cdef bytes part(self, int which):
        return PyBytes_FromStringAndSize(<const char *>self.spans[which].begin, self.spans[which].size)

    @property
    def username(self) -> bytes:
        return self.part(USERNAME)

    @property
    def realm(self) -> bytes:
        return self.part(REALM)

    @property
    def nonce(self) -> bytes:
        return self.part(NONCE)

    @property
    def uri(self) -> bytes:
        return self.part(URI)

    @property
    def response(self) -> bytes:
        return self.part(RESPONSE)

    @property
    def algorithm(self) -> bytes:
        return self.part(ALGORITHM)

    @property
    def cnonce(self) -> bytes:
        return self.part(CNONCE)

    @property
    def opaque(self) -> bytes:
        return self.part(OPAQUE)

    @property
    def qop(self) -> bytes:
        return self.part(QOP)

    @property
    def nc(self) -> bytes:
        return self.part(NC)

    cdef inline void add(self, Md5 *md5, int which) noexcept nogil:
        md5_add(md5, self.spans[which].begin, self.spans[which].size)
        md5_add(md5, <const uint8_t *>":", 1)

    cdef bint is_proof(self, const uint8_t *ha1, const uint8_t *method, Py_ssize_t method_size) noexcept nogil:
        cdef Span *qop = &self.spans[QOP]
        cdef Span *response = &self.spans[RESPONSE]
        cdef Md5 md5
        cdef uint8_t[32] ha2, wanted
        cdef uint8_t octet, difference = 0
        cdef int i
        if qop.size and (qop.size != 4 or not is_word(qop.begin, "auth", 4)
                         or self.spans[NC].size == 0 or self.spans[CNONCE].size == 0):
            return False        # RFC 7616 section 3.4: nc and cnonce go with qop; auth-int was never offered
        if response.size != 32:
            return False
        md5_open(&md5)
        md5_add(&md5, method, method_size)
        md5_add(&md5, <const uint8_t *>":", 1)
        md5_add(&md5, self.spans[URI].begin, self.spans[URI].size)      # A2, RFC 7616 section 3.4.3
        md5_close(&md5, ha2)
        md5_open(&md5)
        md5_add(&md5, ha1, 32)
        md5_add(&md5, <const uint8_t *>":", 1)
        self.add(&md5, NONCE)
        if qop.size:                                                    # RFC 7616 section 3.4.1
            self.add(&md5, NC)
            self.add(&md5, CNONCE)
            self.add(&md5, QOP)
        md5_add(&md5, ha2, 32)                                          # else RFC 2617 section 3.2.2.1, as RFC 2069
        md5_close(&md5, wanted)
        for i in range(32):                                             # no early exit: the time tells nothing
            octet = response.begin[i]
            difference |= (octet + 32 if 65 <= octet <= 70 else octet) ^ wanted[i]
        return difference == 0

    def matches_md5(self, bytes ha1 not None, bytes method not None) -> bool:
        """Whether `response` proves ha1 (32 hex digits) for this method; constant time; with or without qop=auth."""
        if PyBytes_GET_SIZE(ha1) != 32:
            raise ValueError("HA1 has 32 hex digits")
        return self.is_proof(<const uint8_t *>PyBytes_AS_STRING(ha1), <const uint8_t *>PyBytes_AS_STRING(method),
                             PyBytes_GET_SIZE(method))

    def __repr__(self) -> str:
        return f"<Credentials {self.username!r} nc={self.nonce_count}>"


cdef enum:
    WAYS = 4        # nonces that share a row

cdef struct Slot:
    uint64_t number             # stamp and count of the nonce plus one; 0 is free
    uint64_t window             # bit i: highest - i was seen
    uint32_t highest

cdef struct Row:
    uint64_t horizon            # the newest nonce that was dropped from this row
    Slot[WAYS] slots


@cython.final
cdef class NonceCounts:
    """Which nonce counts were seen, for about the `capacity` newest nonces of ours that were ever answered rightly.

    Memory is fixed (about 28 octets a nonce, touched on use). A nonce that may have been dropped counts as seen.
    """

    cdef Row *rows
    cdef uint64_t mask

    def __cinit__(self, int capacity=65536):
        cdef uint64_t size = 1
        if not 0 < capacity <= 1 << 24:
            raise ValueError("capacity is 1 to 16,777,216")
        while size * WAYS < <uint64_t>capacity:
            size <<= 1
        self.rows = <Row *>calloc(size, sizeof(Row))
        if self.rows == NULL:
            raise MemoryError()
        self.mask = size - 1

    def __dealloc__(self):
        free(self.rows)

    cdef Slot *find(self, uint64_t number) noexcept nogil:
        """The slot of this nonce, the oldest of its row where it is new; NULL for one that may have been there."""
        cdef Row *row = &self.rows[number & self.mask]
        cdef Slot *oldest = &row.slots[0]
        cdef int i
        for i in range(WAYS):
            if row.slots[i].number == number:
                return &row.slots[i]
            if row.slots[i].number < oldest.number:
                oldest = &row.slots[i]
        if number <= row.horizon:
            return NULL
        if oldest.number > row.horizon:
            row.horizon = oldest.number
        oldest.number, oldest.window, oldest.highest = number, 0, 0
        return oldest

    def admit(self, bytes nonce not None, uint32_t nonce_count) -> bool:
        """Note this count of a nonce that open_nonce knows; False if seen, 64 below the highest, or forgotten."""
        cdef const uint8_t *octets = <const uint8_t *>PyBytes_AS_STRING(nonce)
        cdef int64_t stamp_s, count
        cdef uint32_t distance
        cdef Slot *slot
        if PyBytes_GET_SIZE(nonce) != 32:
            return False
        stamp_s, count = read_hex(octets, 8), read_hex(octets + 8, 8)
        if stamp_s < 0 or count < 0:
            return False
        slot = self.find((<uint64_t>stamp_s << 32 | <uint64_t>count) + 1)
        if slot == NULL:
            return False
        if slot.window == 0 or nonce_count > slot.highest:
            distance = nonce_count - slot.highest
            slot.window = (slot.window << distance if distance < 64 else 0) | 1
            slot.highest = nonce_count
            return True
        distance = slot.highest - nonce_count
        if distance >= 64 or slot.window >> distance & 1:
            return False
        slot.window |= <uint64_t>1 << distance
        return True


# ------------------------------------------------------------------------------------------------- the def shell

def md5_hex(bytes data not None) -> bytes:
    """MD5 in lower-case hexadecimal."""
    cdef Md5 md5
    cdef uint8_t[32] out
    md5_open(&md5)
    md5_add(&md5, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    md5_close(&md5, out)
    return PyBytes_FromStringAndSize(<const char *>out, 32)


def seal_nonce(bytes key not None, int64_t stamp_s, int64_t count) -> bytes:
    """A nonce that needs no table: 8 hex digits of time, 8 of count, 16 of SipHash-2-4 over both; key: 16 octets."""
    cdef uint8_t[32] out
    if PyBytes_GET_SIZE(key) != 16 or not 0 <= stamp_s <= 0xffffffff:
        raise ValueError("a key of 16 octets and a time of 32 bits")
    write_hex(out, stamp_s, 8)
    write_hex(out + 8, count, 8)
    write_hex64(siphash24(<const uint8_t *>PyBytes_AS_STRING(key), out, 16), out + 16)
    return PyBytes_FromStringAndSize(<const char *>out, 32)


def open_nonce(bytes key not None, bytes nonce not None) -> int:
    """The time stamp of a nonce of ours, -1 for anything else; constant time."""
    cdef const uint8_t *octets = <const uint8_t *>PyBytes_AS_STRING(nonce)
    cdef uint8_t[16] seal
    cdef uint8_t difference = 0
    cdef int i
    if PyBytes_GET_SIZE(key) != 16:
        raise ValueError("a key of 16 octets")
    if PyBytes_GET_SIZE(nonce) != 32:
        return -1
    write_hex64(siphash24(<const uint8_t *>PyBytes_AS_STRING(key), octets, 16), seal)
    for i in range(16):
        difference |= seal[i] ^ octets[16 + i]
    return read_hex(octets, 8) if difference == 0 else -1
