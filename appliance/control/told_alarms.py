# SPDX-License-Identifier: Apache-2.0
"""`alarms ROWS`: another daemon of the box tells what is wrong with it, the whole of it each time, over a connection
that it holds as long as anything is. What was told ends with the connection. ROWS: a JSON list, written as one word.
"""

import json
from collections.abc import Callable
from typing import Final

from appliance.control.alarm_writing import Cause, write_alarm
from appliance.control.asker import Asker
from appliance.control.conversation import Words
from appliance.control.observed import Alarm
from appliance.errors import OperatorError
from appliance.vocabulary.handset_alarm import WORDINGS
from appliance.vocabulary.journal import Journal

ALARMS_LIMIT: Final = 64
FIELDS: Final = ("name", "kind", "subject", "detail")
Row = dict[str, str]


class ToldAlarms:
    """alarms: all those of the call server, by name; moment: now, as UTC."""

    def __init__(self, alarms: dict[str, Alarm], journal: Journal, moment: Callable[[], str]) -> None:
        self._alarms = alarms
        self._journal = journal
        self._moment = moment
        self._told: dict[Asker, dict[str, Row]] = {}

    def answer(self, words: Words, asker: Asker) -> int:
        """How many there are of this asker now. Raises OperatorError for what is no list of alarms, and for an alarm
        that is the call server's."""
        rows = read_rows(words)
        ours = self._alarms.keys() - {name for told in self._told.values() for name in told}
        taken = sorted(ours & rows.keys())
        if taken:
            raise OperatorError("alarms", taken[0], "names of the asker's own")
        if asker not in self._told:
            self._told[asker] = {}
            asker.at_end(lambda: self._forget(asker))
        before = self._told[asker]
        self._told[asker] = rows
        for name in before.keys() - rows.keys():
            self._clear(name)
        for name, row in rows.items():
            if before.get(name) != row:
                self._raise(name, row)
        return len(rows)

    def _forget(self, asker: Asker) -> None:
        for name in self._told.pop(asker):
            self._clear(name)

    def _raise(self, name: str, row: Row) -> None:
        known = self._alarms.get(name)
        alarm = write_alarm(name, Cause(row["kind"], row["subject"], row["detail"]), WORDINGS[row["kind"]],
                            known["raised_at"] if known else self._moment())
        self._alarms[name] = alarm
        self._journal.record("alarm_raised", alarm=name, sentence=alarm["sentence"])

    def _clear(self, name: str) -> None:
        if any(name in rows for rows in self._told.values()):
            return      # whoever has come in the place of the one that left says it already
        gone = self._alarms.pop(name, None)
        if gone is not None:
            self._journal.record("alarm_cleared", alarm=name, sentence=gone["sentence"])


def read_rows(words: Words) -> dict[str, Row]:
    """By their names. Raises OperatorError."""
    try:
        told = json.loads(words[1]) if len(words) == 2 else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, list) or len(told) > ALARMS_LIMIT or not all(map(_is_row, told)):
        raise OperatorError("alarms", "something else", f"a JSON list of at most {ALARMS_LIMIT} objects, each with "
                            f"words for {', '.join(FIELDS)}; kind: {' | '.join(WORDINGS)}")
    return {row["name"]: row for row in told}


def _is_row(row: object) -> bool:
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        return False
    return all(isinstance(one, str) and one.isprintable() for one in row.values()) and row["kind"] in WORDINGS
