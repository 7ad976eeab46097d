# SPDX-License-Identifier: Apache-2.0
"""Every ladder in this directory, played against the whole core message by message."""

from pathlib import Path

import pytest

from appliance.console.operate import show_ladder
from appliance.diagnosis.ladder import build_ladder
from tests.transcripts.agent import AgentUnderTest
from tests.transcripts.notation import SERVER, Row, Transcript, draw_transcript, parse_transcript, read_transcript
from tests.transcripts.office import OfficeUnderTest
from tests.transcripts.player import Player

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.txt"))
ONE_LANE = [path for path in FILES if "set sip listener wan" not in path.read_text("utf-8")]
"""The server of the others has a lane on each side."""


def open_subject(transcript: Transcript) -> OfficeUnderTest | AgentUnderTest:
    """The office, or where a participant is named as our agent, a user agent."""
    if transcript.subject == SERVER:
        return OfficeUnderTest(transcript.configuration, transcript.address[SERVER])
    return AgentUnderTest(transcript.doings, transcript.address[transcript.subject])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_ladder_is_played_by_who_is_ours(path: Path):
    transcript = read_transcript(path)
    Player(transcript, open_subject(transcript)).play()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_ladder_is_drawn_as_the_console_draws_it(path: Path):
    text = path.read_text("utf-8")
    assert draw_transcript(parse_transcript(text, path)) == text


@pytest.mark.parametrize("path", ONE_LANE, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_console_draws_what_the_transcript_says(path: Path):
    """The trace of the performance, drawn as `show call N ladder` does, read as a transcript: the same arrows."""
    transcript = read_transcript(path)
    office = open_subject(transcript)
    Player(transcript, office).play()
    names = {address: name for name, address in transcript.address.items()}
    drawn = parse_transcript(show_ladder.render(build_ladder(office.trace.entries(), names.get)), path)
    ours = {SERVER: transcript.subject}    # the console calls our own lane so
    assert {ours.get(name, name) for name in drawn.address} <= set(transcript.address)
    assert all(transcript.address[ours.get(name, name)] == address for name, address in drawn.address.items())

    def arrows(rows: list[Row]) -> list[tuple[str, str, str, bool]]:
        return sorted((ours.get(row.source, row.source), ours.get(row.target, row.target), row.label, row.is_again)
                      for row in rows)
    assert arrows(drawn.rows) == arrows(transcript.rows)
