# SPDX-License-Identifier: Apache-2.0
"""Answers that are remembered (RFC 1034 5.3.3, RFC 2308), and kept for a while beyond their time for when no server can
be reached (RFC 8767). Pure: the time is a parameter. Only the resolver changes it.
"""

from collections.abc import Iterator

from appliance.sip.locating.records import Answer, Outcome, Question

ENTRIES_LIMIT = 4096
SHORTEST_S, LONGEST_S = 1, 86_400
ABSENT_SHORTEST_S, ABSENT_LONGEST_S = 5, 300    # RFC 2308 5 and 7.1
FAILED_S = 10                                   # a dead name server does not hold up every call for its time-out
STALE_S = 86_400                                # RFC 8767 4: one to three days
STALE_HOLD_S = 30                               # RFC 8767 4: how long a stale answer is given without asking again


class Entry:
    """One remembered answer. expires_at: when to ask again; stale_until: when to forget; is_stale: given again because
    nobody answered; uses: how often it has been given."""

    __slots__ = ("answer", "expires_at", "is_stale", "stale_until", "uses")

    def __init__(self, answer: Answer, expires_at: float, stale_until: float) -> None:
        self.answer = answer
        self.expires_at = expires_at
        self.stale_until = stale_until
        self.is_stale = False
        self.uses = 0


class AnswerCache:
    """Entries by question, the longest unused first to go."""

    __slots__ = ("_entries", "_limit")

    def __init__(self, limit: int = ENTRIES_LIMIT) -> None:
        self._entries: dict[Question, Entry] = {}
        self._limit = limit

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, question: Question, now: float) -> Answer | None:
        """The answer that still holds."""
        entry = self._entries.get(question)
        if entry is None or entry.expires_at <= now:
            return None
        return self._use(question, entry)

    def find_stale(self, question: Question, now: float) -> Answer | None:
        """The last good answer, when it is not too old; from now on it holds for a moment again."""
        entry = self._entries.get(question)
        if entry is None or entry.stale_until <= now or entry.answer.outcome is Outcome.FAILED:
            return None
        entry.is_stale = True
        entry.expires_at = max(entry.expires_at, min(now + STALE_HOLD_S, entry.stale_until))
        return self._use(question, entry)

    def has_stale(self, question: Question, now: float) -> bool:
        """Whether find_stale would give something."""
        entry = self._entries.get(question)
        return entry is not None and entry.stale_until > now and entry.answer.outcome is not Outcome.FAILED

    def store(self, question: Question, answer: Answer, ttl_s: int, now: float) -> None:
        """Remember an answer for its time; a failure shortly, and never in the place of a good answer."""
        if answer.outcome is Outcome.FAILED:
            if self.has_stale(question, now):
                return
            self._put(question, Entry(answer, now + FAILED_S, now + FAILED_S))
            return
        if answer.outcome is Outcome.ABSENT:
            holds_s = min(max(ttl_s, ABSENT_SHORTEST_S), ABSENT_LONGEST_S)
        else:
            holds_s = min(max(ttl_s, SHORTEST_S), LONGEST_S)
        self._put(question, Entry(answer, now + holds_s, now + holds_s + STALE_S))

    def forget_failures(self) -> None:
        """Other name servers: what the old ones did not know says nothing."""
        self._entries = {question: entry for question, entry in self._entries.items()
                         if entry.answer.outcome is not Outcome.FAILED}

    def entries(self) -> Iterator[tuple[Question, Entry]]:
        """Everything, the longest unused first."""
        yield from list(self._entries.items())

    def _use(self, question: Question, entry: Entry) -> Answer:
        entry.uses += 1
        self._entries[question] = self._entries.pop(question)
        return entry.answer

    def _put(self, question: Question, entry: Entry) -> None:
        self._entries.pop(question, None)
        if len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[question] = entry
