# SPDX-License-Identifier: Apache-2.0
"""A DNS in a dictionary, for tests without a network: `{("other.test", "SRV"): [...]}`; satisfies Resolver."""

from appliance.sip.locating.records import (
    ABSENT,
    FAILED,
    Answer,
    Asker,
    Naptr,
    Outcome,
    Question,
    RecordType,
    Srv,
)


class Zone:
    """Answers at once, or when `answer_held` is called for questions in `held`. asked: every question, in order."""

    def __init__(self, records: dict[tuple[str, str], list[object]] | None = None) -> None:
        self.records = records or {}
        self.asked: list[tuple[str, str]] = []
        self.held: set[tuple[str, str]] = set()
        self.is_dead = False
        self._waiting: list[tuple[Question, Asker]] = []

    def ask(self, question: Question, asker: Asker, now: float) -> None:
        key = (question.name.decode(), question.kind.name)
        self.asked.append(key)
        if key in self.held:
            self._waiting.append((question, asker))
        else:
            asker.answer_received(question, self.find(question), now)

    def answer_held(self, now: float) -> None:
        waiting, self._waiting = self._waiting, []
        for question, asker in waiting:
            asker.answer_received(question, self.find(question), now)

    def find(self, question: Question) -> Answer:
        if self.is_dead:
            return FAILED
        records = self.records.get((question.name.decode(), question.kind.name))
        if records is None:
            return ABSENT
        if records == ["failed"]:
            return FAILED
        if question.kind is RecordType.SRV:
            return Answer(Outcome.FOUND, services=tuple(Srv(*one[:3], one[3].encode()) for one in records))
        if question.kind is RecordType.NAPTR:
            return Answer(Outcome.FOUND, rewrites=tuple(
                Naptr(*one[:2], *(part.encode() for part in one[2:])) for one in records))
        return Answer(Outcome.FOUND, addresses=tuple(one.encode() for one in records))
