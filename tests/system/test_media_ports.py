# SPDX-License-Identifier: Apache-2.0
"""The pool of media ports."""

import os
import random
import socket

import pytest

from appliance.errors import MachineError
from appliance.system.media.port_pool import PortPool

HOST = f"127.0.77.{os.getpid() % 250 + 1}"                              # two runs at once do not meet


def make_pool(first=31000, last=31009, seed=1):
    return PortPool(first, last, random.Random(seed).randrange, quarantine_s=30.0)


def lease_all(pool, now=0.0):
    leases = []
    while True:
        try:
            leases.append(pool.lease(HOST, now))
        except MachineError:
            return leases


def test_every_even_port_whose_neighbour_is_in_range_is_leased_once():
    for first, last, expected in ((31000, 31009, 5), (31001, 31009, 4), (31000, 31008, 4)):
        leases = lease_all(make_pool(first, last))
        ports = [lease.port.port for lease in leases]
        assert len(set(ports)) == expected
        assert all(port % 2 == 0 and first <= port and port + 1 <= last for port in ports)
        for lease in leases:
            assert lease.rtp.getsockname() == (HOST, lease.port.port)
            assert lease.rtcp.getsockname() == (HOST, lease.port.port + 1)
            lease.close()


def test_ports_come_in_no_order_that_can_be_guessed():
    orders = set()
    for seed in range(4):
        leases = lease_all(make_pool(31000, 31039, seed))
        orders.add(tuple(lease.port.port for lease in leases))
        for lease in leases:
            lease.close()
    assert len(orders) == 4
    assert all(list(order) != sorted(order) for order in orders)


def test_a_used_port_rests_before_it_is_leased_again():
    pool = make_pool(31000, 31003)
    first, second = lease_all(pool)
    for lease, now in ((first, 10.0), (second, 35.0)):
        lease.close()
        pool.give_back(lease.port, now)
    assert pool.count_free(HOST, 39.9) == 0
    assert pool.count_free(HOST, 40.0) == 1
    again = pool.lease(HOST, 40.0)
    assert again.port == first.port
    again.close()


def test_where_nothing_else_is_left_the_port_that_has_rested_longest_serves():
    pool = make_pool(31000, 31005)
    leases = lease_all(pool)
    for now, lease in enumerate(leases):
        lease.close()
        pool.give_back(lease.port, float(now))
    again = [pool.lease(HOST, 5.0) for _ in leases]
    assert [lease.port for lease in again] == [lease.port for lease in leases]
    with pytest.raises(MachineError):
        pool.lease(HOST, 5.0)
    for lease in again:
        lease.close()


def test_a_port_that_somebody_else_has_is_passed_over():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind((HOST, 31003))
        leases = lease_all(make_pool(31000, 31005))
        assert {lease.port.port for lease in leases} == {31000, 31004}
        for lease in leases:
            lease.close()


def test_an_address_that_is_not_ours_is_an_error_of_the_machine():
    with pytest.raises(MachineError, match=r"198\.51\.100\.1"):
        make_pool().lease("198.51.100.1", 0.0)
