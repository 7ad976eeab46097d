# SPDX-License-Identifier: Apache-2.0
"""Answers questions from memory, and asks the name servers for the rest: one exchange at most for each question, a
bounded number at a time, the last good answer where nobody answers soon (RFC 8767). Satisfies sip.locating's Resolver.

Its state is changed by `ask`, by exchanges that end, and by `reconfigure`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

from appliance.sip.locating.records import FAILED, Answer, Asker, Outcome, Question
from appliance.system.dns.cache import AnswerCache
from appliance.system.dns.exchange import exchange_question
from appliance.system.dns.fair_queue import FairQueue
from appliance.system.dns.name_servers import RESOLV_CONF, NameServer, NameServers, ServerAddress
from appliance.system.dns.wire import Reading
from appliance.vocabulary.counters import Counters

# Then whoever waits gets the last good answer, and asking goes on. RFC 8767 5 allows 1.8 s; but NAPTR, SRV and address
# come one after the other within one budget.
PATIENCE_S = 0.5

Exchanger = Callable[[Question, list[NameServer]], Awaitable[Reading]]


class DnsResolver:
    """settle(now): called after answers were given outside the caller's own call, sends what has come of them."""

    def __init__(self, servers: NameServers, counters: Counters, settle: Callable[[float], None],
                 exchange: Exchanger = exchange_question) -> None:
        self.servers = servers
        self.cache = AnswerCache()
        self._counters = counters
        self._settle = settle
        self._exchange = exchange
        self._waiting: dict[Question, list[Asker]] = {}
        self._queue = FairQueue()
        self._patience: dict[Question, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, question: Question, asker: Asker, now: float) -> None:
        """From memory at once; else when the name servers have answered, or have not; the last good answer after
        PATIENCE_S, and at once where all servers have just been silent."""
        answer = self.cache.find(question, now)
        if answer is not None:
            self._counters["dns_answers_remembered"] += 1
            asker.answer_received(question, answer, now)
            return
        if not self._admit(question, asker.source, now):
            self._counters["dns_questions_refused"] += 1
            asker.answer_received(question, self.cache.find_stale(question, now) or FAILED, now)
            return
        if self.servers.are_silent(now) and (answer := self.cache.find_stale(question, now)) is not None:
            self._counters["dns_answers_stale"] += 1
            asker.answer_received(question, answer, now)
            return
        self._waiting.setdefault(question, []).append(asker)
        if question not in self._patience and self.cache.has_stale(question, now):
            self._patience[question] = asyncio.get_running_loop().call_later(PATIENCE_S, self._give_stale, question)

    def reconfigure(self, configured: tuple[ServerAddress, ...], path: str = RESOLV_CONF) -> None:
        """Other name servers from now on; path: the file that names them where none are configured."""
        self.servers.reconfigure(configured, path)
        self.cache.forget_failures()

    async def close(self) -> None:
        """End every exchange; nobody is told any more."""
        self._queue.clear()
        self._waiting.clear()
        for handle in self._patience.values():
            handle.cancel()
        self._patience.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def exchanges_open(self) -> int:
        """Questions on the wire now."""
        return len(self._tasks)

    # inside

    def _admit(self, question: Question, source: bytes, now: float) -> bool:
        """Have it asked, now or in its turn; False where too much waits already."""
        queue = self._queue
        if queue.is_open(question):
            return True
        if queue.may_begin(source):
            self._begin(question, source, now)
            return True
        # one that waits for somebody else would be answered in his turn: it has a place of its own where there is one
        return queue.append(question, source) or queue.is_waiting(question)

    def _begin(self, question: Question, source: bytes, now: float) -> None:
        self._counters["dns_questions_sent"] += 1
        self._queue.begin(question, source)
        task = asyncio.get_running_loop().create_task(self._find_out(question, now))
        self._tasks.add(task)
        task.add_done_callback(partial(self._end, question))

    def _end(self, question: Question, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._queue.end(question)
        if task.cancelled():
            return
        if (following := self._queue.take_next()) is not None:
            self._begin(*following, monotonic())
        if task.exception() is not None:
            self._waiting.pop(question, None)
            task.result()       # our own bug: the loop reports it

    async def _find_out(self, question: Question, now: float) -> None:
        reading = await self._exchange(question, self.servers.in_order(now))
        now = monotonic()
        answer = reading.answer
        if answer.outcome is Outcome.FAILED:
            self._counters["dns_questions_failed"] += 1
            answer = self.cache.find_stale(question, now) or answer
        if answer is reading.answer:
            self.cache.store(question, answer, reading.ttl_s, now)
        self._give(question, answer, now)

    def _give_stale(self, question: Question) -> None:
        """It takes long: whoever waits gets what held last, and asking goes on for those who ask later."""
        del self._patience[question]
        now = monotonic()
        answer = self.cache.find_stale(question, now)
        if answer is not None:
            self._counters["dns_answers_stale"] += 1
            self._give(question, answer, now)

    def _give(self, question: Question, answer: Answer, now: float) -> None:
        handle = self._patience.pop(question, None)
        if handle is not None:
            handle.cancel()
        for asker in self._waiting.pop(question, ()):
            asker.answer_received(question, answer, now)
        self._settle(now)
