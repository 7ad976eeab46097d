# SPDX-License-Identifier: Apache-2.0
# What is heard where nothing came: appliance/rtp/concealment.py for the stream of a handset, sample by sample the same.
from libc.stdint cimport int16_t, int32_t
from libc.string cimport memcpy, memmove

cdef enum:
    HISTORY_UNITS = 160
    FADE_UNITS = 640
    JOINT_UNITS = 24                # 3 ms

cdef struct concealment_t:
    int16_t history[HISTORY_UNITS]
    int32_t made_up                 # samples since the last that came


cdef inline int32_t divide(int32_t value, int32_t divisor) noexcept nogil:
    """Downwards, as Python does."""
    return value // divisor - (value % divisor < 0)


cdef inline int16_t make_up(const concealment_t *state, int32_t place) noexcept nogil:
    """The sample at this place behind the history: to and fro over it, ever softer."""
    cdef int32_t last = HISTORY_UNITS - 1, turn
    cdef int32_t product
    if place >= FADE_UNITS:
        return 0
    turn = (place + 1) % (2 * last)
    product = <int32_t>state.history[last - turn if turn <= last else turn - last] * (FADE_UNITS - place)
    return <int16_t>divide(product, FADE_UNITS)


cdef inline void conceal(concealment_t *state, int16_t *samples, int32_t count) noexcept nogil:
    cdef int32_t index
    for index in range(count):
        samples[index] = make_up(state, state.made_up + index)
    state.made_up += count


cdef inline void join_heard(concealment_t *state, int16_t *samples, int32_t count, const int16_t *left_out,
                            int32_t left_out_count) noexcept nogil:
    """Samples that came, faded in over what would have been heard; left_out: those before them that are skipped."""
    cdef int32_t joint = min(count, JOINT_UNITS), index
    cdef int32_t before
    if left_out_count:
        joint = min(joint, left_out_count)
    elif not state.made_up:
        joint = 0
    for index in range(joint):
        before = left_out[index] if left_out_count else make_up(state, state.made_up + index)
        samples[index] = <int16_t>divide(before * (joint - index) + samples[index] * index, joint)
    if count >= HISTORY_UNITS:
        memcpy(state.history, samples + count - HISTORY_UNITS, HISTORY_UNITS * sizeof(int16_t))
    else:
        memmove(state.history, state.history + count, (HISTORY_UNITS - count) * sizeof(int16_t))
        memcpy(state.history + HISTORY_UNITS - count, samples, count * sizeof(int16_t))
    state.made_up = 0
