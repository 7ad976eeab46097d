# SPDX-License-Identifier: Apache-2.0
"""`status`: what `commit confirmed` has put on trial, and who else edits. Pure."""

from collections.abc import Mapping
from typing import cast

from appliance.console.messages.catalog import say
from appliance.console.table import clean, render_duration


def find_trial(status: object) -> Mapping[str, object] | None:
    """What waits for its confirmation, None where nothing does."""
    if not isinstance(status, dict):
        return None
    pending = status.get("pending")
    return cast("dict[str, object]", pending) if isinstance(pending, dict) else None


def describe_deadline(trial: Mapping[str, object]) -> str:
    """Until when it must be confirmed."""
    rest = trial.get("seconds_left")
    if isinstance(rest, int | float):
        return say("in {duration}", duration=render_duration(max(rest, 0)))
    return describe_moment(trial.get("confirm_by", ""))


def describe_moment(at: object) -> str:
    """A moment in RFC 3339 form, as this machine's clock shows it, with its time zone."""
    from datetime import datetime
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return clean(at)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def render_status(status: object) -> str:
    """Lines for a person."""
    trial = find_trial(status)
    if trial is None:
        text = say("nothing is on trial") + "\n"
    else:
        text = say("revision {number} is on trial and is taken back {deadline}; `confirm` keeps it",
                   number=clean(trial.get("revision", "?")), deadline=describe_deadline(trial)) + "\n"
    sessions = status.get("sessions", []) if isinstance(status, dict) else []
    return text + "".join(map(_render_editor, sessions))


def _render_editor(one: Mapping[str, object]) -> str:
    return say("{user} edits, with changes that are not committed" if one.get("has_changes") else "{user} edits",
               user=clean(one.get("user", "?"))) + "\n"
