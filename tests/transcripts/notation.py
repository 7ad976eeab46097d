# SPDX-License-Identifier: Apache-2.0
"""Transcripts: plain-text ladders in the form in which the console draws them, with what the messages say.

See README.md in this directory for the form.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from appliance.diagnosis.drawing import AGAIN, TIME_WIDTH, draw_arrow, draw_heading, draw_legend, place_lanes
from appliance.sip.status import reason_phrase

INDENT = "    "
SERVER = "server"
CUT = "…"
_PARTICIPANT = re.compile(r"([A-Za-z0-9._-]+)\s+(\S+:\d+)")
_AGENT = re.compile(r"agent (\S+)")
_DOING = re.compile(r"(?:do \d+\.\d+|on [a-z_]+) .+")
_DEFINITION = re.compile(r"<([a-z][a-z0-9_]*)> = (.+)")
_SHORT_ROW = re.compile(r"(?:(\d+\.\d+)\s+)?([A-Za-z0-9._-]+) -> ([A-Za-z0-9._-]+)\s+(.+)")


class NotationError(Exception):
    """A line that means nothing: the author's mistake, with its number."""


@dataclass
class Row:
    """One message. at_s: None for the same moment as the row before; letter: the indented lines below it."""

    line_number: int
    at_s: float | None
    source: str
    target: str
    label: str
    is_again: bool
    letter: list[str] = field(default_factory=list)


@dataclass
class Transcript:
    """What a file says. preamble: every line before the participants, as it stands; address: name -> host:port;
    subject: the participant that is ours; doings: what the user of our agent does."""

    path: Path
    preamble: list[str]
    configuration: list[str]
    definitions: dict[str, str]
    address: dict[str, str]
    rows: list[Row]
    comments: dict[int, list[str]]
    subject: str = SERVER
    doings: list[str] = field(default_factory=list)


def read_transcript(path: Path) -> Transcript:
    """The transcript in a file. Raises NotationError."""
    return parse_transcript(path.read_text("utf-8"), path)


def parse_transcript(text: str, path: Path) -> Transcript:
    """The transcript in a text. Raises NotationError."""
    transcript = Transcript(path, [], [], {}, {}, [], {})
    reader = _Reader(transcript)
    for number, line in enumerate(text.splitlines(), 1):
        try:
            reader.read_line(number, line.rstrip())
        except ValueError as error:
            raise NotationError(f"{path.name}:{number}: {error}: {line}") from error
    if transcript.subject not in transcript.address or not transcript.rows:
        raise NotationError(f"{path.name}: no participant called {transcript.subject}, or no message")
    while transcript.preamble and not transcript.preamble[-1]:
        transcript.preamble.pop()
    return transcript


class _Reader:
    """Goes through the lines; which lines may come next depends on what was read."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._columns: list[int] = []
        self._blank_lines = 0

    def read_line(self, number: int, line: str) -> None:
        transcript = self._transcript
        if not line:
            self._blank_lines += 1
            if not transcript.address and transcript.preamble:
                transcript.preamble.append("")
        elif line.startswith("#"):
            self._read_comment(line)
        elif not transcript.address or not self._columns:
            self._read_preamble(line)
        elif 4 <= len(line) - len(line.lstrip()) < TIME_WIDTH and line.lstrip()[0] not in "|0123456789":
            self._read_letter(line[4:])
        else:
            transcript.rows.append(self._read_row(number, line))
        if line:
            self._blank_lines = 0

    def _read_comment(self, line: str) -> None:
        transcript = self._transcript
        if transcript.rows:
            transcript.comments.setdefault(len(transcript.rows), []).append(line)
        elif transcript.address:
            transcript.comments.setdefault(0, []).append(line)
        else:
            transcript.preamble.append(line)

    def _read_preamble(self, line: str) -> None:
        transcript = self._transcript
        participant = _PARTICIPANT.fullmatch(line)
        definition = _DEFINITION.fullmatch(line)
        if participant is not None:
            transcript.address[participant[1]] = participant[2]
        elif transcript.address and line.split() == list(transcript.address):
            self._columns = place_lanes(len(transcript.address))
        elif transcript.address:
            raise ValueError("the heading must name the participants in their order")
        else:
            if definition is not None:
                transcript.definitions[definition[1]] = definition[2]
            elif line.startswith("set "):
                transcript.configuration.append(line)
            elif (agent := _AGENT.fullmatch(line)) is not None:
                transcript.subject = agent[1]
            elif _DOING.fullmatch(line) is not None:
                transcript.doings.append(line)
            else:
                raise ValueError("neither a set line, nor <name> = text, nor a participant")
            transcript.preamble.append(line)

    def _read_letter(self, line: str) -> None:
        if not self._transcript.rows:
            raise ValueError("a letter without an arrow")
        letter = self._transcript.rows[-1].letter
        if self._blank_lines and letter:
            letter.append("")
        letter.append(line)

    def _read_row(self, number: int, line: str) -> Row:
        short = _SHORT_ROW.fullmatch(line.strip())
        if short is not None:
            at_s, source, target, label = short.groups()
        else:
            at_s = line[:TIME_WIDTH].strip()
            source, target, label = self._read_arrow(line)
        for name in (source, target):
            if name not in self._transcript.address:
                raise ValueError(f"no participant is called {name}")
        if self._transcript.subject not in (source, target):
            raise ValueError("what the server does not see cannot be played: make it a comment")
        label = label.strip()
        whole = _complete_label(label.removesuffix(AGAIN))
        return Row(number, float(at_s) if at_s else None, source, target, whole, label.endswith(AGAIN))

    def _read_arrow(self, line: str) -> tuple[str, str, str]:
        columns = self._columns
        line = line.ljust(columns[-1] + 2)
        starts = [column for column in columns if line[column] == "|" and line[column + 1] in "-<"]
        ends = [column for column in columns if line[column] == "|" and line[column - 1] in "->"]
        if not starts or not ends or starts[0] >= ends[-1]:
            raise ValueError("no arrow between two lanes")
        shaft = line[starts[0] + 1:ends[-1]]
        names = list(self._transcript.address)
        left, right = names[columns.index(starts[0])], names[columns.index(ends[-1])]
        if shaft.startswith("<") == shaft.endswith(">"):
            raise ValueError("an arrow has one head")
        return (right, left, shaft.strip("-<> ")) if shaft.startswith("<") else (left, right, shaft.strip("-<> "))


def _complete_label(label: str) -> str:
    """A label that a narrow lane has cut: the status code says how it goes on."""
    if not label.endswith(CUT):
        return label
    if label[:3].isdigit() and f"{label[:3]} {reason_phrase(int(label[:3]))}".startswith(label[:-1]):
        return f"{label[:3]} {reason_phrase(int(label[:3]))}"
    raise ValueError("the cut label is not a registered status")


def draw_transcript(transcript: Transcript) -> str:
    """The file as it should stand."""
    names = list(transcript.address)
    columns = place_lanes(len(names))
    lines = [*transcript.preamble, "", *draw_legend(transcript.address.items()), ""]
    lines += transcript.comments.get(0, [])
    lines.append(draw_heading(names, columns))
    for count, row in enumerate(transcript.rows, 1):
        label = row.label + AGAIN if row.is_again else row.label
        lines.append(draw_arrow(columns, names.index(row.source), names.index(row.target), label, row.at_s))
        lines += [f"{INDENT}{line}" if line else "" for line in row.letter]
        lines += transcript.comments.get(count, [])
    return "\n".join(lines) + "\n"
