# SPDX-License-Identifier: Apache-2.0
"""A part that is a process of its own: there, away, started a moment ago, refusing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.control.asker import Asker
from appliance.control.configuring import part as part_module
from appliance.control.configuring.part import Change, PartPlan, RemotePart
from appliance.control.server import LineServer
from appliance.errors import MachineError, OperatorError
from tests.control.configuring.house import TEXT, read


class Daemon:
    """Runs what it was told."""

    def __init__(self) -> None:
        self.running: list[str] = []
        self.refusal: OperatorError | None = None

    def answer(self, words: list, _asker: Asker) -> object:
        if self.refusal is not None and words[0] != "revert":
            raise self.refusal
        if words[0] == "check":
            return {"steps": ["one", "two"], "missing": ["eth1"], "calls_affected": 3}
        if words[0] == "apply":
            self.running.append(Path(words[1]).read_text())
        elif len(self.running) < 2:
            raise MachineError("nothing to go back to")
        else:
            self.running.pop()
        return {}


@contextlib.asynccontextmanager
async def serving(folder: Path, daemon: Daemon) -> AsyncIterator[None]:
    server = LineServer(str(folder), "net.sock", daemon.answer)
    await server.open()
    try:
        yield
    finally:
        await server.close()


@pytest.fixture
def change(tmp_path: Path) -> Change:
    (tmp_path / "staged").write_text("new\n")
    (tmp_path / "file").write_text("old\n")
    configuration = read(TEXT).configuration
    assert configuration is not None
    return Change(configuration, configuration, str(tmp_path / "staged"), str(tmp_path / "file"))


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemotePart:
    monkeypatch.setattr(part_module, "LOOK_S", 0.01)
    return RemotePart("network", str(tmp_path), "net.sock")


def test_it_checks_applies_and_goes_back(tmp_path, part, change):
    async def scenario() -> None:
        daemon = Daemon()
        async with serving(tmp_path, daemon):
            assert await part.check(change) == PartPlan(("one", "two"), ("eth1 is not there yet",), 3)
            daemon.running = ["old\n"]
            await part.apply(change)
            assert daemon.running == ["old\n", "new\n"]
            await part.revert(change)
            assert daemon.running == ["old\n"]
            await part.revert(change)       # started again meanwhile: it is told what stands
            assert daemon.running == ["old\n", "old\n"]
    asyncio.run(scenario())


def test_what_it_refuses_is_told(tmp_path, part, change):
    async def scenario() -> None:
        daemon = Daemon()
        daemon.refusal = OperatorError("step 2", "no such device", "eth0", "plug it in")
        async with serving(tmp_path, daemon):
            for attempt in (part.check, part.apply):
                with pytest.raises(OperatorError, match="no such device"):
                    await attempt(change)
    asyncio.run(scenario())


def test_one_that_is_away_refuses_nothing_and_is_told_when_it_comes(tmp_path, part, change):
    async def scenario() -> None:
        assert await part.check(change) == PartPlan(notes=("network: does not run yet, takes this up when it starts",))
        await part.apply(change)
        Path(change.file_path).write_text("new\n")
        part.persisted(change)
        await asyncio.sleep(0.03)
        daemon = Daemon()
        async with serving(tmp_path, daemon):
            while not daemon.running:
                await asyncio.sleep(0.005)
            assert daemon.running == ["new\n"]
        await part.revert(change)
    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_one_that_comes_and_refuses_is_complained_of(tmp_path, part, change):
    async def scenario() -> None:
        complaints: list[str] = []
        part.complain = lambda error: complaints.append(str(error))
        await part.apply(change)
        part.persisted(change)
        daemon = Daemon()
        daemon.refusal = OperatorError("step 2", "no such device", "eth0")
        async with serving(tmp_path, daemon):
            while not complaints:
                await asyncio.sleep(0.005)
        assert "no such device" in complaints[0]
    asyncio.run(asyncio.wait_for(scenario(), 20))
