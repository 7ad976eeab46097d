# SPDX-License-Identifier: Apache-2.0
"""Plays a transcript against a server on a virtual clock: sends what the participants say, and takes nothing from the
server but what the transcript says, in its order and at its time.
"""

from typing import NamedTuple, Protocol

from tests.transcripts.agent_laws import check_agent_laws
from tests.transcripts.bridge_laws import check_bridge_laws
from tests.transcripts.laws import check_laws
from tests.transcripts.letter import Letter, read_block, read_octets
from tests.transcripts.notation import SERVER, Row, Transcript
from tests.transcripts.pattern import MismatchError, fill, fill_digest, fill_known, match_text, match_values
from tests.transcripts.phone import Phone

QUIET_S = 40.0
"""How long nothing more may come after the last arrow: every timer of RFC 3261 17 is shorter."""


IS_BRIDGE = "set sip role b2bua"
LATE_S = 0.45
"""A timer's grain adds up with each repetition, but a message that was lost and sent again after T1 is too late."""


class Server(Protocol):
    """What is played against."""

    def receive(self, octets: bytes, source: str, now: float) -> None:
        """A datagram from host:port."""

    def take_sent(self) -> list[tuple[bytes, str]]:
        """What was sent since, and where to."""

    def handle_deadline(self, now: float) -> None:
        """Fire what is due."""

    def next_deadline(self) -> float | None:
        """When something is due."""

    def transactions_open(self) -> int:
        """How many transactions are left."""


class Arrived(NamedTuple):
    """A message of the server that no arrow has accounted for yet."""

    at_s: float
    target: str
    octets: bytes


class PlayError(AssertionError):
    """The ladder went another way: which line of the transcript, and how."""


class Player:
    """One performance of one transcript."""

    def __init__(self, transcript: Transcript, server: Server, begin_s: float = 1000.0) -> None:
        self._transcript = transcript
        self._server = server
        self._begin_s = begin_s
        self._now_s = 0.0
        self._phones = {name: Phone(name, address) for name, address in transcript.address.items()
                        if name != transcript.subject}
        self._name_of = {address: name for name, address in transcript.address.items()}
        self._variables = dict(transcript.definitions)
        self._pending: list[Arrived] = []
        self._history: dict[tuple[str, str], list[tuple[str, bytes]]] = {}

    def play(self) -> None:
        """Perform every arrow. Raises PlayError."""
        self._collect()     # what it says of its own accord
        self._run_until(0.0)
        for row in self._transcript.rows:
            try:
                if row.target == self._transcript.subject:
                    self._send(row)
                else:
                    self._expect(row)
            except (MismatchError, ValueError) as error:
                where = f"{self._transcript.path.name}:{row.line_number} ({row.source} -> {row.target} {row.label})"
                raise PlayError(f"{where}\n{error}") from error
        self._finish()

    def _finish(self) -> None:
        name = self._transcript.path.name
        self._run_until(self._now_s + QUIET_S)
        if self._pending:
            raise PlayError(f"{name}: after the last arrow\n{self._describe_pending()}")
        if self._server.transactions_open():
            raise PlayError(f"{name}: {self._server.transactions_open()} transactions are still open after {QUIET_S} s")

    # the clock

    def _run_until(self, at_s: float, wanted: str = "") -> None:
        """Let time pass, deadline by deadline; stop when the server has sent something to `wanted`."""
        while (deadline := self._server.next_deadline()) is not None and deadline - self._begin_s <= at_s:
            self._now_s = max(self._now_s, deadline - self._begin_s)
            self._server.handle_deadline(self._begin_s + self._now_s)
            self._collect()
            if wanted in [arrived.target for arrived in self._pending]:
                return
        self._now_s = max(self._now_s, at_s)

    def _collect(self) -> None:
        for octets, address in self._server.take_sent():
            if address not in self._name_of:
                raise PlayError(f"{self._transcript.path.name}: sent to {address}, where nobody is:\n{octets!r}")
            self._pending.append(Arrived(self._now_s, self._name_of[address], octets))

    def _move_to(self, at_s: float | None) -> None:
        if at_s is None or at_s <= self._now_s:
            return
        if self._pending:
            raise MismatchError(f"before that the server has sent\n{self._describe_pending()}")
        self._run_until(at_s)
        if any(arrived.at_s < at_s for arrived in self._pending):
            raise MismatchError(f"before that the server has sent\n{self._describe_pending()}")

    def _describe_pending(self) -> str:
        return "\n".join(f"  {arrived.at_s:.3f} to {arrived.target}: {arrived.octets.decode('utf-8', 'replace')}"
                         for arrived in self._pending)

    # arrows

    def _send(self, row: Row) -> None:
        self._move_to(row.at_s)
        phone = self._phones[row.source]
        at_body = row.letter.index("") if "" in row.letter else len(row.letter)
        head = [fill(line, self._variables) if "<digest" not in line else line for line in row.letter[:at_body]]
        said, _absent = read_block(head + [fill_known(line, self._variables) for line in row.letter[at_body:]])
        if row.is_again:
            octets = self._find_again(row, said)
        else:
            self._fill_credentials(said, row.label)
            letter = phone.compose(row.label, said)
            if "" in (letter.start, letter.first("From"), letter.first("To")):
                raise ValueError("the letter must say start line, From and To")
            if letter.label != row.label:
                raise ValueError(f"the letter is a {letter.label}")
            phone.note_sent(letter)
            octets = letter.print_octets()
            self._history.setdefault((row.source, row.target), []).append((row.label, octets))
        self._server.receive(octets, phone.address, self._begin_s + self._now_s)
        self._collect()

    def _fill_credentials(self, said: Letter, method: str) -> None:
        said.fields = [(name, fill(fill_digest(value, method, self._variables), self._variables))
                       for name, value in said.fields]

    def _find_again(self, row: Row, said: Letter) -> bytes:
        for label, octets in reversed(self._history.get((row.source, row.target), [])):
            if label == row.label and said.first("CSeq") in ("", read_octets(octets).first("CSeq")):
                return octets
        raise ValueError("nothing like this went before")

    def _expect(self, row: Row) -> None:
        at_s = self._now_s if row.at_s is None else row.at_s
        tolerance_s = min(0.1 + 0.02 * at_s, LATE_S)
        if row.at_s is not None and row.at_s > self._now_s and not self._pending:
            self._run_until(row.at_s + tolerance_s, row.target)
        arrived = next((one for one in self._pending if one.target == row.target), None)
        if arrived is None:
            raise MismatchError(f"nothing was sent to {row.target}\n{self._describe_pending()}")
        if row.at_s is not None and not row.at_s - 0.001 <= arrived.at_s <= row.at_s + tolerance_s:
            raise MismatchError(f"it was sent at {arrived.at_s:.3f} s")
        self._pending.remove(arrived)
        before = self._history.setdefault((row.source, row.target), [])
        if row.is_again:
            if not any(octets == arrived.octets for _label, octets in before):
                raise MismatchError(f"not the same octets as before:\n{arrived.octets.decode('utf-8', 'replace')}")
            return
        letter = read_octets(arrived.octets)
        try:
            self._compare(row, letter, arrived.octets in [octets for _label, octets in before])
        except MismatchError as error:
            raise MismatchError(f"{error}\nin\n{arrived.octets.decode('utf-8', 'replace')}") from error
        before.append((row.label, arrived.octets))
        self._phones[row.target].note_received(letter)

    def _compare(self, row: Row, letter: Letter, is_repeated: bool) -> None:
        if is_repeated:
            raise MismatchError("it was sent before; the transcript has no star")
        if letter.label != row.label:
            raise MismatchError(f"a {letter.label}")
        expected, absent = read_block(row.letter)
        if expected.start:
            match_text(expected.start, letter.start, self._variables)
        for name in dict.fromkeys(name for name, _value in expected.fields):
            match_values(name, expected.lines(name), letter.lines(name), self._variables)
        for name in absent:
            if letter.lines(name):
                raise MismatchError(f"{name} must not be there: {letter.lines(name)}")
        self._compare_body(expected.body, letter.body)
        check = check_agent_laws
        if self._transcript.subject == SERVER:
            check = check_bridge_laws if IS_BRIDGE in self._transcript.configuration else check_laws
        check(letter, self._phones[row.target], self._phones.values())

    def _compare_body(self, expected: bytes, actual: bytes) -> None:
        """A session description may have variables; everything else is compared octet by octet."""
        if not expected or expected == actual:
            return
        lines, said = expected.decode().splitlines(), actual.decode("utf-8", "replace").splitlines()
        if not expected.startswith(b"v=0") or len(lines) != len(said):
            raise MismatchError(f"another body: {actual!r}")
        for line, there in zip(lines, said, strict=True):
            match_text(line, there, self._variables)
