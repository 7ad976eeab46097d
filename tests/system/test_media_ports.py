# SPDX-License-Identifier: Apache-2.0
"""The pool of media ports."""

import os
import random
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import MachineError
from appliance.system.media.port_pool import PortPool

HOST = f"127.0.77.{os.getpid() % 250 + 1}"                              # two runs at once do not meet


def make_pool(first=31000, last=31009, seed=1, open_limit=100):
    return PortPool(first, last, random.Random(seed).randrange, quarantine_s=30.0, open_limit=open_limit)


def read_name(descriptor):
    with socket.socket(fileno=os.dup(descriptor)) as opened:
        return opened.getsockname()


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
            assert read_name(lease.rtp) == (HOST, lease.port.port)
            assert read_name(lease.rtcp) == (HOST, lease.port.port + 1)
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
        pool.give_back(lease, now)
    assert pool.count_free(HOST, 39.9) == 0
    assert pool.count_free(HOST, 40.0) == 1
    again = pool.lease(HOST, 40.0)
    assert again == first
    again.close()
    pool.close()


@pytest.mark.parametrize("open_limit", [0, 100])
def test_where_nothing_else_is_left_the_port_that_has_rested_longest_serves(open_limit):
    pool = make_pool(31000, 31005, open_limit=open_limit)
    leases = lease_all(pool)
    for now, lease in enumerate(leases):
        pool.give_back(lease, float(now))
    again = [pool.lease(HOST, 5.0) for _ in leases]
    assert [lease.port for lease in again] == [lease.port for lease in leases]
    with pytest.raises(MachineError):
        pool.lease(HOST, 5.0)
    for lease in again:
        lease.close()


def test_a_port_rests_with_its_sockets_which_serve_again():
    pool = make_pool(31000, 31003, open_limit=1)
    first, second = lease_all(pool)
    pool.give_back(first, 0.0)
    pool.give_back(second, 0.0)
    with pytest.raises(OSError, match="Bad file descriptor"):       # one more than may stay open
        os.close(second.rtcp)
    again, fresh = pool.lease(HOST, 30.0), pool.lease(HOST, 30.0)
    assert again == first
    assert fresh.port == second.port
    for lease in (again, fresh):
        assert read_name(lease.rtp) == lease.port
        pool.give_back(lease, 31.0)
    pool.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(again.rtp)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7), st.floats(0.0, 25.0)), max_size=40), st.integers(0, 5))
def test_no_port_is_leased_twice_and_none_before_its_rest_where_another_is_free(steps, open_limit):
    pool = make_pool(31000, 31009, open_limit=open_limit)
    leased, resting_until, now = [], {}, 0.0
    for is_lease, which, later_s in steps:
        now += later_s
        if is_lease and len(leased) < 5:
            has_free = pool.count_free(HOST, now) > 0
            lease = pool.lease(HOST, now)
            assert lease.port not in [one.port for one in leased]
            assert not has_free or resting_until.get(lease.port, 0.0) <= now
            assert read_name(lease.rtp) == lease.port
            leased.append(lease)
        elif leased:
            lease = leased.pop(which % len(leased))
            resting_until[lease.port] = now + 30.0
            pool.give_back(lease, now)
    for lease in leased:
        lease.close()
    pool.close()


def test_ports_that_rest_with_their_sockets_go_with_another_range_and_stay_at_rest_where_they_are_in_both():
    pool = make_pool(31000, 31007)
    leases = lease_all(pool)
    for lease in leases:
        pool.give_back(lease, 10.0)
    pool.change_range(31004, 31009)
    assert pool.count_free(HOST, 39.0) == 1
    again = lease_all(pool, 40.0)
    assert {lease.port.port for lease in again} == {31004, 31006, 31008}
    for lease in again:
        lease.close()
    for lease in leases:
        if lease.port.port < 31004:
            assert not is_bound(lease.port)


def is_bound(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(port)
        except OSError:
            return True
    return False


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


def read_buffer(descriptor):
    with socket.socket(fileno=os.dup(descriptor)) as opened:
        return opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def fill(address):
    """How many of many packets the kernel keeps for a socket that nobody reads."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(500):
            stranger.sendto(bytes(172), address)


def count_waiting(descriptor):
    with socket.socket(fileno=os.dup(descriptor)) as opened:
        count = 0
        while True:
            try:
                opened.recv(1)
            except BlockingIOError:
                return count
            count += 1


def test_a_stranger_fills_no_memory_by_ports_that_nobody_reads():
    pool = make_pool()
    lease = pool.lease(HOST, 0.0)
    for _ in range(2):
        fill((HOST, lease.port.port))
        fill((HOST, lease.port.port + 1))
        assert 1 <= count_waiting(lease.rtp) <= 8
        assert 1 <= count_waiting(lease.rtcp) <= 32
        lease.set_read(True)
        assert read_buffer(lease.rtp) >= 64 * 1024
        fill((HOST, lease.port.port))
        assert count_waiting(lease.rtp) >= 50       # a second of voice
        lease.set_read(False)                       # as when a call has ended
    lease.close()
