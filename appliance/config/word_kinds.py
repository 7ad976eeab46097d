# SPDX-License-Identifier: Apache-2.0
"""Kinds of plain words: names, numbers, switches, secrets. One validator for each idea."""

from __future__ import annotations

import re
from typing import NamedTuple

from appliance.config.kind import Kind, ValueRefused, show_text

NAME_FORM = re.compile(r"[A-Za-z0-9._-]{1,32}")
USERNAME_FORM = re.compile(r"[!#-9;-\[\]-~]{1,64}")
DIGITS_FORM = re.compile(r"[0-9]{1,10}")
PHONE_NUMBER_FORM = re.compile(r"\+?[0-9]{1,32}")
PREFIX_FORM = re.compile(r"\+?[0-9*#]{1,32}|\+")
TIMEZONE_FORM = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
COUNTRY_FORM = re.compile(r"[a-z]{2}")
TEXT_CHARACTERS = 64
IDEOGRAPHIC_SPACE = "\u3000"
SECRET_CHARACTERS = 128
PATH_OCTETS = 4095


class DialIn(NamedTuple):
    """A number of the carrier's and the extension that rings for it."""

    number: str
    extension: str


def valid_name(text: str) -> str:
    """A name that the operator gives; an extension's is the user part of its AOR as well."""
    if NAME_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not a name")
    return text


def valid_text(text: str) -> str:
    """Words for people, such as a display name. The blank of Japanese text counts as printable."""
    if not text.strip() or len(text) > TEXT_CHARACTERS or not text.replace(IDEOGRAPHIC_SPACE, " ").isprintable():
        raise ValueRefused(f"{show_text(text)} cannot stand here")
    return text


def valid_secret(text: str) -> str:
    """A digest password. The refusal never repeats it."""
    if not text or len(text) > SECRET_CHARACTERS or not text.isprintable():
        raise ValueRefused("this secret is empty, too long or has unprintable characters")
    return text


def valid_username(text: str) -> str:
    """A digest user name. The colon is what separates it in A1 (RFC 7616 3.4.2), so it cannot be in it."""
    if USERNAME_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not a user name")
    return text


def valid_boolean(text: str) -> bool:
    """A switch."""
    if text not in ("true", "false"):
        raise ValueRefused(f"{show_text(text)} is neither true nor false")
    return text == "true"


def valid_phone_number(text: str) -> str:
    """A number as a carrier writes it: digits, or E.164 with its plus sign."""
    if PHONE_NUMBER_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not a telephone number")
    return text


def valid_prefix(text: str) -> str:
    """The first digits of what is dialled."""
    if PREFIX_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not a prefix")
    return text


def valid_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code in small letters."""
    if COUNTRY_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not a country")
    return text


def valid_timezone(text: str) -> str:
    """The form of a tz database name; whether the machine knows it is asked where files may be read."""
    if TIMEZONE_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not a time zone")
    return text


def valid_path(text: str) -> str:
    """The name of a file; whether it is there is asked where files may be read."""
    if not text or text.endswith("/") or len(text.encode()) > PATH_OCTETS:
        raise ValueRefused(f"{show_text(text)} is not the name of a file")
    return text


def valid_dial_in(text: str) -> DialIn:
    """`NUMBER to EXTENSION`."""
    words = text.split(" ")
    if len(words) != 3 or words[1] != "to":
        raise ValueRefused(f"{show_text(text)} does not say where calls go")
    return DialIn(valid_phone_number(words[0]), valid_name(words[2]))


def integer_kind(first: int, last: int, unit: str = "") -> Kind[int]:
    """A whole number from first to last, both included."""

    def valid_integer(text: str) -> int:
        if DIGITS_FORM.fullmatch(text) is None:
            raise ValueRefused(f"{show_text(text)} is not a whole number")
        if not first <= int(text) <= last:
            raise ValueRefused(f"{text} is out of range")
        return int(text)

    return Kind("integer", f"{first} to {last}{' ' + unit if unit else ''}", valid_integer)


def choice_kind(*choices: str) -> Kind[str]:
    """One of a few words."""
    allowed = " or ".join(choices)

    def valid_choice(text: str) -> str:
        if text not in choices:
            raise ValueRefused(f"{show_text(text)} is not known here")
        return text

    return Kind("choice", allowed, valid_choice, choices=choices)


NAME = Kind("name", 'a name: 1 to 32 of letters, digits, ".", "_", "-"', valid_name)
TEXT = Kind("text", f"1 to {TEXT_CHARACTERS} printable characters, in quotes if there are blanks", valid_text)
SECRET = Kind("secret", f"1 to {SECRET_CHARACTERS} printable characters", valid_secret, is_secret=True)
USERNAME = Kind("username", 'a user name: 1 to 64 ASCII characters without blanks, quotes, ":", "\\"', valid_username)
BOOLEAN = Kind("boolean", "true or false", valid_boolean, choices=("true", "false"))
PHONE_NUMBER = Kind("number", "a telephone number: 1 to 32 digits, with or without a leading +", valid_phone_number)
PREFIX = Kind("prefix", 'a prefix: 1 to 32 of digits, "*", "#" (in quotes), with or without a leading +', valid_prefix)
COUNTRY = Kind("country", "a country: two small letters as in ISO 3166, such as jp", valid_country)
TIMEZONE = Kind("timezone", "a time zone of the tz database, such as Asia/Tokyo", valid_timezone)
PATH = Kind("path", "the name of a file", valid_path)
DIAL_IN = Kind("dial-in", "NUMBER to EXTENSION, such as 05011112222 to 1001", valid_dial_in, word_count=3)
