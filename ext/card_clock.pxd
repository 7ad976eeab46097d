# SPDX-License-Identifier: Apache-2.0
# The clock of a sound card: its frames are evenly spaced, however late a thread wakes; their pace is the card's.
from libc.stdint cimport int32_t, int64_t

cdef enum:
    FRAME_NS = 10000000
    JUMP_NS = 60000000              # a card, or its thread, that was away
    ERROR_SHARE = 32                # of the clock's error that a frame corrects
    BACKLOG_FRAMES = 10             # that a card may still have when its thread is back

cdef struct card_clock_t:
    int64_t ns                      # of the frame under way, 0: none has been
    int32_t late_frames             # in a row


cdef inline int64_t take_frame(card_clock_t *clock, int64_t now_ns) noexcept nogil:
    """One frame more; how late it is."""
    cdef int64_t late_ns
    clock.ns = now_ns if clock.ns == 0 else clock.ns + FRAME_NS
    late_ns = now_ns - clock.ns
    if -JUMP_NS <= late_ns <= JUMP_NS:
        clock.ns += late_ns // ERROR_SHARE
        clock.late_frames = 0
    else:
        clock.late_frames += 1
    return late_ns


cdef inline int64_t follow_wanted(card_clock_t *clock, int64_t now_ns) noexcept nogil:
    """Of frames that the card asks for; by how much it has jumped, 0 for not at all."""
    cdef int64_t late_ns = take_frame(clock, now_ns)
    if not clock.late_frames:
        return 0
    clock.ns = now_ns
    clock.late_frames = 0
    return late_ns


cdef inline int64_t follow_given(card_clock_t *clock, int64_t now_ns) noexcept nogil:
    """Of frames that the card gives: those that come late come all at once, and what is late for longer follows frames
    that are lost; how many."""
    cdef int64_t late_ns = take_frame(clock, now_ns), lost = 0
    if late_ns < -JUMP_NS:
        clock.ns = now_ns
    elif clock.late_frames >= BACKLOG_FRAMES:
        lost = late_ns // FRAME_NS
        clock.ns += lost * FRAME_NS
        clock.late_frames = 0
    return lost
