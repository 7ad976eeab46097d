# SPDX-License-Identifier: Apache-2.0
"""A chip that comes back under another number; edges that the kernel had no room for."""

from enum import Enum
from types import SimpleNamespace

import pytest

from appliance.errors import MachineError
from appliance.system.gpio import pins
from appliance.system.gpio.chips import ChipPlace

BOARD, STICK = "pinctrl-bcm2711", "mcp2221_gpio"


class Chips:
    def __init__(self, **labels: str) -> None:
        self.labels = labels

    def __call__(self) -> dict[str, str]:
        return dict(self.labels)


def test_a_chip_that_is_numbered_anew_on_its_return_is_found_by_its_label():
    chips = Chips(gpiochip0=BOARD, gpiochip1=STICK)
    place = ChipPlace("gpiochip1", chips)
    assert place.find() == "gpiochip1"
    del chips.labels["gpiochip1"]
    with pytest.raises(MachineError, match="gpiochip1: no such chip"):
        place.find()
    chips.labels["gpiochip2"] = STICK
    assert place.find() == "gpiochip2"


def test_another_chip_that_took_its_number_is_left_alone():
    chips = Chips(gpiochip0=STICK)
    place = ChipPlace("gpiochip0", chips)
    assert place.find() == "gpiochip0"
    chips.labels = {"gpiochip0": BOARD}
    with pytest.raises(MachineError, match="no such chip"):
        place.find()
    chips.labels = {"gpiochip0": BOARD, "gpiochip1": STICK}
    assert place.find() == "gpiochip1"


def test_a_label_names_a_chip_unless_two_have_it():
    chips = Chips(gpiochip4=BOARD, gpiochip0="other")
    place = ChipPlace(BOARD, chips)
    assert place.find() == "gpiochip4"
    chips.labels["gpiochip7"] = BOARD
    with pytest.raises(MachineError, match="several chips are called pinctrl-bcm2711"):
        place.find()


class Type(Enum):
    RISING_EDGE = 1
    FALLING_EDGE = 2


class Edge:
    Type = Type

    def __init__(self, number: int, is_rising: bool) -> None:
        self.line_seqno = number
        self.event_type = Type.RISING_EDGE if is_rising else Type.FALLING_EDGE
        self.timestamp_ns = number * 10**7


def test_where_edges_were_dropped_the_line_is_looked_at(monkeypatch):
    batches = [[Edge(1, True), Edge(2, False)], [Edge(3, True)], [Edge(7, True)], [Edge(8, False)]]
    asked: list[dict] = []
    request = SimpleNamespace(read_edge_events=lambda: batches.pop(0), get_value=lambda _line: "inactive")

    def request_lines(path: str, **how: object) -> SimpleNamespace:
        asked.append({"path": path, **how})
        return request
    words = SimpleNamespace(INPUT=0, BOTH=0, PULL_UP=0, PULL_DOWN=0, MONOTONIC=0, ACTIVE="active")
    for name in ("Direction", "Edge", "Bias", "Clock", "Value"):
        monkeypatch.setattr(pins, name, words, raising=False)
    monkeypatch.setattr(pins, "HAS_GPIOD", True)
    monkeypatch.setattr(pins, "gpiod", SimpleNamespace(request_lines=request_lines, LineSettings=lambda **_: None))
    hook = pins.HookPin(ChipPlace("gpiochip0", Chips(gpiochip0=BOARD)), 17, True)
    assert asked[0]["path"] == "/dev/gpiochip0"
    assert asked[0]["event_buffer_size"] >= 2 * 10 * 11       # eleven zeros, were nobody to look
    assert hook.read_edges() == [(True, 0.01), (False, 0.02)]
    assert hook.read_edges() == [(True, 0.03)]
    moves = hook.read_edges()
    assert (moves[0], moves[1][0]) == ((True, 0.07), False)
    assert hook.read_edges() == [(False, 0.08)]
