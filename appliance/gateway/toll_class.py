# SPDX-License-Identifier: Apache-2.0
"""What a call may cost: numbers abroad and premium numbers are closed unless somebody opens them. Pure functions.

Who forwards or transfers a call pays for it, so it is his rights that count.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from appliance.numbering.digits import normalise_digits, split_presentation
from appliance.numbering.e164 import DIAL_PLANS
from appliance.numbering.japan import COUNTRY, NumberClass, classify_number

INTERNATIONAL, PREMIUM, NATIONAL = "international", "premium", ""
_CLOSED: Final = {NumberClass.INTERNATIONAL: INTERNATIONAL, NumberClass.PREMIUM: PREMIUM}
# 122 undoes a standing choice of carrier; 00XY, 00XYZ and 0091XY choose one for this call.
_CARRIER_CHOICE: Final = re.compile(r"00(?:91[0-9]{2}|2[0-9]{2}|[1-9][0-9])(?=0)")
_SIGNS: Final = re.compile(r"[*#]+")
_HOME: Final = re.compile(r"(?:\+81|01081|81(?=[0-9]{9}))(?=[1-9])")
_PREMIUM: Final = ("0990", "0570")


@lru_cache(maxsize=1024)    # an office calls the same numbers again and again; each is asked for several times
def decide_toll_class(number: str, country: str) -> str:
    """international, premium, or "" for what everybody may call. number: as it would go out, 184 and 186 included.

    What has no form of its own is judged by how it begins: a carrier takes the digits it needs and leaves the rest. A
    "*" or "#" may end a number, may be left out, or may have been the last of a service code.
    """
    number = normalise_digits(number)
    found = _decide_digits(number, country)
    if found != NATIONAL or _SIGNS.search(number) is None or _is_known(number, country):
        return found
    parts = _SIGNS.split(number)
    behind = ["".join(parts[place:]) for place in range(len(parts))]
    return next(filter(None, [_decide_digits(one, country) for one in behind]), NATIONAL)


def _is_known(number: str, country: str) -> bool:
    return country == COUNTRY and classify_number(number) is not NumberClass.UNKNOWN


def _decide_digits(number: str, country: str) -> str:
    presentation, number = split_presentation(number, country)
    while presentation is not None:     # however many are put in front of it
        presentation, number = split_presentation(number, country)
    if country == COUNTRY:
        return _decide_in_japan(number)
    plan = DIAL_PLANS.get(country)
    if number.startswith("+"):
        return NATIONAL if plan is not None and number.startswith("+" + plan.country_code) else INTERNATIONAL
    prefix = plan.international_prefix if plan is not None else "00"    # ITU-T E.164 recommends 00
    return INTERNATIONAL if number.startswith(prefix) else NATIONAL


def _decide_in_japan(number: str) -> str:
    found = classify_number(number)
    if found is not NumberClass.UNKNOWN:
        return _CLOSED.get(found, NATIONAL)
    number = number.removeprefix("122")
    number = _CARRIER_CHOICE.sub("", number, count=1) if number.startswith("00") else number
    found = classify_number(number)
    if found is not NumberClass.UNKNOWN:
        return _CLOSED.get(found, NATIONAL)
    if _HOME.sub("0", number, count=1).startswith(_PREMIUM):
        return PREMIUM
    # no number of the country, and a carrier's own way abroad has no fixed form
    return INTERNATIONAL if number.startswith(("+", "00", "010")) else NATIONAL


def may_call(toll_class: str, *rights: Iterable[str]) -> bool:
    """Whether one of these says that the class is open."""
    return toll_class == NATIONAL or any(toll_class in allowed for allowed in rights)
