# SPDX-License-Identifier: Apache-2.0
"""ext/jitter_playout.pxd as slowly and obviously as possible: a dictionary of packets, a sorted list of transits."""

from math import gcd

IDLE, PACKET, LOST, WAITING, SILENT, STRETCHED = range(6)
KEPT, LATE, DUPLICATE, HELD, OVERSIZED = range(5)
SLOTS, BINS = 64, 1024
REFERENCE_BIN, LOWEST_BIN, HIGHEST_BIN = 256, 128, 512
COUNTS = ("received", "played", "late", "duplicate", "dropped", "stray", "oversized", "restarts", "skipped_units",
          "lost_units", "waiting_units", "silent_units", "stretched_units")


def steps(earlier, later, modulus):
    return (later - earlier + modulus // 2) % modulus - modulus // 2


class JitterBufferOracle:
    """The same calls and answers as `native.jitter_buffer.JitterBuffer`."""

    def __init__(self, clock_rate_hz=8000, frame=160, late_per_mille=10, limits_ms=(0, 400), payload_limit=512):
        self.rate, self.frame, self.late_per_mille = clock_rate_hz, frame, late_per_mille
        self.least, self.most = limits_ms
        self.payload_limit = payload_limit
        self.bin = clock_rate_hz // 1000
        self.window = max(384, min(1024, 16_000 // late_per_mille)) if late_per_mille else 1024
        self.is_begun = False
        self.held = None
        self.packets = {}           # extended sequence: (extended timestamp, span, payload type, payload)
        self.counts = dict.fromkeys(COUNTS, 0)

    def units(self, time_ns):
        return time_ns * self.rate // 10**9

    # ---- transit times

    def note_transit(self, transit):
        place = min(max(transit // self.bin, 0), BINS - 1)
        if len(self.transits) < self.window:
            self.transits.append(place)
        else:
            self.transits[self.noted % self.window] = place
        self.noted += 1
        lowest = min(self.transits)
        if self.noted % self.window == 0 and not LOWEST_BIN <= lowest <= HIGHEST_BIN:
            shift = lowest - REFERENCE_BIN
            self.origin += shift * self.bin
            self.transits = [min(max(place - shift, 0), BINS - 1) for place in self.transits]

    def target_bins(self):
        ordered = sorted(self.transits)
        rank = len(ordered) * self.late_per_mille // 1000
        wanted = ordered[len(ordered) - 1 - rank] + 1
        if len(ordered) < 64:
            wanted = max(wanted, ordered[0] + 20)
        return max(min(wanted, ordered[0] + self.most), ordered[0] + self.least)

    @property
    def target_ms(self):
        return float(self.target_bins() - min(self.transits)) if self.is_begun else 0.0

    # ---- packets in

    def put(self, packet, span, arrival_ns):
        self.counts["received"] += 1
        if len(packet[4]) > self.payload_limit:
            self.counts["oversized"] += 1
            return OVERSIZED
        now = self.units(arrival_ns)
        if not self.is_begun:
            self.begin(packet, span, now)
            return KEPT
        if self.continues(packet, now):
            if self.held is not None:
                self.held = None
                self.counts["stray"] += 1
            return self.place(packet, span, now)
        if self.held is None or not self.follows_held(packet, now):
            self.counts["stray"] += self.held is not None
            self.held = (packet, span, now)
            return HELD
        held, self.held = self.held, None
        self.begin(*held)
        return self.place(packet, span, now)

    def continues(self, packet, now):
        _, sequence, timestamp, ssrc, _ = packet[:5]
        step = (sequence - self.highest_sequence) % 65536
        extended = self.highest_timestamp + steps(self.highest_timestamp, timestamp, 2**32)
        distance = now - extended - self.origin - REFERENCE_BIN * self.bin
        return ssrc == self.ssrc and (step < 3000 or step > 65536 - 100) and abs(distance) <= 2 * self.rate

    def follows_held(self, packet, now):
        held, _, then = self.held
        elapsed = (now - then) - steps(held[2], packet[2], 2**32)
        return packet[3] == held[3] and packet[1] == (held[1] + 1) % 65536 and abs(elapsed) <= 2 * self.rate

    def begin(self, packet, span, now):
        self.counts["restarts"] += self.is_begun
        self.counts["dropped"] += len(self.packets)
        _, sequence, timestamp, self.ssrc, _ = packet[:5]
        self.is_begun, self.is_playing, self.is_gap = True, False, True
        self.highest_sequence = self.next_sequence = sequence
        self.highest_timestamp = self.next_timestamp = timestamp
        self.origin = now - timestamp - REFERENCE_BIN * self.bin
        self.rested, self.noted, self.transits, self.packets = 0, 0, [], {}
        self.place(packet, span, now)

    def place(self, packet, span, now):
        sequence = self.highest_sequence + steps(self.highest_sequence, packet[1], 65536)
        timestamp = self.highest_timestamp + steps(self.highest_timestamp, packet[2], 2**32)
        self.note_transit(now - timestamp - self.origin)
        if sequence > self.highest_sequence:
            self.highest_sequence, self.highest_timestamp = sequence, timestamp
        if sequence < self.next_sequence:
            if self.is_playing or sequence <= self.highest_sequence - SLOTS:
                self.counts["late"] += 1
                return LATE
            self.next_sequence, self.next_timestamp = sequence, timestamp
        self.next_sequence = max(self.next_sequence, sequence - SLOTS + 1)
        self.drop(held for held in list(self.packets) if held < self.next_sequence)
        if sequence in self.packets:
            self.counts["duplicate"] += 1
            return DUPLICATE
        self.packets[sequence] = (timestamp, span, packet[0], packet[4])
        return KEPT

    def drop(self, sequences):
        for sequence in sequences:
            del self.packets[sequence]
            self.counts["dropped"] += 1

    # ---- packets out

    def wait(self, kind, wanted):
        name = {LOST: "lost", WAITING: "waiting", SILENT: "silent", STRETCHED: "stretched"}.get(kind)
        if name:
            self.counts[f"{name}_units"] += wanted
        return kind, wanted, 0, None, None

    def get(self, playout_ns, queued=0):
        wanted = self.frame - queued
        if not self.packets:
            self.is_gap = True
            return self.wait(WAITING if self.is_begun and self.is_playing else IDLE, wanted)
        lead = self.frame - gcd(self.frame, self.packets[min(self.packets)][1])
        now = self.units(playout_ns) - self.origin + queued - lead
        target = self.target_bins() * self.bin
        is_gap = self.is_gap or self.packets[min(self.packets)][0] > self.next_timestamp
        if is_gap and self.is_playing:
            self.drop_stale(now, target)
        first, *others = sorted(self.packets)
        while now - self.packets[first][0] < target and others and self.packets[others[0]][0] <= self.packets[first][0]:
            self.drop([first])
            first, *others = others
        timestamp, span, payload_type, payload = self.packets[first]
        excess = now - timestamp - target
        if excess < 0:
            return self.wait(self.kind_of_gap(first, timestamp) if is_gap else STRETCHED, wanted)
        skip = 0
        beyond = excess - 10 * self.bin
        if not is_gap and self.rested >= 3 and beyond >= self.frame:
            skip = min(span, beyond // self.frame * self.frame)
        del self.packets[first]
        self.next_sequence, self.next_timestamp = first + 1, timestamp + span
        self.is_playing, self.is_gap = True, False
        self.rested = 0 if skip else self.rested + 1
        self.counts["played"] += 1
        self.counts["skipped_units"] += skip
        return PACKET, span - skip, skip, payload_type, payload

    def drop_stale(self, now, target):
        while len(self.packets) > 1:
            first, second = sorted(self.packets)[:2]
            if now - self.packets[first][0] <= target + 20 * self.bin or now - self.packets[second][0] < target:
                return
            self.drop([first])

    def kind_of_gap(self, sequence, timestamp):
        if not self.is_playing:
            return IDLE
        if sequence > self.next_sequence:
            return LOST
        return SILENT if timestamp > self.next_timestamp else STRETCHED

    def figures(self):
        return self.counts

    def __len__(self):
        return len(self.packets)
