# SPDX-License-Identifier: Apache-2.0
"""Every ladder in this directory, played against the whole core message by message."""

from pathlib import Path

import pytest

from appliance.console.operate import show_ladder
from appliance.diagnosis.ladder import build_ladder
from tests.transcripts.notation import SERVER, Row, draw_transcript, parse_transcript, read_transcript
from tests.transcripts.office import OfficeUnderTest
from tests.transcripts.player import Player

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*/*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_office_plays_the_ladder(path: Path):
    transcript = read_transcript(path)
    Player(transcript, OfficeUnderTest(transcript.configuration, transcript.address[SERVER])).play()


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_ladder_is_drawn_as_the_console_draws_it(path: Path):
    text = path.read_text("utf-8")
    assert draw_transcript(parse_transcript(text, path)) == text


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_console_draws_what_the_transcript_says(path: Path):
    """The trace of the performance, drawn as `show call N ladder` does, read as a transcript: the same arrows."""
    transcript = read_transcript(path)
    office = OfficeUnderTest(transcript.configuration, transcript.address[SERVER])
    Player(transcript, office).play()
    names = {address: name for name, address in transcript.address.items()}
    drawn = parse_transcript(show_ladder.render(build_ladder(office.trace.entries(), names.get)), path)
    assert drawn.address == {name: address for name, address in transcript.address.items() if name in drawn.address}

    def arrows(rows: list[Row]) -> list[tuple[str, str, str, bool]]:
        return sorted((row.source, row.target, row.label, row.is_again) for row in rows)
    assert arrows(drawn.rows) == arrows(transcript.rows)
