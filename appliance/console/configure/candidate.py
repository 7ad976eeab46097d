# SPDX-License-Identifier: Apache-2.0
"""The candidate of this console, kept by the configuration service: ours as long as the connection lives."""

from collections.abc import Callable, Sequence
from typing import TypedDict, cast

Ask = Callable[[Sequence[object]], object]


class FindingSaid(TypedDict, total=False):
    """As the service says it. severity: error or warning; line: among the lines that were sent, from 1."""

    severity: str
    id: str
    path: str
    sentence: str
    remedy: str
    line: int


class Checked(TypedDict, total=False):
    """What a check says: findings; for each part what it would do; what would become of things, in sentences."""

    findings: list[FindingSaid]
    plan: dict[str, list[str]]
    effects: list[str]


class Committed(TypedDict, total=False):
    """revision: its number, None where nothing was committed; effects: sentences; confirm_by: until when it must be
    confirmed, "" for never."""

    revision: int | None
    findings: list[FindingSaid]
    effects: list[str]
    confirm_by: str


class Candidate:
    """Edits of one operator. Every method raises OperatorError or MachineError as the service answers."""

    def __init__(self, ask: Ask, user: str) -> None:
        self._ask = ask
        opened = cast("dict[str, object]", ask(["open", user]))
        self._session = opened["session"]
        self.base = opened.get("base", 0)

    def edit(self, lines: list[str]) -> list[FindingSaid]:
        """`set` and `delete` lines on the candidate; what is wrong with them."""
        return cast("list[FindingSaid]", self._ask(["edit", self._session, lines]))

    def show(self, path: list[str]) -> list[str]:
        """The `set` lines of the candidate under a path."""
        words: list[object] = ["show", self._session]
        return self._lines([*words, " ".join(path)] if path else words)

    def compare(self, rollback: int | None = None) -> list[str]:
        """What leads from the running configuration to the candidate, or from a revision of the past."""
        words: list[object] = ["compare", self._session]
        return self._lines(words if rollback is None else [*words, f"rollback {rollback}"])

    def check(self) -> Checked:
        """What is wrong, and what a commit would do."""
        return cast("Checked", self._ask(["check", self._session]))

    def commit(self, comment: str, confirmed_minutes: int) -> Committed:
        """Make it run. confirmed_minutes: taken back after that unless confirmed, 0: for good."""
        options: dict[str, object] = {"comment": comment}
        if confirmed_minutes:
            options["confirmed_minutes"] = confirmed_minutes
        return cast("Committed", self._ask(["commit", self._session, options]))

    def roll_back(self, number: int) -> None:
        """Load a revision of the past into the candidate; 0: what runs."""
        self._ask(["rollback", self._session, number])

    def load(self, text: str) -> list[FindingSaid]:
        """Another text in place of the whole candidate."""
        return cast("list[FindingSaid]", self._ask(["load", self._session, text]))

    def discard(self) -> None:
        """The candidate is what runs again."""
        self._ask(["discard", self._session])

    def close(self) -> None:
        """Nobody needs it any more."""
        self._ask(["close", self._session])

    def _lines(self, words: list[object]) -> list[str]:
        return cast("list[str]", self._ask(words))
