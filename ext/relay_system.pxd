# SPDX-License-Identifier: Apache-2.0
# What the relay of media asks of the kernel and of the C library: batches of packets, epoll, a lock that inherits
# priority, a real-time thread, and figures that are read while they change (a version that is odd meanwhile).
from libc.stdint cimport int64_t, uint32_t, uint64_t

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
    #define RELAY_WAKE (UINT64_C(1) << 63)
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
    uint64_t WAKE "RELAY_WAKE"        # the tag that stands for the event of `stop`
    int EPOLLIN, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CLOEXEC, EFD_CLOEXEC, EFD_NONBLOCK
    int MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC, IPPROTO_IP, IP_TOS, IPPROTO_IPV6, IPV6_TCLASS, SOL_SOCKET, SO_RCVBUF
