# SPDX-License-Identifier: Apache-2.0
"""A step of the demonstration and its verdict, and the ladders as they are printed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.diagnosis.drawing import draw_ladder
from tests.demo.observation import Lane, Point, sightings, streams
from tests.interop.capture import Capture

LADDER_WIDTH = 116


@dataclass(frozen=True)
class Drawing:
    """How a step is drawn: its lanes from left to right, and what is seen where."""

    lanes: Sequence[Lane]
    points: Sequence[Point]


@dataclass
class Verdict:
    """What one step has shown: claims with whether they held, in the order in which they were looked at; voices: who
    heard whom, in short."""

    step: int
    title: str
    claims: list[tuple[bool, str]] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)

    def claim(self, has_held: bool, sentence: str) -> bool:
        self.claims.append((has_held, sentence))
        return has_held

    @property
    def has_passed(self) -> bool:
        return bool(self.claims) and all(has_held for has_held, _sentence in self.claims)

    def lines(self) -> list[str]:
        rows = [f"  {'ok  ' if has_held else 'FAIL'}  {sentence}" for has_held, sentence in self.claims]
        said = "; ".join([self.title, *self.voices])
        return [*rows, f"step {self.step}: {'PASS' if self.has_passed else 'FAIL'}  {said}"]


def draw_call(capture: Capture, drawing: Drawing, since: float) -> str:
    """The ladder of what was captured: each message once, below it the addresses it carries, voice as one arrow."""
    arrows: list[tuple[float, str, str, str, bool, str]] = []
    drawn: set[tuple[str, str, bytes]] = set()
    for sighting in sightings(capture, drawing.points, since):
        identity = (sighting.source, sighting.target, sighting.payload)
        arrows.append((sighting.at, sighting.source, sighting.target, sighting.label, identity in drawn,
                       sighting.addresses()))
        drawn.add(identity)
    arrows += [(at, source, target, label, False, addresses) for at, source, target, label, addresses in
               streams(capture, drawing.points, since)]
    arrows.sort(key=lambda arrow: arrow[0])
    began = arrows[0][0] if arrows else since
    shown = [(at - began, *rest) for at, *rest in arrows]
    return draw_ladder([(lane.name, lane.address) for lane in drawing.lanes], shown, LADDER_WIDTH)
