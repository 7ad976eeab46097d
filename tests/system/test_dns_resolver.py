# SPDX-License-Identifier: Apache-2.0
"""The resolver on a real loop: one exchange a question, bounds, the last good answer; exchanges with real sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic

import dns.message
import pytest

from appliance.sip.flow import UDP
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import BUDGET_S, Located, Locator
from appliance.sip.locating.records import FAILED, Answer, Outcome, Question, RecordType, Srv
from appliance.sip.timers import Timers
from appliance.system.dns import exchange, fair_queue, resolver
from appliance.system.dns.exchange import exchange_question
from appliance.system.dns.name_servers import NameServers, ServerAddress
from appliance.system.dns.resolver import DnsResolver
from appliance.system.dns.wire import Reading
from appliance.vocabulary.counters import Counters
from tests.interop.name_server import NameServer
from tests.interop.network import free_port

NAME = Question(b"one.test", RecordType.A)
GOOD = Answer(Outcome.FOUND, addresses=(b"192.0.2.1",))
GOOD_READING = Reading(GOOD, 60)
ZONE = """
one 60 IN A 192.0.2.1
big 60 IN A 192.0.2.2
circle 60 IN CNAME ring
ring 60 IN CNAME circle
_sip._udp.other 60 IN SRV 0 0 5060 one
"""


class Asked:
    """Collects answers."""

    def __init__(self, source: bytes = b"") -> None:
        self.source = source
        self.answers: list[Answer] = []

    def answer_received(self, question: Question, answer: Answer, now: float) -> None:
        self.answers.append(answer)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


class Wire:
    """In the place of the exchanges: counts them, answers when told to."""

    def __init__(self, reading: Reading = GOOD_READING) -> None:
        self.reading = reading
        self.questions: list[Question] = []
        self.gate = asyncio.Event()

    async def __call__(self, question: Question, servers: object) -> Reading:
        self.questions.append(question)
        await self.gate.wait()
        return self.reading


async def settle_loop() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


def make(wire: Wire) -> tuple[DnsResolver, list[float]]:
    settled: list[float] = []
    servers = NameServers((ServerAddress("127.0.0.1", 1),))
    return DnsResolver(servers, Counters(), settled.append, wire), settled


def test_many_who_ask_the_same_cost_one_exchange_and_the_next_is_answered_at_once() -> None:
    async def test() -> None:
        wire = Wire()
        made, settled = make(wire)
        asked = [Asked() for _ in range(50)]
        for one in asked:
            made.ask(NAME, one, monotonic())
        await settle_loop()
        assert not any(one.answers for one in asked)
        wire.gate.set()
        await settle_loop()
        assert all(one.answers == [GOOD] for one in asked)
        assert len(wire.questions) == len(settled) == 1
        later = Asked()
        made.ask(NAME, later, monotonic())
        assert later.answers == [GOOD]
        assert made.exchanges_open == 0
    run(test)


def ask_names(made: DnsResolver, source: bytes, count: int) -> list[Asked]:
    asked = [Asked(source) for _ in range(count)]
    for number, one in enumerate(asked):
        made.ask(Question(b"n%d.of-%s.test" % (number, source), RecordType.A), one, monotonic())
    return asked


def test_exchanges_and_the_queue_behind_them_are_bounded() -> None:
    async def test() -> None:
        wire = Wire()
        made, _ = make(wire)
        sources = [b"%d" % number for number in range(12)]
        asked = [one for source in sources for one in ask_names(made, source, 60)]
        await settle_loop()
        assert len(wire.questions) == made.exchanges_open == fair_queue.OPEN_LIMIT
        wanted = fair_queue.OPEN_LIMIT + fair_queue.QUEUE_LIMIT
        assert [one.answers for one in asked[wanted:]] == [[FAILED]] * (len(asked) - wanted)
        wire.gate.set()
        for _ in range(40):
            await settle_loop()
        assert all(one.answers == [GOOD] for one in asked[:wanted])
    run(test)


def test_one_source_with_many_dead_names_holds_up_nobody_else() -> None:
    async def test() -> None:
        wire = Wire()
        made, _ = make(wire)
        dead = ask_names(made, b"192.0.2.66", 500)
        await settle_loop()
        assert made.exchanges_open == fair_queue.OPEN_SOURCE_LIMIT
        assert [one.answers for one in dead].count([FAILED]) == \
            500 - fair_queue.OPEN_SOURCE_LIMIT - fair_queue.QUEUE_SOURCE_LIMIT
        made.ask(NAME, Asked(b"192.0.2.7"), monotonic())
        waits_for_both = Question(b"n40.of-192.0.2.66.test", RecordType.A)
        made.ask(waits_for_both, Asked(b"192.0.2.7"), monotonic())
        await settle_loop()
        assert wire.questions[-2:] == [NAME, waits_for_both]
    run(test)


def test_sources_that_wait_take_turns() -> None:
    queue = fair_queue.FairQueue()
    questions = {source: [Question(b"%d.%s" % (number, source), RecordType.A) for number in range(3)]
                 for source in (b"a", b"b")}
    for source, wanted in questions.items():
        for question in wanted:
            assert queue.append(question, source)
    taken = [following[0] for _ in range(6) if (following := queue.take_next())]
    assert taken == [one for pair in zip(*questions.values(), strict=True) for one in pair]
    assert queue.take_next() is None
    assert len(queue) == 0


def test_a_question_that_must_wait_its_turn_gives_way_to_the_last_good_answer_as_well(monkeypatch) -> None:
    monkeypatch.setattr(resolver, "PATIENCE_S", 0.01)

    async def test() -> None:
        wire = Wire()
        made, _ = make(wire)
        ask_names(made, b"", fair_queue.OPEN_SOURCE_LIMIT)
        made.cache.store(NAME, GOOD, 60, monotonic() - 100)
        one = Asked()
        made.ask(NAME, one, monotonic())
        await settle_loop()
        assert NAME not in wire.questions
        await asyncio.sleep(0.05)
        assert one.answers == [GOOD]
        wire.gate.set()
        for _ in range(10):
            await settle_loop()
        assert wire.questions.count(NAME) == 1
    run(test)


def test_a_call_finds_its_server_within_its_budget_when_all_name_servers_have_fallen_silent(name_server) -> None:
    """NAPTR, SRV and address one after the other: each time the last good answer is waited for."""
    async def test() -> None:
        servers = NameServers((ServerAddress(name_server.host, name_server.port),))
        made = DnsResolver(servers, Counters(), lambda _: None)
        name = b"other.test"
        kept = {Question(name, RecordType.NAPTR): Answer(Outcome.ABSENT),
                Question(b"_sip._udp." + name, RecordType.SRV):
                    Answer(Outcome.FOUND, services=(Srv(0, 0, 5060, b"one.test"),)), NAME: GOOD}
        for question, answer in kept.items():
            made.cache.store(question, answer, 60, monotonic() - 400)
        name_server.is_silent = True
        found: list[Located] = []
        locator = Locator(made, Timers(), Ability([(UDP, 4)]), bytes)
        began = monotonic()
        locator.locate(b"sip:" + name, 500, lambda located, _: found.append(located), began)
        while not found and monotonic() - began < BUDGET_S:
            await asyncio.sleep(0.01)
        assert [target.host for target in found[0].targets] == [b"192.0.2.1"]
        assert len(kept) * resolver.PATIENCE_S < BUDGET_S - 1
        await made.close()
    run(test)


def test_no_patience_where_every_server_has_just_been_silent() -> None:
    async def test() -> None:
        wire = Wire()
        made, _ = make(wire)
        made.servers.all()[0].note_silence(monotonic())
        made.cache.store(NAME, GOOD, 60, monotonic() - 100)
        one = Asked()
        made.ask(NAME, one, monotonic())
        assert one.answers == [GOOD]
        await settle_loop()
        assert wire.questions == [NAME]     # and is asked all the same: it may be back
        assert one.answers == [GOOD]
    run(test)


def test_last_good_answer_is_given_when_nobody_answers_any_more() -> None:
    async def test() -> None:
        wire = Wire(Reading(FAILED))
        wire.gate.set()
        made, _ = make(wire)
        made.cache.store(NAME, GOOD, 60, monotonic() - 100)
        for _ in range(3):
            one = Asked()
            made.ask(NAME, one, monotonic())
            await settle_loop()
            assert one.answers == [GOOD]
        assert len(wire.questions) == 1     # and not each time anew
    run(test)


def test_a_slow_exchange_gives_way_to_the_last_good_answer(monkeypatch) -> None:
    monkeypatch.setattr(resolver, "PATIENCE_S", 0.01)

    async def test() -> None:
        wire = Wire(Reading(Answer(Outcome.FOUND, addresses=(b"192.0.2.9",)), 60))
        made, settled = make(wire)
        made.cache.store(NAME, GOOD, 60, monotonic() - 100)
        one = Asked()
        made.ask(NAME, one, monotonic())
        while not one.answers:
            await asyncio.sleep(0.001)
        assert one.answers == [GOOD]
        assert settled
        wire.gate.set()
        await settle_loop()
        later = Asked()
        made.ask(NAME, later, monotonic())
        assert later.answers[0].addresses == (b"192.0.2.9",)
        assert one.answers == [GOOD]
    run(test)


def test_other_servers_are_asked_about_what_the_old_ones_did_not_know() -> None:
    async def test() -> None:
        wire = Wire(Reading(FAILED))
        wire.gate.set()
        made, _ = make(wire)
        made.ask(NAME, Asked(), monotonic())
        await settle_loop()
        made.reconfigure((ServerAddress("127.0.0.2", 1),))
        wire.reading = Reading(GOOD, 60)
        one = Asked()
        made.ask(NAME, one, monotonic())
        await settle_loop()
        assert one.answers == [GOOD]
    run(test)


def test_closing_ends_every_exchange() -> None:
    async def test() -> None:
        made, _ = make(Wire())
        made.ask(NAME, Asked(), monotonic())
        await settle_loop()
        await made.close()
        assert made.exchanges_open == 0
    run(test)


def test_a_bug_of_ours_in_an_exchange_is_reported_and_the_question_may_be_asked_again() -> None:
    async def test() -> None:
        reported: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        wire = Wire()
        wire.gate.set()
        made, _ = make(wire)
        wire.reading = None
        made.ask(NAME, Asked(), monotonic())
        await settle_loop()
        assert isinstance(reported[0]["exception"], AttributeError)
        wire.reading = GOOD_READING
        one = Asked()
        made.ask(NAME, one, monotonic())
        await settle_loop()
        assert one.answers == [GOOD]
    run(test)


# real sockets

@pytest.fixture
def name_server() -> Iterator[NameServer]:
    with NameServer("127.0.0.1", ZONE) as running:
        yield running


def ask_over_wire(name: bytes, *addresses: tuple[str, int], kind: RecordType = RecordType.A) -> Reading:
    servers = NameServers(tuple(ServerAddress(*address) for address in addresses))
    return asyncio.run(exchange_question(Question(name, kind), servers.in_order(0.0)))


def test_an_exchange_over_udp(name_server) -> None:
    at = (name_server.host, name_server.port)
    assert ask_over_wire(b"one.test", at) == Reading(GOOD, 60)
    assert ask_over_wire(b"two.test", at).answer.outcome is Outcome.ABSENT
    services = ask_over_wire(b"_sip._udp.other.test", at, kind=RecordType.SRV).answer.services
    assert [one.target for one in services] == [b"one.test"]


def test_a_truncated_answer_is_fetched_over_tcp(name_server) -> None:
    def truncate(query: bytes, honest: bytes) -> list[bytes]:
        name_server.faults.clear()
        return [honest[:2] + bytes([honest[2] | 0x02]) + honest[3:]]
    name_server.faults["big.test"] = truncate
    assert ask_over_wire(b"big.test", (name_server.host, name_server.port)).answer.addresses == (b"192.0.2.2",)
    assert name_server.asked == ["big.test A", "big.test A"]


def test_a_refused_port_is_passed_over_at_once(name_server, monkeypatch) -> None:
    monkeypatch.setattr(exchange, "TRY_S", 1000.0)      # who waits for it gets no answer
    reading = ask_over_wire(b"one.test", ("127.0.0.1", free_port("127.0.0.1")), (name_server.host, name_server.port))
    assert reading == Reading(GOOD, 60)


def test_a_circle_of_aliases_ends(name_server) -> None:
    assert ask_over_wire(b"circle.test", (name_server.host, name_server.port)).answer.outcome is not Outcome.FOUND


def test_answers_that_lie_are_not_heard_and_the_true_one_behind_them_is(name_server) -> None:
    """A guesser who hits our port: wrong number, another question, noise; then the server itself."""
    def lie_first(query: bytes, honest: bytes) -> list[bytes]:
        other = dns.message.make_response(dns.message.make_query("evil.test", "A")).to_wire()
        return [bytes([honest[0] ^ 1]) + honest[1:], query[:2] + other[2:], b"\xff" * 40, query, honest]
    name_server.faults["one.test"] = lie_first
    assert ask_over_wire(b"one.test", (name_server.host, name_server.port)) == Reading(GOOD, 60)
    assert name_server.asked == ["one.test A"]


def test_lies_without_end_are_given_up(name_server, monkeypatch) -> None:
    monkeypatch.setattr(exchange, "TRY_S", 1000.0)      # who waits for the truth asks once
    name_server.faults["one.test"] = lambda query, honest: [b"\xff" * 40] * 100
    assert ask_over_wire(b"one.test", (name_server.host, name_server.port)) == Reading(FAILED)
    assert len(name_server.asked) == exchange.ROUNDS


def test_silent_servers_cost_no_more_than_the_budget(name_server, monkeypatch) -> None:
    monkeypatch.setattr(exchange, "TRY_S", 0.05)
    name_server.is_silent = True
    assert ask_over_wire(b"one.test", (name_server.host, name_server.port)) == Reading(FAILED)
    assert len(name_server.asked) == exchange.ROUNDS
