# SPDX-License-Identifier: Apache-2.0
"""What one receiver counts about one source: A.1 sequence numbers, A.3 loss, A.8 jitter of RFC 3550.

ext/rtp_reception.pxd is the same for the relay, where no Python runs. Changed by `receive` and `take_block` alone.
"""

from appliance.rtp.rtcp import LOST_MAX, LOST_MIN, ReportBlock
from appliance.rtp.sequence import SEQUENCE_MODULUS, TIMESTAMP_MODULUS, count_steps

MAX_DROPOUT = 3000
MAX_MISORDER = 100
MIN_SEQUENTIAL = 2


class Reception:
    """One source (SSRC). clock_rate_hz: of its timestamps."""

    __slots__ = ("_bad_sequence", "_base", "_clock_rate_hz", "_cycles", "_expected_prior", "_maximum", "_probation",
                 "_received_prior", "_transit", "jitter", "received", "ssrc")

    def __init__(self, ssrc: int, first_sequence: int, clock_rate_hz: int = 8000) -> None:
        self.ssrc = ssrc
        self.jitter = 0.0               # timestamp units
        self._clock_rate_hz = clock_rate_hz
        self._transit: int | None = None
        self._begin(first_sequence)
        self._maximum = (first_sequence - 1) % SEQUENCE_MODULUS
        self._probation = MIN_SEQUENTIAL

    def _begin(self, sequence: int) -> None:
        """A.1 init_seq."""
        self._base = self._maximum = sequence
        self._bad_sequence = SEQUENCE_MODULUS + 1       # no sequence number equals it
        self._cycles = 0
        self.received = 0
        self._received_prior = self._expected_prior = 0

    @property
    def is_valid(self) -> bool:
        """Whether enough packets came in sequence to believe in this source (A.1)."""
        return self._probation == 0

    @property
    def highest_sequence(self) -> int:
        """Extended with its cycles."""
        return self._cycles + self._maximum

    @property
    def expected(self) -> int:
        """Packets that should have come; 0 while on probation."""
        return self.highest_sequence - self._base + 1 if self.is_valid else 0

    @property
    def lost(self) -> int:
        """Cumulative; negative with duplicates (A.3)."""
        return self.expected - self.received

    @property
    def jitter_ms(self) -> float:
        """A.8, in milliseconds."""
        return self.jitter * 1000.0 / self._clock_rate_hz

    def receive(self, sequence: int, timestamp: int, arrival_s: float) -> bool:
        """Count one packet; arrival_s: monotonic seconds. Whether it is in a believable sequence (A.1)."""
        is_counted = self._update_sequence(sequence)
        arrival = int(arrival_s * self._clock_rate_hz)
        transit = (arrival - timestamp) % TIMESTAMP_MODULUS
        if self._transit is not None:
            difference = abs(count_steps(self._transit, transit, TIMESTAMP_MODULUS))
            self.jitter += (difference - self.jitter) / 16.0        # A.8
        self._transit = transit
        return is_counted

    def _update_sequence(self, sequence: int) -> bool:
        """A.1 update_seq."""
        if self._probation:
            return self._probe(sequence)
        delta = (sequence - self._maximum) % SEQUENCE_MODULUS
        if delta < MAX_DROPOUT:
            if sequence < self._maximum:
                self._cycles += SEQUENCE_MODULUS
            self._maximum = sequence
        elif delta <= SEQUENCE_MODULUS - MAX_MISORDER:
            if sequence != self._bad_sequence:
                self._bad_sequence = (sequence + 1) % SEQUENCE_MODULUS
                return False
            self._begin(sequence)       # two in sequence: the other side has restarted without telling
        self.received += 1
        return True

    def _probe(self, sequence: int) -> bool:
        if sequence == (self._maximum + 1) % SEQUENCE_MODULUS:
            self._probation -= 1
            self._maximum = sequence
            if self._probation == 0:
                self._begin(sequence)
                self.received = 1
                return True
        else:
            self._probation = MIN_SEQUENTIAL - 1
            self._maximum = sequence
        return False

    def take_block(self, last_report: int = 0, delay: int = 0) -> ReportBlock:
        """The block for the next report; the fraction counts from the block before (A.3)."""
        expected, received = self.expected - self._expected_prior, self.received - self._received_prior
        self._expected_prior, self._received_prior = self.expected, self.received
        lost = expected - received
        fraction = min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0
        total = max(LOST_MIN, min(LOST_MAX, self.lost))
        return ReportBlock(self.ssrc, fraction, total, self.highest_sequence % TIMESTAMP_MODULUS, int(self.jitter),
                           last_report, delay)
