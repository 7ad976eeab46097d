# SPDX-License-Identifier: Apache-2.0
"""RTP and RTCP passed on between the two legs of each session by one thread that never takes the GIL (RFC 3550, 5761).

The thread that runs `run` alone reads, sends and counts; everybody else changes sessions under the lock of the relay,
held by the thread for one batch. The lock inherits priority: who changes a session is not overtaken by a busy loop.
Figures are read without it: a leg's version is odd while they change.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EINTR, EPERM, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from rtcp_identity cimport hide_identity
from rtp_latch cimport (AF_INET, AF_INET6, LATCHED, address_t, flow_t, is_same_address, is_same_host, length_of,
                        may_be_heard, may_report, sockaddr_in, sockaddr_in6, unlatch)
from rtp_reception cimport expected_of, receive_packet, reception_t

import os

cdef extern from *:
    """
    #include <netinet/in.h>
    #include <netinet/ip.h>
    #include <pthread.h>
    #include <sched.h>
    #include <sys/epoll.h>
    #include <sys/eventfd.h>
    #include <sys/socket.h>
    #include <time.h>
    #include <unistd.h>
    static int relay_open_lock(pthread_mutex_t *lock) {
        pthread_mutexattr_t kind;
        pthread_mutexattr_init(&kind);
        pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT);
        int failed = pthread_mutex_init(lock, &kind);
        pthread_mutexattr_destroy(&kind);
        return failed;
    }
    static int relay_set_fifo(int priority) {
        struct sched_param wanted = {.sched_priority = priority};
        return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &wanted);
    }
    static int64_t relay_clock_ns(void) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    }
    static inline void relay_begin_write(uint32_t *version) {
        __atomic_store_n(version, *version + 1, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
    }
    static inline void relay_end_write(uint32_t *version) { __atomic_store_n(version, *version + 1, __ATOMIC_RELEASE); }
    static inline uint32_t relay_version(const uint32_t *version) { return __atomic_load_n(version, __ATOMIC_ACQUIRE); }
    static inline void relay_read_fence(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }
    static inline int relay_load(const int *flag) { return __atomic_load_n(flag, __ATOMIC_ACQUIRE); }
    static inline void relay_store(int *flag, int value) { __atomic_store_n(flag, value, __ATOMIC_RELEASE); }
    """
    struct iovec:
        void *iov_base
        size_t iov_len
    struct msghdr:
        void *msg_name
        unsigned msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned msg_len
    struct timespec:
        pass
    union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data "data"
    ctypedef struct pthread_mutex_t:
        pass
    int epoll_create1(int) nogil
    int epoll_ctl(int, int, int, epoll_event *) nogil
    int epoll_wait(int, epoll_event *, int, int) nogil
    int eventfd(unsigned, int) nogil
    int recvmmsg(int, mmsghdr *, unsigned, int, timespec *) nogil
    int sendmmsg(int, mmsghdr *, unsigned, int) nogil
    Py_ssize_t sendto(int, const void *, size_t, int, const void *, unsigned) nogil
    Py_ssize_t recv(int, void *, size_t, int) nogil
    int setsockopt(int, int, int, const void *, unsigned) nogil
    int close(int) nogil
    Py_ssize_t write(int, const void *, size_t) nogil
    int pthread_mutex_lock(pthread_mutex_t *) nogil
    int pthread_mutex_unlock(pthread_mutex_t *) nogil
    int pthread_mutex_destroy(pthread_mutex_t *) nogil
    int relay_open_lock(pthread_mutex_t *)
    int relay_set_fifo(int) nogil
    int64_t relay_clock_ns() nogil
    void relay_begin_write(uint32_t *) nogil
    void relay_end_write(uint32_t *) nogil
    uint32_t relay_version(const uint32_t *) nogil
    void relay_read_fence() nogil
    int relay_load(const int *) nogil
    void relay_store(int *, int) nogil
    int EPOLLIN, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CLOEXEC, EFD_CLOEXEC, EFD_NONBLOCK
    int MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC, IPPROTO_IP, IP_TOS, IPPROTO_IPV6, IPV6_TCLASS, SOL_SOCKET, SO_RCVBUF

cdef enum:
    EVENTS = 64                     # sockets served under one hold of the lock
    BATCH = 16                      # packets of one socket
    PACKET_LIMIT = 2048             # octets; longer ones are dropped
    SLOT_BITS = 16
    SESSION_LIMIT = 1 << SLOT_BITS
    PAYLOAD_TYPES = 128
    DROPPED = 0x80                  # in a payload map: not passed on
    RTP_HEADER = 12                 # octets, RFC 3550 5.1
    RTCP_HEADER = 8                 # octets of the shortest packet that says who sends it, RFC 3550 6.4
    FIRST_RTCP = 192                # packet types, RFC 5761 4
    LAST_RTCP = 223

cdef uint64_t WAKE = <uint64_t>1 << 63      # the tag that stands for the event of `stop`

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


# ---- C: no Python object below this line up to the class

cdef void prepare_batches(relay_t *relay) noexcept nogil:
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


cdef session_t *find_session(relay_t *relay, uint32_t handle) noexcept nogil:
    cdef uint32_t slot = handle & (SESSION_LIMIT - 1)
    cdef session_t *session = relay.slots[slot] if slot < relay.limit else NULL
    return session if session != NULL and session.handle == handle else NULL


cdef void send_batch(relay_t *relay, int descriptor, int count, direction_t *counts) noexcept nogil:
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


cdef bint is_rtcp_packet(const uint8_t *octets) noexcept nogil:
    return FIRST_RTCP <= octets[1] <= LAST_RTCP


cdef bint refuse_stranger(leg_t *leg, const address_t *source) noexcept nogil:
    leg.counts.foreign += 1
    leg.counts.stranger = source[0]
    return False


cdef bint accept_report(leg_t *leg, const uint8_t *octets, unsigned size, const address_t *source,
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


cdef bint accept_packet(leg_t *leg, uint8_t *octets, unsigned size, const address_t *source,
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


cdef void pass_packets(relay_t *relay, session_t *session, int side, bint is_rtcp_port, int count,
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


cdef void serve_socket(relay_t *relay, uint64_t tag, int64_t now_ns) noexcept nogil:
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


cdef uint64_t tag_of(uint32_t handle, int side, bint is_rtcp_port) noexcept nogil:
    return <uint64_t>handle << 2 | <uint64_t>side << 1 | is_rtcp_port


cdef void relay_packets(relay_t *relay) noexcept nogil:
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


cdef int watch(relay_t *relay, session_t *session, bint is_watched) noexcept nogil:
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


cdef void drain(int descriptor) noexcept nogil:
    """Throw away what came before the session was: it is nobody's first packet."""
    cdef char octet
    cdef int _turn
    if descriptor < 0:
        return
    for _turn in range(1024):       # more than a receive buffer holds; a flood is not waited out
        if recv(descriptor, &octet, 1, MSG_DONTWAIT) < 0:
            return


cdef void drain_session(session_t *session) noexcept nogil:
    cdef int side
    for side in range(2):
        drain(session.legs[side].rtp.descriptor)
        drain(session.legs[side].rtcp.descriptor)


cdef int enter_session(relay_t *relay, session_t *session) noexcept nogil:
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


cdef session_t *take_out(relay_t *relay, uint32_t handle) noexcept nogil:
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


cdef void close_leg(leg_t *leg) noexcept nogil:
    """Closing takes a socket out of the epoll set."""
    if leg.rtp.descriptor >= 0:
        close(leg.rtp.descriptor)
    if leg.rtcp.descriptor >= 0:
        close(leg.rtcp.descriptor)


cdef void close_sockets(session_t *session) noexcept nogil:
    cdef int side
    for side in range(2):
        close_leg(&session.legs[side])


cdef int watch_socket(relay_t *relay, uint64_t tag, int descriptor) noexcept nogil:
    cdef epoll_event event
    if descriptor < 0:
        return 0
    event.events = EPOLLIN
    event.data.u64 = tag
    return errno if epoll_ctl(relay.epoll, EPOLL_CTL_ADD, descriptor, &event) < 0 else 0


cdef int replace_sockets(relay_t *relay, session_t *session, int side, int rtp, int rtcp) noexcept nogil:
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


cdef bint announce(flow_t *flow, const address_t *address) noexcept nogil:
    """A new announced address; what is announced again changes nothing, as in a refresh of the session."""
    if is_same_address(&flow.announced, address):
        return False
    flow.announced = address[0]
    return True


cdef void direct_leg(leg_t *leg, const address_t *addresses, bint is_behind_nat) noexcept nogil:
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


cdef bint may_be_silent(const session_t *session) noexcept nogil:
    """On hold, or before both sides know where to send, silence says nothing."""
    return (session.is_held or session.legs[0].rtp.destination.family == 0
            or session.legs[1].rtp.destination.family == 0)


cdef int64_t silence_of(const session_t *session, int side, int64_t now_ns) noexcept nogil:
    return now_ns - max(session.since_ns, session.legs[side].counts.last_ns)


# ---- the owner of all memory

cdef class PacketRelay:
    cdef relay_t *relay

    def __cinit__(self, uint32_t session_limit=1024):
        cdef epoll_event event
        if not 0 < session_limit <= SESSION_LIMIT:
            raise ValueError("session_limit is 1 to 65536")
        self.relay = <relay_t *>calloc(1, sizeof(relay_t))
        if self.relay == NULL:
            raise MemoryError("no memory for a relay")
        self.relay.epoll = self.relay.wake = -1
        if relay_open_lock(&self.relay.lock):
            free(self.relay)
            self.relay = NULL
            raise OSError(EPERM, "no lock that inherits priority")
        self.relay.slots = <session_t **>calloc(session_limit, sizeof(session_t *))
        self.relay.generations = <uint32_t *>calloc(session_limit, sizeof(uint32_t))
        if self.relay.slots == NULL or self.relay.generations == NULL:
            raise MemoryError("no memory for a relay")
        self.relay.limit = session_limit
        prepare_batches(self.relay)
        self.relay.epoll = epoll_create1(EPOLL_CLOEXEC)
        self.relay.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        event.events = EPOLLIN
        event.data.u64 = WAKE
        if epoll_ctl(self.relay.epoll, EPOLL_CTL_ADD, self.relay.wake, &event) < 0:
            raise OSError(errno, os.strerror(errno))

    def __dealloc__(self):
        cdef uint32_t slot
        if self.relay == NULL:
            return
        for slot in range(self.relay.limit):
            if self.relay.slots[slot] != NULL:
                close_sockets(self.relay.slots[slot])
                free(self.relay.slots[slot])
        if self.relay.epoll >= 0:
            close(self.relay.epoll)
        if self.relay.wake >= 0:
            close(self.relay.wake)
        pthread_mutex_destroy(&self.relay.lock)
        free(self.relay.slots)
        free(self.relay.generations)
        free(self.relay)

    def run(self, int priority=0):
        if relay_load(&self.relay.is_running):
            raise ValueError("a thread runs this relay already")
        relay_store(&self.relay.is_running, True)
        with nogil:
            self.relay.is_realtime = priority > 0 and relay_set_fifo(priority) == 0
            relay_packets(self.relay)
        relay_store(&self.relay.is_running, False)

    def stop(self):
        cdef uint64_t one = 1
        relay_store(&self.relay.is_stopping, True)
        write(self.relay.wake, &one, sizeof(one))

    @property
    def is_running(self):
        return bool(relay_load(&self.relay.is_running))

    @property
    def is_realtime(self):
        return bool(self.relay.is_realtime)

    @property
    def session_count(self):
        return self.relay.used

    def open_session(self, tuple first not None, tuple second not None, bytes key=None):
        cdef session_t *session
        cdef int failed, side, index
        cdef int[4] descriptors
        descriptors[0], descriptors[1] = first
        descriptors[2], descriptors[3] = second
        if descriptors[0] < 0 or descriptors[2] < 0:
            raise ValueError("a leg has an RTP socket")
        key = key if key is not None else os.urandom(sizeof(session.key))
        if len(key) != sizeof(session.key):
            raise ValueError("a key has 16 octets")
        session = <session_t *>calloc(1, sizeof(session_t))
        if session == NULL:
            raise MemoryError("no memory for a session")
        session.since_ns = relay_clock_ns()
        memcpy(session.key, PyBytes_AS_STRING(key), sizeof(session.key))
        for side in range(2):
            session.legs[side].rtp.descriptor = descriptors[2 * side]
            session.legs[side].rtcp.descriptor = descriptors[2 * side + 1]
            session.legs[side].is_multiplexed = descriptors[2 * side + 1] < 0
            for index in range(PAYLOAD_TYPES):
                session.legs[side].payload_map[index] = index
                session.legs[side].clock_rates_hz[index] = 8000
        with nogil:
            failed = enter_session(self.relay, session)
        if failed:
            free(session)
            raise OSError(failed, os.strerror(failed)) if failed > 0 else OverflowError("no room for one session more")
        return session.handle

    def close_session(self, uint32_t handle, bint keeps_sockets=False):
        cdef session_t *session
        with nogil:
            session = take_out(self.relay, handle)
        if session == NULL:
            raise KeyError(handle)
        result = copy_figures(&session.legs[0]), copy_figures(&session.legs[1])
        if not keeps_sockets:
            close_sockets(session)
        free(session)
        return result

    def direct(self, uint32_t handle, int side, tuple addresses not None, bint is_behind_nat=False):
        cdef address_t[3] packed
        cdef session_t *session
        cdef int index
        check_side(side)
        if len(addresses) != 3:
            raise ValueError("addresses are those of RTP, RTCP and signalling")
        for index in range(3):
            unpack_address(addresses[index], &packed[index])
        with nogil:
            pthread_mutex_lock(&self.relay.lock)
            session = find_session(self.relay, handle)
            if session != NULL:
                direct_leg(&session.legs[side], packed, is_behind_nat)
                session.since_ns = relay_clock_ns()
            pthread_mutex_unlock(&self.relay.lock)
        if session == NULL:
            raise KeyError(handle)

    def move_side(self, uint32_t handle, int side, tuple descriptors not None):
        cdef session_t *session
        cdef int rtp, rtcp, failed = 0
        check_side(side)
        rtp, rtcp = descriptors
        if rtp < 0:
            raise ValueError("a leg has an RTP socket")
        with nogil:
            drain(rtp)
            drain(rtcp)
            pthread_mutex_lock(&self.relay.lock)
            session = find_session(self.relay, handle)
            if session != NULL:
                failed = replace_sockets(self.relay, session, side, rtp, rtcp)
            pthread_mutex_unlock(&self.relay.lock)
        if session == NULL:
            raise KeyError(handle)
        if failed:
            raise OSError(failed, os.strerror(failed))

    def map_payloads(self, uint32_t handle, int side, payload_types not None):
        cdef uint8_t[PAYLOAD_TYPES] mapped
        cdef uint32_t[PAYLOAD_TYPES] clock_rates_hz
        cdef session_t *session
        cdef int received, sent, index
        check_side(side)
        for index in range(PAYLOAD_TYPES):
            mapped[index] = index
            clock_rates_hz[index] = 8000
        taken = {sent for _received, sent, _rate in payload_types}
        for index in taken:
            if not 0 <= index < PAYLOAD_TYPES:
                raise ValueError("a payload type is 0 to 127")
            mapped[index] = DROPPED         # would be taken for what the other leg calls by this number
        for received, sent, rate in payload_types:
            if not 0 <= received < PAYLOAD_TYPES:
                raise ValueError("a payload type is 0 to 127")
            mapped[received] = sent
            clock_rates_hz[received] = rate
        with nogil:
            pthread_mutex_lock(&self.relay.lock)
            session = find_session(self.relay, handle)
            if session != NULL:
                memcpy(session.legs[side].payload_map, mapped, sizeof(mapped))
                memcpy(session.legs[side].clock_rates_hz, clock_rates_hz, sizeof(clock_rates_hz))
            pthread_mutex_unlock(&self.relay.lock)
        if session == NULL:
            raise KeyError(handle)

    def hold(self, uint32_t handle, bint is_held):
        cdef session_t *session
        with nogil:
            pthread_mutex_lock(&self.relay.lock)
            session = find_session(self.relay, handle)
            if session != NULL:
                session.is_held = is_held
                session.since_ns = relay_clock_ns()
            pthread_mutex_unlock(&self.relay.lock)
        if session == NULL:
            raise KeyError(handle)

    def set_dscp(self, uint32_t handle, int side, int dscp):
        cdef session_t *session
        check_side(side)
        if not 0 <= dscp < 64:
            raise ValueError("a DSCP is 0 to 63")
        with nogil:
            pthread_mutex_lock(&self.relay.lock)
            session = find_session(self.relay, handle)
            if session != NULL:
                mark_socket(session.legs[side].rtp.descriptor, dscp << 2)
                mark_socket(session.legs[side].rtcp.descriptor, dscp << 2)
            pthread_mutex_unlock(&self.relay.lock)
        if session == NULL:
            raise KeyError(handle)

    def statistics(self, uint32_t handle, int side):
        check_side(side)
        cdef session_t *session = find_session(self.relay, handle)
        if session == NULL:
            raise KeyError(handle)
        return copy_figures(&session.legs[side])

    def find_silent(self, double limit_s):
        cdef int64_t limit_ns = <int64_t>(limit_s * 1e9), now_ns = relay_clock_ns(), silence_ns
        cdef uint32_t slot
        cdef int side
        cdef session_t *session
        silent = []
        for slot in range(self.relay.limit):
            session = self.relay.slots[slot]
            if session == NULL or may_be_silent(session):
                continue
            for side in range(2):
                silence_ns = silence_of(session, side, now_ns)
                if silence_ns >= limit_ns:
                    silent.append((session.handle, side, silence_ns / 1e9))
        return silent


# ---- the face to Python

def set_receive_buffer(int descriptor, int octets):
    if setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof(octets)) < 0:
        raise OSError(errno, os.strerror(errno))


cdef void mark_socket(int descriptor, int octet) noexcept nogil:
    """RFC 2474: one of the two options fits the family of the socket, the other is refused."""
    if descriptor >= 0:
        setsockopt(descriptor, IPPROTO_IP, IP_TOS, &octet, sizeof(octet))
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_TCLASS, &octet, sizeof(octet))


cdef int check_side(int side) except -1:
    if side != 0 and side != 1:
        raise ValueError("a side is 0 or 1")
    return 0


cdef int unpack_address(bytes raw, address_t *address) except -1:
    """b"" is no address."""
    memset(address, 0, sizeof(address_t))
    if raw is None:
        raise ValueError("an address is packed octets")
    memcpy(address, PyBytes_AS_STRING(raw), min(PyBytes_GET_SIZE(raw), <Py_ssize_t>sizeof(address_t)))
    if (PyBytes_GET_SIZE(raw) == 0 or (address.family == AF_INET and PyBytes_GET_SIZE(raw) == sizeof(sockaddr_in))
            or (address.family == AF_INET6 and PyBytes_GET_SIZE(raw) == sizeof(sockaddr_in6))):
        return 0
    raise ValueError("no packed IPv4 or IPv6 address")


cdef bytes pack_address(const address_t *address):
    return PyBytes_FromStringAndSize(<const char *>address, length_of(address)) if address.family else b""


cdef tuple copy_figures(leg_t *leg):
    """A consistent copy: tried again while the thread writes, which it does for one batch of a socket at a time."""
    cdef direction_t counts
    cdef flow_t rtp
    cdef uint32_t version
    cdef reception_t *reception = &counts.reception
    cdef uint64_t expected, received
    while True:
        version = relay_version(&leg.version)
        if version & 1:
            with nogil:
                relay_read_fence()
            continue
        counts = leg.counts
        rtp = leg.rtp
        relay_read_fence()
        if relay_version(&leg.version) == version:
            break
    expected = reception.former_expected + expected_of(reception)
    received = reception.former_received + reception.received
    jitter_ms = reception.jitter * 1000.0 / reception.clock_rate_hz if reception.clock_rate_hz else 0.0
    return (counts.packets, counts.octets, counts.reports, counts.sent, counts.refused, counts.unroutable,
            counts.foreign, counts.malformed, counts.unmapped, expected, received, <int64_t>(expected - received),
            jitter_ms, reception.ssrc if reception.is_begun else None, reception.sources, counts.last_ns / 1e9 or None,
            ("waiting", "provisional", "latched")[rtp.state], pack_address(&rtp.heard), pack_address(&rtp.destination),
            pack_address(&counts.stranger))
