# SPDX-License-Identifier: Apache-2.0
# The character classes of RFC 3261 section 25.1 over (begin, end) pointers; header-only, no state.
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #ifndef DENWABAN_SIP_CHARACTERS
    #define DENWABAN_SIP_CHARACTERS
    #include <stdint.h>
    #include <string.h>
    enum { TOKEN = 1, SPACE = 2, DIGIT = 4, ALPHA = 8, HEX = 16, HOST = 32, VISIBLE = 64, PARAMETER = 128 };
    #define IN(c, a, b) ((c) >= (a) && (c) <= (b))
    #define ONE_OF_(c, a, b, d, e, f) ((c) == (a) || (c) == (b) || (c) == (d) || (c) == (e) || (c) == (f))
    #define IS_LETTER(c) (IN(c, 'A', 'Z') || IN(c, 'a', 'z'))
    #define IS_ALNUM(c) (IS_LETTER(c) || IN(c, '0', '9'))
    /* token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~") */
    #define IS_TOKEN(c) (IS_ALNUM(c) || ONE_OF_(c, '-', '.', '!', '%', '*') || ONE_OF_(c, '_', '+', '`', '\\'', '~'))
    #define IS_VISIBLE(c) ((c) > 0x20 && (c) != 0x7f && !ONE_OF_(c, '<', '>', '"', 0x7f, 0x7f))
    #define CLASS(c) ( \\
        (IS_TOKEN(c) ? TOKEN : 0) | (ONE_OF_(c, ' ', '\\t', '\\r', '\\n', ' ') ? SPACE : 0) | \\
        (IN(c, '0', '9') ? DIGIT : 0) | (IS_LETTER(c) ? ALPHA : 0) | \\
        (IN(c, '0', '9') || IN(c, 'a', 'f') || IN(c, 'A', 'F') ? HEX : 0) | \\
        (IS_ALNUM(c) || ONE_OF_(c, '-', '.', '_', '_', '_') ? HOST : 0) | \\
        (IS_VISIBLE(c) ? VISIBLE : 0) | \\
        (IS_VISIBLE(c) && !ONE_OF_(c, ',', ';', '\\\\', ',', ',') ? PARAMETER : 0))
    #define FOUR(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
    #define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)
    static const unsigned char CLASS_OF[256] = {
        SIXTEEN(0x00), SIXTEEN(0x10), SIXTEEN(0x20), SIXTEEN(0x30), SIXTEEN(0x40), SIXTEEN(0x50), SIXTEEN(0x60),
        SIXTEEN(0x70), SIXTEEN(0x80), SIXTEEN(0x90), SIXTEEN(0xa0), SIXTEEN(0xb0), SIXTEEN(0xc0), SIXTEEN(0xd0),
        SIXTEEN(0xe0), SIXTEEN(0xf0) };
    /* The first octet below 0x20 (line ends, tabulators, control octets), eight octets a step; else the end. */
    static inline const unsigned char *find_control(const unsigned char *p, const unsigned char *end) {
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        while (end - p >= 8) {
            uint64_t word;
            memcpy(&word, p, 8);
            word = (word - 0x2020202020202020u) & ~word & 0x8080808080808080u;
            if (word) return p + (__builtin_ctzll(word) >> 3);
            p += 8;
        }
    #endif
        while (p < end && *p >= 0x20) p++;
        return p;
    }
    #endif
    """
    const unsigned char[256] CLASS_OF
    const int TOKEN, SPACE, DIGIT, ALPHA, HEX, HOST, VISIBLE, PARAMETER
    const unsigned char *find_control(const unsigned char *p, const unsigned char *end) noexcept nogil

ctypedef const unsigned char *Octets


cdef inline Octets skip_class(Octets p, Octets end, int wanted) noexcept nogil:
    while p < end and CLASS_OF[p[0]] & wanted:
        p += 1
    return p


cdef inline Octets skip_space(Octets p, Octets end) noexcept nogil:
    while p < end and CLASS_OF[p[0]] & SPACE:
        p += 1
    return p


cdef inline Octets trim_space(Octets begin, Octets end) noexcept nogil:
    while end > begin and CLASS_OF[(end - 1)[0]] & SPACE:
        end -= 1
    return end


cdef inline unsigned char lower(unsigned char octet) noexcept nogil:
    return octet + 32 if c'A' <= octet <= c'Z' else octet


cdef inline bint is_same(Octets p, const char *wanted, Py_ssize_t size) noexcept nogil:
    """Whether the octets at p are `wanted` (lower case) in any case."""
    cdef Py_ssize_t i
    for i in range(size):
        if lower(p[i]) != <unsigned char>wanted[i]:
            return False
    return True


cdef inline int64_t read_number(Octets p, Octets end, int64_t limit) noexcept nogil:
    """1*DIGIT as a number; -1 for anything else, -2 above the limit."""
    cdef int64_t number = 0
    if p >= end:
        return -1
    while p < end:
        if not CLASS_OF[p[0]] & DIGIT:
            return -1
        if number <= limit:         # saturates: linear in the digits, no overflow
            number = number * 10 + (p[0] - c'0')
        p += 1
    return number if number <= limit else -2


cdef inline unsigned char *put(unsigned char *at, Octets begin, Py_ssize_t size) noexcept nogil:
    memcpy(at, begin, size)
    return at + size


cdef inline unsigned char *put_text(unsigned char *at, const char *text, Py_ssize_t size) noexcept nogil:
    memcpy(at, text, size)
    return at + size


cdef inline unsigned char *put_number(unsigned char *at, int64_t number) noexcept nogil:
    """A number >= 0 in decimal."""
    cdef unsigned char[20] digits
    cdef int i = 20
    while True:
        i -= 1
        digits[i] = <unsigned char>(c'0' + number % 10)
        number //= 10
        if number == 0:
            return put(at, &digits[i], 20 - i)
