# SPDX-License-Identifier: Apache-2.0
"""The throttle of failed digests on a virtual clock."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.pbx.throttle import FAILURE_LIMIT, LONGEST_HOLD_S, Throttle

HOST, USER = b"192.0.2.1", b"1001"


def fail(throttle: Throttle, now: float, times: int = FAILURE_LIMIT, host: bytes = HOST, user: bytes = USER) -> float:
    """So many failures in one second; the last hold."""
    return [throttle.note_failure(host, user, now + i / 10) for i in range(times)][-1]


def test_five_failures_in_a_minute_hold_the_pair():
    throttle = Throttle()
    assert fail(throttle, 0, 4) == 0
    assert not throttle.is_held(HOST, USER, 1)
    hold_s = throttle.note_failure(HOST, USER, 59)
    assert hold_s > 0
    assert throttle.is_held(HOST, USER, 59)
    assert throttle.is_held(HOST, USER, 59 + hold_s - 0.1)
    assert not throttle.is_held(HOST, USER, 59 + hold_s)


def test_five_failures_in_more_than_a_minute_do_not():
    throttle = Throttle()
    assert [throttle.note_failure(HOST, USER, 15.5 * i) for i in range(100)] == [0] * 100


def test_other_users_and_other_sources_are_never_delayed():
    throttle = Throttle()
    fail(throttle, 0)
    assert not throttle.is_held(b"192.0.2.2", USER, 1)
    assert not throttle.is_held(HOST, b"1002", 1)


def test_the_hold_grows_to_its_limit():
    throttle, now, holds = Throttle(), 0.0, []
    for _ in range(12):
        hold_s = 0.0
        while not hold_s:
            hold_s = throttle.note_failure(HOST, USER, now)
            now += 1
        holds.append(hold_s)
        now += hold_s
    assert holds[0] == 10
    assert all(later == min(2 * earlier, LONGEST_HOLD_S) for earlier, later in pairwise(holds))
    assert holds[-1] == LONGEST_HOLD_S


def test_an_hour_of_quiet_is_forgiven():
    throttle = Throttle()
    fail(throttle, 0)
    fail(throttle, 100)
    assert fail(throttle, 200) == 40
    assert fail(throttle, 200 + 40 + 3700) == 10


def test_a_user_proven_from_an_address_is_not_held_there_for_an_hour():
    throttle = Throttle()
    throttle.note_proof(HOST, USER, 0)
    assert fail(throttle, 3000, 50) == 0
    assert not throttle.is_held(HOST, USER, 3010)
    assert fail(throttle, 3610) > 0
    assert throttle.is_held(HOST, USER, 3611)


def test_a_proof_does_not_count_for_another_address_or_user():
    throttle = Throttle()
    throttle.note_proof(HOST, USER, 0)
    assert fail(throttle, 1, host=b"192.0.2.2") > 0
    assert fail(throttle, 1, user=b"1002") > 0


def test_a_proof_forgets_the_failures_before_it():
    throttle = Throttle()
    fail(throttle, 0, 4)
    throttle.note_proof(HOST, USER, 1)
    assert fail(throttle, 3602, 4) == 0


def test_failures_of_strangers_are_bounded_and_the_newest_are_kept():
    throttle = Throttle(limit=100)
    for i in range(1000):
        fail(throttle, i / 100, user=b"u%d" % i)
    held = [i for i in range(1000) if throttle.is_held(HOST, b"u%d" % i, 10)]
    assert held == list(range(900, 1000))


def test_strangers_cannot_push_out_a_proof():
    throttle = Throttle(limit=10, proofs_limit=10)
    throttle.note_proof(HOST, USER, 0)
    for i in range(1000):
        throttle.note_failure(HOST, b"u%d" % i, 1)
    assert fail(throttle, 2) == 0


def test_proofs_are_bounded():
    throttle = Throttle(proofs_limit=50)
    for i in range(1000):
        throttle.note_proof(HOST, b"u%d" % i, i / 100)
    kept = [i for i in range(1000) if fail(throttle, 10, user=b"u%d" % i) == 0]
    assert 1 <= len(kept) <= 50
    assert 999 in kept


def test_proofs_older_than_an_hour_go_as_others_come():
    throttle = Throttle()
    for i in range(1000):
        throttle.note_proof(HOST, b"old%d" % i, 0)
    for i in range(1000):
        throttle.note_proof(HOST, b"new%d" % i, 4000)
    assert len(throttle._proofs) <= 1001


def test_very_long_user_names_cost_no_more_than_short_ones():
    throttle = Throttle()
    assert fail(throttle, 0, user=b"x" * 60000) > 0
    assert max(len(user) for _, user in throttle._failures) <= 128
    assert throttle.is_held(HOST, b"x" * 60000, 1)


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from(["fail", "prove"])), max_size=120))
def test_no_pair_is_held_unless_it_failed_five_times_in_a_minute(steps):
    """Against the plain words of the contract."""
    throttle, now, failures, proof = Throttle(), 0.0, [], None
    for delay_s, step in steps:
        now += delay_s
        if throttle.is_held(HOST, USER, now):
            continue
        if step == "prove":
            throttle.note_proof(HOST, USER, now)
            failures, proof = [], now
            continue
        hold_s = throttle.note_failure(HOST, USER, now)
        failures.append(now)
        is_guessing = len([time for time in failures if time > now - 60]) >= 5
        is_known = proof is not None and now - proof <= 3600
        assert (hold_s > 0) == (is_guessing and not is_known)


@pytest.mark.parametrize("quiet_s", [0, 59])
def test_a_wrong_answer_right_after_a_hold_counts_with_those_before_it(quiet_s):
    throttle = Throttle()
    hold_s = fail(throttle, 0)
    again_s = throttle.note_failure(HOST, USER, hold_s + 1 + quiet_s)
    assert again_s == (20 if hold_s + 1 + quiet_s < 60 else 0)
