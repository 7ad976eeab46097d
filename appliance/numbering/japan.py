# SPDX-License-Identifier: Apache-2.0
"""What a number dialled in Japan is: the classes that decide who may call it and what it costs.

Source: the numbering plan of the Ministry of Internal Affairs (電気通信番号計画). Pure functions.
"""

import re
from enum import Enum
from typing import Final

from appliance.numbering.digits import normalise_digits, split_presentation
from appliance.numbering.e164 import DIAL_PLANS, is_e164, write_national
from appliance.numbering.emergency import is_emergency

COUNTRY: Final = "jp"
PLAN: Final = DIAL_PLANS[COUNTRY]


class NumberClass(Enum):
    """The words are those of the configuration.

    SPECIAL: three digits from 1 (104, 117, 171 ...), #dddd, 0180 announcements; FREEPHONE: 0120, 0800; MOBILE: 060,
    070, 080, 090; IP_PHONE: 050; GEOGRAPHIC: 0AB-J; PREMIUM: 0990, 0570; INTERNATIONAL: 010, by any carrier.
    """

    EMERGENCY = "emergency"
    SPECIAL = "special"
    FREEPHONE = "freephone"
    MOBILE = "mobile"
    IP_PHONE = "ip050"
    GEOGRAPHIC = "geographic"
    PREMIUM = "premium"
    INTERNATIONAL = "international"
    UNKNOWN = "unknown"


# In order: the first that fits the whole number is its class.
_CLASSES: Final = tuple((re.compile(form), number_class) for form, number_class in (
    (r"1[0-79][0-9]|18[0-35789]", NumberClass.SPECIAL),     # 184 and 186 alone call nobody
    (r"#[0-9]{4}", NumberClass.SPECIAL),                    # #7119, #8000, #9110
    (r"0120[0-9]{6}|0800[0-9]{7}", NumberClass.FREEPHONE),
    (r"0990[0-9]{6}|0570[0-9]{6}", NumberClass.PREMIUM),
    (r"01[78]0[0-9]{6}", NumberClass.SPECIAL),              # 0170, 0180: recorded announcements
    (r"050[1-9][0-9]{7}", NumberClass.IP_PHONE),
    (r"0[6-9]0[1-9][0-9]{7}", NumberClass.MOBILE),
    (r"010[0-9]+", NumberClass.INTERNATIONAL),
    # 00XY or 00XYZ selects a carrier; with 010 behind it, or as the old 001 KDDI, it goes abroad.
    (r"(?:122)?00(?:[2-9][0-9]|[2-9][0-9]{2}|1[0-9]?|91[0-9]{2})010[0-9]+", NumberClass.INTERNATIONAL),
    (r"0[1-9][1-9][0-9]{7}", NumberClass.GEOGRAPHIC),
))


def classify_number(dialled: str, area_code: str = "") -> NumberClass:
    """The class of what was dialled, or of an E.164 number. 184 and 186 in front count for nothing.

    area_code: ours with its 0, for local numbers without one; without it those are UNKNOWN, as is all that the plan has
    no place for.
    """
    if is_emergency(dialled, COUNTRY):
        return NumberClass.EMERGENCY
    _, number = split_presentation(normalise_digits(dialled), COUNTRY)
    if number.startswith("+"):
        number = write_national(number, PLAN)
    elif number.startswith("01081"):    # by way of abroad, but at home
        number = write_national("+" + number[3:], PLAN) if is_e164("+" + number[3:]) else number
    elif area_code and number[:1] in PLAN.local_digits and len(area_code) + len(number) == 10:
        number = area_code + number
    for form, number_class in _CLASSES:
        if form.fullmatch(number):
            return number_class
    return NumberClass.UNKNOWN


DIGIT_MAP: Final = (
    "(1[0-79]x|18[0-35789]|#xxxx|0[1-9][1-9]xxxxxxx|0800xxxxxxx|0[5-9]0[1-9]xxxxxxx|010xxxxx.T|00xxxxxx.T"
    "|18[46]1[0-79]x|18[46]0[1-9][1-9]xxxxxxx|18[46]0800xxxxxxx|18[46]0[5-9]0[1-9]xxxxxxx|18[46]010xxxxx.T)")
"""When dialling is complete (RFC 3435 2.1.5), for telephones that send digit by digit. Extensions: the office's own."""
