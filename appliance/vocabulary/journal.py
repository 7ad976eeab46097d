# SPDX-License-Identifier: Apache-2.0
"""The seam to the journal: rooms without hands say what happened; system.journal writes it."""

from typing import Protocol


class Journal(Protocol):
    """Takes events, snake_case and past tense (`binding_added`), with named values (str, bytes, int, float, bool)."""

    def record(self, event: str, **values: object) -> None:
        """Note one event. Never raises, never blocks; secrets are never among the values."""


class SilentJournal:
    """Keeps nothing: for tests and tools."""

    def record(self, event: str, **values: object) -> None:
        """Drop the event."""
