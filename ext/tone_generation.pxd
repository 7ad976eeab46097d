# SPDX-License-Identifier: Apache-2.0
# Tones as a list of segments, one behind the other: up to two frequencies, their level from begin to end, and an
# amplitude modulation (ITU-T E.180: 400 Hz "x" 16 Hz is a product, not a sum). What the segments are, appliance/audio
# knows.
from libc.math cimport M_PI, cos, pow, sin
from libc.stdint cimport int16_t, int32_t
from libc.string cimport memset

cdef enum:
    SEGMENTS = 24
    RATE_HZ = 8000
    RAMP_UNITS = 24                 # 3 ms: no click at the edges

cdef extern from *:
    """
    #define FULL_SCALE 32124.0      /* G.711: a sine of this peak is +3.17 dBm0 */
    #define FULL_SCALE_DBM0 3.17
    """
    const double FULL_SCALE, FULL_SCALE_DBM0

cdef struct segment_t:
    double first_hz
    double second_hz
    double modulation_hz
    double modulation_depth         # 0 to 1
    double level_dbm0
    double last_dbm0
    int32_t span                    # samples; 0: for ever

cdef struct tone_t:
    segment_t segments[SEGMENTS]
    int32_t count
    int32_t again                   # the segment to go back to behind the last one, -1: silence
    int32_t current
    int32_t position                # in the segment
    double first_phase
    double second_phase
    double modulation_phase


cdef inline void begin_tone(tone_t *tone, int32_t again) noexcept nogil:
    tone.again = again
    tone.current = 0
    tone.position = 0
    tone.first_phase = tone.second_phase = tone.modulation_phase = 0.0


cdef inline void stop_tone(tone_t *tone) noexcept nogil:
    memset(tone, 0, sizeof(tone_t))
    tone.again = -1


cdef inline bint is_sounding(const tone_t *tone) noexcept nogil:
    return tone.current < tone.count


cdef inline double advance(double *phase, double hertz) noexcept nogil:
    cdef double before = phase[0]
    phase[0] += 2.0 * M_PI * hertz / RATE_HZ
    if phase[0] >= 2.0 * M_PI:
        phase[0] -= 2.0 * M_PI
    return before


cdef inline double amplitude_of(const segment_t *segment, int32_t position) noexcept nogil:
    cdef double level = segment.level_dbm0
    if segment.span and segment.last_dbm0 != level:
        level += (segment.last_dbm0 - level) * position / segment.span
    return FULL_SCALE * pow(10.0, (level - FULL_SCALE_DBM0) / 20.0)


cdef inline double ramp_of(const segment_t *segment, int32_t position) noexcept nogil:
    cdef int32_t edge = position
    if segment.span:
        edge = min(edge, segment.span - 1 - position)
    return 1.0 if edge >= RAMP_UNITS else <double>edge / RAMP_UNITS


cdef inline void add_tone(tone_t *tone, int16_t *samples, int32_t count) noexcept nogil:
    """The next samples of the tone, added to what is there."""
    cdef int32_t index, value
    cdef segment_t *segment
    cdef double amplitude = 0.0, sample
    for index in range(count):
        if tone.current >= tone.count:
            return
        segment = &tone.segments[tone.current]
        if segment.first_hz > 0.0:
            if index == 0 or tone.position % 80 == 0:
                amplitude = amplitude_of(segment, tone.position)
            sample = sin(advance(&tone.first_phase, segment.first_hz))
            if segment.second_hz > 0.0:
                sample += sin(advance(&tone.second_phase, segment.second_hz))
            if segment.modulation_depth > 0.0:
                sample *= (1.0 + segment.modulation_depth * cos(advance(&tone.modulation_phase,
                                                                        segment.modulation_hz)))
                sample /= 1.0 + segment.modulation_depth
            value = samples[index] + <int32_t>(amplitude * ramp_of(segment, tone.position) * sample)
            samples[index] = <int16_t>max(-32768, min(32767, value))
        tone.position += 1
        if segment.span and tone.position >= segment.span:
            tone.position = 0
            tone.current += 1
            amplitude = 0.0
            if tone.current >= tone.count and tone.again >= 0:
                tone.current = tone.again
            if tone.current < tone.count:
                amplitude = amplitude_of(&tone.segments[tone.current], 0)
