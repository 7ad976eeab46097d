# SPDX-License-Identifier: Apache-2.0
"""The configuration service in one process, on real files, with parts that do as they are told."""

import asyncio
from pathlib import Path

from appliance.config.candidate import Reading
from appliance.config.configuration import Configuration, load_configuration
from appliance.config.reading import read_tree
from appliance.control.asker import Asker
from appliance.control.configuring.part import Change, PartPlan
from appliance.control.configuring.service import ConfiguringService
from appliance.control.configuring.starting import Archive, note_found, settle_archive
from appliance.errors import MachineError, OperatorError
from appliance.system.revisions.trial import Moment

TEXT = """\
# denwaban-config 1
# Ask Hanako.
set system domain office.test
set sip listener office address 127.0.1.1

set extension 1001 secret alpha-1001   # reception
set extension 1001 name Reception
set extension 1002 secret bravo-1002
set emergency none
"""


def read(text: str) -> Reading:
    loaded = load_configuration(text)
    return Reading(text, read_tree(text, []), loaded.configuration, loaded.findings)


class KnownPart:
    """Has what it was told last. refuses: what to say to the next `apply`; log: shared by all parts, in order."""

    def __init__(self, name: str, log: list[str], running: Configuration) -> None:
        self.name = name
        self.log = log
        self.running = running
        self.before = running
        self.refusal: OperatorError | MachineError | None = None
        self.plan = PartPlan()

    def is_concerned(self, change: Change) -> bool:
        return True

    async def check(self, change: Change) -> PartPlan:
        assert load_configuration(Path(change.staged_path).read_bytes()).configuration == change.new
        return self.plan

    async def apply(self, change: Change) -> None:
        self.log.append(f"{self.name} applies")
        assert load_configuration(Path(change.staged_path).read_bytes()).configuration == change.new
        if self.refusal is not None:
            raise self.refusal
        self.before, self.running = self.running, change.new

    def persisted(self, change: Change) -> None:
        self.log.append(f"{self.name} hears that it stands")

    async def revert(self, change: Change) -> None:
        self.log.append(f"{self.name} reverts")
        self.running = self.before


class JournalOfEvents:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def record(self, event: str, **values: object) -> None:
        self.events.append((event, values))

    def names(self) -> list[str]:
        return [event for event, _ in self.events]


class House:
    """One machine: its files outlive `restart`; the clock is turned by hand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "denwaban.conf"
        self.state = folder / "state"
        self.state.mkdir()
        self.path.write_text(TEXT)
        self.now = Moment(1_800_000_000.0, 100.0, "boot-1")
        self.journal = JournalOfEvents()
        self.log: list[str] = []

    def start(self) -> list[str]:
        """As the daemon does at its start. What could not be settled."""
        self.archive = Archive(str(self.path), str(self.state))
        self.archive.trials.clock = lambda: self.now
        troubles = settle_archive(self.archive)
        running = read(self.path.read_text()).configuration
        assert running is not None
        troubles += note_found(self.archive)
        self.network = KnownPart("network", self.log, running)
        self.calls = KnownPart("calls", self.log, running)
        self.service = ConfiguringService(self.archive, read, read, self.journal)
        self.service.start((self.network, self.calls), running)
        return troubles

    def pass_time(self, seconds: float) -> None:
        self.now = Moment(self.now.wall_s + seconds, self.now.boot_s + seconds, self.now.boot)

    def operator(self, user: str = "hanako") -> "Operator":
        return Operator(self, user)


class Operator:
    """A connection with a session."""

    def __init__(self, house: House, user: str) -> None:
        self.house = house
        self.asker = Asker(0)
        self.session = house.service.answer(["open", user], self.asker)["session"]

    async def ask(self, command: str, *words: object) -> object:
        result = self.house.service.answer([command, self.session, *words], self.asker)
        return await result if asyncio.iscoroutine(result) else result

    async def look(self, *words: object) -> object:
        """A question that names no session."""
        result = self.house.service.answer(list(words), self.asker)
        return await result if asyncio.iscoroutine(result) else result

    async def say(self, *lines: str) -> list[dict[str, object]]:
        return await self.ask("edit", list(lines))

    async def commit(self, comment: str = "", **options: object) -> dict[str, object]:
        return await self.ask("commit", {"comment": comment, **options})

    def hang_up(self) -> None:
        self.asker.end()
