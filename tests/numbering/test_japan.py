# SPDX-License-Identifier: Apache-2.0
"""The classes of Japanese numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.numbering.digit_map import DigitMap, Match
from appliance.numbering.japan import DIGIT_MAP, NumberClass, classify_number

CLASSES = {
    NumberClass.EMERGENCY: ["110", "118", "119", "184110", "186119", "119#", "+81110"],
    NumberClass.SPECIAL: ["104", "113", "115", "117", "171", "177", "188", "189", "#7119", "#8000", "0180991234"],
    NumberClass.FREEPHONE: ["0120123456", "0120-123-456", "08001234567", "+81120123456", "1840120123456"],
    NumberClass.MOBILE: ["09012345678", "08012345678", "07012345678", "06012345678", "+819012345678", "18409012345678"],
    NumberClass.IP_PHONE: ["05011112222", "+815011112222", "18605011112222"],
    NumberClass.GEOGRAPHIC: ["0312345678", "0612345678", "0112345678", "0463123456", "0998012345", "+81312345678",
                             "1840312345678", "01081312345678", "03-1234-5678"],
    NumberClass.PREMIUM: ["0990123456", "0570012345", "+81570012345", "1840570012345"],
    NumberClass.INTERNATIONAL: ["01012125551234", "+12125551234", "0033010112125551234", "00101012125551234",
                                "184010442079460123", "122006101012125551234"],
    NumberClass.UNKNOWN: ["", "184", "186", "201", "1001", "0", "03", "031234567", "03123456789", "0501111222",
                          "0900123456", "08001", "0033", "00330312345678", "999", "#711", "alice", "010", "+8131"],
}


@pytest.mark.parametrize(("dialled", "number_class"), [(one, found) for found, many in CLASSES.items() for one in many])
def test_class(dialled, number_class):
    assert classify_number(dialled) is number_class


def test_local_numbers_are_geographic_where_the_area_is_known():
    assert classify_number("52345678") is NumberClass.UNKNOWN
    assert classify_number("52345678", "03") is NumberClass.GEOGRAPHIC
    assert classify_number("2345678", "03") is NumberClass.UNKNOWN


@given(st.text(max_size=24))
def test_everything_has_a_class(text):
    assert isinstance(classify_number(text), NumberClass)


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True).filter(lambda number: not number.startswith("+81")))
def test_no_writing_of_a_foreign_number_escapes_its_class(number):
    """International calls are closed by default: no prefix may open them."""
    for written in (number, "010" + number[1:], "184" + number, "186010" + number[1:], "0033010" + number[1:]):
        assert classify_number(written) is NumberClass.INTERNATIONAL


@pytest.mark.parametrize("dialled", [number for number_class in (
    NumberClass.SPECIAL, NumberClass.FREEPHONE, NumberClass.MOBILE, NumberClass.IP_PHONE, NumberClass.PREMIUM,
    NumberClass.INTERNATIONAL) for number in CLASSES[number_class] if number.isdigit() and number[:3] != "122"])
def test_the_digit_map_knows_the_number_and_no_shorter_one(dialled):
    digit_map = DigitMap(DIGIT_MAP)
    expected = Match.OPEN if "010" in dialled[:7] or dialled[:2] == "00" else Match.WHOLE
    assert digit_map.match(dialled) is expected
    if expected is Match.WHOLE:
        assert digit_map.match(dialled[:-1]) is Match.PARTIAL
