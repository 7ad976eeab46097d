# SPDX-License-Identifier: Apache-2.0
"""The stock of media ports that are leased ahead."""

from appliance.rtp.relaying import LocalPort
from appliance.system.media.port_stock import LARGEST_SIZE, ORDER_SIZE, PortStock

HOST = "192.0.2.1"


class Supply:
    """A relay that has ports without end."""

    def __init__(self, stock):
        self.stock = stock
        self.number = 0

    def deliver(self):
        """What was ordered; how many."""
        orders = list(self.stock.order())
        for host, count in orders:
            self.stock.add(host, [LocalPort(host, self.number + index) for index in range(count)], count)
            self.number += count
        return sum(count for _, count in orders)


def test_it_is_filled_and_filled_again_in_whole_orders():
    supply = Supply(PortStock([HOST], 128))
    assert supply.deliver() == 128
    taken = [supply.stock.take(HOST) for _ in range(ORDER_SIZE - 1)]
    assert supply.deliver() == 0
    taken.append(supply.stock.take(HOST))
    assert supply.deliver() == ORDER_SIZE
    assert len(set(taken)) == ORDER_SIZE


def test_what_is_ordered_is_not_ordered_twice():
    stock = PortStock([HOST], 128)
    assert sum(count for _, count in stock.order()) == 128
    assert list(stock.order()) == []


def test_it_is_low_below_a_half_and_has_none_of_a_strange_address():
    supply = Supply(PortStock([HOST], 128))
    assert supply.stock.is_low(HOST)
    supply.deliver()
    assert not supply.stock.is_low(HOST)
    for _ in range(65):
        supply.stock.take(HOST)
    assert supply.stock.is_low(HOST)
    assert supply.stock.take("192.0.2.2") is None
    assert not supply.stock.is_low("192.0.2.2")


def test_one_that_nearly_ran_out_is_made_larger_up_to_a_limit():
    supply = Supply(PortStock([HOST], 128))
    supply.deliver()
    size = 128
    while size < LARGEST_SIZE:
        for _ in range(size):
            assert supply.stock.take(HOST) is not None
        assert supply.stock.take(HOST) is None
        size *= 2
        assert supply.deliver() == size
    for _ in range(size):
        supply.stock.take(HOST)
    assert supply.deliver() == LARGEST_SIZE


def test_one_that_cannot_be_filled_asks_for_no_more_than_it_had():
    stock = PortStock([HOST], 128)
    orders = list(stock.order())
    for number, (host, count) in enumerate(orders):
        stock.add(host, [LocalPort(host, 2 * index) for index in range(count if number < 2 else 0)], count)
    assert list(stock.order()) == []
    for _ in range(ORDER_SIZE):
        assert stock.take(HOST) is not None
    assert list(stock.order()) == [(HOST, ORDER_SIZE)]


def test_without_any_it_asks_for_one_order():
    stock = PortStock([HOST], 128)
    for host, count in list(stock.order()):
        stock.add(host, [], count)
    assert list(stock.order()) == [(HOST, ORDER_SIZE)]


def test_what_is_leased_no_more_is_forgotten():
    supply = Supply(PortStock([HOST], 128))
    supply.deliver()
    supply.stock.clear()
    assert supply.stock.take(HOST) is None
    assert supply.deliver() == 128
