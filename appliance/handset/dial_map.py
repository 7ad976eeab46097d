# SPDX-License-Identifier: Apache-2.0
"""The digit map of an office's handset: the country's numbers, the extensions by first digit and length, and whatever
follows a route's prefix (RFC 3435 2.1.5). Pure.
"""

from collections.abc import Iterable
from typing import Final

from appliance.numbering.digit_map import DigitMap
from appliance.numbering.emergency import list_emergency_numbers
from appliance.numbering.japan import COUNTRY, DIGIT_MAP

ANYTHING: Final = "x.T"


def build_dial_map(country: str, extensions: Iterable[str], prefixes: Iterable[str]) -> DigitMap:
    """extensions: those that are no digits cannot be dialled, and are left out."""
    numbers = {one for one in extensions if one.isdigit()}
    families = sorted({number[0] + "x" * (len(number) - 1) for number in numbers})
    routes = sorted({f"{prefix}x.T" for prefix in prefixes if prefix.isdigit() and prefix[0] not in "01"})
    if country == COUNTRY:
        plan = [DIGIT_MAP.strip("()")]
    else:
        plan = [*list_emergency_numbers(country), ANYTHING]
    return DigitMap("|".join([*plan, *families, *routes]))
