# SPDX-License-Identifier: Apache-2.0
"""What is closed unless somebody opens it, however it is dialled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.gateway.toll_class import INTERNATIONAL, NATIONAL, PREMIUM, decide_toll_class, may_call


@pytest.mark.parametrize("number", [
    "01012125551234", "+12125551234", "001010123456", "0033010123456", "0061010442012345678", "1220101234567",
    "12200330101234", "184010123456", "186184010123456", "00441234567890", "+810990123456", "000123", "0046123456789"])
def test_abroad_is_abroad_by_whatever_way(number):
    assert decide_toll_class(number, "jp") == INTERNATIONAL


@pytest.mark.parametrize("number", ["0990123456", "0570123456", "1840990123456", "00330990123456"])
def test_premium_numbers_are_premium(number):
    assert decide_toll_class(number, "jp") == PREMIUM


@pytest.mark.parametrize("number", [
    "0312345678", "09012345678", "05011112222", "0120444444", "117", "#7119", "333", "*1234", "+81312345678",
    "00330312345678", "01081312345678", "1840312345678", "1220312345678"])
def test_numbers_of_the_country_are_open(number):
    assert decide_toll_class(number, "jp") == NATIONAL


@given(st.text("0123456789", min_size=4, max_size=12), st.lists(st.sampled_from(["184", "186"]), max_size=5),
       st.sampled_from(["010", "001010", "0033010", "122010", "+1", "0061010"]))
def test_no_prefix_opens_the_way_abroad(rest, prefixes, way):
    number = "".join(prefixes) + way + rest
    if not rest.startswith("81") or way == "+1":
        assert decide_toll_class(number, "jp") == INTERNATIONAL


@pytest.mark.parametrize("number", [
    "0990123456#", "09901234567", "0570123456*", "0990", "0990*123456", "*0990123456", "**1#0570123456", "0-990-123456",
    "81990123456", "+819901234567", "010819901234567", "0033 09901234567", "18409901234567", "#0570123456"])
def test_one_more_character_does_not_open_a_premium_number(number):
    assert decide_toll_class(number, "jp") == PREMIUM


@pytest.mark.parametrize("number", [
    "*0104412345678", "#0104412345678", "*31#0104412345678", "01*04412345678", "0104412345678#",
    "184" * 17 + "01044123456",
    "*+4412345678", "184*0104412345678", "1220104412345678*", "\uff0a\uff10\uff11\uff104412345678"])
def test_signs_in_front_do_not_open_the_way_abroad(number):
    assert decide_toll_class(number, "jp") == INTERNATIONAL


@given(st.sampled_from(["0990123456", "0570123456"]), st.text("0123456789*#", max_size=10), st.text("*#", max_size=3))
def test_nothing_behind_or_before_a_premium_number_opens_it(number, behind, before):
    assert decide_toll_class(before + number + behind, "jp") == PREMIUM


@given(st.text("0123456789*#", min_size=4, max_size=12), st.integers(0, 8), st.sampled_from(["*", "#", "*#"]))
def test_a_sign_within_a_number_abroad_does_not_open_it(rest, place, sign):
    if not rest.startswith("81"):
        number = "01044" + rest
        assert decide_toll_class(number[:place] + sign + number[place:], "jp") != NATIONAL


@pytest.mark.parametrize(("number", "country", "expected"), [
    ("*0033123456789", "gb", INTERNATIONAL), ("0*033123456789", "de", INTERNATIONAL),
    ("*31#0301234567", "de", NATIONAL),
    ("*6701133123456789", "us", INTERNATIONAL),
    ("0033123456789", "gb", INTERNATIONAL), ("+33123456789", "gb", INTERNATIONAL), ("02079460000", "gb", NATIONAL),
    ("+442079460000", "gb", NATIONAL), ("01133123456789", "us", INTERNATIONAL), ("12125551234", "us", NATIONAL),
    ("00123456", "zz", INTERNATIONAL), ("+123456789", "zz", INTERNATIONAL), ("0123456", "zz", NATIONAL)])
def test_other_countries_are_left_by_their_own_prefix(number, country, expected):
    assert decide_toll_class(number, country) == expected


def test_a_right_of_the_route_or_of_the_caller_is_enough():
    assert may_call(NATIONAL)
    assert not may_call(INTERNATIONAL, (), ("premium",))
    assert may_call(INTERNATIONAL, (), ("international",))
    assert may_call(PREMIUM, ("premium",), ())
