# SPDX-License-Identifier: Apache-2.0
"""`test route NUMBER from EXT [at TIME]`: which way a call would take under what runs; nobody is called.

TIME is what the office's clock shows: 14:30 (today), 2026-11-22T14:30, or with a zone of its own.
"""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.config.configuration import Configuration
from appliance.config.kind import show_text
from appliance.control.asker import Asker
from appliance.control.call_view import write_moment
from appliance.control.conversation import Words
from appliance.errors import OperatorError
from appliance.gateway.route_simulator import decide_way

FORM = "test route NUMBER from EXT [at TIME]"


class RouteStep(TypedDict):
    """A trunk that would be tried, and the number that it would be sent."""

    trunk: str
    number: str


class RouteFound(TypedDict):
    """way: in a few words; kind: emergency, extension, pickup, trunks, blocked, unknown, stranger; number: what is
    called; steps: in the order in which they would be tried; reasons: sentences; at: the moment asked about."""

    way: str
    kind: str
    number: str
    steps: list[RouteStep]
    reasons: list[str]
    at: str


class RouteQuestions:
    """Answers by asking the router's own decisions. wall_now: seconds since 1970."""

    def __init__(self, configuration: Callable[[], Configuration], wall_now: Callable[[], float]) -> None:
        self._configuration = configuration
        self._wall_now = wall_now

    def answer(self, words: Words, _asker: Asker) -> RouteFound:
        """Raises OperatorError for words that mean nothing, an extension that is not there, a time that is none."""
        is_asked = len(words) in (5, 7) and words[:2] == ["test", "route"] and words[3] == "from"
        if not is_asked or (len(words) == 7 and words[5] != "at"):
            raise OperatorError("test", " ".join(map(str, words[1:])), FORM)
        configuration = self._configuration()
        number, extension = str(words[2]), str(words[4])
        if extension not in configuration.extensions:
            raise OperatorError("test route", f"there is no extension {show_text(extension)}",
                                "an extension of the configuration")
        if ":" in number.removeprefix("urn:service:") or "@" in number:
            raise OperatorError("test route", f"{show_text(number)} cannot be dialled",
                                "what is dialled: digits, *, # and +, or an extension")
        at = self._read_time(str(words[6]), configuration.timezone) if len(words) == 7 else self._wall_now()
        way = decide_way(configuration, number, extension, at)
        return {"way": way.describe(), "kind": way.kind, "number": way.number,
                "steps": [{"trunk": step.trunk, "number": step.number} for step in way.steps],
                "reasons": list(way.reasons), "at": write_moment(at)}

    def _read_time(self, text: str, timezone: str) -> float:
        zone = find_zone(timezone)
        today = datetime.fromtimestamp(self._wall_now(), zone)
        try:
            moment = datetime.fromisoformat(f"{today:%Y-%m-%d}T{text}" if len(text) <= 5 else text)
        except ValueError as error:
            allowed = "14:30, or 2026-11-22T14:30, as the office's clock shows it"
            raise OperatorError("test route at", f"{show_text(text)} is no moment", allowed) from error
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def find_zone(name: str) -> tzinfo | None:
    """The office's time zone, None where this machine does not know it: its own then."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
