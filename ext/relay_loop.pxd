# SPDX-License-Identifier: Apache-2.0
# The loop of the media relay: it waits for sockets, reads a batch of one, judges it and sends it to the other leg. Run
# by one thread without the GIL, under the lock of the relay for one batch.
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from relay_legs cimport RTCP_HEADER, accept_packet, accept_report, direction_t, is_rtcp_packet, leg_t, session_t
from relay_system cimport (MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC, WAKE, epoll_event, epoll_wait, iovec, mmsghdr,
                           pthread_mutex_lock, pthread_mutex_t, pthread_mutex_unlock, recvmmsg, relay_begin_write,
                           relay_clock_ns, relay_end_write, relay_load, sendmmsg, sendto)
from rtcp_identity cimport hide_identity
from rtp_latch cimport address_t, flow_t, length_of

cdef enum:
    EVENTS = 64                     # sockets served under one hold of the lock
    BATCH = 16                      # packets of one socket
    PACKET_LIMIT = 2048             # octets; longer ones are dropped
    SLOT_BITS = 16
    SESSION_LIMIT = 1 << SLOT_BITS

cdef struct relay_t:
    pthread_mutex_t lock
    int epoll, wake, is_stopping, is_running, is_realtime
    uint32_t limit, used
    session_t **slots
    uint32_t *generations
    mmsghdr[BATCH] received
    mmsghdr[BATCH] sent
    iovec[BATCH] received_octets
    iovec[BATCH] sent_octets
    address_t[BATCH] sources
    uint8_t[BATCH][PACKET_LIMIT] room


cdef inline void prepare_batches(relay_t *relay) noexcept nogil:
    cdef int index
    for index in range(BATCH):
        relay.received_octets[index].iov_base = &relay.room[index][0]
        relay.received_octets[index].iov_len = PACKET_LIMIT
        relay.received[index].msg_hdr.msg_iov = &relay.received_octets[index]
        relay.received[index].msg_hdr.msg_iovlen = 1
        relay.received[index].msg_hdr.msg_name = &relay.sources[index]
        relay.received[index].msg_hdr.msg_namelen = sizeof(address_t)
        relay.sent[index].msg_hdr.msg_iov = &relay.sent_octets[index]
        relay.sent[index].msg_hdr.msg_iovlen = 1


cdef inline session_t *find_session(relay_t *relay, uint32_t handle) noexcept nogil:
    cdef uint32_t slot = handle & (SESSION_LIMIT - 1)
    cdef session_t *session = relay.slots[slot] if slot < relay.limit else NULL
    return session if session != NULL and session.handle == handle else NULL


cdef inline void send_batch(relay_t *relay, int descriptor, int count, direction_t *counts) noexcept nogil:
    """Hand a batch to the kernel; what it refuses is lost, as in a network: audio that waits is worth nothing."""
    cdef int first = 0, done
    cdef mmsghdr *header = relay.sent
    if count == 1:
        if sendto(descriptor, header.msg_hdr.msg_iov.iov_base, header.msg_hdr.msg_iov.iov_len,
                  MSG_DONTWAIT | MSG_NOSIGNAL, header.msg_hdr.msg_name, header.msg_hdr.msg_namelen) >= 0:
            counts.sent += 1
        else:
            counts.refused += 1
        return
    while first < count:
        done = sendmmsg(descriptor, relay.sent + first, count - first, MSG_DONTWAIT | MSG_NOSIGNAL)
        if done > 0:
            counts.sent += done
            first += done
        elif errno != EINTR:
            counts.refused += 1
            first += 1


cdef inline void pass_packets(relay_t *relay, session_t *session, int side, bint is_rtcp_port, int count,
                              int64_t now_ns) noexcept nogil:
    """Judge what one socket has received and send what passes to the other leg."""
    cdef leg_t *leg = &session.legs[side]
    cdef leg_t *other = &session.legs[1 - side]
    cdef int index, waiting = 0, outward = -1
    cdef uint8_t *octets
    cdef unsigned size
    cdef bint is_report
    cdef flow_t *flow
    for index in range(count):
        octets = relay.room[index]
        size = relay.received[index].msg_len
        if relay.received[index].msg_hdr.msg_flags & MSG_TRUNC or size < RTCP_HEADER:
            leg.counts.malformed += 1
            continue
        is_report = is_rtcp_port or (leg.is_multiplexed and is_rtcp_packet(octets))     # RFC 5761 4
        if not (accept_report(leg, octets, size, &relay.sources[index], is_rtcp_port) if is_report
                else accept_packet(leg, octets, size, &relay.sources[index], now_ns)):
            continue
        leg.counts.last_ns = now_ns
        flow = &other.rtcp if is_report and not other.is_multiplexed else &other.rtp
        if flow.destination.family == 0:
            leg.counts.unroutable += 1
            continue
        if is_report:
            hide_identity(octets, size, session.key)
        if flow.descriptor != outward and waiting:
            send_batch(relay, outward, waiting, &leg.counts)
            waiting = 0
        outward = flow.descriptor
        relay.sent_octets[waiting].iov_base = octets
        relay.sent_octets[waiting].iov_len = size
        relay.sent[waiting].msg_hdr.msg_name = &flow.destination
        relay.sent[waiting].msg_hdr.msg_namelen = length_of(&flow.destination)
        waiting += 1
    if waiting:
        send_batch(relay, outward, waiting, &leg.counts)


cdef inline void serve_socket(relay_t *relay, uint64_t tag, int64_t now_ns) noexcept nogil:
    """Read one socket that the kernel has called ready. tag: handle, side and which port (see tag_of)."""
    cdef session_t *session = find_session(relay, <uint32_t>(tag >> 2))
    cdef int side = (tag >> 1) & 1, index, count
    cdef bint is_rtcp_port = tag & 1
    cdef leg_t *leg
    if session == NULL:
        return                      # closed since the kernel told
    leg = &session.legs[side]
    count = recvmmsg(leg.rtcp.descriptor if is_rtcp_port else leg.rtp.descriptor, relay.received, BATCH, MSG_DONTWAIT,
                     NULL)
    if count <= 0:
        return                      # an error belongs to an earlier packet; reading has cleared it
    relay_begin_write(&leg.version)
    pass_packets(relay, session, side, is_rtcp_port, count, now_ns)
    relay_end_write(&leg.version)
    for index in range(count):
        relay.received[index].msg_hdr.msg_namelen = sizeof(address_t)


cdef inline uint64_t tag_of(uint32_t handle, int side, bint is_rtcp_port) noexcept nogil:
    return <uint64_t>handle << 2 | <uint64_t>side << 1 | is_rtcp_port


cdef inline void relay_packets(relay_t *relay) noexcept nogil:
    cdef epoll_event[EVENTS] events
    cdef int count, index
    cdef int64_t now_ns
    while not relay_load(&relay.is_stopping):
        count = epoll_wait(relay.epoll, events, EVENTS, -1)
        if count <= 0:
            continue
        pthread_mutex_lock(&relay.lock)
        now_ns = relay_clock_ns()
        for index in range(count):
            if events[index].data.u64 != WAKE:
                serve_socket(relay, events[index].data.u64, now_ns)
        pthread_mutex_unlock(&relay.lock)
