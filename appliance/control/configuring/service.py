# SPDX-License-Identifier: Apache-2.0
"""DIR/config.sock: candidates of operators, commits, trials and the revisions of the past.

A candidate lives with the connection that opened it. What runs changes by `commit`, `take_up_file` and the end of a
trial alone, one after the other.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Final

from appliance.config.candidate import Candidate, Reader, Reading, split_path
from appliance.config.configuration import Configuration
from appliance.config.finding import Finding
from appliance.config.kind import show_text
from appliance.config.reading import read_tree
from appliance.control.asker import Asker
from appliance.control.configuring.committing import Committer
from appliance.control.configuring.part import Change, Part
from appliance.control.configuring.reporting import (
    NOTHING_CHANGES,
    describe_change,
    describe_finding,
    describe_plans,
    describe_revision,
    list_notes,
    refuse_without_emergency,
)
from appliance.control.configuring.sessions import Session, Sessions, require
from appliance.control.configuring.starting import OWN_USER, TAKEN_BACK, TAKEN_BACK_COMMENT, Archive
from appliance.control.conversation import Words
from appliance.control.recent_events import RecentEvents
from appliance.errors import MachineError, OperatorError
from appliance.system.clock import render_wall
from appliance.system.revisions.trial import Trial, write_digest
from appliance.vocabulary.journal import Journal

LINE_LIMIT_OCTETS: Final = 8 * 1024 * 1024
LOOK_S: Final = 2.0
"""How often a trial is looked at: the clock that decides goes on while the machine sleeps, the loop's does not."""
TRIAL_MINUTES_LIMIT: Final = 24 * 60
EDIT_LINES_LIMIT: Final = 5000
COMMENT_CHARACTERS: Final = 500
USER_CHARACTERS: Final = 64
REVISION_FORM: Final = re.compile("[0-9]{1,8}")
NOTHING: Final = Reading("", read_tree("", []), None, ())
COMMANDS: Final = ("open", "edit", "show", "compare", "check", "commit", "confirm", "discard", "rollback", "revisions",
                   "revision", "running", "load", "status", "close")


class ConfiguringService:
    """Answers on the socket. read: a text's configuration with everything that is wrong with it; read_again: of what
    has run before, or was put into the file by hand: files of certificates are not looked at, what is loaded stays."""

    def __init__(self, archive: Archive, read: Reader, read_again: Reader, journal: Journal) -> None:
        self._archive = archive
        self._read = read
        self._read_again = read_again
        self._running = NOTHING
        self._journal = journal
        self._committer = Committer(archive, journal)
        self._sessions = Sessions()
        self._one_at_a_time = asyncio.Lock()
        self._trial: Trial | None = None
        self._unkept: Trial | None = None       # taken back and in force, but the disk has not taken it yet
        self._revision = 0
        self._watch: asyncio.Task[None] | None = None
        self._commands: dict[str, Callable[[Words, Asker], object]] = {
            "open": self._open, "edit": self._edit, "show": self._show, "compare": self._compare,
            "check": self._check, "commit": self._commit, "confirm": self._confirm, "discard": self._discard,
            "rollback": self._roll_back, "revisions": self._list_revisions, "revision": self._show_revision,
            "running": self._show_running, "load": self._load, "status": self._show_status, "close": self._close}

    def start(self, parts: Sequence[Part], running: Configuration) -> None:
        """Serve. The archive is settled; running: what runs, which is what its file said a moment ago."""
        self._committer.parts = parts
        try:
            self._running = self._read_again(self._archive.file.read().decode("utf-8", "replace"))
            self._revision = next((one.number for one in self._archive.revisions.list_revisions()), 0)
            self._trial = self._archive.trials.read()
        except MachineError as error:
            self._journal.record("revisions_unreadable", reason=error.operation)
        self._running = self._running._replace(configuration=running)
        self._watch_trial()

    async def stop(self) -> None:
        """Look after trials no more: the next start does."""
        if self._watch is not None:
            self._watch.cancel()

    def tell_events(self, events: RecentEvents) -> None:
        """Answer for the journal as well, where it is nobody else's."""
        self._commands["log"] = lambda words, asker: events.answer(["log", *words], asker)

    def answer(self, words: Words, asker: Asker) -> object:
        """control.server.Answerer."""
        command = self._commands.get(words[0]) if words and isinstance(words[0], str) else None
        if command is None:
            raise OperatorError("command", str(words[:1])[:40], " | ".join(COMMANDS))
        return command(words[1:], asker)

    # candidates

    def _open(self, words: Words, asker: Asker) -> object:
        said = words[0] if words and asker.is_ours() else ""
        user = said[:USER_CHARACTERS] if isinstance(said, str) and said.isprintable() else ""
        session = self._sessions.open(asker, user or asker.name(), Candidate(self._running))
        return {"session": session.number, "base": self._revision}

    def _close(self, words: Words, asker: Asker) -> object:
        self._sessions.close(self._sessions.find(words, asker))
        return {}

    def _edit(self, words: Words, asker: Asker) -> object:
        session = self._sessions.find(words, asker)
        lines = words[1] if len(words) > 1 else None
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise OperatorError("edit", str(lines)[:40], "a list of set and delete lines")
        if len(lines) > EDIT_LINES_LIMIT:       # calls wait meanwhile
            raise OperatorError("edit", f"{len(lines)} lines", f"{EDIT_LINES_LIMIT} at a time", "load a whole text")
        return [describe_finding(one) for one in session.candidate.apply(lines)]

    async def _load(self, words: Words, asker: Asker) -> object:
        session = self._sessions.find(words, asker)
        text = require(words, 1, str, "load", "a text")
        return [describe_finding(one) for one in await asyncio.to_thread(session.candidate.load, text)]

    def _show(self, words: Words, asker: Asker) -> object:
        session = self._sessions.find(words, asker)
        return session.candidate.list_lines([word for one in words[1:] for word in split_path(one)])

    async def _compare(self, words: Words, asker: Asker) -> object:
        session = self._sessions.find(words, asker)
        if len(words) < 2:
            return session.candidate.list_changes(session.candidate.base.tree)      # what a commit would merge
        number = str(words[1]).removeprefix("rollback").strip()
        text = await self._find_text(int(number) if REVISION_FORM.fullmatch(number) else number)
        return session.candidate.list_changes(read_tree(text, []))

    def _discard(self, words: Words, asker: Asker) -> object:
        self._sessions.find(words, asker).candidate.begin(self._running)
        return {}

    async def _roll_back(self, words: Words, asker: Asker) -> object:
        session = self._sessions.find(words, asker)
        text = await self._find_text(words[1] if len(words) > 1 else None)
        session.candidate.begin(self._running)
        if text != self._running.text:
            session.candidate.load(text)
        return {}

    # what there is

    def _show_running(self, _words: Words, _asker: Asker) -> object:
        return self._running.text

    async def _list_revisions(self, _words: Words, _asker: Asker) -> object:
        return list(map(describe_revision, await asyncio.to_thread(self._archive.revisions.list_revisions)))

    async def _show_revision(self, words: Words, _asker: Asker) -> object:
        return await self._find_text(words[0] if words else None)

    async def _find_text(self, number: object) -> str:
        """Of a revision; 0 is what runs. Raises OperatorError."""
        if number == 0:
            return self._running.text
        text = (await asyncio.to_thread(self._archive.revisions.read_text, number)
                if isinstance(number, int) and 0 < number < 100_000_000 else None)
        if text is None:
            raise OperatorError("revision", f"there is no revision {show_text(str(number))}",
                                "one of the last 50, as `show revisions` lists them")
        return text

    def _show_status(self, _words: Words, _asker: Asker) -> object:
        return {"revision": self._revision, "pending": self._describe_trial(), "sessions": [
            {"user": one.user, "since": render_wall(one.since), "has_changes": one.candidate.has_changes()}
            for one in self._sessions]}

    def _describe_trial(self) -> dict[str, object] | None:
        if self._trial is None:
            return None
        now = self._archive.trials.clock()
        rest_s = self._trial.find_rest_s(now)
        return {"revision": self._revision, "user": self._trial.user, "seconds_left": max(0, round(rest_s)),
                "confirm_by": render_wall(now.wall_s + rest_s)}

    # check and commit

    async def _check(self, words: Words, asker: Asker) -> object:
        session = self._sessions.find(words, asker)
        async with self._one_at_a_time:
            reading, findings = await self._read_candidate(session)
            described = [describe_finding(one) for one in findings]
            if reading.configuration is None or any(one.is_error() for one in findings):
                return {"findings": described, "plan": {}, "effects": []}
            change = self._write_change(reading)
            plans = await self._committer.check(change, reading.text)
            effects = await asyncio.to_thread(describe_change, self._running, reading)
        return {"findings": described, "plan": describe_plans(plans), "effects": effects}

    async def _commit(self, words: Words, asker: Asker) -> object:
        session = self._sessions.find(words, asker)
        options = words[1] if len(words) > 1 and isinstance(words[1], dict) else {}
        minutes = options.get("confirmed_minutes") or 0
        if not isinstance(minutes, int | float) or not 0 <= minutes <= TRIAL_MINUTES_LIMIT:
            raise OperatorError("commit confirmed", str(minutes)[:40], f"minutes, at most {TRIAL_MINUTES_LIMIT}")
        comment = options.get("comment", "")
        if not isinstance(comment, str) or not comment.isprintable() or len(comment) > COMMENT_CHARACTERS:
            allowed = f"at most {COMMENT_CHARACTERS} printable characters"
            raise OperatorError("commit comment", ascii(comment)[:40], allowed)
        async with self._one_at_a_time:
            return await self._commit_candidate(session, comment, minutes * 60.0)

    async def _commit_candidate(self, session: Session, comment: str, granted_s: float) -> object:
        reading, findings = await self._read_candidate(session)
        described = [describe_finding(one) for one in findings]
        if reading.configuration is None or any(one.is_error() for one in findings):
            return {"revision": None, "findings": described, "effects": [], "confirm_by": ""}
        if reading.text == self._running.text and not granted_s:
            if self._trial is not None:     # another commit confirms the one on trial
                await self._keep_trial(session.user)
            return {"revision": self._revision, "findings": described, "effects": [NOTHING_CHANGES], "confirm_by": ""}
        change = self._write_change(reading)
        plans = await self._committer.check(change, reading.text)
        effects = await asyncio.to_thread(describe_change, self._running, reading)
        await self._set_aside_file()
        how = "commit-confirmed" if granted_s else "commit"
        revision = await asyncio.to_thread(self._archive.write_revision, session.user, comment, how)
        trial = self._begin_trial(reading.text, granted_s, session.user) if granted_s else None
        await self._committer.commit(change, reading.text, revision, trial)
        self._running, self._revision, self._trial, self._unkept = reading, revision.number, trial, None
        session.candidate.begin(reading)
        self._journal.record("configuration_committed", revision=revision.number, user=session.user, how=how)
        self._watch_trial()
        told = self._describe_trial()
        return {"revision": revision.number, "findings": described, "confirm_by": told["confirm_by"] if told else "",
                "effects": [*effects, *list_notes(plans)]}

    async def _read_candidate(self, session: Session) -> tuple[Reading, list[Finding]]:
        """What would run, and everything that is to be said of it."""
        text, conflicts = await asyncio.to_thread(session.candidate.merge, self._running)
        reading = await asyncio.to_thread(self._read, text)
        return reading, [*conflicts, *map(refuse_without_emergency, reading.findings)]

    def _write_change(self, reading: Reading) -> Change:
        assert reading.configuration is not None    # whoever calls has looked
        file = self._archive.file
        return Change(self._running.configuration, reading.configuration, str(file.staged), str(file.path))

    def _begin_trial(self, text: str, granted_s: float, user: str) -> Trial:
        """One that is already on trial when another begins goes back, with it, to what was there before both."""
        earlier = self._trial
        previous = self._running.text if earlier is None else earlier.previous
        digests = (write_digest(text),) if earlier is None else (write_digest(self._running.text), write_digest(text))
        return Trial(previous, digests, granted_s, self._archive.trials.clock(), user)

    async def _set_aside_file(self) -> None:
        """A change of the file by hand that was never taken up is about to be written over: it can be had again."""
        try:
            octets = await asyncio.to_thread(self._archive.file.read)
            text = octets.decode("utf-8", "replace")
            if text != self._running.text:
                await asyncio.to_thread(self._archive.keep, text, OWN_USER, "never taken up", "set-aside")
                self._journal.record("edited_file_set_aside")
        except MachineError as error:
            self._journal.record("file_unreadable", reason=error.operation)

    # trials

    async def _confirm(self, _words: Words, asker: Asker) -> object:
        async with self._one_at_a_time:
            if self._trial is None:
                raise OperatorError("confirm", "nothing is on trial", "`commit confirmed` before it")
            await self._keep_trial(asker.name())
            return {"revision": self._revision}

    async def _keep_trial(self, user: str) -> None:
        await asyncio.to_thread(self._archive.end_trial)
        self._trial = None
        self._journal.record("configuration_confirmed", revision=self._revision, user=user)

    def _watch_trial(self) -> None:
        if self._trial is not None and (self._watch is None or self._watch.done()):
            self._watch = asyncio.get_running_loop().create_task(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        while self._trial is not None or self._unkept is not None:
            rest_s = 0.0 if self._trial is None else self._trial.find_rest_s(self._archive.trials.clock())
            if rest_s > 0:
                await asyncio.sleep(min(rest_s, LOOK_S))
                continue
            async with self._one_at_a_time:
                is_done = await asyncio.shield(self._end_trial())
            if not is_done:
                await asyncio.sleep(LOOK_S)

    async def _end_trial(self) -> bool:
        """Whether there is nothing left to do; else it is tried again."""
        trial = self._trial
        try:
            if trial is not None and trial.find_rest_s(self._archive.trials.clock()) <= 0:
                await self._take_back(trial)
            elif self._unkept is not None and not await self._keep_taken_back(self._unkept):
                self._journal.record("taken_back_kept", revision=self._revision)
        except MachineError as error:
            self._journal.record("trial_not_taken_back", reason=error.operation)
            return False
        return self._unkept is None

    async def _take_back(self, trial: Trial) -> None:
        """In force first, then on the disk, which may be full. Raises MachineError: nothing has happened."""
        reading = await asyncio.to_thread(self._read_again, trial.previous)
        if reading.configuration is None:       # of another version of this program
            self._journal.record("previous_configuration_unusable", errors=len(reading.findings))
            await asyncio.to_thread(self._archive.end_trial)
            self._trial = None
            return
        troubles = await self._committer.take_back(self._write_change(reading), reading.text)
        self._running, self._trial, self._unkept = reading, None, trial
        trouble = await self._keep_taken_back(trial)
        if trouble:
            troubles.append(f"not on the disk yet: {trouble}")
        self._journal.record("configuration_taken_back", revision=self._revision, troubles="; ".join(troubles))

    async def _keep_taken_back(self, trial: Trial) -> str:
        """Have it on the disk: the file, then its entry in the history. Why not, "" where it is done."""
        change = self._write_change(self._running)._replace(staged_path=str(self._archive.file.path))
        try:
            await self._committer.keep_taken_back(change, self._running.text)
            self._revision = await asyncio.to_thread(self._archive.keep, self._running.text, trial.user,
                                                     TAKEN_BACK_COMMENT, TAKEN_BACK)
        except MachineError as error:
            return error.operation
        self._unkept = None
        return ""

    # the file

    async def take_up_file(self, how: str, user: str = OWN_USER) -> tuple[Finding, ...]:
        """The file was changed by hand: have every part take it up. What is to be said of it; errors: nothing has
        changed. Raises OperatorError where a part refuses, MachineError where the file cannot be read."""
        async with self._one_at_a_time:
            octets = await asyncio.to_thread(self._archive.file.read)
            reading = await asyncio.to_thread(self._read_again, octets.decode("utf-8", "replace"))
            if reading.configuration is None:
                return reading.findings
            revision = await asyncio.to_thread(self._archive.write_revision, user, "the file was changed", how)
            change = self._write_change(reading)._replace(staged_path=str(self._archive.file.path))    # it stands
            if reading.text == self._running.text:      # certificates may have changed all the same
                await self._committer.apply(change)
            else:
                await self._committer.take_up_edited(change, reading.text, revision)
                self._revision, self._trial = revision.number, None
            self._running = reading
            return reading.findings
