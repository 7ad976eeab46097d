# SPDX-License-Identifier: Apache-2.0
# One leg of a session of the media relay and the session itself: what it hears, what becomes of a packet of it, and
# where it is directed to (RFC 3550, 5761). Who changes a leg does it under the lock of the relay.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from relay_system cimport relay_begin_write, relay_end_write
from rtp_latch cimport (LATCHED, address_t, flow_t, is_same_address, is_same_host, may_be_heard, may_report, unlatch)
from rtp_reception cimport receive_packet, reception_t

cdef enum:
    PAYLOAD_TYPES = 128
    DROPPED = 0x80                  # in a payload map: not passed on
    RTP_HEADER = 12                 # octets, RFC 3550 5.1
    RTCP_HEADER = 8                 # octets of the shortest packet that says who sends it, RFC 3550 6.4
    FIRST_RTCP = 192                # packet types, RFC 5761 4
    LAST_RTCP = 223

cdef struct direction_t:            # what one leg sends us, and what became of it
    uint64_t packets                # RTP of the latched source
    uint64_t octets
    uint64_t reports                # RTCP of it
    uint64_t sent
    uint64_t refused                # by the kernel, on the way out
    uint64_t unroutable             # the other leg has no address yet
    uint64_t foreign                # of a source that is not heard
    uint64_t malformed
    uint64_t unmapped               # payload types that are not to pass
    int64_t last_ns
    address_t stranger              # the last source that was not heard
    reception_t reception

cdef struct leg_t:
    flow_t rtp
    flow_t rtcp
    address_t signalling
    bint is_behind_nat
    bint is_multiplexed             # RFC 5761: RTCP comes and goes on the RTP port
    uint32_t version
    direction_t counts
    uint8_t[PAYLOAD_TYPES] payload_map
    uint32_t[PAYLOAD_TYPES] clock_rates_hz

cdef struct session_t:
    uint32_t handle
    bint is_held
    int64_t since_ns                # when silence begins to count
    uint8_t[16] key                 # of the names in RTCP
    leg_t[2] legs


cdef inline bint is_rtcp_packet(const uint8_t *octets) noexcept nogil:
    return FIRST_RTCP <= octets[1] <= LAST_RTCP


cdef inline bint refuse_stranger(leg_t *leg, const address_t *source) noexcept nogil:
    leg.counts.foreign += 1
    leg.counts.stranger = source[0]
    return False


cdef inline bint accept_report(leg_t *leg, const uint8_t *octets, unsigned size, const address_t *source,
                               bint is_own_port) noexcept nogil:
    """Whether this RTCP packet passes; counts it."""
    if size < RTCP_HEADER or octets[0] >> 6 != 2 or not is_rtcp_packet(octets):
        leg.counts.malformed += 1
        return False
    if not (may_report(&leg.rtcp, &leg.rtp, source, &leg.signalling, leg.is_behind_nat) if is_own_port
            else may_be_heard(&leg.rtp, source, &leg.signalling, leg.is_behind_nat, NULL)):
        return refuse_stranger(leg, source)
    leg.counts.reports += 1
    return True


cdef inline bint accept_packet(leg_t *leg, uint8_t *octets, unsigned size, const address_t *source,
                               int64_t now_ns) noexcept nogil:
    """Whether this RTP packet passes; counts it and gives it the payload type that the other leg knows."""
    cdef uint8_t payload_type, mapped
    if size < RTP_HEADER or octets[0] >> 6 != 2 or size < RTP_HEADER + 4u * (octets[0] & 0x0F):  # RFC 3550 A.1
        leg.counts.malformed += 1
        return False
    payload_type = octets[1] & 0x7F
    mapped = leg.payload_map[payload_type]
    if leg.rtp.state != LATCHED and mapped == DROPPED:      # what was not negotiated proves nothing
        return refuse_stranger(leg, source)
    if not may_be_heard(&leg.rtp, source, &leg.signalling, leg.is_behind_nat, octets):
        return refuse_stranger(leg, source)
    leg.counts.packets += 1
    leg.counts.octets += size
    receive_packet(&leg.counts.reception, octets, leg.clock_rates_hz[payload_type], now_ns)
    if mapped == DROPPED:
        leg.counts.unmapped += 1
        return False
    octets[1] = (octets[1] & 0x80) | mapped
    return True


cdef inline bint announce(flow_t *flow, const address_t *address) noexcept nogil:
    """A new announced address; what is announced again changes nothing, as in a refresh of the session."""
    if is_same_address(&flow.announced, address):
        return False
    flow.announced = address[0]
    return True


cdef inline void direct_leg(leg_t *leg, const address_t *addresses, bint is_behind_nat) noexcept nogil:
    """addresses: RTP, RTCP, signalling. The latch goes when what it rests on changes."""
    cdef bint is_other_leg = is_behind_nat != leg.is_behind_nat or not is_same_host(&leg.signalling, &addresses[2])
    relay_begin_write(&leg.version)
    leg.is_multiplexed = leg.rtcp.descriptor < 0 or is_same_address(&addresses[0], &addresses[1])
    leg.signalling = addresses[2]
    leg.is_behind_nat = is_behind_nat
    if announce(&leg.rtp, &addresses[0]) or is_other_leg:
        unlatch(&leg.rtp)
        is_other_leg = True
    if announce(&leg.rtcp, &addresses[1]) or is_other_leg:
        unlatch(&leg.rtcp)
    relay_end_write(&leg.version)


cdef inline bint may_be_silent(const session_t *session) noexcept nogil:
    """On hold, or before both sides know where to send, silence says nothing."""
    return (session.is_held or session.legs[0].rtp.destination.family == 0
            or session.legs[1].rtp.destination.family == 0)


cdef inline int64_t silence_of(const session_t *session, int side, int64_t now_ns) noexcept nogil:
    return now_ns - max(session.since_ns, session.legs[side].counts.last_ns)
