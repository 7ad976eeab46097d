# SPDX-License-Identifier: Apache-2.0
"""Carries out a plan: all of it, or none of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from appliance.errors import MachineError
from appliance.networking.steps import Step
from appliance.vocabulary.journal import Journal


class Hands(Protocol):
    """Whoever can carry out a step."""

    async def carry_out(self, step: Step) -> None:
        """Raises MachineError."""


async def carry_out_plan(hands: Hands, plan: Sequence[Step], journal: Journal) -> None:
    """Every step in order. Raises MachineError for the step that was refused, when those before it are undone."""
    done: list[Step] = []
    for step in plan:
        try:
            await hands.carry_out(step)
        except MachineError as error:
            left = await undo(hands, done, journal)
            wrong = f"; could not be undone: {', '.join(left)}" if left else ""
            raise MachineError(error.operation + wrong, error.errno) from error
        done.append(step)


async def carry_out_what_goes(hands: Hands, plan: Sequence[Step]) -> list[tuple[Step, MachineError]]:
    """Every step that is not refused; returns the others. For a start and for repairs: most of a network is better than
    none."""
    refused = []
    for step in plan:
        try:
            await hands.carry_out(step)
        except MachineError as error:
            refused.append((step, error))
    return refused


async def undo(hands: Hands, done: Sequence[Step], journal: Journal) -> list[str]:
    """The inverses in reverse order, every one of them whatever the others say; returns what was refused."""
    left = []
    for step in reversed(done):
        inverse = step.inverse()
        if inverse is None:
            continue
        try:
            await hands.carry_out(inverse)
        except MachineError as error:
            journal.record("network_undo_failed", step=str(inverse), error=error.operation)
            left.append(str(inverse))
    return left
