# SPDX-License-Identifier: Apache-2.0
"""What the gateway asks the office: a seam that the office satisfies and the composition joins."""

from typing import Protocol

from appliance.call.line import Destination, Dial, Refused


class OfficeExtensions(Protocol):
    """The people of the office and where they are."""

    def has_extension(self, number: bytes) -> bool:
        """Whether there is such an extension, telephone or none."""

    def find_destinations(self, number: bytes, is_secure: bool = False) -> list[list[Destination]]:
        """Its telephones in groups, [] where none is registered; is_secure: those that are on TLS."""

    def is_own_uri(self, uri: bytes) -> bool:
        """Whether the host of this SIP URI is the office's: its domain, or an address of ours; any tel URI is."""

    def find_elsewhere(self, dial: Dial, uri: bytes, now: float) -> list[list[Destination]] | Refused:
        """A SIP URI of another domain."""
