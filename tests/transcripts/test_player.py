# SPDX-License-Identifier: Apache-2.0
"""The player itself: a server that does anything else than the transcript says is found out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.transcripts.notation import SERVER, NotationError, parse_transcript, read_transcript
from tests.transcripts.office import OfficeUnderTest
from tests.transcripts.pattern import MismatchError, fill_digest, match_text, match_values
from tests.transcripts.player import Player, PlayError

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.txt"))
Sent = list[tuple[bytes, str]]


class FaultyOffice(OfficeUnderTest):
    """The real one, but for one of its messages."""

    def __init__(self, configuration: list[str], address: str, victim: int,
                 fault: Callable[[bytes, str], Sent]) -> None:
        super().__init__(configuration, address)
        self._victim = victim
        self._fault = fault
        self.count = 0

    def take_sent(self) -> Sent:
        sent: Sent = []
        for octets, address in super().take_sent():
            self.count += 1
            sent += self._fault(octets, address) if self.count == self._victim else [(octets, address)]
        return sent


def insert_line(octets: bytes, line: bytes) -> bytes:
    """The message with one header line more, below its Via."""
    at = octets.index(b"\r\nFrom:") + 2
    return octets[:at] + line + octets[at:]


FAULTS: dict[str, Callable[[bytes, str], Sent]] = {
    "lost": lambda octets, address: [],
    "doubled": lambda octets, address: [(octets, address)] * 2,
    "misdirected": lambda octets, address: [(octets, "203.0.113.99:5060")],
    "from_changed": lambda octets, address: [(octets.replace(b"\r\nFrom: ", b"\r\nFrom: x"), address)],
    "call_id_changed": lambda octets, address: [(octets.replace(b"\r\nCall-ID: ", b"\r\nCall-ID: x"), address)],
    "cseq_changed": lambda octets, address: [(octets.replace(b"\r\nCSeq: ", b"\r\nCSeq: 1"), address)],
    "via_too_many": lambda octets, address: [
        (octets.replace(b"\r\nVia: ", b"\r\nVia: SIP/2.0/UDP 203.0.113.99;branch=z9hG4bKx\r\nVia: ", 1), address)],
}


def play(path: Path, victim: int = 0, fault: Callable[[bytes, str], Sent] = FAULTS["lost"]) -> int:
    """How many messages the server has sent."""
    transcript = read_transcript(path)
    office = FaultyOffice(transcript.configuration, transcript.address[SERVER], victim, fault)
    Player(transcript, office).play()
    return office.count


CHOSEN = [path for path in FILES if path.stem in (
    "figure_3_through_the_server", "figure_5", "3_2_two_proxies_as_proxy_1", "3_8_no_answer_as_proxy_2", "3_9_busy",
    "2_5_unsuccessful", "16_7_one_phone_answers", "3_2_1_byes_cross", "3_1_back_to_back",
    "2_1_pattern_4_back_to_back")]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("path", CHOSEN, ids=lambda path: path.stem)
def test_every_fault_in_every_message_is_noticed(path: Path, fault: Callable[[bytes, str], Sent]):
    messages = play(path)
    assert messages
    unnoticed = []
    for victim in range(1, messages + 1):
        try:
            play(path, victim, fault)
        except PlayError:
            continue
        unnoticed.append(victim)
    assert unnoticed == []


def test_a_field_that_a_proxy_adds_is_noticed():
    path = next(path for path in FILES if path.stem == "figure_3_direct")
    noticed = 0
    for victim in range(1, play(path) + 1):
        try:
            play(path, victim, lambda octets, address: [(insert_line(octets, b"X-Spy: 1\r\n"), address)])
        except PlayError:
            noticed += 1
    assert noticed == 3  # the INVITE, the 180 and the 200 that pass; registrations and 100 are the server's own words


ANSWER = "|<-----------------------200 OK-------------------------|"
LADDER = f"""# title

set system domain office.test

a       192.0.2.1:5060
server  192.0.2.9:5060

                   a                                                     server
    0.000       |------------------------OPTIONS----------------------->|
    OPTIONS sip:office.test SIP/2.0
    From: <sip:1@office.test>;tag=1
    To: <sip:office.test>
                {ANSWER}
"""


def test_rows_are_read_by_their_lanes():
    rows = parse_transcript(LADDER, Path("x.txt")).rows
    assert [(row.at_s, row.source, row.target, row.label) for row in rows] == [
        (0.0, "a", "server", "OPTIONS"), (None, "server", "a", "200 OK")]
    assert len(rows[0].letter) == 3


@pytest.mark.parametrize(("wrong", "right"), [
    (ANSWER, ANSWER.replace("<", "-")),
    (ANSWER, ANSWER.replace("-|", ">|")),
    (ANSWER, ANSWER.replace("|", "+")),
    (ANSWER, "what is this"),
    ("    OPTIONS sip", "    "),
    ("a                                                     server", "b     server"),
    ("set system domain office.test", "system domain office.test"),
    ("server  192.0.2.9:5060", "proxy  192.0.2.9:5060"),
])
def test_a_line_that_means_nothing_is_refused_with_its_number(wrong: str, right: str):
    assert wrong in LADDER
    with pytest.raises((NotationError, PlayError), match=r"x\.txt"):
        Player(parse_transcript(LADDER.replace(wrong, right), Path("x.txt")), SilentServer()).play()


class SilentServer:
    """Answers nothing."""

    def receive(self, octets: bytes, source: str, now: float) -> None:
        pass

    def take_sent(self) -> Sent:
        return []

    def handle_deadline(self, now: float) -> None:
        pass

    def next_deadline(self) -> float | None:
        return None

    def transactions_open(self) -> int:
        return 0


def test_silence_is_no_answer():
    with pytest.raises(PlayError, match="nothing was sent to a"):
        Player(parse_transcript(LADDER, Path("x.txt")), SilentServer()).play()


def test_a_variable_is_captured_once_and_compared_from_then_on():
    variables: dict[str, str] = {}
    match_text("SIP/2.0/UDP 192.0.2.1;branch=<b>;rport", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK77;rport", variables)
    assert variables == {"b": "z9hG4bK77"}
    match_text("branch=<b>", "branch=z9hG4bK77", variables)
    with pytest.raises(MismatchError):
        match_text("branch=<b>", "branch=z9hG4bK78", variables)


def test_lines_of_a_list_field_count_by_their_values():
    match_values("Via", ["one", "two"], ["one, two"], {})
    match_values("Contact", ["<sip:a@b;x=1,2>, <sip:c@d>"], ["<sip:a@b;x=1,2>", "<sip:c@d>"], {})
    with pytest.raises(MismatchError):
        match_values("Via", ["one"], ["one, two"], {})
    with pytest.raises(MismatchError):
        match_values("To", ["one", "two"], ["one"], {})


def test_a_challenge_is_compared_by_the_parameters_that_are_named():
    said = 'Digest realm="r", nonce="abc", qop="auth", algorithm=MD5'
    variables: dict[str, str] = {}
    match_values("WWW-Authenticate", ['Digest nonce="<n>", realm="r", stale="-"'], [said], variables)
    assert variables == {"n": "abc"}
    for wrong in ('Digest realm="other"', 'Digest opaque="x"', 'Digest qop="-"'):
        with pytest.raises(MismatchError):
            match_values("WWW-Authenticate", [wrong], [said], {})


def test_a_digest_response_is_that_of_rfc_2617_section_3_5():
    line = ('Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
            'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="<digest Circle Of Life>"')
    assert '"6629fae49393a05397450978507c4ef1"' in fill_digest(line, "GET", {})
