# SPDX-License-Identifier: Apache-2.0
"""The budget of the hot path, stage by stage: the real core in this process, without kernel and sockets."""

import gc
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from appliance.native.sip_scanner import Message
from appliance.sip.timers import Timers
from tests.bench.desk import (
    SDP,
    Desk,
    answer_challenge,
    play_call,
    write_register,
    write_request,
    write_response,
)
from tests.bench.figures import Figure, Report, median, spread
from tests.bench.scale import Scale

ROUNDS = 5
EXTENSIONS = 1000
VIA = b"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK12345.0123456789abcdef\r\n"
RECORD_ROUTE = b"Record-Route: <sip:0123456789abcdef0123@127.0.0.1:5060;lr>\r\n"
BUDGET_US = {
    "scan and check an INVITE": 1.0, "transaction key": 0.1, "open server transaction": 0.6, "arm a timer": 0.3,
    "challenge": 1.0, "judge a digest": 3.5, "renew a binding": 0.4, "build a reply": 0.4,
    "forward a request": 0.5, "forward a response": 0.4, "REGISTER challenged": 4.5, "REGISTER answered": 10.0,
    "proxied call, 6 datagrams in": 60.0,
}
"""Microseconds that docs/architecture.md grants each stage."""


class Deadline:
    """Something to arm."""

    __slots__ = ("deadline",)

    def due(self, now: float) -> None:
        """Nothing to do."""


def time_each(step: Callable[..., object], items: Iterable[object]) -> float:
    """Microseconds of processor time for `step(item)`, the loop taken off. What was there before is frozen, as in the
    daemon after its start."""
    items = list(items)
    gc.collect()
    gc.freeze()
    begun = time.process_time_ns()
    for item in items:
        step(item)
    spent = time.process_time_ns() - begun
    begun = time.process_time_ns()
    for _ in items:
        pass
    return (spent - (time.process_time_ns() - begun)) / len(items) / 1000


def time_scanning(count: int) -> dict[str, float]:
    data = write_request("INVITE", 1, "sip:u0002@127.0.0.1")
    response = write_response(VIA + data.partition(b"\r\n")[2], b"200 OK", b";tag=s1", True)
    fresh = [Message(data, b"127.0.0.3", 5070) for _ in range(count)]
    responses = [Message(response, b"127.0.0.1", 5090) for _ in range(count)]
    lines = RECORD_ROUTE
    assert fresh[0].body == SDP
    return {
        "scan and check an INVITE": time_each(lambda octets: Message(octets, b"127.0.0.3", 5070), [data] * count),
        "transaction key": time_each(lambda message: message.server_key, fresh),
        "build a reply": time_each(lambda message: message.reply(b"SIP/2.0 200 OK\r\n", b"0123456789abcdef"), fresh),
        "forward a request": time_each(lambda message: message.forward(b"sip:u0002@127.0.0.1:5090", VIA, lines), fresh),
        "forward a response": time_each(lambda message: message.without_top_via(), responses),
    }


def time_registering(count: int) -> dict[str, float]:
    desk = Desk(EXTENSIONS)
    stack, flow, now = desk.office.stack, desk.phone, desk.now
    users = [f"u{number % EXTENSIONS:04}" for number in range(count)]
    first = [write_register(number, user) for number, user in enumerate(users)]
    spent = {"REGISTER challenged": time_each(lambda data: stack.receive_datagram(data, flow, now), first)}
    challenges = [octets for octets, _ in desk.listener.outbox]
    desk.listener.outbox.clear()
    second = [answer_challenge(challenge, number, user, f"pw{user[1:]}")
              for number, (user, challenge) in enumerate(zip(users, challenges, strict=True))]
    for data in second[:EXTENSIONS]:    # the first of each user makes its binding; the rest are refreshes
        desk.send(data, flow)
    spent["REGISTER answered"] = time_each(lambda data: stack.receive_datagram(data, flow, now), second[EXTENSIONS:])
    refused = [octets for octets, _ in desk.listener.outbox if not octets.startswith(b"SIP/2.0 200 ")]
    if refused:
        raise SystemExit(refused[0].decode())
    return spent


def time_elements(count: int) -> dict[str, float]:
    """Digest, transaction, timer and location, each alone."""
    desk = Desk(EXTENSIONS)
    office, flow, now = desk.office, desk.phone, desk.now
    users = [f"u{number % EXTENSIONS:04}" for number in range(count)]
    first = [write_register(number, user) for number, user in enumerate(users)]
    asked = [Message(data, flow.host, flow.port) for data in first]
    second = [answer_challenge(desk.send(data, flow)[0], number, user, f"pw{user[1:]}")
              for number, (user, data) in enumerate(zip(users, first, strict=True))]
    answered = [Message(data, flow.host, flow.port) for data in second]
    judge = office.authentication.judge
    spent = {"challenge": time_each(lambda message: judge(message, flow, now, False), asked),
             "judge a digest": time_each(lambda message: judge(message, flow, now, False), answered)}
    spent["open server transaction"] = time_each(lambda message: office.stack.open_server(message, flow, now), answered)
    timers = Timers()
    deadlines = [Deadline() for _ in range(count)]
    for number, item in enumerate(deadlines):
        item.deadline = now + 32 + number / 5000
    spent["arm a timer"] = time_each(lambda item: timers.arm(item, item.deadline), deadlines)
    desk.send(answer_challenge(desk.send(write_register(count, "u0001"), flow)[0], count, "u0001", "pw0001"), flow)
    binding = office.location.bindings_of(b"u0001")[0]
    renew = office.location.renew
    spent["renew a binding"] = time_each(lambda message: renew(binding, message, 3600, now), answered)
    return spent


def time_calls(count: int) -> dict[str, float]:
    desk = Desk(EXTENSIONS)
    desk.send(answer_challenge(desk.send(write_register(1, "u0002"), desk.phone)[0], 1, "u0002", "pw0002"), desk.phone)
    receive, outbox = desk.office.stack.receive_datagram, desk.listener.outbox
    spent_ns = 0
    gc.collect()
    gc.freeze()
    for number in range(count):
        for data, flow in play_call(desk, number):
            outbox.clear()
            begun = time.perf_counter_ns()
            receive(data, flow, desk.now)
            spent_ns += time.perf_counter_ns() - begun
        if not outbox[-1][0].startswith(b"SIP/2.0 200 "):
            raise SystemExit(outbox[-1][0].decode())
    return {"proxied call, 6 datagrams in": spent_ns / count / 1000}


def measure_stages(report: Report, scale: Scale, folder: Path) -> None:
    del folder  # nothing is written
    parts = (time_scanning, time_elements, time_registering, lambda count: time_calls(count // 10))
    rounds: dict[str, list[float]] = {}
    gc.set_threshold(50_000, 20, 100)  # as the daemon does
    for _ in range(ROUNDS):
        for part in parts:
            for stage, spent_us in part(scale.stage_repeats // ROUNDS + EXTENSIONS).items():
                rounds.setdefault(stage, []).append(spent_us)
    for stage, budget_us in BUDGET_US.items():
        report.add(Figure(f"stage: {stage}", "us CPU", median(rounds[stage]), spread(rounds[stage]), judged="ours",
                          limit=budget_us))
