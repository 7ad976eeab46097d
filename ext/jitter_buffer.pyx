# SPDX-License-Identifier: Apache-2.0
"""An adaptive jitter buffer for one RTP stream (RFC 3550): playout, loss, reordering, wraps, silence, clock drift.

The arithmetic is jitter_playout.pxd over jitter_transits.pxd, for other islands without the GIL; this is its Python
face and owns the memory.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.tuple cimport PyTuple_Check, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from jitter_playout cimport (DUPLICATE as C_DUPLICATE, HELD as C_HELD, IDLE as C_IDLE, KEPT as C_KEPT, LATE as C_LATE,
                             LOST as C_LOST, OVERSIZED as C_OVERSIZED, PACKET as C_PACKET, SILENT as C_SILENT, SLOTS,
                             STRETCHED as C_STRETCHED, WAITING as C_WAITING, arrival_t, item_t, open_playout, playout_t,
                             put_packet, take_item)
from jitter_transits cimport BINS, target_of

IDLE, PACKET, LOST, WAITING, SILENT, STRETCHED = C_IDLE, C_PACKET, C_LOST, C_WAITING, C_SILENT, C_STRETCHED
KEPT, LATE, DUPLICATE, HELD, OVERSIZED = C_KEPT, C_LATE, C_DUPLICATE, C_HELD, C_OVERSIZED

cdef enum:
    MOST_CLOCK_RATE = 192000
    MOST_PAYLOAD = 65535


# ---- the buffer

cdef class JitterBuffer:
    """One stream; not for two threads at once."""

    cdef playout_t *_playout

    def __cinit__(self, int clock_rate_hz=8000, int frame=160, int late_per_mille=10, limits_ms=(0, 400),
                  int payload_limit=512):
        cdef int least_ms = limits_ms[0], most_ms = limits_ms[1]
        if clock_rate_hz % 1000 or not 1000 <= clock_rate_hz <= MOST_CLOCK_RATE:
            raise ValueError("a clock rate of whole kilohertz up to 192")
        if not 0 < frame <= clock_rate_hz or not 0 <= late_per_mille < 1000:
            raise ValueError("a frame of at most a second, a share below one")
        if not 0 <= least_ms <= most_ms < BINS or not 0 < payload_limit <= MOST_PAYLOAD:
            raise ValueError("limits of 0 to 1023 ms, payloads of at most 65535 octets")
        self._playout = <playout_t *>calloc(1, sizeof(playout_t))
        if self._playout == NULL:
            raise MemoryError
        open_playout(self._playout, clock_rate_hz, frame, late_per_mille)
        self._playout.transits.least_bins = least_ms
        self._playout.transits.most_bins = most_ms
        self._playout.payload_limit = payload_limit
        self._playout.payloads = <uint8_t *>calloc(SLOTS + 1, payload_limit)
        if self._playout.payloads == NULL:
            raise MemoryError

    def __dealloc__(self):
        if self._playout != NULL:
            free(self._playout.payloads)
            free(self._playout)

    # ---- the shell

    def put(self, packet, long long span, long long arrival_ns):
        """Keep a packet (payload type, sequence, timestamp, SSRC, payload, ...) until its time; what became of it."""
        cdef arrival_t arrival
        cdef object payload
        if not PyTuple_Check(packet) or PyTuple_GET_SIZE(packet) < 5:
            raise TypeError("a packet is a tuple of payload type, sequence, timestamp, SSRC and payload")
        payload = <object>PyTuple_GET_ITEM(packet, 4)
        if not PyBytes_CheckExact(payload):
            raise TypeError("a payload is bytes")
        if not 0 < span <= self._playout.clock_rate_hz or arrival_ns < 0:
            raise ValueError("a span of at most a second, a time that is not negative")
        arrival.payload_type = <uint8_t><object>PyTuple_GET_ITEM(packet, 0)
        arrival.sequence = <uint16_t><object>PyTuple_GET_ITEM(packet, 1)
        arrival.timestamp = <uint32_t><object>PyTuple_GET_ITEM(packet, 2)
        arrival.ssrc = <uint32_t><object>PyTuple_GET_ITEM(packet, 3)
        arrival.span = <uint32_t>span
        arrival.size = <uint32_t>min(PyBytes_GET_SIZE(payload), <Py_ssize_t>MOST_PAYLOAD + 1)
        arrival.payload = <const uint8_t *>PyBytes_AS_STRING(payload)
        arrival.arrival_ns = arrival_ns
        return put_packet(self._playout, &arrival)

    def get(self, long long playout_ns, long long queued=0):
        """What is to sound next: (kind, span, skip, payload type, payload)."""
        cdef item_t item
        if playout_ns < 0 or not 0 <= queued < self._playout.frame:
            raise ValueError("a time that is not negative, less than a frame queued")
        take_item(self._playout, playout_ns, <int32_t>queued, &item)
        if item.kind != C_PACKET:
            return item.kind, item.span, 0, None, None
        return (C_PACKET, item.span, item.skip, item.payload_type,
                PyBytes_FromStringAndSize(<const char *>item.payload, item.size))

    @property
    def target_ms(self):
        """The delay aimed at, above that of the fastest packet; 0.0 before the first."""
        if not self._playout.is_begun:
            return 0.0
        return <double>(target_of(&self._playout.transits) // self._playout.transits.bin_units
                        - self._playout.transits.lowest)

    def figures(self):
        """What has come and what became of it, by name."""
        return self._playout.counts

    def __len__(self):
        return bin(self._playout.present).count("1")
