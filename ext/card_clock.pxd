# SPDX-License-Identifier: Apache-2.0
# The clock of a sound card: its frames are evenly spaced, however late a thread wakes; their pace is the card's.
from libc.stdint cimport int64_t

cdef enum:
    FRAME_NS = 10000000
    JUMP_NS = 60000000              # a card, or its thread, that was away
    ERROR_SHARE = 32                # of the clock's error that a frame corrects


cdef inline int64_t follow_frame(int64_t *clock_ns, int64_t now_ns) noexcept nogil:
    """One frame more, 0 at the beginning; by how much the clock had to jump, 0 for not at all."""
    cdef int64_t error
    if clock_ns[0] == 0:
        clock_ns[0] = now_ns
        return 0
    clock_ns[0] += FRAME_NS
    error = now_ns - clock_ns[0]
    if -JUMP_NS <= error <= JUMP_NS:
        clock_ns[0] += error // ERROR_SHARE
        return 0
    clock_ns[0] = now_ns
    return error
