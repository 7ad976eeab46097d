# SPDX-License-Identifier: Apache-2.0
"""Numbers between the office, a country's own way to dial and E.164 (RFC 3966, ITU-T E.164). Pure, for one country.

One translator serves Request-URI, To, From and identity, so that all of them say the same.
"""

import re
from typing import Final

from appliance.gateway.carrier_profiles.carrier_profile import NumberFormat
from appliance.numbering.digits import PRESENTATIONS, Presentation, normalise_digits, split_presentation
from appliance.numbering.e164 import DIAL_PLANS, is_e164, read_e164, write_national
from appliance.sip.grammar import unescape

DIGITS_LIMIT: Final = 64
CALLER_LEAST_DIGITS: Final = 10
"""What is shorter may be a telephone of another PBX."""
_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,64}")
# RFC 3261 25.1: what a user part may hold unescaped, of what can be dialled; "#" is not among it
_UNRESERVED: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,")


def escape_user(user: bytes) -> bytes:
    """As the user part of a SIP URI (RFC 3261 25.1)."""
    if user.isalnum():
        return user
    return b"".join([bytes((octet,)) if octet in _UNRESERVED else b"%%%02X" % octet for octet in user])


def read_digits(user: bytes) -> str:
    """The number in an escaped user part: without separators and parameters, "" for what is none."""
    if user.isdigit() and len(user) <= DIGITS_LIMIT:   # what nearly all are
        return user.decode("ascii")
    number = normalise_digits(unescape(user).partition(b";")[0].decode("utf-8", "replace"))
    return number if _NUMBER.fullmatch(number) else ""


class Translator:
    """country: of the office, ISO 3166 in small letters; without a dial plan of ours every number stays as it is."""

    __slots__ = ("_plan", "country")

    def __init__(self, country: str) -> None:
        self.country = country
        self._plan = DIAL_PLANS.get(country)

    def key(self, number: str) -> str:
        """What two ways to write one number have in common: E.164, also where a carrier has left out the "+"."""
        plan = self._plan
        if plan is None:
            return number
        found = read_e164(number, plan)
        if found is None and number.startswith(plan.country_code):
            found = read_e164("+" + number, plan)
        return found or number

    def write_outbound(self, number: str, number_format: NumberFormat) -> str:
        """As the carrier wants it in a Request-URI. What has no E.164 form, such as 117, stays as dialled."""
        plan = self._plan
        if plan is None or number_format is NumberFormat.AS_DIALLED:
            return number
        found = read_e164(number, plan)
        if found is None:
            return number
        return found if number_format is NumberFormat.E164 else write_national(found, plan)

    def write_inbound(self, number: str) -> str:
        """As people here know it and can dial it back: a "+" is written as they dial."""
        return write_national(number, self._plan) if self._plan is not None and is_e164(number) else number

    def write_caller(self, number: str) -> str:
        """The same for who calls: carriers leave out the "+" there as well (819012345678)."""
        plan = self._plan
        if plan is not None and number.startswith(plan.country_code) and len(number) >= CALLER_LEAST_DIGITS:
            found = read_e164("+" + number, plan)
            if found is not None and not number.startswith(plan.trunk_prefix):
                return write_national(found, plan)
        return self.write_inbound(number)

    def split(self, dialled: str) -> tuple[Presentation | None, str]:
        """The prefix that shows or withholds the caller's number, and what is called (184, 186 in Japan)."""
        return split_presentation(dialled, self.country)

    @property
    def withholding_prefix(self) -> str:
        """What one dials here to withhold one's number; "" where nobody knows."""
        return next((one.prefix for one in PRESENTATIONS.get(self.country, ()) if one.is_withheld), "")
