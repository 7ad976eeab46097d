# SPDX-License-Identifier: Apache-2.0
"""Bell and lamp as lines that are on or off, and what happens where there is no chip."""

import asyncio

import pytest

from appliance.errors import MachineError
from appliance.system.gpio.chips import ChipPlace
from appliance.system.gpio.pins import HookPin, OutputPin, list_chips
from appliance.system.gpio.signals import HandsetSignals


class Handle:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Clockwork:
    """An event loop's `call_later` on a clock that is turned by hand."""

    def __init__(self) -> None:
        self.now, self.waiting = 0.0, []

    def call_later(self, delay_s, callback, *words):
        handle = Handle()
        self.waiting.append((self.now + delay_s, handle, callback, words))
        return handle

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            due = [one for one in self.waiting if one[0] <= end and not one[1].is_cancelled]
            if not due:
                break
            one = min(due, key=lambda entry: entry[0])
            self.waiting.remove(one)
            self.now = one[0]
            one[2](*one[3])
        self.now = end


class Pin:
    def __init__(self, clockwork: Clockwork) -> None:
        self._clockwork = clockwork
        self.changes: list[tuple[float, bool]] = []
        self.is_closed = False

    def set(self, is_on: bool) -> None:
        if not self.changes or self.changes[-1][1] is not is_on:
            self.changes.append((round(self._clockwork.now, 3), is_on))

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def clockwork(monkeypatch) -> Clockwork:
    one = Clockwork()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: one)
    return one


def test_the_bell_sounds_one_second_of_three_and_stops_at_once(clockwork):
    bell, lamp = Pin(clockwork), Pin(clockwork)
    signals = HandsetSignals(bell, lamp)
    signals.ring(True)
    clockwork.run(6.5)
    assert bell.changes == [(0.0, True), (1.0, False), (3.0, True), (4.0, False), (6.0, True)]
    assert lamp.changes == bell.changes
    signals.ring(False)
    clockwork.run(10)
    assert bell.changes[-1] == (6.5, False)


def test_the_lamp_is_steady_in_a_call_while_somebody_else_rings(clockwork):
    lamp = Pin(clockwork)
    signals = HandsetSignals(None, lamp)
    signals.light(True)
    signals.ring(True)
    clockwork.run(5)
    signals.ring(False)
    assert lamp.changes == [(0.0, True)]
    signals.light(False)
    assert lamp.changes[-1] == (5.0, False)


def test_messages_that_wait_are_a_short_flash_unless_a_call_or_the_bell_has_the_lamp(clockwork):
    lamp = Pin(clockwork)
    signals = HandsetSignals(None, lamp)
    signals.remind(True)
    clockwork.run(3.1)
    assert lamp.changes == [(0.0, True), (0.2, False), (3.0, True)]
    signals.ring(True)
    clockwork.run(6.5)
    assert lamp.changes[3:] == [(4.1, False), (6.1, True), (7.1, False), (9.1, True)]
    signals.ring(False)
    signals.light(True)
    clockwork.run(4)
    assert lamp.changes[-1][1] is True
    signals.light(False)
    signals.remind(False)
    clockwork.run(10)
    assert lamp.changes[-1][1] is False


def test_closing_switches_everything_off(clockwork):
    bell, lamp = Pin(clockwork), Pin(clockwork)
    signals = HandsetSignals(bell, lamp)
    signals.ring(True)
    signals.close()
    assert bell.changes[-1][1] is False
    assert (bell.is_closed, lamp.is_closed) == (True, True)


def test_a_chip_that_is_not_there_is_named():
    with pytest.raises(MachineError, match=r"gpiochip99|gpiod is not installed"):
        HookPin(ChipPlace("gpiochip99", list_chips), 17, True)
    with pytest.raises(MachineError, match=r"gpiochip99|gpiod is not installed"):
        OutputPin(ChipPlace("gpiochip99", list_chips), 22)
