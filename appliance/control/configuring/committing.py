# SPDX-License-Identifier: Apache-2.0
"""One commit, step by step: everything that needs room on the disk first, then the parts, then one rename.

The rename of the configuration file is the moment at which a change has happened: a crash before it starts with the old
configuration, one after it with the new one. Whatever refuses before it, everything is undone in reverse order.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from appliance.control.configuring.part import Change, Part, PartPlan
from appliance.control.configuring.starting import Archive
from appliance.errors import MachineError, OperatorError
from appliance.system.revisions.revision_store import Revision
from appliance.system.revisions.staged_file import NotYetDurable, StagedFile
from appliance.system.revisions.trial import Trial
from appliance.vocabulary.journal import Journal

AS_BEFORE: Final = "everything is as it was"


class CommitRefused(OperatorError):
    """A part or the disk said no. Everything is undone."""


class Committer:
    """parts: in the order in which they take up a configuration. One commit at a time: the caller sees to it."""

    def __init__(self, archive: Archive, journal: Journal) -> None:
        self._archive = archive
        self._file = archive.file
        self._revisions = archive.revisions
        self._trials = archive.trials
        self._journal = journal
        self.parts: Sequence[Part] = ()

    async def check(self, change: Change, text: str) -> dict[str, PartPlan]:
        """What each part would do; nothing is changed. Raises CommitRefused."""
        await _in_thread(self._file.stage, text.encode())
        try:
            return {part.name: await self._check_part(part, change) for part in self._list_concerned(change)}
        finally:
            await _in_thread(self._file.withdraw)

    async def commit(self, change: Change, text: str, revision: Revision, trial: Trial | None) -> None:
        """Put in force and keep. trial: what to go back to unless it is confirmed. Raises CommitRefused."""
        before = await self._stage(text, revision, trial)
        try:
            applied = await self._apply(change)
            try:
                await self._put_in_place(self._file)
            except MachineError as error:
                await self._undo(applied, change)
                raise CommitRefused("commit", error.operation, "a configuration file that can be replaced",
                                    AS_BEFORE) from error
        except CommitRefused:
            await self._unstage(revision, trial, before)
            raise
        self._tell_persisted(change)
        await self._finish(revision, trial)

    async def take_back(self, change: Change, text: str) -> list[str]:
        """The way back from a trial, in force but not yet in the file: no part can refuse it, and it needs no room on
        the disk. What could not be done, in sentences. Raises MachineError where what was reserved for it is gone and
        cannot be written anew; nothing has happened then."""
        way_back = self._archive.way_back
        await _in_thread(way_back.reserve, text.encode())
        troubles: list[str] = []
        for part in self._list_concerned(change):
            try:
                await part.apply(change._replace(staged_path=str(way_back.staged)))
            except (OperatorError, MachineError) as error:
                troubles.append(f"{part.name}: {error}")
        return troubles

    async def keep_taken_back(self, change: Change, text: str) -> None:
        """The file says it as well. Raises MachineError; then it may be tried again."""
        if await _in_thread(self._file.read) != text.encode():
            await _in_thread(self._archive.way_back.reserve, text.encode())
            await self._put_in_place(self._archive.way_back)
        await _in_thread(self._archive.end_trial)
        self._tell_persisted(change)

    async def apply(self, change: Change) -> None:
        """Have the parts take up what stands already. Raises CommitRefused: they are as they were."""
        await self._apply(change)
        self._tell_persisted(change)

    async def take_up_edited(self, change: Change, text: str, revision: Revision) -> None:
        """The file was changed by hand and stands already. Raises CommitRefused: the parts are as they were."""
        await self.apply(change)
        try:
            await _in_thread(self._revisions.prepare, revision, text)
        except MachineError as error:       # it runs, and the file says it: only its history has a gap
            self._journal.record("revision_lost", reason=error.operation)
        else:
            await self._finish(revision, None)

    async def _put_in_place(self, file: StagedFile) -> None:
        """Raises MachineError; then the old one stands."""
        try:
            await _in_thread(file.put_in_place)
        except NotYetDurable as error:
            self._journal.record("configuration_not_durable", reason=error.operation)

    def _list_concerned(self, change: Change) -> list[Part]:
        return [part for part in self.parts if part.is_concerned(change)]

    def _tell_persisted(self, change: Change) -> None:
        for part in self._list_concerned(change):
            part.persisted(change)

    async def _check_part(self, part: Part, change: Change) -> PartPlan:
        try:
            return await part.check(change)
        except (OperatorError, MachineError) as error:
            raise _explain_refusal(part, error) from error

    async def _stage(self, text: str, revision: Revision, trial: Trial | None) -> Trial | None:
        """Returns the trial that was there before. Raises CommitRefused."""
        before: Trial | None = None
        try:
            before = await _in_thread(self._trials.read)
            await _in_thread(self._file.stage, text.encode())
            await _in_thread(self._revisions.prepare, revision, text)
            if trial is not None:
                await _in_thread(self._archive.way_back.reserve, trial.previous.encode())
                await _in_thread(self._trials.write, trial)
        except MachineError as error:
            await self._unstage(revision, None, before)
            raise CommitRefused("commit", error.operation, "room on the disk, and files that may be written",
                                AS_BEFORE) from error
        return before

    async def _apply(self, change: Change) -> list[Part]:
        applied: list[Part] = []
        for part in self._list_concerned(change):
            try:
                await part.apply(change)
            except (OperatorError, MachineError) as error:
                await self._undo(applied, change)
                raise _explain_refusal(part, error) from error
            applied.append(part)
        return applied

    async def _undo(self, applied: list[Part], change: Change) -> None:
        for part in reversed(applied):
            try:
                await part.revert(change)
            except (OperatorError, MachineError) as error:
                self._journal.record("part_not_reverted", part=part.name, reason=str(error))

    async def _unstage(self, revision: Revision, trial: Trial | None, before: Trial | None) -> None:
        """Whatever of it fails is settled at the next start."""
        steps: list[Callable[[], None]] = [self._file.withdraw, lambda: self._revisions.withdraw(revision.number)]
        if before is None:
            steps.append(self._archive.end_trial)
        elif trial is not None:
            steps.append(partial(self._trials.write, before))
        for step in steps:
            try:
                await _in_thread(step)
            except MachineError as error:
                self._journal.record("commit_left_behind", reason=error.operation)

    async def _finish(self, revision: Revision, trial: Trial | None) -> None:
        """It has happened. What fails now is settled at the next start."""
        steps: list[Callable[[], None]] = [lambda: self._revisions.complete(revision.number)]
        if trial is None:
            steps.append(self._archive.end_trial)
        for step in steps:
            try:
                await _in_thread(step)
            except MachineError as error:
                self._journal.record("commit_unfinished", reason=error.operation)


def _explain_refusal(part: Part, error: OperatorError | MachineError) -> CommitRefused:
    if isinstance(error, OperatorError):
        return CommitRefused(f"{part.name}: {error.path}", error.said, error.allowed,
                             f"{error.remedy}; {AS_BEFORE}" if error.remedy else AS_BEFORE)
    return CommitRefused(part.name, error.operation, "", AS_BEFORE)


_in_thread = asyncio.to_thread
"""The disk may take its time: telephones go on meanwhile."""
