# SPDX-License-Identifier: Apache-2.0
"""The last messages in and out, and how many of each kind there ever were: a copied batch and a count each, no more.

It stands on the path of every message, so it does in C what costs half a microsecond a message in Python.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.ref cimport PyObject
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.string cimport memcmp

from collections import deque

KINDS = ("ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER",
         "REGISTER", "SUBSCRIBE", "UPDATE", "other", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx", "other response")

# ---- C: which kind of message octets are

cdef enum:
    METHOD_COUNT = 14
    OTHER_REQUEST = 14
    FIRST_CLASS = 15
    OTHER_RESPONSE = 21
    KIND_COUNT = 22

cdef const char **METHODS = ["ACK ", "BYE ", "CANCEL ", "INFO ", "INVITE ", "MESSAGE ", "NOTIFY ", "OPTIONS ", "PRACK ",
                             "PUBLISH ", "REFER ", "REGISTER ", "SUBSCRIBE ", "UPDATE "]
cdef int *SIZES = [4, 4, 7, 5, 7, 8, 7, 8, 6, 8, 6, 9, 10, 7]


cdef int find_kind(const char *begin, Py_ssize_t size) noexcept nogil:
    """The index in KINDS; whatever is neither known request nor response counts as another request."""
    cdef int kind
    if size >= 8 and memcmp(begin, b"SIP/2.0 ", 8) == 0:
        if size >= 9 and c'1' <= begin[8] <= c'6':
            return FIRST_CLASS + begin[8] - c'1'
        return OTHER_RESPONSE
    for kind in range(METHOD_COUNT):
        if size >= SIZES[kind] and begin[0] == METHODS[kind][0] and memcmp(begin, METHODS[kind], SIZES[kind]) == 0:
            return kind
    return OTHER_REQUEST


# ---- the ring

cdef class MessageRing:
    """Holds batches of (octets, flow), bounded by octets and by messages; the oldest batch goes first."""

    cdef object _batches
    cdef Py_ssize_t _octets, _messages, _octets_limit, _messages_limit
    cdef long long _counts[2][KIND_COUNT]
    cdef long long _octets_total[2]

    def __cinit__(self, Py_ssize_t octets_limit, Py_ssize_t messages_limit):
        self._batches = deque()
        self._octets_limit = octets_limit
        self._messages_limit = messages_limit

    cdef int _append(self, object batch, bint is_sent, double now) except -1:
        cdef tuple copy = tuple(batch)
        cdef Py_ssize_t count = PyTuple_GET_SIZE(copy), index, octets = 0, size
        cdef PyObject *entry
        cdef object data
        if count == 0:
            return 0
        for index in range(count):  # nothing is counted before everything has been looked at
            entry = <PyObject *> PyTuple_GET_ITEM(copy, index)
            if not PyTuple_CheckExact(<object> entry) or PyTuple_GET_SIZE(<object> entry) != 2 \
                    or not PyBytes_CheckExact(<object> PyTuple_GET_ITEM(<object> entry, 0)):
                raise TypeError("a batch is a sequence of (octets, flow)")
        for index in range(count):
            data = <object> PyTuple_GET_ITEM(<object> PyTuple_GET_ITEM(copy, index), 0)
            size = PyBytes_GET_SIZE(data)
            octets += size
            self._counts[is_sent][find_kind(PyBytes_AS_STRING(data), size)] += 1
        self._octets_total[is_sent] += octets
        self._batches.append((now, True if is_sent else False, octets, copy))
        self._octets += octets
        self._messages += count
        while self._octets > self._octets_limit or self._messages > self._messages_limit:
            self._drop_oldest()
        return 0

    cdef int _drop_oldest(self) except -1:
        cdef tuple oldest = self._batches.popleft()
        self._octets -= <Py_ssize_t> oldest[2]
        self._messages -= PyTuple_GET_SIZE(oldest[3])
        return 0

    # ---- the shell

    def append_received(self, batch, double now):
        """Note what came in; the batch is copied, its octets are not."""
        self._append(batch, False, now)

    def append_sent(self, batch, double now):
        """Note what goes out, before the outbox is emptied."""
        self._append(batch, True, now)

    def batches(self):
        """Everything held, oldest first: (monotonic seconds, is_sent, octets, ((octets, flow), ...))."""
        return list(self._batches)

    def counts(self, bint is_sent):
        """How many messages of each of KINDS there ever were in one direction."""
        return [self._counts[is_sent][kind] for kind in range(KIND_COUNT)]

    def octets_total(self, bint is_sent):
        """Octets that ever went in one direction."""
        return self._octets_total[is_sent]

    @property
    def size_octets(self):
        """Octets held."""
        return self._octets

    def __len__(self):
        return self._messages
