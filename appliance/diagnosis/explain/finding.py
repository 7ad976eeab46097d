# SPDX-License-Identifier: Apache-2.0
"""What a rule finds, and what a call is explained by."""

from typing import NamedTuple


class Proof(NamedTuple):
    """One piece of evidence. at: wall clock, 0.0 where it belongs to no moment."""

    at: float
    text: str


class Finding(NamedTuple):
    """cause: its name; sentence: for a person; remedy: what to do, "" for nothing."""

    cause: str
    sentence: str
    evidence: tuple[Proof, ...] = ()
    remedy: str = ""


class Explained(NamedTuple):
    """finding: why the call went as it did; also: what else was noticed."""

    number: int
    finding: Finding
    also: tuple[Finding, ...] = ()
