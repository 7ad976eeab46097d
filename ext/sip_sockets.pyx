# SPDX-License-Identifier: Apache-2.0
"""A UDP socket read and written in batches: recvmmsg and sendmmsg, 64 datagrams at a time.

Nothing here waits, so the GIL is kept: dropping it for microseconds could cost a whole switch interval to get back, and
holding it is what lets every socket of the process read into one room.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Next, PyDict_SetItem
from cpython.ref cimport PyObject
from libc.errno cimport EAGAIN, EBADF, EFAULT, EINTR, EINVAL, ENOBUFS, ENOTSOCK, errno
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

import os

cdef extern from *:
    """
    #include <arpa/inet.h>
    #include <netinet/in.h>
    #include <poll.h>
    #include <sys/mman.h>
    #include <sys/socket.h>
    #ifndef SO_MEMINFO
    #define SO_MEMINFO 55
    #endif
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
    struct pollfd:
        int fd
        short events
        short revents
    int recvmmsg(int, mmsghdr *, unsigned, int, timespec *)
    int sendmmsg(int, mmsghdr *, unsigned, int)
    int getsockopt(int, int, int, void *, unsigned *)
    int poll(pollfd *, unsigned long, int)
    int inet_pton(int, const char *, void *)
    const char *inet_ntop(int, const void *, char *, unsigned)
    uint16_t ntohs(uint16_t)
    uint16_t htons(uint16_t)
    void *mmap(void *, size_t, int, int, int, long)
    int madvise(void *, size_t, int)
    int AF_INET, AF_INET6, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC, POLLOUT, SOL_SOCKET, SO_MEMINFO
    int PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE, MADV_NOHUGEPAGE
    void *MAP_FAILED
    Py_ssize_t count_references "Py_REFCNT"(PyObject *)

cdef enum:
    BATCH = 64
    DATAGRAM_LIMIT = 65535          # octets of the largest UDP message
    SLOT = 65536 + 1088             # no power of two: slots 64 KiB apart would all fall into the same cache sets
    RECEIVE_TRIES = 8
    SEND_WAITS = 3                  # waits of a millisecond for room in the send buffer, per call of send
    RMEM_ALLOC = 0                  # SK_MEMINFO_* of linux/sock_diag.h
    RCVBUF = 1
    DROPS = 8
    MEMINFO_VARS = 9

cdef union address_t:
    uint16_t family
    sockaddr_in ipv4
    sockaddr_in6 ipv6


# ---- C: no Python object below this line up to the class

cdef char *room = NULL              # where the kernel puts datagrams, for all sockets: copied out before another reads


cdef bint open_room() noexcept:
    """Map the room: a page of it costs memory only once a datagram has reached it, at most 4 MiB in all."""
    global room
    cdef void *mapped
    if room == NULL:
        mapped = mmap(NULL, BATCH * SLOT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if mapped == MAP_FAILED:
            return False
        madvise(mapped, BATCH * SLOT, MADV_NOHUGEPAGE)      # huge pages would make it resident at the first datagram
        room = <char *>mapped
    return True


cdef int receive_batch(int descriptor, mmsghdr *headers, unsigned used) noexcept:
    """How many datagrams came, 0 for none, -errno when the descriptor is wrong; `used` headers are made ready first."""
    cdef unsigned index
    cdef int count, _try
    for index in range(used):
        headers[index].msg_hdr.msg_namelen = sizeof(address_t)
    for _try in range(RECEIVE_TRIES):
        count = recvmmsg(descriptor, headers, BATCH, MSG_DONTWAIT, NULL)
        if count >= 0:
            return count
        if errno == EAGAIN:
            return 0
        if errno == EBADF or errno == ENOTSOCK or errno == EFAULT or errno == EINVAL:
            return -errno
        # EINTR, or the ICMP error of one peer reported on the socket of all: reading it has cleared it
    return 0


cdef int send_batch(int descriptor, mmsghdr *headers, int total, int *waits) noexcept:
    """Send all; returns how many were refused. sendmmsg stops at a failure: that one is tried again, then left out."""
    cdef pollfd room_to_send
    cdef int refused = 0, first = 0, tries = 0, count
    while first < total:
        count = sendmmsg(descriptor, headers + first, total - first, MSG_DONTWAIT | MSG_NOSIGNAL)
        if count > 0:
            first += count
            tries = 0
        elif count < 0 and errno == EINTR:
            continue
        elif count < 0 and (errno == EAGAIN or errno == ENOBUFS) and waits[0] > 0:
            waits[0] -= 1
            room_to_send.fd = descriptor
            room_to_send.events = POLLOUT
            poll(&room_to_send, 1, 1)
        elif tries == 0:
            tries = 1               # the error may be an earlier ICMP message about another peer, cleared by this call
        else:
            refused += 1
            first += 1
            tries = 0
    return refused


# ---- the owner of all memory

cdef class DatagramSocket:
    cdef int descriptor
    cdef unsigned headers_used
    cdef mmsghdr[BATCH] received
    cdef mmsghdr[BATCH] sent
    cdef iovec[BATCH] received_octets
    cdef iovec[BATCH] sent_octets
    cdef address_t[BATCH] sources
    cdef address_t[BATCH] destinations
    cdef object make_flow
    cdef dict young, old            # two generations of packed address -> flow
    cdef Py_ssize_t half, turn_size
    cdef readonly long long datagrams_received, datagrams_sent, datagrams_refused, datagrams_truncated, batches

    def __init__(self, int descriptor, make_flow, Py_ssize_t flow_limit=65536, unsigned size_limit=DATAGRAM_LIMIT):
        if not open_room():
            raise MemoryError("no address space for the receive room")
        if flow_limit < 2 or not 0 < size_limit <= DATAGRAM_LIMIT:
            raise ValueError("flow_limit is at least 2, size_limit 1 to 65535")
        cdef int index
        self.descriptor = descriptor
        self.make_flow = make_flow
        self.young, self.old = {}, {}
        self.half = self.turn_size = flow_limit // 2
        memset(self.received, 0, sizeof(self.received))
        memset(self.sent, 0, sizeof(self.sent))
        for index in range(BATCH):
            self.received_octets[index].iov_base = room + <Py_ssize_t>index * SLOT
            self.received_octets[index].iov_len = size_limit
            self.received[index].msg_hdr.msg_iov = &self.received_octets[index]
            self.received[index].msg_hdr.msg_iovlen = 1
            self.received[index].msg_hdr.msg_name = &self.sources[index]
            self.sent[index].msg_hdr.msg_iov = &self.sent_octets[index]
            self.sent[index].msg_hdr.msg_iovlen = 1
            self.sent[index].msg_hdr.msg_name = &self.destinations[index]
        self.headers_used = BATCH

    cdef list copy_batch(self, int count, int *slots):
        """The octets of the batch just received, before any Python code can run that might read into the room again."""
        cdef int index, kept = 0
        cdef list octets = []
        for index in range(count):
            if self.received[index].msg_hdr.msg_flags & MSG_TRUNC:
                self.datagrams_truncated += 1
            elif self.received[index].msg_len:
                octets.append(PyBytes_FromStringAndSize(<char *>self.received_octets[index].iov_base,
                                                        self.received[index].msg_len))
                slots[kept] = index
                kept += 1
        return octets

    cdef object flow_of(self, bytes raw):
        cdef PyObject *known = PyDict_GetItem(self.young, raw)
        return <object>known if known != NULL else self.remember(raw)

    cdef object remember(self, bytes raw):
        """A flow that the young generation does not know: promoted from the old one, or made."""
        flow = self.old.pop(raw, None)
        if flow is None:
            flow = self.make_flow(raw, *unpack_address(raw))
        if len(self.young) >= self.turn_size:
            self.turn_generations()
        self.young[raw] = flow
        return flow

    cdef void turn_generations(self):
        """Forget the old generation, except what a binding or a transaction still holds: it stays the same object."""
        cdef PyObject *raw = NULL
        cdef PyObject *flow = NULL
        cdef Py_ssize_t position = 0
        cdef dict kept = {}
        while PyDict_Next(self.old, &position, &raw, &flow):
            if count_references(flow) > 1:
                PyDict_SetItem(kept, <object>raw, <object>flow)
        self.old = self.young
        self.young = kept
        self.turn_size = len(kept) + self.half

    def receive(self):
        cdef int[BATCH] slots
        cdef int index, count = receive_batch(self.descriptor, self.received, self.headers_used)
        cdef mmsghdr *header
        cdef list datagrams
        self.headers_used = max(count, 0)
        if count <= 0:
            if count < 0:
                raise OSError(-count, os.strerror(-count))
            return []
        self.batches += 1
        self.datagrams_received += count
        datagrams = self.copy_batch(count, slots)
        for index in range(len(datagrams)):
            header = &self.received[slots[index]]
            datagrams[index] = (datagrams[index], self.flow_of(
                PyBytes_FromStringAndSize(<char *>header.msg_hdr.msg_name, header.msg_hdr.msg_namelen)))
        return datagrams

    def send(self, list datagrams not None):
        cdef Py_ssize_t first, total = len(datagrams)
        cdef int index, count, waits = SEND_WAITS, refused = 0
        cdef list batch
        cdef bytes octets, raw
        for first in range(0, total, BATCH):
            batch = datagrams[first:first + BATCH]          # holds the octets, whatever reading `raw` may run
            count = len(batch)
            for index in range(count):
                octets, flow = <tuple?>batch[index]
                raw = flow.raw
                if PyBytes_GET_SIZE(raw) > <Py_ssize_t>sizeof(address_t):
                    raise ValueError("raw is no packed address")
                memcpy(&self.destinations[index], PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))
                self.sent[index].msg_hdr.msg_namelen = PyBytes_GET_SIZE(raw)
                self.sent_octets[index].iov_base = PyBytes_AS_STRING(octets)
                self.sent_octets[index].iov_len = PyBytes_GET_SIZE(octets)
            refused += send_batch(self.descriptor, self.sent, count, &waits)
        self.datagrams_refused += refused
        self.datagrams_sent += total - refused
        return refused

    def find_flow(self, bytes raw not None):
        unpack_address(raw)
        return self.flow_of(raw)

    def rebind(self, int descriptor):
        self.descriptor = descriptor

    @property
    def flow_count(self):
        return len(self.young) + len(self.old)

    def pressure(self):
        cdef uint32_t[MEMINFO_VARS] memory
        cdef unsigned size = sizeof(memory)
        memset(memory, 0, sizeof(memory))
        if getsockopt(self.descriptor, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0:
            raise OSError(errno, os.strerror(errno))
        return memory[RMEM_ALLOC], memory[RCVBUF], memory[DROPS]


# ---- the face to Python

cdef tuple unpack_address(bytes raw):
    """(host, port) of a packed address; ValueError for anything else."""
    cdef address_t address
    cdef char[64] text
    memset(&address, 0, sizeof(address))
    memcpy(&address, PyBytes_AS_STRING(raw), min(PyBytes_GET_SIZE(raw), <Py_ssize_t>sizeof(address)))
    if address.family == AF_INET and PyBytes_GET_SIZE(raw) == <Py_ssize_t>sizeof(sockaddr_in):
        inet_ntop(AF_INET, &address.ipv4.sin_addr, text, sizeof(text))
        return <bytes>text, ntohs(address.ipv4.sin_port)
    if address.family == AF_INET6 and PyBytes_GET_SIZE(raw) == <Py_ssize_t>sizeof(sockaddr_in6):
        inet_ntop(AF_INET6, &address.ipv6.sin6_addr, text, sizeof(text))
        return <bytes>text, ntohs(address.ipv6.sin6_port)
    raise ValueError("no packed IPv4 or IPv6 address")


def pack_address(bytes host not None, int port):
    cdef address_t address
    memset(&address, 0, sizeof(address))
    if not 0 <= port <= 65535:
        raise ValueError("port is 0 to 65535")
    if b"\0" not in host:
        if inet_pton(AF_INET, PyBytes_AS_STRING(host), &address.ipv4.sin_addr) == 1:
            address.ipv4.sin_family = AF_INET
            address.ipv4.sin_port = htons(port)
            return PyBytes_FromStringAndSize(<char *>&address, sizeof(sockaddr_in))
        if inet_pton(AF_INET6, PyBytes_AS_STRING(host), &address.ipv6.sin6_addr) == 1:
            address.ipv6.sin6_family = AF_INET6
            address.ipv6.sin6_port = htons(port)
            return PyBytes_FromStringAndSize(<char *>&address, sizeof(sockaddr_in6))
    raise ValueError("host is a numeric IPv4 or IPv6 address without brackets")
