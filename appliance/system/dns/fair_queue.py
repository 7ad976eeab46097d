# SPDX-License-Identifier: Apache-2.0
"""Who may ask the name servers next: a bounded number of questions at a time and in the queue, and of both only a share
for each source, by turns. Whoever asks for many names that nobody answers holds up himself alone.

Pure. Only the resolver changes it.
"""

from collections import OrderedDict, deque

from appliance.sip.locating.records import Question

OPEN_LIMIT = 64             # exchanges at a time
OPEN_SOURCE_LIMIT = 12      # of one source: five of them leave room for a sixth
QUEUE_LIMIT = 512           # beyond that an answer would come too late for anybody
QUEUE_SOURCE_LIMIT = 64


class FairQueue:
    """Questions that are open (an exchange is under way) and that wait, by the source that wants to know."""

    __slots__ = ("_open", "_open_by_source", "_places", "_turns")

    def __init__(self) -> None:
        self._open: dict[Question, bytes] = {}
        self._open_by_source: dict[bytes, int] = {}
        self._turns: OrderedDict[bytes, deque[Question]] = OrderedDict()    # whose turn is next, first
        self._places: dict[Question, int] = {}      # in how many queues a question stands

    def __len__(self) -> int:
        return len(self._places)

    def is_open(self, question: Question) -> bool:
        """Whether its exchange is under way."""
        return question in self._open

    def is_waiting(self, question: Question) -> bool:
        """Whether it stands in a queue, whoever has asked."""
        return question in self._places

    def may_begin(self, source: bytes) -> bool:
        """Whether there is room for one more exchange of this source."""
        return len(self._open) < OPEN_LIMIT and self._open_by_source.get(source, 0) < OPEN_SOURCE_LIMIT

    def begin(self, question: Question, source: bytes) -> None:
        """Its exchange begins. Where it stands in a queue, it is passed over there."""
        self._open[question] = source
        self._open_by_source[source] = self._open_by_source.get(source, 0) + 1

    def end(self, question: Question) -> None:
        """Its exchange has ended."""
        source = self._open.pop(question)
        left = self._open_by_source[source] - 1
        if left:
            self._open_by_source[source] = left
        else:
            del self._open_by_source[source]

    def append(self, question: Question, source: bytes) -> bool:
        """Behind what this source waits for; False where it may not wait for more, or nobody may."""
        waiting = self._turns.get(source)
        if len(self._places) >= QUEUE_LIMIT or (waiting is not None and len(waiting) >= QUEUE_SOURCE_LIMIT):
            return False
        if waiting is None:
            waiting = self._turns[source] = deque()
        elif question in waiting:
            return True
        waiting.append(question)
        self._places[question] = self._places.get(question, 0) + 1
        return True

    def take_next(self) -> tuple[Question, bytes] | None:
        """The next question that may begin, and its source, which is then the last to have a turn again."""
        for source in list(self._turns):
            while self.may_begin(source) and (waiting := self._turns.get(source)):
                question = waiting.popleft()
                self._leave(question)
                if waiting:
                    self._turns.move_to_end(source)
                else:
                    del self._turns[source]
                if question not in self._open:
                    return question, source
        return None

    def clear(self) -> None:
        """Nobody waits any more."""
        self._turns.clear()
        self._places.clear()

    def _leave(self, question: Question) -> None:
        left = self._places[question] - 1
        if left:
            self._places[question] = left
        else:
            del self._places[question]
