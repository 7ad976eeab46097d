# SPDX-License-Identifier: Apache-2.0
"""`commit confirmed`: it heals itself, whoever has gone away and whatever was started again."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from appliance.control.configuring import service as service_module
from appliance.errors import MachineError, OperatorError
from appliance.system import disk
from appliance.system.revisions import staged_file
from appliance.system.revisions.trial import Moment
from tests.control.configuring.house import TEXT, House

WRONG = "delete extension 1002"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(service_module, "LOOK_S", 0.005)
    return House(tmp_path)


def play(house: House, scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        assert house.start() == []
        await scenario()
        await house.service.stop()
    asyncio.run(asyncio.wait_for(run(), 30))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


async def try_out(house: House) -> None:
    operator = house.operator()
    await operator.say(WRONG)
    await operator.commit(confirmed_minutes=1)
    operator.hang_up()


def has_healed(house: House) -> bool:
    return "configuration_taken_back" in house.journal.names()


def history(house: House) -> list[str]:
    return [one.how for one in house.archive.revisions.list_revisions()]


def test_who_does_not_confirm_gets_the_old_configuration_back_though_his_connection_is_gone(house):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say(WRONG)
        done = await operator.commit(confirmed_minutes=1)
        assert done["confirm_by"] == "2027-01-15T08:01:00.000Z"
        assert (await operator.look("status"))["pending"]["seconds_left"] == 60
        operator.hang_up()
        house.pass_time(59.9)
        await asyncio.sleep(0.05)
        assert "1002" not in house.calls.running.extensions
        house.pass_time(0.2)
        await until(lambda: has_healed(house))
        assert "1002" in house.calls.running.extensions
        assert house.path.read_text() == TEXT
        assert history(house) == ["confirmed-reverted", "commit-confirmed", "first-start"]
        assert house.archive.trials.read() is None
    play(house, scenario)


@pytest.mark.parametrize("word", ["confirm", "commit", "commit of nothing"])
def test_what_is_confirmed_stays(house, word):
    async def scenario() -> None:
        await try_out(house)
        operator = house.operator()
        if word == "commit":
            await operator.say("set extension 1001 name Door")
            await operator.commit()
        elif word == "commit of nothing":
            assert (await operator.commit())["revision"] == 2
        else:
            await operator.look("confirm")
            with pytest.raises(OperatorError):
                await operator.look("confirm")
        assert house.archive.trials.read() is None
        house.pass_time(3600)
        await asyncio.sleep(0.05)
        assert "1002" not in house.calls.running.extensions
    play(house, scenario)
    play(house, lambda: asyncio.sleep(0))
    assert "1002" not in house.calls.running.extensions


def test_a_second_trial_goes_back_to_what_was_before_both(house):
    async def scenario() -> None:
        await try_out(house)
        operator = house.operator()
        await operator.say("set extension 1001 name Door")
        house.pass_time(50)
        await operator.commit(confirmed_minutes=1)
        house.pass_time(50)
        await asyncio.sleep(0.05)
        assert not has_healed(house)
        house.pass_time(11)
        await until(lambda: has_healed(house))
        assert house.path.read_text() == TEXT
    play(house, scenario)


def test_a_second_trial_that_is_refused_leaves_the_first_as_it_was(house):
    async def scenario() -> None:
        await try_out(house)
        first = house.archive.trials.read()
        operator = house.operator()
        await operator.say("set extension 1001 name Door")
        house.calls.refusal = MachineError("no")
        with pytest.raises(OperatorError):
            await operator.commit(confirmed_minutes=5)
        house.calls.refusal = None
        assert house.archive.trials.read() == first
        house.pass_time(61)
        await until(lambda: has_healed(house))
        assert house.path.read_text() == TEXT
    play(house, scenario)


def test_it_goes_on_after_a_restart(house):
    play(house, lambda: try_out(house))
    assert "1002" not in house.path.read_text()
    house.pass_time(30)

    async def scenario() -> None:
        assert (await house.operator().look("status"))["pending"]["seconds_left"] == 30
        house.pass_time(31)
        await until(lambda: has_healed(house))
        assert house.path.read_text() == TEXT
    play(house, scenario)


@pytest.mark.parametrize("later", [Moment(1_800_000_100.0, 3.0, "boot-2"), Moment(1_800_000_000.0, 170.0, "boot-1")])
def test_it_is_taken_back_before_anything_starts_when_its_time_has_passed_meanwhile(house, later):
    play(house, lambda: try_out(house))
    house.now = later

    async def scenario() -> None:
        assert house.path.read_text() == TEXT
        assert history(house) == ["confirmed-reverted", "commit-confirmed", "first-start"]
        assert (await house.operator().look("status"))["pending"] is None
    play(house, scenario)


def test_a_machine_whose_clock_has_fallen_back_waits_no_longer_than_was_granted(house):
    play(house, lambda: try_out(house))
    house.now = Moment(0.0, 3.0, "boot-2")

    async def scenario() -> None:
        assert (await house.operator().look("status"))["pending"]["seconds_left"] == 60
    play(house, scenario)


def test_another_file_put_there_by_hand_is_nobodys_trial(house):
    play(house, lambda: try_out(house))
    house.path.write_text(TEXT.replace("Reception", "Door"))
    house.pass_time(3600)

    async def scenario() -> None:
        assert house.calls.running.extensions["1001"].name == "Door"
        assert (await house.operator().look("status"))["pending"] is None
    play(house, scenario)


def test_no_part_can_refuse_the_way_back(house):
    async def scenario() -> None:
        await try_out(house)
        house.network.refusal = MachineError("no")
        house.pass_time(61)
        await until(lambda: has_healed(house))
        assert house.path.read_text() == TEXT
        assert "1002" in house.calls.running.extensions
        assert "no" in dict(house.journal.events)["configuration_taken_back"]["troubles"]
    play(house, scenario)


def refuse_new_files(patched: pytest.MonkeyPatch) -> None:
    """From now on the disk is full: files are opened and renamed, nothing that is written to them finds room."""
    def refuse(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    patched.setattr(os, "fsync", refuse)
    patched.setattr(disk, "sync_directory", lambda _path: None)
    patched.setattr(staged_file, "sync_directory", lambda _path: None)


def test_the_way_back_needs_no_room_on_the_disk_and_its_history_is_written_when_there_is_some(house, monkeypatch):
    async def scenario() -> None:
        await try_out(house)
        with monkeypatch.context() as patched:
            refuse_new_files(patched)
            house.pass_time(61)
            await until(lambda: has_healed(house))
            assert "1002" in house.calls.running.extensions
            assert house.path.read_text() == TEXT
            assert "No space left" in dict(house.journal.events)["configuration_taken_back"]["troubles"]
            assert (await house.operator().look("status"))["pending"] is None
        await until(lambda: "taken_back_kept" in house.journal.names())
        assert history(house) == ["confirmed-reverted", "commit-confirmed", "first-start"]
        assert sorted(os.listdir(house.path.parent)) == ["denwaban.conf", "state"]
    play(house, scenario)


def test_a_start_after_the_time_is_over_goes_back_though_the_disk_is_full(house, monkeypatch):
    play(house, lambda: try_out(house))
    house.pass_time(61)
    with monkeypatch.context() as patched:
        refuse_new_files(patched)
        troubles = house.start()
    assert "No space left" in troubles[0]
    assert house.path.read_text() == TEXT
    assert "1002" in house.calls.running.extensions
    assert house.archive.trials.read() is None


def test_a_disk_that_takes_nothing_at_all_has_the_old_configuration_in_force_and_is_asked_again(house, monkeypatch):
    async def scenario() -> None:
        await try_out(house)
        with monkeypatch.context() as patched:
            def refuse(_self):
                raise MachineError("replace: Read-only file system", errno.EROFS)
            patched.setattr(type(house.archive.file), "put_in_place", refuse)
            house.pass_time(61)
            await until(lambda: has_healed(house))
            assert "1002" in house.calls.running.extensions
            assert house.path.read_text() != TEXT
            with pytest.raises(OperatorError):
                await house.operator().look("confirm")
            assert (await house.operator().commit())["effects"] == ["nothing changes"]
        await until(lambda: "taken_back_kept" in house.journal.names())
        assert house.path.read_text() == TEXT
        assert house.log.count("calls applies") == 2        # the trial, the way back
    play(house, scenario)


def test_a_commit_while_the_disk_refuses_the_way_back_takes_its_place(house, monkeypatch):
    async def scenario() -> None:
        await try_out(house)
        with monkeypatch.context() as patched:
            def refuse(_self):
                raise MachineError("replace: Read-only file system", errno.EROFS)
            patched.setattr(type(house.archive.way_back), "put_in_place", refuse)
            house.pass_time(61)
            await until(lambda: has_healed(house))
        operator = house.operator()
        await operator.say("set extension 1001 name Door")
        await operator.commit()
        house.pass_time(3600)
        await asyncio.sleep(0.05)
        assert house.calls.running.extensions["1001"].name == "Door"
        assert "Door" in house.path.read_text()
        assert sorted(os.listdir(house.path.parent)) == ["denwaban.conf", "state"]
    play(house, scenario)


def test_a_way_back_that_somebody_has_removed_is_written_anew_once_the_disk_takes_it(house, monkeypatch):
    async def scenario() -> None:
        await try_out(house)
        house.archive.way_back.staged.unlink()
        with monkeypatch.context() as patched:
            def refuse(_self, _octets):
                raise MachineError("write: No space left on device", 28)
            patched.setattr(type(house.archive.file), "stage", refuse)
            house.pass_time(61)
            await until(lambda: "trial_not_taken_back" in house.journal.names())
        await until(lambda: has_healed(house))
        assert house.path.read_text() == TEXT
    play(house, scenario)


@pytest.mark.parametrize("end", ["confirm", "refusal", "no room"])
def test_a_trial_that_is_over_or_never_began_leaves_nothing_beside_the_file(house, monkeypatch, end):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say(WRONG)
        if end == "confirm":
            await operator.commit(confirmed_minutes=1)
            assert house.archive.way_back.staged.read_text() == TEXT
            await operator.look("confirm")
        else:
            house.calls.refusal = MachineError("no") if end == "refusal" else None
            if end == "no room":
                monkeypatch.setattr(type(house.archive.trials), "write", refuse_to_write)
            with pytest.raises(OperatorError):
                await operator.commit(confirmed_minutes=1)
        assert sorted(os.listdir(house.path.parent)) == ["denwaban.conf", "state"]
    play(house, scenario)


def refuse_to_write(_self: object, _trial: object) -> None:
    raise MachineError("write: No space left on device", errno.ENOSPC)
