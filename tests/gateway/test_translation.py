# SPDX-License-Identifier: Apache-2.0
"""Numbers for carriers and from them: FEATURES B33's table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.gateway.carrier_profiles.carrier_profile import NumberFormat
from appliance.gateway.translation import Translator, escape_user, read_digits
from appliance.sip.grammar import unescape

JAPAN = Translator("jp")


@pytest.mark.parametrize(("dialled", "national", "e164"), [
    ("0312345678", "0312345678", "+81312345678"),
    ("+81312345678", "0312345678", "+81312345678"),
    ("05011112222", "05011112222", "+815011112222"),
    ("010442012345678", "010442012345678", "+442012345678"),
    ("+442012345678", "010442012345678", "+442012345678"),
    ("117", "117", "117"),
    ("#7119", "#7119", "#7119"),
    ("00330312345678", "00330312345678", "00330312345678"),
])
def test_a_number_goes_out_as_the_carrier_writes_it(dialled, national, e164):
    assert JAPAN.write_outbound(dialled, NumberFormat.AS_DIALLED) == dialled
    assert JAPAN.write_outbound(dialled, NumberFormat.NATIONAL) == national
    assert JAPAN.write_outbound(dialled, NumberFormat.E164) == e164


@pytest.mark.parametrize("written", ["+815011112222", "815011112222", "05011112222"])
def test_one_number_has_one_key_however_a_carrier_writes_it(written):
    assert JAPAN.key(written) == "+815011112222"


def test_what_is_no_number_of_the_country_is_its_own_key():
    assert [JAPAN.key(one) for one in ("117", "1234", "#7119")] == ["117", "1234", "#7119"]


def test_a_caller_abroad_is_written_so_that_people_can_dial_back():
    assert JAPAN.write_inbound("+12125551234") == "01012125551234"
    assert JAPAN.write_inbound("+81312345678") == "0312345678"
    assert JAPAN.write_inbound("0312345678") == "0312345678"


def test_a_country_without_a_dial_plan_leaves_numbers_alone():
    nowhere = Translator("zz")
    assert nowhere.key("0312345678") == "0312345678"
    assert nowhere.write_outbound("+123456789", NumberFormat.NATIONAL) == "+123456789"
    assert nowhere.withholding_prefix == ""


@given(st.binary(max_size=40))
def test_an_escaped_user_part_has_no_octet_that_ends_it_and_is_the_same_unescaped(user):
    escaped = escape_user(user)
    assert unescape(escaped) == user
    assert not set(escaped) & set(b"@:;?<>\"# \r\n\t/\\")


def test_digits_are_read_without_separators_escapes_and_parameters():
    assert read_digits(b"+81-3-1234-5678;npdi") == "+81312345678"
    assert read_digits(b"%237119") == "#7119"
    assert read_digits(b"alice") == ""
    assert read_digits(b"") == ""
