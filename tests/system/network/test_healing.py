# SPDX-License-Identifier: Apache-2.0
"""When the network is looked at again: at once, after a refusal, and more slowly against somebody who is in our way."""

import asyncio
import time

from appliance.errors import MachineError
from appliance.system.network import healing
from appliance.system.network.healing import Healing

LIMIT_S = 20.0


class Journal:
    def __init__(self):
        self.events = []

    def record(self, event, **values):
        self.events.append(event)


class Network:
    """`answers`: what each look finds, then nothing to do."""

    def __init__(self, *answers):
        self.answers, self.looks = list(answers), []

    async def look(self):
        self.looks.append(time.monotonic())
        answer = self.answers.pop(0) if self.answers else (False, 0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def heal(network, act, monkeypatch, journal=None):
    monkeypatch.setattr(healing, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(healing, "LAST_RETRY_S", 0.2)

    async def run():
        one = Healing(network.look, journal or Journal())
        one.start()
        await act(one)
        await one.close()
    asyncio.run(run())


async def until(condition):
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def test_nothing_is_looked_at_before_something_has_changed_and_then_once(monkeypatch):
    network = Network()

    async def act(one):
        await asyncio.sleep(0.1)
        assert network.looks == []
        one.notice()
        one.notice()
        await until(lambda: network.looks)
        await asyncio.sleep(0.1)
        assert len(network.looks) == 1
    heal(network, act, monkeypatch)


def test_what_was_refused_is_tried_again_until_it_is_not(monkeypatch):
    network, journal = Network((True, 1), MachineError("rtnetlink"), MachineError("rtnetlink"), (True, 0)), Journal()

    async def act(one):
        one.notice()
        await until(lambda: len(network.looks) == 4)
        await asyncio.sleep(0.3)
        assert len(network.looks) == 4
    heal(network, act, monkeypatch, journal)
    assert journal.events == ["network_failed"]         # once for the same


def test_a_change_is_looked_at_while_a_refusal_waits(monkeypatch):
    network = Network((False, 1))

    async def act(one):
        monkeypatch.setattr(healing, "FIRST_RETRY_S", 1000.0)
        one.notice()
        await until(lambda: len(network.looks) == 1)
        one.notice()
        await until(lambda: len(network.looks) == 2)
    heal(network, act, monkeypatch)


def test_against_somebody_who_undoes_it_repairs_become_rare(monkeypatch):
    monkeypatch.setattr(healing, "PAUSES_S", (0.0, 1000.0))
    network = Network(*50 * [(True, 0)])

    async def act(one):
        for _ in range(40):
            one.notice()
            await asyncio.sleep(0.005)
        assert len(network.looks) == healing.REPAIRS_A_PAUSE
    heal(network, act, monkeypatch)
