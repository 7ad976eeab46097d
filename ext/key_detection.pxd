# SPDX-License-Identifier: Apache-2.0
# DTMF keys in sound (ITU-T Q.23, Q.24): Goertzel filters over blocks of 12.75 ms, a key is two blocks that agree. It
# takes keys down to about -38 dBm0 each, with some 7 dB twist either way. What keeps speech out is the share of the
# whole energy that the two frequencies must have.
from libc.math cimport M_PI, cos
from libc.stdint cimport int16_t, int32_t
from libc.string cimport memset

cdef enum:
    BLOCK = 102

cdef extern from *:
    """
    #define LEAST_POWER 1.0e8       /* |X|^2 of a tone of -41 dBm0 over a block */
    #define TWIST 6.31              /* 8 dB: so much weaker may the high group be (Q.24: NTT wants 5 dB both ways) */
    #define REVERSE_TWIST 6.31      /* 8 dB: so much stronger, with what the groups leak into each other */
    #define RELATIVE_PEAK 6.31      /* 8 dB above every other frequency of the group */
    #define SHARE 0.70              /* of the energy of the block: 0.83 where both are 1.5 % off */
    static const double GROUPS_HZ[8] = {697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0};
    static const char KEYPAD[] = "123A456B789C*0#D";
    """
    const double LEAST_POWER, TWIST, REVERSE_TWIST, RELATIVE_PEAK, SHARE
    const double GROUPS_HZ[8]
    const char KEYPAD[17]

cdef struct detector_t:
    double coefficients[8]
    double earlier[8]
    double latest[8]
    double energy
    int32_t position
    char seen                       # in the last block, 0 for none
    char told                       # the key that is down, 0 for none


cdef inline void open_detector(detector_t *detector) noexcept nogil:
    cdef int index
    memset(detector, 0, sizeof(detector_t))
    for index in range(8):
        detector.coefficients[index] = 2.0 * cos(2.0 * M_PI * GROUPS_HZ[index] / 8000.0)


cdef inline double power_of(const detector_t *detector, int index) noexcept nogil:
    cdef double one = detector.latest[index], two = detector.earlier[index]
    return one * one + two * two - detector.coefficients[index] * one * two


cdef inline int find_strongest(const double *powers) noexcept nogil:
    """Of a group; -1 where no one stands out."""
    cdef int best = 0, index
    for index in range(1, 4):
        if powers[index] > powers[best]:
            best = index
    for index in range(4):
        if index != best and powers[index] * RELATIVE_PEAK > powers[best]:
            return -1
    return best if powers[best] >= LEAST_POWER else -1


cdef inline char judge_block(const detector_t *detector) noexcept nogil:
    cdef double powers[8]
    cdef int index, low, high
    for index in range(8):
        powers[index] = power_of(detector, index)
    low, high = find_strongest(powers), find_strongest(powers + 4)
    if low < 0 or high < 0:
        return 0
    if powers[4 + high] > powers[low] * REVERSE_TWIST or powers[low] > powers[4 + high] * TWIST:
        return 0
    # a sine of amplitude A has energy N*A^2/2 and |X|^2 = (N*A/2)^2
    if powers[low] + powers[4 + high] < SHARE * detector.energy * BLOCK / 2.0:
        return 0
    return KEYPAD[4 * low + high]


cdef inline char end_block(detector_t *detector) noexcept nogil:
    """A key that has just gone down, or 0."""
    cdef char seen = judge_block(detector), pressed = 0
    if seen == detector.seen:
        if seen and detector.told != seen:
            pressed = seen
        detector.told = seen
    detector.seen = seen
    memset(detector.earlier, 0, sizeof(detector.earlier))
    memset(detector.latest, 0, sizeof(detector.latest))
    detector.energy = 0.0
    detector.position = 0
    return pressed


cdef inline char detect_key(detector_t *detector, int16_t sample) noexcept nogil:
    """One sample more; a key that has just gone down, or 0."""
    cdef int index
    cdef double value
    detector.energy += <double>sample * sample
    for index in range(8):
        value = sample + detector.coefficients[index] * detector.latest[index] - detector.earlier[index]
        detector.earlier[index] = detector.latest[index]
        detector.latest[index] = value
    detector.position += 1
    return end_block(detector) if detector.position == BLOCK else 0
