# SPDX-License-Identifier: Apache-2.0
"""Overload control on a virtual clock: a queue that grows and shrinks with what is admitted."""

from appliance.native.sip_scanner import Message
from appliance.pbx.overload import Level, Overload
from tests.pbx.proxy.virtual_office import A, head, invite

INVITE = Message(invite())
REGISTER = Message(head("REGISTER", "sip:192.168.1.1", A, "r", "201", "201"))
MESSAGE = Message(head("MESSAGE", "sip:202@192.168.1.1", A, "m", "201", "202"))


def test_calm_server_refuses_nothing():
    overload = Overload()
    overload.observe(10, 1000, False, 1.0)
    assert overload.level is Level.CALM
    assert not overload.is_pressed
    assert overload.decide_refusal(INVITE) == b""


def test_share_is_kept_exactly():
    overload = Overload()
    overload.observe(0, 1000, False, 1.0)
    overload.share = 0.25
    admitted = sum(overload.decide_refusal(INVITE) == b"" for _ in range(1000))
    assert admitted == 250


def test_queue_settles_between_the_marks_when_twice_the_capacity_is_offered():
    """A call costs 1 of capacity, a refusal a tenth; 100 calls are offered a step, 50 can be done."""
    overload, queue, admitted, step_s = Overload(), 0.0, [], 0.02
    for step in range(3000):
        now = 1.0 + step * step_s
        taken = sum(overload.decide_refusal(INVITE) == b"" for _ in range(100)) if overload.is_pressed else 100
        queue = max(0.0, queue + taken + (100 - taken) / 10 - 50)
        overload.observe(int(queue), 8000, False, now)
        admitted.append(taken)
    settled = admitted[1000:]
    assert sum(settled) / len(settled) >= 0.8 * 44  # 44 calls and 56 refusals are what 50 buys
    assert queue < 8000


def test_registrations_are_served_even_when_drowning():
    overload = Overload()
    overload.observe(990, 1000, True, 1.0)
    assert overload.level is Level.DROWNING
    assert overload.decide_refusal(REGISTER) == b""
    assert overload.decide_refusal(MESSAGE).startswith(b"Retry-After: ")


def test_calm_comes_back():
    overload = Overload()
    for step in range(200):
        overload.observe(990, 1000, True, 1.0 + step * 0.02)
    assert overload.share < 0.05
    for step in range(300):
        overload.observe(0, 1000, False, 10.0 + step * 0.02)
    assert overload.level is Level.CALM


def test_idle_time_heals_without_anybody_looking():
    overload = Overload()
    for step in range(200):
        overload.observe(990, 1000, True, 1.0 + step * 0.02)
    assert overload.is_overloaded(5.0)
    assert not overload.is_overloaded(15.0)
    overload.observe(10, 1000, False, 15.0)
    assert overload.level is Level.CALM


def test_a_pause_that_is_worked_off_refuses_nobody():
    overload = Overload()
    for step in range(8):
        overload.observe(600 - 60 * step, 1000, False, 1.0 + step * 0.02)
    assert overload.share == 1.0
    overload.observe(50, 1000, False, 1.3)
    assert not overload.is_pressed


def test_two_pauses_of_the_process_one_upon_the_other_refuse_nobody():
    """A neighbour has the processor for a third of a second, again and again, with a batch between; then all is worked
    off."""
    overload = Overload()
    overload.observe(400 * 1500, 16_000_000, False, 1.0, 64)
    overload.observe(600 * 1500, 16_000_000, False, 1.35, 64)
    overload.observe(800 * 1500, 16_000_000, False, 1.7, 64)
    assert overload.is_pressed
    for step in range(1, 12):
        overload.observe((800 - 64 * step) * 1500, 16_000_000, False, 1.7 + step * 0.002, 64)
        assert overload.share == 1.0
    overload.observe(0, 16_000_000, False, 1.75, 40)
    assert not overload.is_pressed


def test_a_process_that_hardly_ever_runs_refuses_soon():
    """64 datagrams each tenth of a second, and more come."""
    overload = Overload()
    for step in range(8):
        overload.observe((400 + 20 * step) * 1500, 16_000_000, False, 1.0 + step * 0.1, 64)
    assert overload.share < 0.7


def test_a_buffer_that_stays_full_is_overload():
    overload = Overload()
    for step in range(20):
        overload.observe(600, 1000, False, 1.0 + step * 0.02)
    assert overload.share < 1.0


def test_a_server_that_is_slow_refuses_long_before_its_buffer_is_full():
    """5 ms a datagram: what waits behind eighty of them waits for 0.4 s, in a buffer of four megabytes."""
    overload = Overload()
    for step in range(60):
        overload.observe(80 * 1500, 4_000_000, False, 1.0 + step * 0.04, 8)
    assert overload.share < 0.5
    for step in range(400):
        overload.observe(5 * 1500, 4_000_000, False, 4.0 + step * 0.04, 8)
    assert overload.level is Level.CALM


def test_a_quick_server_may_have_as_much_waiting():
    overload = Overload()
    for step in range(60):
        overload.observe(1000 * 1500, 8_000_000, False, 1.0 + step * 0.00064, 64)
    assert overload.level is Level.CALM
