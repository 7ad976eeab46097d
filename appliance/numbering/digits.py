# SPDX-License-Identifier: Apache-2.0
"""What was dialled, without what people write between digits; prefixes that say who may see the caller's number.

Numbers are text: digits, "*", "#", with or without a leading "+". Pure functions.
"""

from typing import Final, NamedTuple

_SEPARATORS: Final = str.maketrans("", "", " -.()/\u3000\u2010\u2011\u2012\u2013\u2212\uff0d")
# Keypads of Japanese telephones and directories write full width.
_NARROW: Final = str.maketrans("０１２３４５６７８９＋＊＃", "0123456789+*#")


class Presentation(NamedTuple):
    """One prefix. is_withheld: the called side shall not see the number; else it shall, whatever the line's default."""

    prefix: str
    is_withheld: bool


PRESENTATIONS: Final = {
    "jp": (Presentation("184", True), Presentation("186", False)),
    "us": (Presentation("*67", True), Presentation("*82", False)),
    "ca": (Presentation("*67", True), Presentation("*82", False)),
    "gb": (Presentation("141", True), Presentation("1470", False)),
    "de": (Presentation("*31#", True), Presentation("#31#", True)),
    "fr": (Presentation("*31#", True), Presentation("#31#", True), Presentation("3651", True)),
}
"""By country. The carrier acts on them where they reach it; towards others they become a Privacy header (RFC 3323)."""


def normalise_digits(written: str) -> str:
    """Without visual separators (RFC 3966 5.1.1), in narrow digits; everything else stays as it is."""
    if written.isascii() and written.isalnum():     # as nearly all is written
        return written
    return written.translate(_NARROW).translate(_SEPARATORS)


def split_presentation(dialled: str, country: str) -> tuple[Presentation | None, str]:
    """The prefix in front and what is called behind it; None where there is no prefix, or nothing behind it."""
    for presentation in PRESENTATIONS.get(country, ()):
        if dialled.startswith(presentation.prefix) and len(dialled) > len(presentation.prefix):
            return presentation, dialled[len(presentation.prefix):]
    return None, dialled
