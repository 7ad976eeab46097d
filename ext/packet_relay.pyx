# SPDX-License-Identifier: Apache-2.0
"""RTP and RTCP passed on between the two legs of each session by one thread that never takes the GIL (RFC 3550, 5761).

The thread that runs `run` alone reads, sends and counts; everybody else changes sessions under the lock of the relay,
held by the thread for one batch. The lock inherits priority: who changes a session is not overtaken by a busy loop.
Figures are read without it: a leg's version is odd while they change.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EPERM, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from relay_legs cimport (DROPPED, PAYLOAD_TYPES, direct_leg, direction_t, leg_t, may_be_silent, session_t, silence_of)
from relay_loop cimport SESSION_LIMIT, find_session, prepare_batches, relay_packets, relay_t
from relay_sessions cimport close_sockets, drain, enter_session, replace_sockets, take_out
from relay_system cimport (EFD_CLOEXEC, EFD_NONBLOCK, EPOLLIN, EPOLL_CLOEXEC, EPOLL_CTL_ADD, IPPROTO_IP, IPPROTO_IPV6,
                           IPV6_TCLASS, IP_TOS, SOL_SOCKET, SO_RCVBUF, WAKE, close, epoll_create1, epoll_ctl,
                           epoll_event, eventfd, pthread_mutex_destroy, pthread_mutex_lock, pthread_mutex_unlock,
                           relay_clock_ns, relay_load, relay_open_lock, relay_read_fence, relay_set_fifo, relay_store,
                           relay_version, setsockopt, write)
from rtp_latch cimport AF_INET, AF_INET6, address_t, flow_t, length_of, sockaddr_in, sockaddr_in6
from rtp_reception cimport expected_of, reception_t

import os

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
