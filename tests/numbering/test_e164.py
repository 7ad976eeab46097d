# SPDX-License-Identifier: Apache-2.0
"""One number in both its forms, and what has only one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.numbering.digits import normalise_digits, split_presentation
from appliance.numbering.e164 import DIAL_PLANS, is_e164, read_e164, write_national

JAPAN = DIAL_PLANS["jp"]
BOTH_FORMS = [
    ("jp", "+81312345678", "0312345678"),
    ("jp", "+81612345678", "0612345678"),
    ("jp", "+81112345678", "0112345678"),
    ("jp", "+815011112222", "05011112222"),
    ("jp", "+819012345678", "09012345678"),
    ("jp", "+818012345678", "08012345678"),
    ("jp", "+817012345678", "07012345678"),
    ("jp", "+816012345678", "06012345678"),
    ("jp", "+81120123456", "0120123456"),
    ("jp", "+818001234567", "08001234567"),
    ("jp", "+81570012345", "0570012345"),
    ("jp", "+12125551234", "01012125551234"),
    ("jp", "+442079460123", "010442079460123"),
    ("us", "+12125551234", "12125551234"),
    ("us", "+81312345678", "01181312345678"),
    ("gb", "+442079460123", "02079460123"),
    ("de", "+493012345678", "03012345678"),
    ("fr", "+33123456789", "0123456789"),
]


@pytest.mark.parametrize(("country", "number", "national"), BOTH_FORMS)
def test_a_number_has_two_forms(country, number, national):
    plan = DIAL_PLANS[country]
    assert write_national(number, plan) == national
    assert read_e164(national, plan) == number
    assert read_e164(number, plan) == number


@pytest.mark.parametrize(("dialled", "number"), [
    ("03-1234-5678", "+81312345678"),
    ("(03) 1234-5678", "+81312345678"),
    ("０３－１２３４－５６７８", "+81312345678"),
    ("+81-3-1234-5678", "+81312345678"),
    ("010 81 3 1234 5678", "+81312345678"),
])
def test_what_stands_between_digits_does_not_count(dialled, number):
    assert read_e164(dialled, JAPAN) == number


@pytest.mark.parametrize("dialled", [
    "", "110", "117", "184", "18403", "1840312345678", "201", "#7119", "*21", "00", "0033010112125551234", "03123456",
    "031234567890", "+81", "+8131234567", "+0312345678", "+1234567890123456", "010", "0100312345678", "abc", "+",
    "0312345678;x", "03１a",
])
def test_what_has_no_global_form_gets_none(dialled):
    assert read_e164(dialled, JAPAN) is None


@pytest.mark.parametrize(("local", "area", "number"), [
    ("12345678", "03", None),           # no local number begins with 1
    ("52345678", "03", "+81352345678"),
    ("2345678", "045", "+81452345678"),
    ("234567", "0463", "+81463234567"),
    ("2345678", "03", None),            # too short for Tokyo
])
def test_local_numbers_need_the_area_code(local, area, number):
    assert read_e164(local, JAPAN) is None
    assert read_e164(local, JAPAN, area) == number


def test_short_numbers_stay_as_they_are():
    assert [write_national(number, JAPAN) for number in ("117", "201", "+8131", "0312345678")] == [
        "117", "201", "+8131", "0312345678"]


@given(st.sampled_from(sorted(DIAL_PLANS)), st.from_regex(r"\+[1-9][0-9]{2,14}", fullmatch=True))
def test_a_national_form_leads_back(country, number):
    plan = DIAL_PLANS[country]
    known = read_e164(number, plan)
    back = read_e164(write_national(number, plan), plan)
    assert back in (known, None)
    if back is None and known is not None:  # only where an area code would begin with 0
        assert number.removeprefix("+" + plan.country_code).startswith("0")


@given(st.text(max_size=30))
def test_anything_is_a_number_or_none(text):
    for plan in DIAL_PLANS.values():
        found = read_e164(text, plan, "03")
        assert found is None or is_e164(found)


def test_presentation_prefixes():
    withheld, rest = split_presentation("1840312345678", "jp")
    assert (withheld.prefix, withheld.is_withheld, rest) == ("184", True, "0312345678")
    shown, rest = split_presentation("18609012345678", "jp")
    assert (shown.is_withheld, rest) == (False, "09012345678")
    assert split_presentation("184", "jp") == (None, "184")
    assert split_presentation("1850312345678", "jp") == (None, "1850312345678")
    assert split_presentation("1840312345678", "xx") == (None, "1840312345678")
    assert split_presentation("*6712125551234", "us")[1] == "12125551234"


def test_full_width_is_made_narrow():
    assert normalise_digits("＋８１　３‐１２") == "+81312"
