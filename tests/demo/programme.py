# SPDX-License-Identifier: Apache-2.0
"""The demonstration from the first step to the last: `play` yields each as it ends, whatever fails in between."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.demo.office_gateway import DRAWING, INWARDS_TITLE, OUTWARDS_TITLE, open_office
from tests.demo.place import Place, build_place
from tests.demo.plain_nat import DRAWING as NAT_DRAWING
from tests.demo.plain_nat import TITLE as NAT_TITLE
from tests.demo.plain_nat import play_plain_nat
from tests.demo.report import Drawing, Verdict, draw_call

Outcome = tuple[Verdict, str]
WHAT_CAN_FAIL = (AssertionError, OSError)                          # a limit has passed; a peer program has gone


def play(folder: Path) -> Iterator[Outcome]:
    """Each step's verdict and ladder. folder: where recordings, logs and captures are left."""
    with build_place(folder) as place:
        try:
            yield play_step(place, Verdict(1, NAT_TITLE), NAT_DRAWING, lambda verdict: play_plain_nat(place, verdict))
            yield from play_gateway(place)
        finally:
            place.capture.write(folder)


def play_gateway(place: Place) -> Iterator[Outcome]:
    """Steps 2 and 3; both have failed where the gateway does not come up."""
    steps = Verdict(2, INWARDS_TITLE), Verdict(3, OUTWARDS_TITLE)
    told = 0
    try:
        with open_office(place) as office:
            for verdict, act in zip(steps, (office.play_inwards, office.play_outwards), strict=True):
                yield play_step(place, verdict, DRAWING, act)
                told += 1
    except WHAT_CAN_FAIL as error:
        for verdict in steps[told:] or [Verdict(4, "the gateway leaves in order")]:
            verdict.claim(False, f"the gateway or its phones: {error}")
            yield verdict, ""


def play_step(place: Place, verdict: Verdict, drawing: Drawing, act: Callable[[Verdict], None]) -> Outcome:
    """What did not happen in time is a claim that has not held; the ladder shows how far it went."""
    began = time.time()
    try:
        act(verdict)
    except WHAT_CAN_FAIL as error:
        verdict.claim(False, str(error))
    return verdict, draw_call(place.capture, drawing, began)
