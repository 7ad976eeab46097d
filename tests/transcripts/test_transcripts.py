# SPDX-License-Identifier: Apache-2.0
"""Every ladder in this directory, played against the whole core message by message."""

from pathlib import Path

import pytest

from tests.transcripts.notation import SERVER, draw_transcript, parse_transcript, read_transcript
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
