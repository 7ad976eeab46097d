# SPDX-License-Identifier: Apache-2.0
# What RFC 3550 counts about one received stream, from the packets themselves: A.1 sequence numbers, A.3 loss, A.8
# jitter. appliance/rtp/reception.py is the same in readable Python and the oracle of the tests.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    SEQUENCE_MODULUS = 65536
    MAX_DROPOUT = 3000              # RFC 3550 A.1
    MAX_MISORDER = 100
    MIN_SEQUENTIAL = 2

cdef struct reception_t:
    bint is_begun
    uint32_t ssrc
    uint16_t max_sequence
    uint32_t cycles                 # shifted count of sequence number cycles
    uint32_t base_sequence
    uint32_t bad_sequence
    uint32_t probation
    uint64_t received               # of the present source since it was last found in sequence
    uint64_t former_received        # of sources before it, and before restarts
    uint64_t former_expected
    uint32_t sources                # how many SSRC have been heard, one after the other
    uint32_t clock_rate_hz          # of the packet before; a change begins a new transit time
    uint32_t transit
    bint has_transit
    double jitter                   # timestamp units of clock_rate_hz


cdef inline uint64_t expected_of(const reception_t *source) noexcept nogil:
    """RFC 3550 A.3, of the present source."""
    if source.probation or not source.is_begun:
        return 0
    return <uint64_t>source.cycles + source.max_sequence - source.base_sequence + 1


cdef inline void begin_sequence(reception_t *source, uint16_t sequence) noexcept nogil:
    """RFC 3550 A.1 init_seq."""
    source.base_sequence = sequence
    source.max_sequence = sequence
    source.bad_sequence = SEQUENCE_MODULUS + 1
    source.cycles = 0
    source.received = 0


cdef inline void keep_former(reception_t *source) noexcept nogil:
    """What was counted so far, before counting begins again; nothing of it is lost."""
    source.former_expected += expected_of(source)
    source.former_received += source.received


cdef inline void update_sequence(reception_t *source, uint16_t sequence) noexcept nogil:
    """RFC 3550 A.1 update_seq."""
    cdef uint16_t delta = <uint16_t>(sequence - source.max_sequence)
    if source.probation:
        if sequence == <uint16_t>(source.max_sequence + 1):
            source.probation -= 1
            source.max_sequence = sequence
            if source.probation == 0:
                begin_sequence(source, sequence)
                source.received += 1
        else:
            source.probation = MIN_SEQUENTIAL - 1
            source.max_sequence = sequence
        return
    if delta < MAX_DROPOUT:
        if sequence < source.max_sequence:
            source.cycles += SEQUENCE_MODULUS
        source.max_sequence = sequence
    elif delta <= SEQUENCE_MODULUS - MAX_MISORDER:
        if sequence != source.bad_sequence:
            source.bad_sequence = (sequence + 1) & (SEQUENCE_MODULUS - 1)
            return
        keep_former(source)
        begin_sequence(source, sequence)        # two in sequence: the other side has restarted without telling
    source.received += 1


cdef inline void update_jitter(reception_t *source, uint32_t timestamp, uint32_t clock_rate_hz,
                               int64_t arrival_ns) noexcept nogil:
    """RFC 3550 A.8; clock_rate_hz 0 leaves the packet out (the timestamps of an RFC 4733 event stand still)."""
    cdef uint32_t arrival, transit
    cdef int32_t difference
    if clock_rate_hz == 0:
        return
    # seconds and the rest apart: the product of all nanoseconds would pass 64 bits after days
    arrival = <uint32_t>(<uint64_t>(arrival_ns // 1000000000) * clock_rate_hz
                         + <uint64_t>(arrival_ns % 1000000000) * clock_rate_hz // 1000000000)
    transit = arrival - timestamp
    if source.has_transit and source.clock_rate_hz == clock_rate_hz:
        difference = <int32_t>(transit - source.transit)
        source.jitter += ((-<double>difference if difference < 0 else <double>difference) - source.jitter) / 16.0
    elif source.has_transit and source.clock_rate_hz:
        source.jitter = source.jitter * clock_rate_hz / source.clock_rate_hz    # the same time in new units
    source.has_transit = True
    source.clock_rate_hz = clock_rate_hz
    source.transit = transit


cdef inline void receive_packet(reception_t *source, const uint8_t *octets, uint32_t clock_rate_hz,
                                int64_t arrival_ns) noexcept nogil:
    """Count one RTP packet of at least 12 octets (RFC 3550 5.1)."""
    cdef uint16_t sequence = <uint16_t>(octets[2] << 8 | octets[3])
    cdef uint32_t timestamp = <uint32_t>octets[4] << 24 | <uint32_t>octets[5] << 16 | octets[6] << 8 | octets[7]
    cdef uint32_t ssrc = <uint32_t>octets[8] << 24 | <uint32_t>octets[9] << 16 | octets[10] << 8 | octets[11]
    if not source.is_begun or ssrc != source.ssrc:
        keep_former(source)
        begin_sequence(source, sequence)
        source.is_begun = True
        source.ssrc = ssrc
        source.sources += 1
        source.max_sequence = <uint16_t>(sequence - 1)
        source.probation = MIN_SEQUENTIAL
        source.has_transit = False
        source.jitter = 0.0
    update_sequence(source, sequence)
    update_jitter(source, timestamp, clock_rate_hz, arrival_ns)
