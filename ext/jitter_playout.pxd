# SPDX-License-Identifier: Apache-2.0
# When each packet of an RTP stream is to sound: what comes early waits, what is missing is told, and the delay follows
# the network. tests/models/jitter_buffer_oracle.py is the same in slow, readable Python; both agree octet by octet.
#
# All times are timestamp units. The transit of a packet is its arrival minus its timestamp; the level at which it would
# be played now is the time minus its timestamp on the same scale: what has a transit above the level is late.
# The target (jitter_transits.pxd) is the level to play at. The delay is changed by whole frames of the consumer, in
# gaps for nothing: what is concealed there is made longer or shorter.
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from jitter_transits cimport distance_of, note_transit, open_transits, restart_transits, target_of, transits_t

cdef extern from *:
    int __builtin_ctzll(unsigned long long) nogil

cdef enum:
    SLOTS = 64                      # packets held; a bit each
    ALLOWANCE_MS = 20               # how far behind the target a burst after a gap may be played
    HYSTERESIS_MS = 10              # beyond a frame, before a packet is left out
    REST_PACKETS = 3                # played between two that are left out
    TRANSIT_LIMIT_S = 2             # further off is another timeline
    MAX_DROPOUT = 3000              # RFC 3550 A.1
    MAX_MISORDER = 100

cdef enum:                          # what `take_item` found
    IDLE = 0                        # nothing has come, or playing has not begun
    PACKET = 1
    LOST = 2                        # later packets are there
    WAITING = 3                     # nothing is there: late, lost or not sent, nobody knows
    SILENT = 4                      # the sender sent nothing
    STRETCHED = 5                   # the delay is made longer

cdef enum:                          # what became of a packet in `put_packet`
    KEPT = 0
    LATE = 1                        # what follows it has been played
    DUPLICATE = 2
    HELD = 3                        # of no stream we know; the next one will tell
    OVERSIZED = 4

cdef struct arrival_t:
    uint16_t sequence
    uint8_t payload_type
    uint32_t timestamp
    uint32_t ssrc
    uint32_t span                   # timestamp units in the payload
    uint32_t size
    const uint8_t *payload
    int64_t arrival_ns              # monotonic

cdef struct item_t:
    int kind
    int32_t span                    # timestamp units to be heard
    int32_t skip                    # of a packet: units at its beginning that are left out
    uint8_t payload_type
    uint32_t timestamp
    uint32_t size
    const uint8_t *payload          # until the next call

cdef struct slot_t:
    int64_t timestamp               # extended
    uint32_t span
    uint32_t size
    uint8_t payload_type

cdef struct playout_counts_t:
    uint64_t received
    uint64_t played
    uint64_t late
    uint64_t duplicate
    uint64_t dropped                # came in time, but was never played
    uint64_t stray                  # of no stream
    uint64_t oversized
    uint64_t restarts               # of the stream: another SSRC, sequence or timeline
    uint64_t skipped_units          # left out to shorten the delay
    uint64_t lost_units
    uint64_t waiting_units
    uint64_t silent_units
    uint64_t stretched_units

cdef struct playout_t:
    # settings
    int32_t clock_rate_hz
    int32_t frame                   # units that the consumer takes at a time
    uint32_t payload_limit
    uint8_t *payloads               # SLOTS + 1 of payload_limit octets, the caller's
    # the stream
    bint is_begun
    bint is_playing
    bint is_gap                     # what is played next does not follow what was played last
    bint is_blind                   # the consumer was away: when packets came is not known
    uint32_t ssrc
    int64_t highest_sequence        # extended
    int64_t highest_timestamp
    int64_t next_sequence
    int64_t next_timestamp
    uint64_t present                # bit of each slot
    uint32_t rested                 # packets played since one was left out
    uint32_t lead_span              # of the span that came last: see find_lead
    int32_t lead
    slot_t slots[SLOTS]
    # one packet that fits no stream
    bint is_held
    arrival_t held
    transits_t transits
    playout_counts_t counts


cdef inline int64_t units_of(const playout_t *playout, int64_t time_ns) noexcept nogil:
    # seconds and the rest apart: the product of all nanoseconds would pass 64 bits after days
    cdef uint64_t time = <uint64_t>time_ns
    return <int64_t>(time // 1000000000 * playout.clock_rate_hz
                     + time % 1000000000 * playout.clock_rate_hz // 1000000000)


cdef inline void open_playout(playout_t *playout, int32_t clock_rate_hz, int32_t frame,
                              int32_t late_per_mille) noexcept nogil:
    """Settings of a stream; the clock rate is a multiple of 1000 up to 192000 Hz. payloads and the limits follow."""
    memset(playout, 0, sizeof(playout_t))
    playout.clock_rate_hz = clock_rate_hz
    playout.frame = frame
    open_transits(&playout.transits, clock_rate_hz, late_per_mille)


# ---- packets in

cdef inline uint8_t *payload_of(const playout_t *playout, int64_t sequence) noexcept nogil:
    return playout.payloads + <size_t>(sequence & (SLOTS - 1)) * playout.payload_limit


cdef inline uint64_t bit_of(int64_t sequence) noexcept nogil:
    return <uint64_t>1 << (sequence & (SLOTS - 1))


cdef inline void remove_slot(playout_t *playout, int64_t sequence) noexcept nogil:
    if playout.present & bit_of(sequence):
        playout.present &= ~bit_of(sequence)
        playout.counts.dropped += 1


cdef inline void make_room(playout_t *playout, int64_t sequence) noexcept nogil:
    """The oldest give way to a packet that lies too far ahead."""
    cdef int64_t first = sequence - SLOTS + 1, gone
    if first <= playout.next_sequence:
        return
    for gone in range(playout.next_sequence, min(first, playout.next_sequence + SLOTS)):
        remove_slot(playout, gone)
    playout.next_sequence = first


cdef inline int keep_packet(playout_t *playout, const arrival_t *packet, int64_t sequence,
                            int64_t timestamp) noexcept nogil:
    cdef slot_t *slot = &playout.slots[sequence & (SLOTS - 1)]
    if sequence < playout.next_sequence:
        # before anything has sounded, an earlier packet may still become the first one
        if playout.is_playing or sequence <= playout.highest_sequence - SLOTS:
            playout.counts.late += 1
            return LATE
        playout.next_sequence = sequence
        playout.next_timestamp = timestamp
    make_room(playout, sequence)
    if playout.present & bit_of(sequence):
        playout.counts.duplicate += 1
        return DUPLICATE
    playout.present |= bit_of(sequence)
    slot.timestamp = timestamp
    slot.span = packet.span
    slot.size = packet.size
    slot.payload_type = packet.payload_type
    memcpy(payload_of(playout, sequence), packet.payload, packet.size)
    return KEPT


cdef inline bint is_of_stream(const playout_t *playout, const arrival_t *packet, int64_t transit) noexcept nogil:
    """Whether SSRC, sequence (RFC 3550 A.1) and timeline go on."""
    cdef uint16_t step = <uint16_t>(packet.sequence - <uint16_t>playout.highest_sequence)
    cdef int64_t distance = distance_of(&playout.transits, transit)
    cdef int64_t limit = <int64_t>TRANSIT_LIMIT_S * playout.clock_rate_hz
    return (packet.ssrc == playout.ssrc and (step < MAX_DROPOUT or step > 65536 - MAX_MISORDER)
            and -limit <= distance <= limit)


cdef inline int place_packet(playout_t *playout, const arrival_t *packet, int64_t now) noexcept nogil:
    cdef int64_t sequence = playout.highest_sequence + <int16_t>(packet.sequence - <uint16_t>playout.highest_sequence)
    cdef int64_t timestamp = playout.highest_timestamp \
        + <int32_t>(packet.timestamp - <uint32_t>playout.highest_timestamp)
    if not playout.is_blind:
        note_transit(&playout.transits, now - timestamp)
    if sequence > playout.highest_sequence:
        playout.highest_sequence = sequence
        playout.highest_timestamp = timestamp
    return keep_packet(playout, packet, sequence, timestamp)


cdef inline void begin_stream(playout_t *playout, const arrival_t *first, int64_t now) noexcept nogil:
    cdef int64_t gone
    for gone in range(playout.next_sequence, playout.next_sequence + SLOTS):
        remove_slot(playout, gone)
    playout.counts.restarts += playout.is_begun
    playout.is_begun = True
    playout.is_playing = False
    playout.is_gap = True
    playout.ssrc = first.ssrc
    playout.highest_sequence = first.sequence
    playout.highest_timestamp = first.timestamp
    playout.next_sequence = first.sequence
    playout.next_timestamp = first.timestamp
    restart_transits(&playout.transits, now - first.timestamp)
    playout.rested = 0
    place_packet(playout, first, now)


cdef inline void hold_packet(playout_t *playout, const arrival_t *packet) noexcept nogil:
    cdef uint8_t *place = playout.payloads + <size_t>SLOTS * playout.payload_limit
    playout.counts.stray += playout.is_held
    playout.is_held = True
    playout.held = packet[0]
    playout.held.payload = place
    memcpy(place, packet.payload, packet.size)


cdef inline bint is_next_of_held(const playout_t *playout, const arrival_t *packet) noexcept nogil:
    """RFC 3550 A.1: two in sequence are a stream, when nothing of the known one has come between."""
    cdef const arrival_t *held = &playout.held
    cdef int64_t elapsed = units_of(playout, packet.arrival_ns) - units_of(playout, held.arrival_ns)
    cdef int64_t step = <int32_t>(packet.timestamp - held.timestamp)
    cdef int64_t limit = <int64_t>TRANSIT_LIMIT_S * playout.clock_rate_hz
    return (playout.is_held and packet.ssrc == held.ssrc and packet.sequence == <uint16_t>(held.sequence + 1)
            and -limit <= elapsed - step <= limit)


cdef inline int put_packet(playout_t *playout, const arrival_t *packet) noexcept nogil:
    """Keep a packet until its time, copying its payload; what became of it."""
    cdef int64_t now
    cdef int64_t timestamp
    playout.counts.received += 1
    if packet.size > playout.payload_limit:
        playout.counts.oversized += 1
        return OVERSIZED
    now = units_of(playout, packet.arrival_ns)
    if not playout.is_begun:
        begin_stream(playout, packet, now)
        return KEPT
    timestamp = playout.highest_timestamp + <int32_t>(packet.timestamp - <uint32_t>playout.highest_timestamp)
    if is_of_stream(playout, packet, now - timestamp):
        if playout.is_held:
            playout.is_held = False
            playout.counts.stray += 1
        return place_packet(playout, packet, now)
    if not is_next_of_held(playout, packet):
        hold_packet(playout, packet)
        return HELD
    playout.is_held = False
    begin_stream(playout, &playout.held, units_of(playout, playout.held.arrival_ns))
    return place_packet(playout, packet, now)


# ---- packets out

cdef inline int64_t first_present(const playout_t *playout, int64_t sequence) noexcept nogil:
    """The first packet held from this number on; there must be one."""
    cdef int turn = <int>(sequence & (SLOTS - 1))
    cdef uint64_t turned = playout.present >> turn
    if turn:
        turned |= playout.present << (SLOTS - turn)
    return sequence + __builtin_ctzll(turned)


cdef inline int64_t pass_stale(playout_t *playout, int64_t sequence, int64_t now, int64_t target) noexcept nogil:
    """After a gap, what was concealed stands for packets too late, where a later one is due: the one to play."""
    cdef int64_t allowed = target + ALLOWANCE_MS * playout.transits.bin_units, later
    while (now - playout.slots[sequence & (SLOTS - 1)].timestamp > allowed
           and playout.present != bit_of(sequence)):
        later = first_present(playout, sequence + 1)
        if now - playout.slots[later & (SLOTS - 1)].timestamp < target:
            break
        remove_slot(playout, sequence)
        sequence = later
    return sequence


cdef inline bint is_disordered(const playout_t *playout, int64_t sequence) noexcept nogil:
    """Whether what comes after has no later timestamp: this one's is wrong, and nobody is to wait for it."""
    if playout.present == bit_of(sequence):
        return False
    return (playout.slots[first_present(playout, sequence + 1) & (SLOTS - 1)].timestamp
            <= playout.slots[sequence & (SLOTS - 1)].timestamp)


cdef inline void wait_for(playout_t *playout, int kind, int32_t wanted, item_t *item) noexcept nogil:
    item.kind = kind
    item.span = wanted
    item.skip = 0
    item.size = 0
    item.payload = NULL
    if kind == LOST:
        playout.counts.lost_units += wanted
    elif kind == WAITING:
        playout.counts.waiting_units += wanted
    elif kind == SILENT:
        playout.counts.silent_units += wanted
    elif kind == STRETCHED:
        playout.counts.stretched_units += wanted


cdef inline int gap_kind(const playout_t *playout, int64_t sequence, int64_t timestamp) noexcept nogil:
    if not playout.is_playing:
        return IDLE
    if sequence > playout.next_sequence:
        return LOST
    return SILENT if timestamp > playout.next_timestamp else STRETCHED


cdef inline int32_t find_lead(playout_t *playout, uint32_t span) noexcept nogil:
    """How much the consumer may still have queued when it takes a packet: where packets and frames are of different
    length, one that sounds later is wanted as early as the one before it."""
    cdef uint32_t one = playout.frame, other = span, rest
    if span != playout.lead_span:
        while other:
            rest = one % other
            one = other
            other = rest
        playout.lead_span = span
        playout.lead = playout.frame - <int32_t>one
    return playout.lead


cdef inline int32_t decide_skip(const playout_t *playout, int64_t excess, uint32_t span) noexcept nogil:
    """How much of a packet is left out to shorten the delay; excess: of its level above the target."""
    cdef int64_t beyond = excess - <int64_t>HYSTERESIS_MS * playout.transits.bin_units
    if beyond < playout.frame or playout.rested < REST_PACKETS:
        return 0
    return <int32_t>min(<int64_t>span, beyond - beyond % playout.frame)


cdef inline void play_packet(playout_t *playout, int64_t sequence, int32_t skip, item_t *item) noexcept nogil:
    cdef slot_t *slot = &playout.slots[sequence & (SLOTS - 1)]
    playout.present &= ~bit_of(sequence)
    playout.next_sequence = sequence + 1
    playout.next_timestamp = slot.timestamp + slot.span
    playout.is_playing = True
    playout.is_gap = False
    playout.rested = 0 if skip else playout.rested + 1
    playout.counts.played += 1
    playout.counts.skipped_units += skip
    item.kind = PACKET
    item.span = <int32_t>slot.span - skip
    item.skip = skip
    item.payload_type = slot.payload_type
    item.timestamp = <uint32_t>slot.timestamp
    item.size = slot.size
    item.payload = payload_of(playout, sequence)


cdef inline void take_item(playout_t *playout, int64_t playout_ns, int32_t queued, item_t *item) noexcept nogil:
    """What is to sound next. queued: units the consumer still has before it, less than a frame; it asks again until it
    has a frame. What is not a packet fills the frame."""
    cdef int32_t wanted = playout.frame - queued
    cdef int64_t now, target, sequence, level
    cdef slot_t *slot
    cdef bint is_gap
    if playout.present == 0:
        wait_for(playout, WAITING if playout.is_playing else IDLE, wanted, item)
        playout.is_gap = True
        return
    target = target_of(&playout.transits)
    sequence = first_present(playout, playout.next_sequence)
    slot = &playout.slots[sequence & (SLOTS - 1)]
    now = units_of(playout, playout_ns) - playout.transits.origin + queued - find_lead(playout, slot.span)
    is_gap = playout.is_gap or slot.timestamp > playout.next_timestamp
    if is_gap and playout.is_playing:
        sequence = pass_stale(playout, sequence, now, target)
        slot = &playout.slots[sequence & (SLOTS - 1)]
    level = now - slot.timestamp
    while level < target and is_disordered(playout, sequence):
        remove_slot(playout, sequence)
        sequence = first_present(playout, sequence)
        slot = &playout.slots[sequence & (SLOTS - 1)]
        level = now - slot.timestamp
    if level < target:
        wait_for(playout, gap_kind(playout, sequence, slot.timestamp) if is_gap else STRETCHED, wanted, item)
        return
    play_packet(playout, sequence, 0 if is_gap else decide_skip(playout, level - target, slot.span), item)
