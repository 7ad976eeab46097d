# SPDX-License-Identifier: Apache-2.0
# Whose packets one side of a session hears, and where it sends its own: the addresses of a leg and their latching.
#
# Media goes to the announced address (SDP), or to the source of the first packets where that is the host of the leg's
# signalling, or where the leg is behind NAT. Once latched, only that source is heard. While nothing is announced, who
# sends from the host of the signalling is heard and sent nothing: what is announced then begins afresh. A source behind
# NAT that is not the host of the signalling must first prove that nobody else is there: a run of packets of one stream
# without one stranger's packet between, and a packet from the host of the signalling still takes its place.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memset

cdef extern from *:
    """
    #include <netinet/in.h>
    #include <sys/socket.h>
    """
    struct in_addr:
        uint32_t s_addr
    struct in6_addr:
        uint8_t s6_addr[16]
    struct sockaddr_in:
        uint16_t sin_family
        uint16_t sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        uint16_t sin6_family
        uint16_t sin6_port
        in6_addr sin6_addr
    int AF_INET, AF_INET6

cdef enum:
    WAITING = 0                     # nobody heard yet
    PROVISIONAL = 1                 # behind NAT, after its probation; the host of the signalling may replace it
    LATCHED = 2
    PROBATION_PACKETS = 10
    PROBATION_STEP = 4              # sequence numbers may go on by less than this from packet to packet

cdef union address_t:
    uint16_t family                 # 0: none
    sockaddr_in ipv4
    sockaddr_in6 ipv6

cdef struct flow_t:
    int descriptor                  # -1: none of its own (rtcp-mux)
    int state
    address_t announced             # SDP c= and m=, or a=rtcp
    address_t destination
    address_t heard
    address_t candidate
    uint32_t candidate_ssrc
    uint16_t candidate_sequence
    uint32_t candidate_run


cdef inline bint is_same_host(const address_t *one, const address_t *other) noexcept nogil:
    if one.family != other.family:
        return False
    if one.family == AF_INET:
        return one.ipv4.sin_addr.s_addr == other.ipv4.sin_addr.s_addr
    return one.family == AF_INET6 and memcmp(&one.ipv6.sin6_addr, &other.ipv6.sin6_addr, 16) == 0


cdef inline bint is_same_address(const address_t *one, const address_t *other) noexcept nogil:
    # the port lies at the same place in both structures
    return one.ipv4.sin_port == other.ipv4.sin_port and is_same_host(one, other)


cdef inline uint32_t length_of(const address_t *address) noexcept nogil:
    return sizeof(sockaddr_in) if address.family == AF_INET else sizeof(sockaddr_in6)


cdef inline void latch(flow_t *flow, const address_t *source, int state, bint is_destination) noexcept nogil:
    flow.state = state
    flow.heard = source[0]
    if is_destination:
        flow.destination = source[0]


cdef inline void unlatch(flow_t *flow) noexcept nogil:
    flow.state = WAITING
    flow.candidate_run = 0
    memset(&flow.heard, 0, sizeof(address_t))
    flow.destination = flow.announced


cdef inline bint has_passed_probation(flow_t *flow, const address_t *source, const uint8_t *octets) noexcept nogil:
    """Whether this RTP packet ends a run of one stream that no other stranger has interrupted."""
    cdef uint16_t sequence = <uint16_t>(octets[2] << 8 | octets[3])
    cdef uint32_t ssrc = <uint32_t>octets[8] << 24 | <uint32_t>octets[9] << 16 | octets[10] << 8 | octets[11]
    cdef uint16_t step = <uint16_t>(sequence - flow.candidate_sequence)
    if (flow.candidate_run and ssrc == flow.candidate_ssrc and 0 < step < PROBATION_STEP
            and is_same_address(source, &flow.candidate)):
        flow.candidate_run += 1
    else:
        flow.candidate = source[0]
        flow.candidate_ssrc = ssrc
        flow.candidate_run = 1
    flow.candidate_sequence = sequence
    return flow.candidate_run >= PROBATION_PACKETS


cdef inline bint is_latching(flow_t *flow, const address_t *source, const address_t *signalling,
                             bint is_behind_nat) noexcept nogil:
    """Latch a source that may be latched at once: where it is announced, or where the signalling comes from."""
    if signalling.family and is_same_host(source, signalling):
        latch(flow, source, LATCHED, flow.announced.family != 0)    # before it is, nothing is sent (RFC 3264 5.1, 8.4)
        return True
    # What is announced from behind NAT is an address of another network: here it may be anybody's.
    if is_behind_nat or flow.announced.family == 0 or not is_same_host(source, &flow.announced):
        return False
    # Another port of the announced host is heard, since some send from one and listen on another; we keep to the SDP.
    latch(flow, source, LATCHED, is_same_address(source, &flow.announced))
    return True


cdef inline bint may_be_heard(flow_t *flow, const address_t *source, const address_t *signalling, bint is_behind_nat,
                              const uint8_t *octets) noexcept nogil:
    """Whether an RTP packet (or RTCP on the same port) of this source is ours; the first ones latch."""
    if flow.state == LATCHED:
        return is_same_address(source, &flow.heard)
    if is_latching(flow, source, signalling, is_behind_nat):
        return True
    if flow.state == PROVISIONAL:
        return is_same_address(source, &flow.heard)
    if is_behind_nat and octets != NULL and has_passed_probation(flow, source, octets):
        latch(flow, source, PROVISIONAL, True)
        return True
    return False


cdef inline bint may_report(flow_t *flow, const flow_t *rtp, const address_t *source, const address_t *signalling,
                            bint is_behind_nat) noexcept nogil:
    """Whether an RTCP packet on a port of its own is ours: the host whose RTP is heard counts as well."""
    if flow.state == LATCHED:
        return is_same_address(source, &flow.heard)
    if is_latching(flow, source, signalling, is_behind_nat):
        return True
    if rtp.state != WAITING and is_same_host(source, &rtp.heard):
        latch(flow, source, LATCHED, True)
        return True
    return False
