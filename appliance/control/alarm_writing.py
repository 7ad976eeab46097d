# SPDX-License-Identifier: Apache-2.0
"""An alarm with its words in English, and what they were made of for whoever says them in another language. Pure."""

from typing import NamedTuple

from appliance.control.observed import Alarm
from appliance.vocabulary.alarm_wording import Wording


class Cause(NamedTuple):
    """kind: of the vocabulary of alarms; subject: whose alarm it is; detail: what was said or noticed."""

    kind: str
    subject: str
    detail: str


def write_alarm(name: str, cause: Cause, wording: Wording, raised_at: str) -> Alarm:
    """raised_at: UTC, as written."""
    return {"name": name, "sentence": wording.sentence.format(subject=cause.subject, detail=cause.detail),
            "remedy": wording.remedy, "raised_at": raised_at,
            "kind": cause.kind, "subject": cause.subject, "detail": cause.detail}
