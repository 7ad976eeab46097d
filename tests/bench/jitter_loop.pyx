# SPDX-License-Identifier: Apache-2.0
"""The jitter buffer's C core as another island would use it: compiled by the benchmark, timed without Python."""
from jitter_playout cimport PACKET, SLOTS, arrival_t, item_t, open_playout, playout_t, put_packet, take_item
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <time.h>
    static double loop_processor_us(void) {
        struct timespec now;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
    }
    """
    double loop_processor_us() nogil

cdef enum:
    SPAN = 160
    STEP_NS = 20000000
    PAYLOAD_LIMIT = 512


def measure(int count, bint is_reordered):
    """(microseconds of processor time of put + get of a 20-ms packet, its octets copied in and out; packets heard)."""
    cdef playout_t *playout = <playout_t *>calloc(1, sizeof(playout_t))
    cdef uint8_t[SPAN] payload
    cdef uint8_t[SPAN] taken
    cdef arrival_t packet
    cdef item_t item
    cdef int index, number, heard = 0
    cdef double begun
    open_playout(playout, 8000, SPAN, 10)
    playout.payload_limit = PAYLOAD_LIMIT
    playout.payloads = <uint8_t *>calloc(SLOTS + 1, PAYLOAD_LIMIT)
    packet.payload_type = 0
    packet.ssrc = 1
    packet.span = packet.size = SPAN
    packet.payload = payload
    with nogil:
        begun = loop_processor_us()
        for index in range(count):
            number = index
            if is_reordered and index + 2 < count and index % 20 == 0:
                number = index + 2
            elif is_reordered and index % 20 == 2:
                number = index - 2
            payload[0] = <uint8_t>number
            packet.sequence = <uint16_t>number
            packet.timestamp = <uint32_t>number * SPAN
            packet.arrival_ns = <int64_t>index * STEP_NS
            put_packet(playout, &packet)
            take_item(playout, <int64_t>index * STEP_NS + 1000000, 0, &item)
            if item.kind == PACKET:
                memcpy(taken, item.payload, item.size)
                heard += 1
        begun = loop_processor_us() - begun
    free(playout.payloads)
    free(playout)
    return begun / count, heard
