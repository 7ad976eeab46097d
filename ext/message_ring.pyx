# SPDX-License-Identifier: Apache-2.0
"""The last messages in and out, and how many of each kind there ever were: two references and a count each, no more.

It stands on the path of every message, so it does in C what costs half a microsecond a message in Python.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp

cdef extern from "Python.h":
    bint PyTuple_CheckExact(object)
    Py_ssize_t PyTuple_GET_SIZE(object)
    PyObject *PyTuple_GET_ITEM(object, Py_ssize_t)
    object PySequence_Fast(object, const char *)
    PyObject **PySequence_Fast_ITEMS(object)
    Py_ssize_t PySequence_Fast_GET_SIZE(object)

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


cdef struct Entry:
    PyObject *octets
    PyObject *flow
    double at
    bint is_sent
    bint is_first               # of its batch


# ---- the ring

cdef class MessageRing:
    """Holds batches of (octets, flow), bounded by octets and by messages; the oldest batch goes first. What it holds is
    in no object that the collector would look at: thousands of them, all the time. Whoever has flows that lead back to
    the ring keeps both until they have left it."""

    cdef Entry *_entries
    cdef Py_ssize_t _first, _octets, _messages, _octets_limit, _messages_limit
    cdef long long _counts[2][KIND_COUNT]
    cdef long long _octets_total[2]

    def __cinit__(self, Py_ssize_t octets_limit, Py_ssize_t messages_limit):
        if messages_limit < 1:
            raise ValueError("room for one message")
        self._octets_limit = octets_limit
        self._messages_limit = messages_limit
        self._entries = <Entry *> calloc(messages_limit, sizeof(Entry))
        if self._entries == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self._entries != NULL:
            while self._messages:
                self._drop_oldest()
            free(self._entries)

    cdef int _append(self, object batch, bint is_sent, double now) except -1:
        cdef object sequence = PySequence_Fast(batch, "a batch is a sequence of (octets, flow)")
        cdef PyObject **items = PySequence_Fast_ITEMS(sequence)
        cdef Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence), index, octets = 0
        cdef PyObject *data
        for index in range(count):  # nothing is counted before everything has been looked at
            if not PyTuple_CheckExact(<object> items[index]) or PyTuple_GET_SIZE(<object> items[index]) != 2 \
                    or not PyBytes_CheckExact(<object> PyTuple_GET_ITEM(<object> items[index], 0)):
                raise TypeError("a batch is a sequence of (octets, flow)")
        for index in range(count):
            data = PyTuple_GET_ITEM(<object> items[index], 0)
            octets += PyBytes_GET_SIZE(<object> data)
            self._counts[is_sent][find_kind(PyBytes_AS_STRING(<object> data), PyBytes_GET_SIZE(<object> data))] += 1
        self._octets_total[is_sent] += octets
        while self._messages and (self._octets + octets > self._octets_limit
                                  or self._messages + count > self._messages_limit):
            self._drop_batch()
        if octets <= self._octets_limit and count <= self._messages_limit:
            for index in range(count):
                self._enter(items[index], is_sent, now, index == 0)
            self._octets += octets
        return 0

    cdef void _enter(self, PyObject *item, bint is_sent, double now, bint is_first) noexcept:
        cdef Entry *entry = self._entries + (self._first + self._messages) % self._messages_limit
        entry.octets = PyTuple_GET_ITEM(<object> item, 0)
        entry.flow = PyTuple_GET_ITEM(<object> item, 1)
        Py_INCREF(<object> entry.octets)
        Py_INCREF(<object> entry.flow)
        entry.at = now
        entry.is_sent = is_sent
        entry.is_first = is_first
        self._messages += 1

    cdef void _drop_batch(self) noexcept:
        self._drop_oldest()
        while self._messages and not self._entries[self._first].is_first:
            self._drop_oldest()

    cdef void _drop_oldest(self) noexcept:
        cdef Entry *entry = self._entries + self._first
        self._octets -= PyBytes_GET_SIZE(<object> entry.octets)
        self._first = (self._first + 1) % self._messages_limit
        self._messages -= 1
        Py_DECREF(<object> entry.octets)
        Py_DECREF(<object> entry.flow)

    # ---- the shell

    def append_received(self, batch, double now):
        """Note what came in; the batch is copied, its octets are not."""
        self._append(batch, False, now)

    def append_sent(self, batch, double now):
        """Note what goes out, before the outbox is emptied."""
        self._append(batch, True, now)

    def batches(self):
        """Everything held, oldest first: (monotonic seconds, is_sent, octets, ((octets, flow), ...))."""
        cdef list found = [], batch = []
        cdef Py_ssize_t index, octets = 0
        cdef Entry *entry
        for index in range(self._messages):
            entry = self._entries + (self._first + index) % self._messages_limit
            batch.append((<object> entry.octets, <object> entry.flow))
            octets += PyBytes_GET_SIZE(<object> entry.octets)
            if index + 1 == self._messages or \
                    self._entries[(self._first + index + 1) % self._messages_limit].is_first:
                found.append((entry.at, True if entry.is_sent else False, octets, tuple(batch)))
                batch = []
                octets = 0
        return found

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
