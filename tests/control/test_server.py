# SPDX-License-Identifier: Apache-2.0
"""The control socket for real: modes, stale and rival sockets, many clients, slow ones."""

import asyncio
import contextlib
import errno
import grp
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from appliance.control.asker import Asker, may_ask
from appliance.control.client import ControlClient
from appliance.control.server import CLIENTS_LIMIT, LINE_LIMIT_OCTETS, ControlServer, LineServer
from appliance.errors import MachineError, OperatorError
from tests.control.sample_office import SampleOffice, make_registration


@contextlib.asynccontextmanager
async def serving(directory: Path, office: SampleOffice | None = None,
                  patience_s: float = 10.0) -> AsyncIterator[ControlServer]:
    server = ControlServer(str(directory), office or SampleOffice(), lambda: 42.0, patience_s)
    await server.open()
    try:
        yield server
    finally:
        await server.close()


async def in_thread(function: Callable[[], object]) -> object:
    return await asyncio.to_thread(function)


def ask(directory: Path, *words: str) -> object:
    client = ControlClient(str(directory))
    try:
        return client.ask(list(words))
    finally:
        client.close()


def run(scenario: Callable[[], object]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 20))  # type: ignore[arg-type]


def test_a_client_gets_answers_in_order(tmp_path: Path):
    async def scenario() -> None:
        async with serving(tmp_path):
            def converse() -> None:
                client = ControlClient(str(tmp_path))
                assert client.ask(["show", "statistics"])["uptime_s"] == 42
                assert [call["number"] for call in client.ask(["show", "calls", "all"])] == [1, 2]
                with pytest.raises(OperatorError) as refused:
                    client.ask(["show", "call", "3"])
                assert "3 is no call" in refused.value.said
                assert client.ask(["show", "version"])
                client.close()
            await in_thread(converse)
    run(scenario)


def test_only_the_owner_may_open_the_socket_and_it_goes_with_the_server(tmp_path: Path):
    async def scenario() -> None:
        async with serving(tmp_path):
            status = (tmp_path / "control.sock").stat()
            assert stat.S_ISSOCK(status.st_mode)
            assert stat.S_IMODE(status.st_mode) == 0o600
        assert not (tmp_path / "control.sock").exists()
    run(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_is_refused_even_where_the_mode_would_let_him(tmp_path: Path):
    tmp_path.chmod(0o777)

    def ask_as_nobody() -> int:
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.setgid(65534)
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(tmp_path / "control.sock"))
            with contextlib.suppress(ConnectionError):
                connection.sendall(b'{"id":1,"command":["show","version"]}\n')
            answer = json.loads(connection.makefile("rb").readline())
        os._exit(0 if answer["ok"] is False and "65534" in answer["error"]["said"] else 1)

    async def scenario() -> None:
        async with serving(tmp_path):
            (tmp_path / "control.sock").chmod(0o666)
            for parent in tmp_path.parents:
                if str(parent).startswith("/tmp/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
            assert await in_thread(ask_as_nobody) == 0
    run(scenario)


def test_a_socket_left_by_a_killed_daemon_is_replaced(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))

    async def scenario() -> None:
        async with serving(tmp_path):
            assert await in_thread(lambda: ask(tmp_path, "show", "version"))
    run(scenario)


def test_a_second_daemon_on_the_same_directory_is_refused_and_the_first_goes_on(tmp_path: Path):
    async def scenario() -> None:
        async with serving(tmp_path):
            with pytest.raises(MachineError, match="another denwaban"):
                await in_thread(lambda: asyncio.run(ControlServer(str(tmp_path), SampleOffice(), lambda: 0.0).open()))
            assert await in_thread(lambda: ask(tmp_path, "show", "version"))
    run(scenario)


def test_a_missing_directory_is_a_machine_error(tmp_path: Path):
    with pytest.raises(MachineError, match=r"control\.sock"):
        asyncio.run(ControlServer(str(tmp_path / "none"), SampleOffice(), lambda: 0.0).open())


def test_a_state_directory_longer_than_a_socket_address_works(tmp_path: Path):
    directory = tmp_path / ("d" * 100)
    directory.mkdir()

    async def scenario() -> None:
        async with serving(directory):
            assert await in_thread(lambda: ask(directory, "show", "version"))
        assert not (directory / "control.sock").exists()
    run(scenario)


def test_an_endless_line_is_answered_and_the_client_dropped(tmp_path: Path):
    def pour() -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(tmp_path / "control.sock"))
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"x" * (LINE_LIMIT_OCTETS + 1))
            return connection.makefile("rb").read()

    async def scenario() -> None:
        async with serving(tmp_path):
            assert json.loads(await in_thread(pour))["ok"] is False
            assert await in_thread(lambda: ask(tmp_path, "show", "version"))
    run(scenario)


def test_a_client_that_does_not_read_is_dropped_while_others_are_served(tmp_path: Path):
    office = SampleOffice()
    office.registered = [make_registration(str(number)) for number in range(10_000)]

    async def scenario() -> None:
        async with serving(tmp_path, office, patience_s=0.3) as server:
            with socket.socket(socket.AF_UNIX) as lazy:
                lazy.setblocking(False)
                lazy.connect(str(tmp_path / "control.sock"))
                lazy.send(b'{"id":1,"command":["show","registrations"]}\n' * 3)
                assert len(await in_thread(lambda: ask(tmp_path, "show", "registrations"))) == 10_000
                received = b""
                with contextlib.suppress(ConnectionError):
                    if server._clients:
                        await asyncio.wait(server._clients)
                    while octets := await asyncio.get_running_loop().sock_recv(lazy, 65536):
                        received += octets
                assert received.count(b"\n") < 3
    run(scenario)


def test_more_clients_than_allowed_are_told_so(tmp_path: Path):
    async def scenario() -> None:
        async with serving(tmp_path):
            clients = [ControlClient(str(tmp_path)) for _ in range(CLIENTS_LIMIT)]
            for client in clients:
                await in_thread(lambda client=client: client.ask(["show", "version"]))
            with pytest.raises(OperatorError, match="clients at a time"):
                await in_thread(lambda: ask(tmp_path, "show", "version"))
            for client in clients:
                client.close()
    run(scenario)


class Scripted:
    """Answers by hand, to see what the server makes of it."""

    def __init__(self) -> None:
        self.gone: list[str] = []
        self.finished: list[str] = []
        self.changes: asyncio.Queue[int] = asyncio.Queue()
        self.is_watched = False

    def answer(self, words: list, asker: Asker) -> object:
        if words[0] == "who":
            asker.at_end(lambda: self.gone.append(asker.name()))
            return {"uid": asker.uid, "pid": asker.pid, "is_group_known": os.getgid() in asker.groups}
        if words[0] == "slow":
            return self.work(words[1]["seconds"])
        if words[0] == "watch":
            return self.watch()
        raise MachineError("the disk is full", errno.ENOSPC)

    async def work(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        self.finished.append("work")
        return "done"

    async def watch(self) -> AsyncIterator[int]:
        self.is_watched = True
        try:
            while True:
                yield await self.changes.get()
        finally:
            self.is_watched = False


@contextlib.asynccontextmanager
async def answering(directory: Path) -> AsyncIterator[Scripted]:
    scripted = Scripted()
    server = LineServer(str(directory), "other.sock", scripted.answer)
    await server.open()
    try:
        yield scripted
    finally:
        await server.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def test_the_daemon_knows_who_asks_and_when_he_leaves(tmp_path: Path):
    async def scenario() -> None:
        async with answering(tmp_path) as scripted:
            client = await in_thread(lambda: ControlClient(str(tmp_path), socket_name="other.sock"))
            told = await in_thread(lambda: client.ask(["who"]))
            assert told == {"uid": os.geteuid(), "pid": os.getpid(), "is_group_known": True}
            assert scripted.gone == []
            client.close()
            await until(lambda: len(scripted.gone) == 1)
    run(scenario)


def test_what_takes_long_is_carried_to_its_end_though_nobody_waits(tmp_path: Path):
    async def scenario() -> None:
        async with answering(tmp_path) as scripted:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(tmp_path / "other.sock"))
                connection.sendall(b'{"id":1,"command":["slow",{"seconds":0.2}]}\n')
                await asyncio.sleep(0.05)
            await until(lambda: scripted.finished == ["work"])
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(tmp_path / "other.sock"))
                connection.sendall(b'{"id":1,"command":["slow",{"seconds":0.2}]}\n')
                await asyncio.sleep(0.05)
        assert scripted.finished == ["work", "work"]
    run(scenario)


def test_a_stream_goes_on_until_the_next_question_or_the_end(tmp_path: Path):
    async def scenario() -> None:
        async with answering(tmp_path) as scripted:
            client = await in_thread(lambda: ControlClient(str(tmp_path), socket_name="other.sock"))
            rows = client.follow(["watch"])
            for number in (1, 2, 3):
                scripted.changes.put_nowait(number)
                assert await in_thread(lambda: next(rows)) == number
            assert await in_thread(lambda: client.ask(["slow", {"seconds": 0}])) == "done"
            assert not scripted.is_watched
            rows = client.follow(["watch"])
            scripted.changes.put_nowait(4)
            assert await in_thread(lambda: next(rows)) == 4
            client.close()
            await until(lambda: not scripted.is_watched)
    run(scenario)


def test_what_the_machine_refuses_is_told(tmp_path: Path):
    async def scenario() -> None:
        async with answering(tmp_path):
            client = await in_thread(lambda: ControlClient(str(tmp_path), socket_name="other.sock"))
            with pytest.raises(OperatorError, match="the disk is full"):
                await in_thread(lambda: client.ask(["store"]))
            client.close()
    run(scenario)


def test_a_group_may_ask_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DENWABAN_GROUP", grp.getgrgid(os.getgid()).gr_name)

    async def scenario() -> None:
        async with answering(tmp_path):
            status = (tmp_path / "other.sock").stat()
            assert stat.S_IMODE(status.st_mode) == 0o660
            assert status.st_gid == os.getgid()
        stranger = Asker(uid=os.geteuid() + 1, groups=frozenset((os.getgid(),)))
        assert may_ask(stranger, os.getgid())
        assert not may_ask(stranger, os.getgid() + 1)
        assert not may_ask(stranger, None)
    run(scenario)


def test_a_group_that_does_not_exist_is_a_machine_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DENWABAN_GROUP", "no-such-group-here")
    with pytest.raises(MachineError, match="no-such-group-here"):
        asyncio.run(LineServer(str(tmp_path), "other.sock", Scripted().answer).open())
