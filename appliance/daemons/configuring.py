# SPDX-License-Identifier: Apache-2.0
"""Joins the configuration service: its files, its socket and the parts that take configurations up.

The same for `denwaban run`, where the call server is in this very process, and `denwaban configd`, where every part is
a process of its own.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from appliance.config.candidate import Reader, Reading
from appliance.config.configuration import Configuration, LoadResult, load_configuration
from appliance.config.finding import Finding
from appliance.config.reading import read_tree
from appliance.control.address import CONFIGURING_SOCKET, NETWORK_SOCKET
from appliance.control.asker import Asker
from appliance.control.configuring.part import Change, Part, PartPlan, RemotePart, is_network_concerned
from appliance.control.configuring.service import LINE_LIMIT_OCTETS, ConfiguringService
from appliance.control.configuring.starting import Archive, note_found, settle_archive
from appliance.control.conversation import Words
from appliance.control.recent_events import RecentEvents
from appliance.control.server import Answerer, LineServer
from appliance.daemons.configuration_file import is_timezone, print_findings, read_configuration
from appliance.errors import MachineError, OperatorError
from appliance.system.tls_credentials import explain_certificate
from appliance.vocabulary.journal import Journal

__all__ = ["Archive", "CallServerCommands", "CallServerHere", "Configuring", "open_archive"]

ARCHIVE_TROUBLE: Final = "revisions_unusable"
NoteAlarm = Callable[[str, str, str, bool], None]


def open_archive(config_path: str, state_directory: str) -> tuple[Archive, list[str]]:
    """The files, settled: to be called before the configuration is read. With what could not be done."""
    archive = Archive(config_path, state_directory)
    is_there = os.path.isdir(state_directory) and os.path.exists(config_path)
    return archive, settle_archive(archive) if is_there else []


class Configuring:
    """The service of one state directory, from `open` to `close`."""

    def __init__(self, archive: Archive, running: Configuration, state_directory: str, journal: Journal) -> None:
        self._archive = archive
        self._journal = journal
        self._state_directory = state_directory
        self._path = str(archive.file.path)
        self._service = ConfiguringService(archive, self._make_reader(explain_certificate), self._make_reader(None),
                                           journal)
        self._running = running
        self._parts: tuple[Part, ...] = ()
        self._troubles: Sequence[str] = ()
        self._note_alarm: NoteAlarm = _tell_nobody
        self._server = LineServer(state_directory, CONFIGURING_SOCKET, self._service.answer, LINE_LIMIT_OCTETS)

    def tell_events(self, events: RecentEvents) -> None:
        """Of a journal that only we have: a process of its own."""
        self._service.tell_events(events)

    def join(self, calls: Part, note_alarm: NoteAlarm, troubles: Sequence[str]) -> None:
        """calls: the call server; troubles: of `open_archive`, to be told as an alarm."""
        network = RemotePart("network", self._state_directory, NETWORK_SOCKET, is_network_concerned)
        network.complain = partial(self._note_refusal, network.name)
        self._parts = (network, calls)
        self._note_alarm = note_alarm
        self._troubles = troubles

    async def open(self) -> None:
        """Listen. Raises MachineError."""
        troubles = [*self._troubles, *note_found(self._archive)]
        if troubles:
            self._note_alarm(ARCHIVE_TROUBLE, f"configurations of the past cannot be kept: {'; '.join(troubles)}",
                             "see to the disk of the state directory and of the configuration file", True)
        await self._take_up_everywhere()
        self._service.start(self._parts, self._running)
        await self._server.open()

    async def _take_up_everywhere(self) -> None:
        """Who has outlived us may have been told of a commit that never happened."""
        change = Change(None, self._running, self._path, self._path)
        for part in self._parts:
            if isinstance(part, RemotePart) and part.is_concerned(change):
                try:
                    await part.take_up(self._path)
                except (OperatorError, MachineError) as error:
                    self._note_refusal(part.name, error)

    def _note_refusal(self, name: str, error: OperatorError | MachineError) -> None:
        self._journal.record("part_refuses_configuration", part=name, reason=str(error))

    async def close(self) -> None:
        """A commit under way is carried to its end; a trial goes on at the next start."""
        await self._server.close()
        await self._service.stop()

    async def reload(self) -> None:
        """The file was changed by hand. Refusals are printed and journalled; nothing has changed then."""
        try:
            findings = await self._service.take_up_file("reload")
        except (OperatorError, MachineError) as error:
            print(f"{self._path}: {error}", file=sys.stderr)
            self._journal.record("configuration_refused", file=self._path, errors=1, reason=str(error))
            return
        self._tell(findings)

    def _tell(self, findings: tuple[Finding, ...]) -> None:
        errors = [one for one in findings if one.is_error()]
        print_findings(LoadResult(None, findings, self._path), sys.stderr)
        if errors:
            self._journal.record("configuration_refused", file=self._path, errors=len(errors),
                                 first=errors[0].render(self._path))

    def _make_reader(self, explain_files: Callable[[str, str], str] | None) -> Reader:
        def read(text: str) -> Reading:
            loaded = load_configuration(text, self._path, is_timezone, explain_files)
            return Reading(text, read_tree(text, []), loaded.configuration, loaded.findings)
        return read


def _tell_nobody(_name: str, _sentence: str, _remedy: str, _is_raised: bool) -> None:
    """Before somebody has joined."""


class CallServerCommands:
    """`check PATH`, `apply PATH` and `revert` on the control socket of a call server in a process of its own."""

    def __init__(self, running: Configuration, take_up: Callable[[Configuration], object],
                 plan: Callable[[Configuration], PartPlan]) -> None:
        self._running = running
        self._before = running
        self._take_up = take_up
        self._plan = plan

    def add_to(self, commands: dict[str, Answerer]) -> None:
        """The commands by their first words."""
        commands |= {"check": self._check, "apply": self._apply, "revert": self._revert}

    async def _check(self, words: Words, _asker: Asker) -> object:
        return self._plan(await asyncio.to_thread(self._read, words))._asdict()

    async def _apply(self, words: Words, _asker: Asker) -> object:
        configuration = await asyncio.to_thread(self._read, words)
        self._take_up(configuration)
        self._before, self._running = self._running, configuration
        return {}

    async def _revert(self, _words: Words, _asker: Asker) -> object:
        self._take_up(self._before)
        self._running = self._before
        return {}

    def _read(self, words: Words) -> Configuration:
        if len(words) != 2:
            raise OperatorError(str(words[0]), " ".join(words[1:]), "the path of a file")
        result = read_configuration(words[1], explain_files=None)
        if result.configuration is None:
            first = next(one for one in result.findings if one.is_error())
            raise OperatorError(first.path, first.sentence, first.remedy)
        return result.configuration


class CallServerHere:
    """The call server of this process. take_up: puts a configuration in force, or raises OperatorError or MachineError
    and changes nothing; plan: what that would mean."""

    name: Final = "calls"

    def __init__(self, take_up: Callable[[Configuration], object],
                 plan: Callable[[Configuration], PartPlan] = lambda _configuration: PartPlan()) -> None:
        self._take_up = take_up
        self._plan = plan

    def is_concerned(self, change: Change) -> bool:
        """Part."""
        return True

    async def check(self, change: Change) -> PartPlan:
        """Part."""
        return self._plan(change.new)

    async def apply(self, change: Change) -> None:
        """Part."""
        self._take_up(change.new)

    def persisted(self, change: Change) -> None:
        """Part."""

    async def revert(self, change: Change) -> None:
        """Part."""
        if change.old is not None:
            self._take_up(change.old)
