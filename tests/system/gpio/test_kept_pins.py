# SPDX-License-Identifier: Apache-2.0
"""Pins that come late, go, and come back."""

import asyncio
import os

import pytest

from appliance.errors import MachineError
from appliance.system.gpio.kept_pins import KeptHook, KeptOutput


class Chip:
    """Lends one line while it is there; what it is driven to, and what its hook says."""

    def __init__(self) -> None:
        self.is_there = False
        self.levels: list[bool] = []
        self.lent = 0
        self.is_lifted_now = False
        self.edges: list[tuple[bool, float]] = []
        self.descriptor, self.bell = os.pipe()

    def require(self) -> None:
        if not self.is_there:
            raise MachineError("GPIO gpiochip0 line 5: No such file or directory")

    def open(self) -> "Chip":
        self.require()
        self.lent += 1
        return self

    def set(self, is_on: bool) -> None:
        self.require()
        self.levels.append(is_on)

    def is_lifted(self) -> bool:
        self.require()
        return self.is_lifted_now

    def read_edges(self) -> list[tuple[bool, float]]:
        os.read(self.descriptor, 1)
        self.require()
        edges, self.edges = self.edges, []
        return edges

    def close(self) -> None:
        self.lent -= 1


@pytest.fixture
def chip():
    one = Chip()
    yield one
    os.close(one.descriptor)
    os.close(one.bell)


def test_a_bell_that_comes_late_does_what_it_was_told_last(chip):
    said: list[str] = []
    bell = KeptOutput(chip.open, said.append)
    assert said == ["GPIO gpiochip0 line 5: No such file or directory"]
    bell.set(True)
    bell.retry()
    assert (len(said), bell.trouble, chip.levels) == (1, said[0], [])
    chip.is_there = True
    bell.retry()
    assert (said[1:], bell.trouble, chip.levels) == ([""], "", [True])
    bell.close()
    assert (chip.levels, chip.lent) == ([True, False], 0)


def test_a_chip_that_is_pulled_out_while_it_rings_costs_the_bell_alone(chip):
    chip.is_there = True
    said: list[str] = []
    bell = KeptOutput(chip.open, said.append)
    assert said == []
    chip.is_there = False
    bell.set(True)
    assert (len(said), chip.lent) == (1, 0)
    bell.set(False)
    bell.close()
    assert len(said) == 1


def test_a_hook_that_comes_back_says_how_it_stands_and_is_heard_again(chip):
    async def play() -> None:
        said: list[str] = []
        moves: list[bool] = []
        hook = KeptHook(chip.open, said.append, lambda is_lifted, _at: moves.append(is_lifted))
        hook.retry()
        assert (len(said), moves) == (1, [])
        chip.is_there = True
        hook.retry()
        assert (said[-1], moves) == ("", [False])
        chip.edges = [(True, 1.0), (False, 1.1)]
        os.write(chip.bell, b"!")
        await asyncio.sleep(0.01)
        assert moves == [False, True, False]
        chip.is_there = False
        os.write(chip.bell, b"!")
        await asyncio.sleep(0.01)
        assert (bool(hook.trouble), chip.lent) == (True, 0)
        chip.is_there = chip.is_lifted_now = True
        hook.retry()
        hook.retry()
        assert (hook.trouble, moves[3:], chip.lent) == ("", [True], 1)
        hook.close()
        assert chip.lent == 0
    asyncio.run(play())
