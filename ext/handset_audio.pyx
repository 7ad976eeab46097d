# SPDX-License-Identifier: Apache-2.0
"""The sound of one handset: frames of 10 ms from and to a sound card, RTP with G.711 from and to the network.

Between them: jitter buffer (jitter_playout.pxd, which follows the card's clock as well), concealment, tones, keys both
ways (RFC 4733, and DTMF in the microphone). A frame is a call of `hear` and one of `speak`, by one thread; the rest may
be called from others: each method is one step under the interpreter's lock.
"""
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from card_clock cimport card_clock_t, follow_given, follow_wanted
from g711_companding cimport PCMA, PCMU, compress, expand
from jitter_playout cimport PACKET, SLOTS, arrival_t, item_t, open_playout, playout_t, put_packet, take_item
from jitter_transits cimport target_of
from key_detection cimport GROUPS_HZ, KEYPAD, detect_key, detector_t, open_detector
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset
from rtp_reception cimport expected_of, receive_packet, reception_t
from tone_generation cimport RATE_HZ, SEGMENTS, add_tone, begin_tone, is_sounding, segment_t, stop_tone, tone_t
from voice_concealment cimport conceal, concealment_t, join_heard

cdef extern from *:
    """
    #include <arpa/inet.h>
    #include <netinet/in.h>
    #include <sys/socket.h>
    """
    struct sockaddr:
        pass
    struct sockaddr_storage:
        uint16_t ss_family
    ctypedef unsigned int socklen_t
    int AF_INET, MSG_DONTWAIT
    ssize_t recvfrom(int, void *, size_t, int, sockaddr *, socklen_t *) nogil
    ssize_t sendto(int, const void *, size_t, int, const sockaddr *, socklen_t) nogil
    uint16_t htons(uint16_t) nogil
    uint32_t htonl(uint32_t) nogil
    uint16_t ntohs(uint16_t) nogil
    uint32_t ntohl(uint32_t) nogil

cdef enum:
    FRAME = 80                      # samples the card takes and gives
    PACKET_UNITS = 160              # RFC 3551 4.2: 20 ms
    PAYLOAD_LIMIT = 1024
    DATAGRAM_LIMIT = 1536
    QUEUE = 64 * FRAME              # samples decoded and not heard yet: more than any payload
    DRAINED = 64                    # datagrams a frame
    KEYS_LIMIT = 32
    END_REPEATS = 3                 # RFC 4733 2.5.1.4
    KEY_GAP_FRAMES = 5
    KEY_VOLUME = 10                 # dB below 0 dBm0
    LATE_PER_MILLE = 10
    CONFLICTS = 4                   # places that our SSRC has come from, remembered

ALONE, YIELDING, OVER = range(3)
KEY_WORDS = "0123456789*#ABCD"

cdef enum:                          # what of a tone and the far end is heard
    C_ALONE = 0
    C_YIELDING = 1
    C_OVER = 2

cdef struct counts_t:
    uint64_t sent
    uint64_t sent_octets
    uint64_t send_failures
    uint64_t received
    uint64_t received_octets
    uint64_t strangers              # from another host than the far end's
    uint64_t unheard                # no RTP, or no G.711
    uint64_t jumps                  # of the card's clock
    uint64_t collisions             # another source had our SSRC (RFC 3550 8.2)
    uint64_t looped                 # of our own packets, come back


cdef class HandsetAudio:
    """Everything between one handset's card and the network."""

    cdef playout_t _playout
    cdef concealment_t _concealment
    cdef tone_t _tone
    cdef tone_t _pressed_tone       # DTMF in the voice, for a far end without telephone events
    cdef detector_t _detector
    cdef counts_t _counts
    cdef reception_t _reception
    cdef int16_t _heard[QUEUE]
    cdef int32_t _heard_count
    cdef int16_t _left_out[PAYLOAD_LIMIT]
    cdef int32_t _left_out_count
    cdef int16_t _spoken[PACKET_UNITS]
    cdef int32_t _spoken_count
    cdef card_clock_t _clock
    cdef card_clock_t _spoken_clock     # the same of the microphone's frames
    cdef int64_t _voice_ns          # when the far end was last heard, 0 before that
    cdef int _descriptor
    cdef sockaddr_storage _remote
    cdef socklen_t _remote_size
    cdef uint8_t _payload_type
    cdef int _event_payload_type
    cdef bint _sends
    cdef bint _hears
    cdef bint _is_marked
    cdef int _tone_mode
    cdef bint _listens_keys
    cdef uint32_t _ssrc
    cdef uint64_t _former_sent      # packets and octets of SSRCs that were given up
    cdef uint64_t _former_octets
    cdef sockaddr_storage _conflicts[CONFLICTS]
    cdef int32_t _conflicts_count
    cdef bint _has_streamed
    cdef uint16_t _sequence
    cdef uint32_t _timestamp
    cdef char _keys[KEYS_LIMIT]     # waiting to be sent
    cdef int32_t _key_spans[KEYS_LIMIT]
    cdef int32_t _keys_count
    cdef int32_t _key_elapsed       # of the event under way, in timestamp units
    cdef int32_t _key_ends          # of its last packet, still to be sent
    cdef uint32_t _key_timestamp
    cdef int32_t _key_pause         # packets between two keys
    cdef object _detected

    def __cinit__(self, unsigned int ssrc, unsigned int sequence, unsigned int timestamp):
        open_playout(&self._playout, RATE_HZ, FRAME, LATE_PER_MILLE)
        self._playout.transits.least_bins = 0
        self._playout.transits.most_bins = 400
        self._playout.payload_limit = PAYLOAD_LIMIT
        self._playout.payloads = <uint8_t *>calloc(SLOTS + 1, PAYLOAD_LIMIT)
        if self._playout.payloads == NULL:
            raise MemoryError
        stop_tone(&self._tone)
        stop_tone(&self._pressed_tone)
        open_detector(&self._detector)
        self._descriptor = -1
        self._ssrc, self._sequence, self._timestamp = ssrc, <uint16_t>sequence, timestamp
        self._detected = ""

    def __dealloc__(self):
        free(self._playout.payloads)

    # ---- what the call asks for

    def connect(self, int descriptor, bytes remote, int payload_type, int event_payload_type):
        """From now on this socket is the way to the far end."""
        if payload_type not in (PCMU, PCMA):
            raise ValueError("PCMU or PCMA")
        if not 0 < len(remote) <= <Py_ssize_t>sizeof(sockaddr_storage) or not -1 <= event_payload_type < 128:
            raise ValueError("a packed address, a payload type or -1")
        if descriptor != self._descriptor:
            self._begin_stream(descriptor)
        memcpy(&self._remote, PyBytes_AS_STRING(remote), PyBytes_GET_SIZE(remote))
        self._remote_size = <socklen_t>PyBytes_GET_SIZE(remote)
        self._payload_type, self._event_payload_type = <uint8_t>payload_type, event_payload_type

    def let_pass(self, bint sends, bint hears):
        """Whether the microphone and the far end are let through."""
        self._is_marked = self._is_marked or (sends and not self._sends)
        self._sends, self._hears = sends, hears
        if not sends:
            self._drop_keys()       # RFC 3264 5.1: on a stream that is held nothing is sent, and keys are of the stream

    def disconnect(self):
        """No way to anybody any more; the socket may be closed."""
        self._descriptor = -1
        self._sends = self._hears = False
        self._drop_keys()

    def change_source(self, long long now_ns):
        """Another SSRC, since somebody else has this one."""
        self._renew_ssrc(now_ns)

    cdef void _drop_keys(self) noexcept:
        self._keys_count = self._key_elapsed = self._key_ends = self._key_pause = 0
        stop_tone(&self._pressed_tone)

    cdef void _begin_stream(self, int descriptor):
        cdef uint8_t *payloads = self._playout.payloads
        cdef char rubbish[DATAGRAM_LIMIT]
        cdef int count = 0
        if self._has_streamed:          # counts begin anew, and they are the source's (RFC 3550 6.4.1)
            self._ssrc = self._ssrc * 1664525 + 1013904223
        self._has_streamed = True
        while descriptor >= 0 and count < 4096 and recvfrom(descriptor, rubbish, sizeof(rubbish), MSG_DONTWAIT,
                                                            NULL, NULL) >= 0:
            count += 1          # it came while nobody listened
        open_playout(&self._playout, RATE_HZ, FRAME, LATE_PER_MILLE)
        self._playout.transits.least_bins = 0
        self._playout.transits.most_bins = 400
        self._playout.payload_limit = PAYLOAD_LIMIT
        self._playout.payloads = payloads
        memset(&self._concealment, 0, sizeof(self._concealment))
        memset(&self._counts, 0, sizeof(self._counts))
        memset(&self._reception, 0, sizeof(self._reception))
        self._heard_count = self._left_out_count = self._spoken_count = 0
        self._former_sent = self._former_octets = 0
        self._conflicts_count = 0
        self._drop_keys()
        self._voice_ns = 0
        self._is_marked = True
        self._descriptor = descriptor

    def play_tone(self, segments, int again, int mode):
        """Sound this from now on, whatever sounded before."""
        cdef segment_t *segment
        if len(segments) > SEGMENTS or not -1 <= again < len(segments):
            raise ValueError(f"at most {SEGMENTS} segments, the number of one of them or -1")
        stop_tone(&self._tone)
        for index, (first_hz, second_hz, modulation_hz, depth, level_dbm0, last_dbm0, span_ms) in enumerate(segments):
            segment = &self._tone.segments[<int>index]
            segment.first_hz, segment.second_hz = first_hz, second_hz
            segment.modulation_hz, segment.modulation_depth = modulation_hz, depth
            segment.level_dbm0, segment.last_dbm0 = level_dbm0, last_dbm0
            segment.span = <int32_t>span_ms * (RATE_HZ // 1000)
        self._tone.count = len(segments)
        begin_tone(&self._tone, again)
        self._tone_mode = mode
        self._voice_ns = 0

    def stop_tone(self):
        """Silence, or the far end alone."""
        stop_tone(&self._tone)

    def press(self, str key, int duration_ms=120):
        """Send one key; False where too many wait, or nothing may be sent."""
        if len(key) != 1 or key not in KEY_WORDS or not 40 <= duration_ms <= 6000:
            raise ValueError("0-9, *, #, A-D, 40 to 6000 ms")
        if self._descriptor < 0 or not self._sends or self._keys_count >= KEYS_LIMIT:
            return False
        self._keys[self._keys_count] = <char>KEY_WORDS.index(key)
        self._key_spans[self._keys_count] = duration_ms * (RATE_HZ // 1000)
        self._keys_count += 1
        return True

    def listen_keys(self, bint listens):
        """Whether DTMF in the microphone is looked for."""
        if listens and not self._listens_keys:
            open_detector(&self._detector)
        self._listens_keys = listens

    def take_keys(self):
        """The keys heard in the microphone since the last time."""
        detected, self._detected = self._detected, ""
        return detected

    # ---- what the card asks for

    def hear(self, long long now_ns):
        """The next frame for the earpiece."""
        cdef int16_t frame[FRAME]
        self._follow_clock(now_ns)
        memset(frame, 0, sizeof(frame))
        if self._descriptor >= 0:
            self._receive(now_ns)
            self._take_voice(frame)
        if is_sounding(&self._tone):
            if self._tone_mode == C_ALONE or (self._tone_mode == C_YIELDING and self._voice_ns == 0):
                memset(frame, 0, sizeof(frame))
                add_tone(&self._tone, frame, FRAME)
            elif self._tone_mode == C_OVER:
                add_tone(&self._tone, frame, FRAME)
        return PyBytes_FromStringAndSize(<char *>frame, sizeof(frame))

    def speak(self, bytes captured, long long now_ns):
        """A frame of the microphone; shorter ones are filled with silence."""
        cdef int16_t frame[FRAME]
        cdef Py_ssize_t size = min(PyBytes_GET_SIZE(captured), <Py_ssize_t>sizeof(frame))
        cdef int index
        cdef char key
        self._follow_microphone(now_ns)
        memset(frame, 0, sizeof(frame))
        memcpy(frame, PyBytes_AS_STRING(captured), size)
        if self._listens_keys:
            for index in range(FRAME):
                key = detect_key(&self._detector, frame[index])
                if key and len(self._detected) < KEYS_LIMIT:
                    self._detected += chr(key)
        memcpy(self._spoken + self._spoken_count, frame, sizeof(frame))
        self._spoken_count += FRAME
        if self._spoken_count >= PACKET_UNITS:
            self._spoken_count = 0
            self._send_packet()
            self._timestamp += PACKET_UNITS

    cdef void _follow_clock(self, int64_t now_ns) noexcept:
        """While we were away packets came when they came: nobody knows when, and what they are late by is our doing."""
        cdef int64_t jump_ns = follow_wanted(&self._clock, now_ns)
        self._counts.jumps += jump_ns != 0
        self._playout.is_blind = jump_ns > 0
        if jump_ns > 0:
            self._playout.is_gap = True

    cdef void _follow_microphone(self, int64_t now_ns) noexcept:
        """What was not captured is time all the same (RFC 3550 5.1): without it the far end would take all that follows
        a stall for late."""
        cdef int64_t lost = follow_given(&self._spoken_clock, now_ns)
        if lost:
            self._timestamp += <uint32_t>(lost * FRAME + self._spoken_count)
            self._spoken_count = 0
            self._is_marked = True              # RFC 3551 4.1

    # ---- from the network

    cdef void _receive(self, int64_t now_ns) noexcept:
        cdef uint8_t octets[DATAGRAM_LIMIT]
        cdef sockaddr_storage source
        cdef socklen_t source_size
        cdef ssize_t size
        cdef int _turn
        for _turn in range(DRAINED):
            source_size = sizeof(source)
            size = recvfrom(self._descriptor, octets, sizeof(octets), MSG_DONTWAIT, <sockaddr *>&source, &source_size)
            if size < 0:
                return
            if not self._is_far_end(&source):
                self._counts.strangers += 1
            elif self._is_looped(octets, size, &source, now_ns):
                self._counts.looped += 1
            elif not self._read_packet(octets, size, now_ns):
                self._counts.unheard += 1

    cdef bint _is_far_end(self, const sockaddr_storage *source) noexcept:
        """The host that its session names; the port is a NAT's affair."""
        cdef const uint8_t *theirs = <const uint8_t *>source
        cdef const uint8_t *known = <const uint8_t *>&self._remote
        if source.ss_family != self._remote.ss_family:
            return False
        if source.ss_family == AF_INET:
            return memcmp(theirs + 4, known + 4, 4) == 0
        return memcmp(theirs + 8, known + 8, 16) == 0

    cdef bint _is_looped(self, const uint8_t *octets, ssize_t size, const sockaddr_storage *source,
                         int64_t now_ns) noexcept:
        """RFC 3550 8.2. Our SSRC from a place that it has not come from before is somebody else's as well: we take
        another, and hear them. Where that comes back too, it is ourselves."""
        cdef int32_t index
        if size < 12 or octets[0] >> 6 != 2 or ntohl((<const uint32_t *>(octets + 8))[0]) != self._ssrc:
            return False
        for index in range(self._conflicts_count):
            if memcmp(&self._conflicts[index], source, self._remote_size) == 0:
                return True
        if self._conflicts_count == CONFLICTS:
            return True
        memcpy(&self._conflicts[self._conflicts_count], source, sizeof(source[0]))
        self._conflicts_count += 1
        self._renew_ssrc(now_ns)
        return False

    cdef void _renew_ssrc(self, int64_t now_ns) noexcept:
        """The time is in it: two who had the same one, and do the same, do not have the same again."""
        self._counts.collisions += 1
        self._ssrc = ((self._ssrc ^ <uint32_t>now_ns) * 1664525 + 1013904223) ^ <uint32_t>(now_ns >> 20)
        self._former_sent, self._former_octets = self._counts.sent, self._counts.sent_octets     # 6.4.1
        self._is_marked = True

    cdef bint _read_packet(self, const uint8_t *octets, ssize_t size, int64_t now_ns) noexcept:
        """RFC 3550 5.1. False for what cannot be heard."""
        cdef ssize_t begin
        cdef arrival_t packet
        if size < 12 or octets[0] >> 6 != 2:
            return False
        begin = 12 + 4 * (octets[0] & 0x0F)
        if octets[0] & 0x10:
            if begin + 4 > size:
                return False
            begin += 4 + 4 * ((octets[begin + 2] << 8) | octets[begin + 3])
        if octets[0] & 0x20:
            size -= octets[size - 1]
        packet.payload_type = octets[1] & 0x7F
        if begin < size and not 64 <= packet.payload_type <= 95:        # RFC 5761 4: those are RTCP
            receive_packet(&self._reception, octets, RATE_HZ if packet.payload_type in (PCMU, PCMA) else 0, now_ns)
        if begin >= size or size - begin > PAYLOAD_LIMIT or packet.payload_type not in (PCMU, PCMA):
            return False
        packet.sequence = <uint16_t>((octets[2] << 8) | octets[3])
        packet.timestamp = ntohl((<const uint32_t *>(octets + 4))[0])
        packet.ssrc = ntohl((<const uint32_t *>(octets + 8))[0])
        packet.span = packet.size = <uint32_t>(size - begin)
        packet.payload = octets + begin
        packet.arrival_ns = now_ns
        self._counts.received += 1
        self._counts.received_octets += packet.size
        put_packet(&self._playout, &packet)
        return True

    cdef void _take_voice(self, int16_t *frame) noexcept:
        """The next frame of the far end, as rtp.recorder takes it."""
        cdef item_t item
        cdef int32_t index
        cdef int16_t *end
        while self._heard_count < FRAME:
            take_item(&self._playout, self._clock.ns, self._heard_count, &item)
            end = self._heard + self._heard_count
            if item.kind != PACKET:
                conceal(&self._concealment, end, item.span)
                self._heard_count += item.span
                continue
            self._voice_ns = self._clock.ns
            for index in range(item.skip):
                if self._left_out_count < PAYLOAD_LIMIT:
                    self._left_out[self._left_out_count] = expand(item.payload_type, item.payload[index])
                    self._left_out_count += 1
            if item.span:
                for index in range(item.span):
                    end[index] = expand(item.payload_type, item.payload[item.skip + index])
                join_heard(&self._concealment, end, item.span, self._left_out, self._left_out_count)
                self._left_out_count = 0
                self._heard_count += item.span
        if self._hears:
            memcpy(frame, self._heard, FRAME * sizeof(int16_t))
        self._heard_count -= FRAME
        memmove(self._heard, self._heard + FRAME, self._heard_count * sizeof(int16_t))

    # ---- to the network

    cdef void _send_packet(self) noexcept:
        cdef uint8_t octets[12 + PACKET_UNITS]
        cdef int index
        if self._descriptor < 0:
            return
        if self._keys_count and self._event_payload_type >= 0:
            self._send_event(octets)
            return
        if self._keys_count:
            self._press_in_voice()
        if not self._sends:
            return
        add_tone(&self._pressed_tone, self._spoken, PACKET_UNITS)
        for index in range(PACKET_UNITS):
            octets[12 + index] = compress(self._payload_type, self._spoken[index])
        self._send(octets, self._payload_type, self._timestamp, PACKET_UNITS)

    cdef void _send(self, uint8_t *octets, uint8_t payload_type, uint32_t timestamp, size_t size) noexcept:
        octets[0] = 0x80
        octets[1] = payload_type | (0x80 if self._is_marked else 0)
        (<uint16_t *>(octets + 2))[0] = htons(self._sequence)
        (<uint32_t *>(octets + 4))[0] = htonl(timestamp)
        (<uint32_t *>(octets + 8))[0] = htonl(self._ssrc)
        self._sequence += 1
        self._is_marked = False
        if sendto(self._descriptor, octets, 12 + size, MSG_DONTWAIT, <sockaddr *>&self._remote,
                  self._remote_size) < 0:
            self._counts.send_failures += 1
            return
        self._counts.sent += 1
        self._counts.sent_octets += size

    cdef void _send_event(self, uint8_t *octets) noexcept:
        """RFC 4733 2.5.1: packets of one event share its first timestamp, the marker is on the first, the last is sent
        three times."""
        cdef int32_t duration
        cdef bint is_end
        if self._key_pause:
            self._key_pause -= 1
            return
        if self._key_elapsed == 0:
            self._key_timestamp = self._timestamp
            self._is_marked = True
        if self._key_ends == 0:
            self._key_elapsed += PACKET_UNITS
        duration = min(self._key_elapsed, self._key_spans[0])
        is_end = duration >= self._key_spans[0]
        octets[12] = <uint8_t>self._keys[0]
        octets[13] = <uint8_t>((0x80 if is_end else 0) | KEY_VOLUME)
        octets[14] = <uint8_t>(duration >> 8)
        octets[15] = <uint8_t>(duration & 0xFF)
        self._send(octets, <uint8_t>self._event_payload_type, self._key_timestamp, 4)
        if is_end:
            self._key_ends += 1
            if self._key_ends >= END_REPEATS:
                self._end_key()
                self._is_marked = True      # of the voice that goes on (RFC 3551 4.1)

    cdef void _end_key(self) noexcept:
        self._keys_count -= 1
        memmove(self._keys, self._keys + 1, self._keys_count)
        memmove(self._key_spans, self._key_spans + 1, self._keys_count * sizeof(int32_t))
        self._key_elapsed = self._key_ends = 0
        self._key_pause = KEY_GAP_FRAMES // 2

    cdef void _press_in_voice(self) noexcept:
        """The key as DTMF in the voice, when the one before it has sounded (Q.23)."""
        cdef segment_t *segment
        cdef int place
        cdef char letter
        if is_sounding(&self._pressed_tone):
            return
        letter = <char>ord(KEY_WORDS[self._keys[0]])
        for place in range(16):
            if KEYPAD[place] == letter:
                break
        stop_tone(&self._pressed_tone)
        segment = &self._pressed_tone.segments[0]
        segment.first_hz, segment.second_hz = GROUPS_HZ[place // 4], GROUPS_HZ[4 + place % 4]
        segment.level_dbm0 = segment.last_dbm0 = -KEY_VOLUME
        segment.span = self._key_spans[0]
        segment = &self._pressed_tone.segments[1]
        segment.span = KEY_GAP_FRAMES * FRAME * 2
        self._pressed_tone.count = 2
        begin_tone(&self._pressed_tone, -1)
        self._end_key()
        self._key_pause = 0

    # ---- figures

    @property
    def has_heard(self):
        """Whether the far end has been heard since the last tone began."""
        return self._voice_ns != 0

    @property
    def delay_ms(self):
        """The delay that the jitter buffer aims at."""
        if not self._playout.is_begun:
            return 0.0
        return <double>(target_of(&self._playout.transits) // self._playout.transits.bin_units
                        - self._playout.transits.lowest)

    def reporting(self):
        """What a report says of both directions."""
        cdef reception_t *heard = &self._reception
        return (self._ssrc, self._timestamp + <uint32_t>self._spoken_count, self._counts.sent - self._former_sent,
                self._counts.sent_octets - self._former_octets,
                heard.ssrc if heard.is_begun and not heard.probation else None,
                (heard.cycles + heard.max_sequence) & 0xFFFFFFFF, expected_of(heard), heard.received, <int>heard.jitter)

    def figures(self):
        """Counts of this connection by name."""
        figures = dict(self._counts)
        figures.update({f"playout_{name}": count for name, count in dict(self._playout.counts).items()})
        return figures
