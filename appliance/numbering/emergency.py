# SPDX-License-Identifier: Apache-2.0
"""Emergency numbers by country, matched before every rule of the office. Pure functions.

Sources: the countries' numbering plans; 112 in the whole European Union (Directive (EU) 2018/1972, article 109); the
services are those of RFC 5031 4.2.
"""

from typing import Final, NamedTuple

from appliance.numbering.digits import normalise_digits, split_presentation
from appliance.numbering.e164 import DIAL_PLANS

POLICE, FIRE, AMBULANCE, MARINE, ANY = "police", "fire", "ambulance", "marine", ""
_EUROPE: Final[dict[str, tuple[str, ...]]] = {"112": (ANY,)}
_TABLE: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "jp": {"110": (POLICE,), "118": (MARINE,), "119": (FIRE, AMBULANCE, ANY)},
    "us": {"911": (ANY,)},
    "ca": {"911": (ANY,)},
    "gb": {"999": (ANY,), "112": (ANY,)},
    "ie": {"112": (ANY,), "999": (ANY,)},
    "de": {"112": (FIRE, AMBULANCE, ANY), "110": (POLICE,)},
    "fr": {"112": (ANY,), "15": (AMBULANCE,), "17": (POLICE,), "18": (FIRE,), "114": (), "196": (MARINE,)},
    "at": {"112": (ANY,), "122": (FIRE,), "133": (POLICE,), "144": (AMBULANCE,)},
    "ch": {"112": (ANY,), "117": (POLICE,), "118": (FIRE,), "144": (AMBULANCE,)},
    "it": {"112": (ANY,), "113": (POLICE,), "115": (FIRE,), "118": (AMBULANCE,)},
    "be": {"112": (ANY,), "100": (FIRE, AMBULANCE), "101": (POLICE,)},
    "pl": {"112": (ANY,), "997": (POLICE,), "998": (FIRE,), "999": (AMBULANCE,)},
    "au": {"000": (ANY,), "112": (ANY,)},
    "nz": {"111": (ANY,)},
    "kr": {"119": (FIRE, AMBULANCE, ANY), "112": (POLICE,)},
    "eu": _EUROPE,
}
EMERGENCY_SERVICE: Final = "urn:service:sos"


class EmergencyCall(NamedTuple):
    """number: what to call, one of the country's; prefix: what was dialled in front of it, "" for nothing."""

    number: str
    prefix: str


def list_emergency_numbers(country: str) -> tuple[str, ...]:
    """All of a country (ISO 3166, small letters). One that we do not know has the European number."""
    return tuple(_TABLE.get(country, _EUROPE))


def has_emergency_numbers(country: str) -> bool:
    """Whether those of this country are known here, or the European one is a guess."""
    return country in _TABLE


def list_known_countries() -> tuple[str, ...]:
    """Countries whose emergency numbers are known."""
    return tuple(_TABLE)


def match_emergency(dialled: str, country: str) -> EmergencyCall | None:
    """The emergency call that these digits make; None for every other call.

    The whole of what was dialled, never its beginning: 1190 is not 119. 184 and 186 in front change nothing about who
    is called (Japan: the call goes through; whether the number is shown is the service's affair), nor does a "#" that
    ends dialling, nor the country code that some phones put before every number: +81110 can be nobody else.
    `urn:service:sos` and its kinds count as well (RFC 5031).
    """
    numbers = _TABLE.get(country, _EUROPE)
    if dialled in numbers:
        return EmergencyCall(dialled, "")
    if dialled[:15].lower() == EMERGENCY_SERVICE:
        return _match_service(dialled[15:].lower(), numbers)
    presentation, called = split_presentation(normalise_digits(dialled), country)
    called = called.removesuffix("#")
    if called.startswith("+") and country in DIAL_PLANS:
        called = called.removeprefix("+" + DIAL_PLANS[country].country_code)
    return EmergencyCall(called, presentation.prefix if presentation else "") if called in numbers else None


def is_emergency(dialled: str, country: str) -> bool:
    """Whether `match_emergency` finds one."""
    return match_emergency(dialled, country) is not None


def _match_service(kind: str, numbers: dict[str, tuple[str, ...]]) -> EmergencyCall | None:
    if kind and kind[0] != ".":
        return None
    service = kind[1:].partition(".")[0]    # RFC 5031 4.1: sos.fire.x is served as sos.fire, and that as sos
    for wanted in (service, ANY):
        for number, services in numbers.items():
            if wanted in services:
                return EmergencyCall(number, "")
    return None
