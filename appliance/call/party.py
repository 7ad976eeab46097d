# SPDX-License-Identifier: Apache-2.0
"""Who calls and who is called, as people know them: a number and a name, and whether the number may be shown."""

from typing import NamedTuple


class Party(NamedTuple):
    """number: an extension, or the digits of an outside number as its line writes them, b"" for nobody known; name: to
    display, UTF-8; is_private: the number is not to be shown (RFC 3323, RFC 3325); domain: host part of the URI it came
    with, b"" for the office's own."""

    number: bytes
    name: bytes = b""
    is_private: bool = False
    domain: bytes = b""

    @property
    def address(self) -> bytes:
        """For records: the number, with its domain where that is not the office's."""
        return b"%s@%s" % (self.number, self.domain) if self.domain and self.number else self.number


NOBODY = Party(b"")
