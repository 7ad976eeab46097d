# SPDX-License-Identifier: Apache-2.0
"""Alarms of the card that the box starts from: read from what has befallen it, so they end with the next good start."""

from collections.abc import Callable, Iterable, Iterator

from appliance.control.alarm_writing import Cause, write_alarm
from appliance.control.observed import Alarm
from appliance.system.card_watch import CardMishap
from appliance.vocabulary.card_alarm import WORDINGS


def list_card_alarms(mishaps: Iterable[CardMishap], write_moment: Callable[[float], str]) -> Iterator[Alarm]:
    """One for each kind and slot. write_moment: of monotonic seconds."""
    named: set[str] = set()
    for mishap in mishaps:
        wording = WORDINGS.get(mishap.kind)
        name = f"{mishap.kind}_{mishap.subject}".rstrip("_").lower()
        if wording is None or name in named:
            continue
        named.add(name)
        yield write_alarm(name, Cause(mishap.kind, mishap.subject, mishap.detail), wording, write_moment(mishap.since))
