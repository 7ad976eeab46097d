# SPDX-License-Identifier: Apache-2.0
# How long the last packets of a stream were on their way, and the target that follows from it: the transit that all but
# a chosen share of them have kept below. A transit is an arrival minus a timestamp, in timestamp units; its zero is
# arbitrary, and the clocks of both ends drift. Each put costs a few steps in a histogram, whatever the window.
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

cdef enum:
    LONGEST_WINDOW = 1024           # packets whose transit counts: 20 s of speech
    SHORTEST_WINDOW = 384
    LATE_IN_WINDOW = 16             # as many late ones say enough
    BINS = 1024                     # of a millisecond
    REFERENCE_BIN = 256             # where the fastest packets are, with room below for a drifting clock
    LOWEST_BIN = 128                # beyond these the scale is moved
    HIGHEST_BIN = 512
    EARLY_PACKETS = 64              # until so many have come they say too little
    EARLY_TARGET_MS = 20

cdef struct transits_t:
    int32_t bin_units
    uint64_t bin_reciprocal
    int32_t late_per_mille
    int32_t least_bins              # of the target, above the fastest packet
    int32_t most_bins
    int64_t origin                  # transit of bin 0
    uint32_t window                 # packets
    uint32_t filled
    uint32_t oldest
    int32_t lowest                  # bin
    int32_t quantile                # bin that the chosen share is above
    uint32_t above                  # packets above it
    uint16_t places[LONGEST_WINDOW]
    uint16_t histogram[BINS]


cdef inline void open_transits(transits_t *seen, int32_t clock_rate_hz, int32_t late_per_mille) noexcept nogil:
    """Settings; the clock rate is a multiple of 1000 up to 192000 Hz."""
    seen.late_per_mille = late_per_mille
    seen.bin_units = clock_rate_hz // 1000
    # exact for every transit within the bins: their product with the error of the reciprocal stays below 2**32
    seen.bin_reciprocal = ((<uint64_t>1 << 32) + seen.bin_units - 1) // seen.bin_units
    seen.least_bins = 0
    seen.most_bins = BINS
    seen.window = LONGEST_WINDOW
    if late_per_mille:
        seen.window = max(SHORTEST_WINDOW, min(LONGEST_WINDOW, LATE_IN_WINDOW * 1000 // late_per_mille))


cdef inline void restart_transits(transits_t *seen, int64_t first) noexcept nogil:
    """Forget everything; first: the transit that is the middle of the new scale."""
    seen.origin = first - <int64_t>REFERENCE_BIN * seen.bin_units
    seen.filled = 0
    seen.oldest = 0
    seen.lowest = BINS - 1
    seen.quantile = BINS - 1
    seen.above = 0
    memset(seen.histogram, 0, sizeof(seen.histogram))


cdef inline int64_t distance_of(const transits_t *seen, int64_t transit) noexcept nogil:
    """How far from the fastest packets, or from where they were a window ago."""
    return transit - seen.origin - <int64_t>REFERENCE_BIN * seen.bin_units


cdef inline void settle_quantile(transits_t *seen) noexcept nogil:
    """The lowest bin with no more than the chosen share above it."""
    cdef uint32_t rank = seen.filled * seen.late_per_mille // 1000
    while seen.above > rank:
        seen.quantile += 1
        seen.above -= seen.histogram[seen.quantile]
    while seen.quantile > 0 and seen.above + seen.histogram[seen.quantile] <= rank:
        seen.above += seen.histogram[seen.quantile]
        seen.quantile -= 1


cdef inline void move_scale(transits_t *seen) noexcept nogil:
    """Clocks drift: once a window the fastest packets are put back where there is room on both sides."""
    cdef int32_t shift = seen.lowest - REFERENCE_BIN, place
    cdef uint32_t index
    if LOWEST_BIN <= seen.lowest <= HIGHEST_BIN:
        return
    memset(seen.histogram, 0, sizeof(seen.histogram))
    seen.origin += <int64_t>shift * seen.bin_units
    seen.lowest = BINS - 1
    for index in range(seen.filled):
        place = seen.places[index] - shift
        place = 0 if place < 0 else BINS - 1 if place > BINS - 1 else place
        seen.places[index] = <uint16_t>place
        seen.histogram[place] += 1
        seen.lowest = min(seen.lowest, place)
    seen.quantile = BINS - 1
    seen.above = 0


cdef inline void note_transit(transits_t *seen, int64_t transit) noexcept nogil:
    """Count a packet, late ones too."""
    cdef int32_t place, oldest
    transit -= seen.origin
    if transit < 0:
        place = 0
    elif transit >= <int64_t>BINS * seen.bin_units:
        place = BINS - 1
    else:
        place = <int32_t>(<uint64_t>transit * seen.bin_reciprocal >> 32)
    if seen.filled == seen.window:
        oldest = seen.places[seen.oldest]
        seen.histogram[oldest] -= 1
        if oldest > seen.quantile:
            seen.above -= 1
    else:
        seen.filled += 1
    seen.places[seen.oldest] = <uint16_t>place
    seen.histogram[place] += 1
    if place > seen.quantile:
        seen.above += 1
    seen.lowest = min(seen.lowest, place)
    while seen.histogram[seen.lowest] == 0:
        seen.lowest += 1
    seen.oldest += 1
    if seen.oldest == seen.window:
        seen.oldest = 0
        move_scale(seen)
    settle_quantile(seen)


cdef inline int64_t target_of(const transits_t *seen) noexcept nogil:
    """The level to play at, above origin."""
    cdef int32_t wanted = seen.quantile + 1
    if seen.filled < EARLY_PACKETS:
        wanted = max(wanted, seen.lowest + EARLY_TARGET_MS)
    wanted = max(min(wanted, seen.lowest + seen.most_bins), seen.lowest + seen.least_bins)
    return <int64_t>wanted * seen.bin_units
