# SPDX-License-Identifier: Apache-2.0
# G.711 both ways without tables, an octet a sample (ITU-T G.711; RFC 3551 4.5.14). appliance/rtp/g711.py is the same
# in Python for the way to samples; both agree octet by octet.
from libc.stdint cimport int16_t, int32_t, uint8_t

cdef enum:
    PCMU = 0                        # RFC 3551 6
    PCMA = 8
    BIAS = 0x84
    CLIP = 32635


cdef inline int16_t expand_mu_law(uint8_t octet) noexcept nogil:
    """Table 2: all bits inverted; sign, three bits of segment, four of step."""
    cdef int32_t inverted = ~octet & 0xFF
    cdef int32_t magnitude = ((((inverted & 0x0F) << 3) + BIAS) << ((inverted & 0x70) >> 4)) - BIAS
    return <int16_t>(-magnitude if inverted & 0x80 else magnitude)


cdef inline int16_t expand_a_law(uint8_t octet) noexcept nogil:
    """Table 1: even bits inverted; the sign bit is set for positive values."""
    cdef int32_t turned = octet ^ 0x55
    cdef int32_t segment = (turned & 0x70) >> 4, step = (turned & 0x0F) << 4
    cdef int32_t magnitude = step + 8 if segment == 0 else (step + 0x108) << (segment - 1)
    return <int16_t>(magnitude if turned & 0x80 else -magnitude)


cdef inline int32_t find_segment(int32_t magnitude) noexcept nogil:
    """Which of the eight chords a biased magnitude lies in."""
    cdef int32_t segment = 0
    cdef int32_t rest = magnitude >> 8
    while rest:
        segment += 1
        rest >>= 1
    return segment


cdef inline uint8_t compress_mu_law(int16_t sample) noexcept nogil:
    cdef int32_t magnitude = -<int32_t>sample if sample < 0 else sample
    cdef int32_t segment
    magnitude = min(magnitude, CLIP) + BIAS
    segment = find_segment(magnitude)
    return <uint8_t>~((0x80 if sample < 0 else 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0F))


cdef inline uint8_t compress_a_law(int16_t sample) noexcept nogil:
    # 13 bits and a sign: a negative value is the inverse of the positive one beside it
    cdef int32_t magnitude = ~<int32_t>sample if sample < 0 else sample
    cdef int32_t segment = find_segment(magnitude)
    cdef int32_t octet = (segment << 4) | ((magnitude >> (4 if segment < 2 else segment + 3)) & 0x0F)
    return <uint8_t>((octet if sample < 0 else octet | 0x80) ^ 0x55)


cdef inline int16_t expand(uint8_t payload_type, uint8_t octet) noexcept nogil:
    return expand_a_law(octet) if payload_type == PCMA else expand_mu_law(octet)


cdef inline uint8_t compress(uint8_t payload_type, int16_t sample) noexcept nogil:
    return compress_a_law(sample) if payload_type == PCMA else compress_mu_law(sample)
