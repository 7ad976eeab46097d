# SPDX-License-Identifier: Apache-2.0
"""Alarms on the stack's timer, against the slow and obvious way."""

import gc

from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.timers import BUCKETS_PER_SECOND, Timers
from appliance.ua.alarm import Alarm

STEPS = st.lists(st.tuples(st.sampled_from(["set", "clear", "pass"]), st.integers(0, 3), st.integers(0, 400)),
                 max_size=60)


@given(STEPS)
def test_an_alarm_rings_once_at_its_last_time_and_not_when_it_was_cleared(steps):
    timers, now, rung = Timers(), 1000.0, []
    alarms = [Alarm(timers) for _ in range(4)]
    wanted = [0.0] * 4
    for step, which, amount in steps:
        if step == "set":
            wanted[which] = now + amount / 100
            alarms[which].set(wanted[which], lambda at, which=which: rung.append((which, at)))
        elif step == "clear":
            wanted[which] = 0.0
            alarms[which].clear()
        else:
            now += amount / 100
            timers.run(now)
            for one, _ in rung:     # none early, none before the last time that was set
                assert 0.0 < wanted[one] <= now
                wanted[one] = 0.0
            rung.clear()
            assert all(at == 0.0 or at > now - 1 / BUCKETS_PER_SECOND for at in wanted)
        assert [alarm.is_set for alarm in alarms] == [at > 0.0 for at in wanted]


def test_a_cleared_alarm_leaves_nothing_on_the_timer_for_the_collector():
    others = find_shots()       # held here, so that none of them goes while this test counts
    timers = Timers()
    alarms = [Alarm(timers) for _ in range(100)]
    for number, alarm in enumerate(alarms):
        alarm.set(900.0 + number % 3, print)
        alarm.clear()
    assert len(find_shots()) == len(others)
    timers.run(1000.0)


def find_shots():
    """Every shot of the process: other tests of it leave some to the collector."""
    return [one for one in gc.get_objects() if type(one).__name__ == "_Shot"]


def test_an_alarm_that_is_set_anew_while_it_rings_rings_again():
    timers, rung = Timers(), []
    alarm = Alarm(timers)

    def ring(now):
        rung.append(now)
        if len(rung) < 3:
            alarm.set(now + 1.0, ring)
            alarm.clear()
            alarm.set(now + 2.0, ring)

    alarm.set(1.0, ring)
    for now in (2.0, 3.5, 4.5, 7.0, 9.0, 11.0):
        timers.run(now)
    assert rung == [2.0, 4.5, 7.0]
    assert timers.next_deadline() is None
