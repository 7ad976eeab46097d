# SPDX-License-Identifier: Apache-2.0
# Who speaks, made unreadable in RTCP that passes a border: a CNAME is user@host (RFC 3550 6.5.1). Header-only.
# CNAMEs must be forwarded (7.2), so each has a name in its place, always the same one under one key, which a call has
# of its own (RFC 7022 4.2: random, and not to be followed from call to call); the other items and the reason of a BYE
# say nothing any more. Nothing moves: lengths stay as they were.
from libc.stdint cimport uint8_t, uint64_t
from siphash cimport siphash24

cdef enum:
    SOURCE_DESCRIPTION = 202        # RFC 3550 12.1
    GOODBYE = 203
    END_OF_ITEMS = 0                # 6.5
    CANONICAL_NAME = 1
    DIGITS_A_WORD = 12              # of five bits


cdef inline void replace_name(uint8_t *text, unsigned size, const uint8_t *key) noexcept nogil:
    """Letters and digits that only who has the key finds again; key: 16 octets."""
    cdef uint64_t word = siphash24(key, text, size)
    cdef unsigned index, digit
    for index in range(size):
        if index and index % DIGITS_A_WORD == 0:
            word = siphash24(key, text + index - DIGITS_A_WORD, DIGITS_A_WORD)
        digit = word >> (5 * (index % DIGITS_A_WORD)) & 31
        text[index] = 48 + digit if digit < 10 else 87 + digit


cdef inline void hide_items(uint8_t *octets, unsigned size, const uint8_t *key) noexcept nogil:
    """The chunks of one source description, without its header."""
    cdef unsigned at = 4, index, length       # behind the first SSRC
    while at < size:
        if octets[at] == END_OF_ITEMS:        # the chunk ends on a boundary of 32 bits, the next SSRC follows
            at = (at + 4 & ~3u) + 4
            continue
        if at + 2 > size:
            return
        length = octets[at + 1]
        if at + 2 + length > size:            # a lie; what is there is hidden all the same
            length = size - at - 2
        if octets[at] == CANONICAL_NAME:
            replace_name(octets + at + 2, length, key)
        else:
            for index in range(length):
                octets[at + 2 + index] = 45   # "-"
        at += 2 + length


cdef inline void hide_reason(uint8_t *octets, unsigned size) noexcept nogil:
    """A whole BYE (6.6): behind its sources may stand a length and a text."""
    cdef unsigned at = 4 + 4 * (octets[0] & 0x1F), length, index
    if at >= size:
        return
    length = octets[at]
    if at + 1 + length > size:                # a lie
        length = size - at - 1
    for index in range(length):
        octets[at + 1 + index] = 45


cdef inline void hide_identity(uint8_t *octets, unsigned size, const uint8_t *key) noexcept nogil:
    """A compound packet (6.1). It stops where no RTCP header stands: behind the first one SRTCP is not readable."""
    cdef unsigned at = 0, end
    while at + 8 <= size and octets[at] >> 6 == 2 and 192 <= octets[at + 1] <= 223:
        end = at + 4 * (1 + (octets[at + 2] << 8 | octets[at + 3]))
        if end > size:
            end = size
        if octets[at + 1] == SOURCE_DESCRIPTION:
            hide_items(octets + at + 4, end - at - 4, key)
        elif octets[at + 1] == GOODBYE:
            hide_reason(octets + at, end - at)
        at = end
