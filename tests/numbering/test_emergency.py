# SPDX-License-Identifier: Apache-2.0
"""Who calls for help is understood, and nobody else is taken for one who does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.numbering.digits import PRESENTATIONS
from appliance.numbering.emergency import EmergencyCall, is_emergency, list_emergency_numbers, match_emergency

COUNTRIES = ["jp", "us", "ca", "gb", "ie", "de", "fr", "at", "ch", "it", "be", "pl", "au", "nz", "kr", "eu", "se"]


@pytest.mark.parametrize(("country", "numbers"), [
    ("jp", ("110", "118", "119")), ("us", ("911",)), ("gb", ("999", "112")), ("de", ("112", "110")), ("eu", ("112",)),
    ("se", ("112",)), ("", ("112",)),
])
def test_numbers_of_a_country(country, numbers):
    assert list_emergency_numbers(country) == numbers


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_number_of_every_country_is_matched_with_every_prefix(country):
    prefixes = ["", *(presentation.prefix for presentation in PRESENTATIONS.get(country, ()))]
    for number in list_emergency_numbers(country):
        for prefix in prefixes:
            assert match_emergency(prefix + number, country) == EmergencyCall(number, prefix)
            assert match_emergency(f"{prefix}{number}#", country) == EmergencyCall(number, prefix)
            assert not is_emergency(f"{prefix}{number}0", country) or number + "0" in list_emergency_numbers(country)


@pytest.mark.parametrize("dialled", [
    "11", "1", "1100", "1190", "0110", "9119", "112", "911", "184", "184184110", "110110", "03110", "0310000110", "",
    "#110", "alice", "+8131110", "+1110", "urn:service:sosx", "urn:service:counseling",
])
def test_other_numbers_are_no_emergency_in_japan(dialled):
    assert match_emergency(dialled, "jp") is None


@pytest.mark.parametrize(("dialled", "number"), [
    ("1-1-9", "119"), ("１１０", "110"), ("+81110", "110"), ("+81-118", "118"), ("184-119", "119"),
    ("urn:service:sos", "119"), ("urn:service:sos.police", "110"), ("URN:SERVICE:SOS.fire", "119"),
    ("urn:service:sos.ambulance", "119"), ("urn:service:sos.marine", "118"), ("urn:service:sos.mountain", "119"),
])
def test_other_ways_to_say_it(dialled, number):
    assert match_emergency(dialled, "jp").number == number


@given(st.sampled_from(COUNTRIES), st.text(alphabet="0123456789*#+ -", max_size=12))
def test_a_match_always_ends_with_the_number(country, dialled):
    found = match_emergency(dialled, country)
    if found is not None:
        digits = "".join(character for character in dialled if character in "0123456789*#").removesuffix("#")
        assert digits.endswith(found.number)
        assert found.number in list_emergency_numbers(country)
