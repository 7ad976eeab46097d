# SPDX-License-Identifier: Apache-2.0
"""Digit maps and dialling against a slow way to say the same, and a clock that only the test moves."""

import re
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import MisuseError, OperatorError
from appliance.numbering.dialling import TRANSITIONS, Dialling, DiallingState
from appliance.numbering.digit_map import DigitMap, Match

EXAMPLE = "(0T|00T|[1-7]xxx|8xxxxxxx|#xxxxxxx|*xx|91xxxxxxxxxx|9011x.T)"     # the one of RFC 3435 2.1.5


@pytest.mark.parametrize(("dialled", "match"), [
    ("", Match.PARTIAL), ("0", Match.OPEN), ("00", Match.OPEN), ("000", Match.NONE), ("1234", Match.WHOLE),
    ("123", Match.PARTIAL), ("12345", Match.NONE), ("*12", Match.WHOLE), ("9011", Match.OPEN), ("90114412", Match.OPEN),
    ("912125551234", Match.WHOLE), ("92", Match.NONE), ("#1234567", Match.WHOLE),
])
def test_the_map_of_the_rfc(dialled, match):
    assert DigitMap(EXAMPLE).match(dialled) is match


def test_the_longest_number_wins():
    digit_map = DigitMap("11|110|1101")
    assert [digit_map.match("1101"[:length]) for length in range(1, 5)] == [
        Match.PARTIAL, Match.OPEN, Match.OPEN, Match.WHOLE]


@pytest.mark.parametrize("text", ["", "()", "1|", "12y", "[1-", "[]", "1..", ".1", "(1|2", "x" * 5000])
def test_what_is_no_map_is_refused(text):
    with pytest.raises(OperatorError):
        DigitMap(text)


ELEMENTS = st.sampled_from(["0", "1", "*", "x", "[01]", "[0-2]", "1.", "x."])


@given(st.lists(st.lists(ELEMENTS, min_size=1, max_size=4), min_size=1, max_size=3), st.text("01*", max_size=5))
def test_against_regular_expressions(alternatives, dialled):
    """is a number: some expression matches; may go on: it does with one to four more digits."""
    digit_map = DigitMap("|".join("".join(parts) for parts in alternatives))
    forms = [re.compile("".join(part.replace(".", "*").replace("x", "[0-9]") if part != "*" else r"\*"
                                for part in parts)) for parts in alternatives]

    def is_number(digits):
        return any(form.fullmatch(digits) for form in forms)

    longer = any(is_number(dialled + "".join(more)) for length in range(1, 5) for more in product("01*", repeat=length))
    expected = {(True, True): Match.OPEN, (True, False): Match.WHOLE, (False, True): Match.PARTIAL,
                (False, False): Match.NONE}[is_number(dialled), longer]
    assert digit_map.match(dialled) is expected


def dial(text, keys, step_s=0.5):
    dialling = Dialling(DigitMap(text), 100.0)
    now = 100.0
    for key in keys:
        now += step_s
        dialling.press(key, now)
    return dialling, now


def test_a_unique_number_is_complete_at_once():
    dialling, _ = dial("1xx|0xxxxxxxxx", "117")
    assert (dialling.state, dialling.digits, dialling.deadline) == (DiallingState.COMPLETE, "117", None)


def test_silence_completes_a_number_that_could_go_on():
    dialling, now = dial("20x|20xx", "201")
    assert dialling.state is DiallingState.COLLECTING
    assert dialling.deadline == now + 4.0
    assert dialling.pass_deadline(now + 3.9) is DiallingState.COLLECTING
    assert dialling.pass_deadline(now + 4.0) is DiallingState.COMPLETE
    assert dialling.digits == "201"


def test_silence_in_the_middle_of_a_number_fails():
    dialling, now = dial("0xxxxxxxxx", "031")
    assert dialling.pass_deadline(now + 4.0) is DiallingState.FAILED


def test_a_receiver_lifted_and_forgotten_fails():
    dialling = Dialling(DigitMap("xxx"), 5.0)
    assert dialling.pass_deadline(19.9) is DiallingState.WAITING
    assert dialling.pass_deadline(20.0) is DiallingState.FAILED


def test_the_square_ends_dialling_and_is_no_digit():
    dialling, _ = dial("010xxxxx.T", "01044207946#")
    assert (dialling.state, dialling.digits) == (DiallingState.COMPLETE, "01044207946")


def test_the_square_belongs_to_a_number_that_has_it():
    dialling, _ = dial("#xxxx|xxx", "#7119")
    assert (dialling.state, dialling.digits) == (DiallingState.COMPLETE, "#7119")


def test_the_square_alone_is_no_number():
    assert dial("xxx", "#")[0].state is DiallingState.FAILED


def test_what_no_number_begins_with_fails_and_later_keys_change_nothing():
    dialling, now = dial("0xx", "9")
    assert dialling.state is DiallingState.FAILED
    assert dialling.press("0", now) is DiallingState.FAILED
    assert dialling.pass_deadline(now + 99) is DiallingState.FAILED


def test_dialling_without_end_fails():
    assert dial("x.T", "1" * 40)[0].state is DiallingState.FAILED


def test_one_key_at_a_time():
    with pytest.raises(MisuseError):
        Dialling(DigitMap("xx"), 0.0).press("12", 0.0)


@given(st.lists(st.tuples(st.sampled_from("0123456789*#"), st.floats(0, 20)), max_size=12))
def test_only_transitions_of_the_table(keys):
    dialling, now = Dialling(DigitMap(EXAMPLE), 0.0), 0.0
    for key, pause_s in keys:
        now += pause_s
        states = [dialling.state, dialling.pass_deadline(now), dialling.press(key, now)]
        for before, after in pairwise(states):
            assert after is before or after in TRANSITIONS[before]
        assert (dialling.deadline is None) == (dialling.state >= DiallingState.COMPLETE)
