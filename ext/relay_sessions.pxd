# SPDX-License-Identifier: Apache-2.0
# Sessions of the media relay come, go and change their sockets: slots, handles that no former session had, and the set
# of sockets that the loop waits for.
from libc.errno cimport errno
from libc.stdint cimport uint32_t, uint64_t
from relay_legs cimport leg_t, session_t
from relay_loop cimport SESSION_LIMIT, SLOT_BITS, find_session, relay_t, tag_of
from relay_system cimport (EPOLLIN, EPOLL_CTL_ADD, EPOLL_CTL_DEL, MSG_DONTWAIT, close, epoll_ctl, epoll_event,
                           pthread_mutex_lock, pthread_mutex_unlock, recv, relay_begin_write, relay_clock_ns,
                           relay_end_write)
from rtp_latch cimport unlatch


cdef inline int watch(relay_t *relay, session_t *session, bint is_watched) noexcept nogil:
    """Add the session's sockets to the epoll set, or take them out; 0 or the error number."""
    cdef epoll_event event
    cdef int side, port, descriptor
    for side in range(2):
        for port in range(2):
            descriptor = session.legs[side].rtcp.descriptor if port else session.legs[side].rtp.descriptor
            if descriptor < 0:
                continue
            event.events = EPOLLIN
            event.data.u64 = tag_of(session.handle, side, port)
            if epoll_ctl(relay.epoll, EPOLL_CTL_ADD if is_watched else EPOLL_CTL_DEL, descriptor,
                         &event) < 0 and is_watched:
                return errno
    return 0


cdef inline void drain(int descriptor) noexcept nogil:
    """Throw away what came before the session was: it is nobody's first packet."""
    cdef char octet
    cdef int _turn
    if descriptor < 0:
        return
    for _turn in range(1024):       # more than a receive buffer holds; a flood is not waited out
        if recv(descriptor, &octet, 1, MSG_DONTWAIT) < 0:
            return


cdef inline void drain_session(session_t *session) noexcept nogil:
    cdef int side
    for side in range(2):
        drain(session.legs[side].rtp.descriptor)
        drain(session.legs[side].rtcp.descriptor)


cdef inline int enter_session(relay_t *relay, session_t *session) noexcept nogil:
    """Find a slot, give the session its handle, begin to read. 0, or an error number; -1 when there is no slot."""
    cdef uint32_t slot
    cdef int failed = -1
    drain_session(session)
    pthread_mutex_lock(&relay.lock)
    for slot in range(relay.limit):
        if relay.slots[slot] == NULL:
            relay.generations[slot] = (relay.generations[slot] + 1) & (SESSION_LIMIT - 1)
            session.handle = relay.generations[slot] << SLOT_BITS | slot
            relay.slots[slot] = session
            failed = watch(relay, session, True)
            if failed:
                watch(relay, session, False)
                relay.slots[slot] = NULL
            else:
                relay.used += 1
            break
    pthread_mutex_unlock(&relay.lock)
    return failed


cdef inline session_t *take_out(relay_t *relay, uint32_t handle) noexcept nogil:
    """The session, now known to nobody else; NULL when it is closed already."""
    cdef session_t *session
    pthread_mutex_lock(&relay.lock)
    session = find_session(relay, handle)
    if session != NULL:
        watch(relay, session, False)
        relay.slots[handle & (SESSION_LIMIT - 1)] = NULL
        relay.used -= 1
    pthread_mutex_unlock(&relay.lock)
    return session


cdef inline void close_leg(leg_t *leg) noexcept nogil:
    """Closing takes a socket out of the epoll set."""
    if leg.rtp.descriptor >= 0:
        close(leg.rtp.descriptor)
    if leg.rtcp.descriptor >= 0:
        close(leg.rtcp.descriptor)


cdef inline void close_sockets(session_t *session) noexcept nogil:
    cdef int side
    for side in range(2):
        close_leg(&session.legs[side])


cdef inline int watch_socket(relay_t *relay, uint64_t tag, int descriptor) noexcept nogil:
    cdef epoll_event event
    if descriptor < 0:
        return 0
    event.events = EPOLLIN
    event.data.u64 = tag
    return errno if epoll_ctl(relay.epoll, EPOLL_CTL_ADD, descriptor, &event) < 0 else 0


cdef inline int replace_sockets(relay_t *relay, session_t *session, int side, int rtp, int rtcp) noexcept nogil:
    """The leg speaks from other sockets from now on; its peer may be seen from elsewhere, so that the latch goes. 0, or
    an error number, and then it has the ones it had."""
    cdef leg_t *leg = &session.legs[side]
    cdef int failed = watch_socket(relay, tag_of(session.handle, side, False), rtp)
    if failed == 0:
        failed = watch_socket(relay, tag_of(session.handle, side, True), rtcp)
    if failed:
        epoll_ctl(relay.epoll, EPOLL_CTL_DEL, rtp, NULL)
        return failed
    close_leg(leg)
    relay_begin_write(&leg.version)
    leg.is_multiplexed = leg.is_multiplexed or rtcp < 0
    leg.rtp.descriptor = rtp
    leg.rtcp.descriptor = rtcp
    unlatch(&leg.rtp)
    unlatch(&leg.rtcp)
    relay_end_write(&leg.version)
    session.since_ns = relay_clock_ns()
    return 0
