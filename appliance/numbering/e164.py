# SPDX-License-Identifier: Apache-2.0
"""E.164 and a country's own way to dial the same number: +81312345678 and 0312345678 (ITU-T E.164, RFC 3966).

Pure functions over text. What has no E.164 form, such as 117 or 184..., is None, never a guess.
"""

import re
from typing import Final, NamedTuple

from appliance.numbering.digits import normalise_digits

_GLOBAL: Final = re.compile(r"\+[1-9][0-9]{2,14}")     # E.164 6.1: at most 15 digits, country code included
_DIGITS: Final = re.compile(r"[0-9]+")


class DialPlan(NamedTuple):
    """How a country dials. trunk_prefix: in front of an area code; national_digits: how many follow the country code,
    least and most; local_digits: what a local number (no area code) may begin with, "" where there are none."""

    country_code: str
    trunk_prefix: str
    international_prefix: str
    national_digits: tuple[int, int]
    local_digits: str = ""


DIAL_PLANS: Final = {
    "jp": DialPlan("81", "0", "010", (9, 10), "23456789"),
    "us": DialPlan("1", "1", "011", (10, 10), "23456789"),
    "ca": DialPlan("1", "1", "011", (10, 10), "23456789"),
    "gb": DialPlan("44", "0", "00", (7, 10), "23456789"),
    "de": DialPlan("49", "0", "00", (4, 13), "23456789"),
    "fr": DialPlan("33", "0", "00", (9, 9)),
}


def is_e164(number: str) -> bool:
    """Whether it is "+", country code and number, 15 digits at most (6.1)."""
    return _GLOBAL.fullmatch(number) is not None


def read_e164(dialled: str, plan: DialPlan, area_code: str = "") -> str | None:
    """The E.164 form of what was dialled or of what a carrier wrote; None where it has none.

    area_code: ours, with its trunk prefix, for numbers dialled without any ("" refuses those). Prefixes such as 184 are
    to be taken off before.
    """
    number = normalise_digits(dialled)
    if number.startswith("+"):
        return number if _is_possible(number, plan) else None
    if _DIGITS.fullmatch(number) is None:
        return None
    if number.startswith(plan.international_prefix):
        found = "+" + number[len(plan.international_prefix):]
    elif number.startswith(plan.trunk_prefix):
        found = f"+{plan.country_code}{number[len(plan.trunk_prefix):]}"
        if number[len(plan.trunk_prefix):].startswith("0"):
            return None     # no area begins with 0: 00XY of Japan selects a carrier, others call abroad
    elif area_code and number[0] in plan.local_digits:
        found = f"+{plan.country_code}{area_code.removeprefix(plan.trunk_prefix)}{number}"
    else:
        return None
    return found if _is_possible(found, plan) else None


def _is_possible(number: str, plan: DialPlan) -> bool:
    """Whether its length fits: any up to 15 digits abroad, the country's own at home."""
    if not is_e164(number):
        return False
    least, most = plan.national_digits
    own = number.removeprefix("+" + plan.country_code)
    return own == number or least <= len(own) <= most


def write_national(number: str, plan: DialPlan) -> str:
    """An E.164 number as dialled in the country: 0312345678 at home, 0101212... abroad; all else as it is."""
    if not is_e164(number):
        return number
    own = number.removeprefix("+" + plan.country_code)
    if own == number:
        return plan.international_prefix + number[1:]
    return plan.trunk_prefix + own if _is_possible(number, plan) else number
