# SPDX-License-Identifier: Apache-2.0
"""What operators do to the configuration: edit, compare, commit, go back; two at once; refusals that change nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from appliance.control.asker import Asker
from appliance.control.configuring.part import PartPlan
from appliance.errors import MachineError, OperatorError
from tests.control.configuring.house import TEXT, House

NEW = ("set extension 1003 secret charlie-1003", "set extension 1003 name Workshop")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def play(house: House, scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        assert house.start() == []
        await scenario()
        await house.service.stop()
    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_change_is_compared_checked_and_committed(house):
    async def scenario() -> None:
        operator = house.operator()
        assert await operator.say(*NEW) == []
        assert await operator.ask("compare") == [NEW[1], NEW[0]]
        assert await operator.ask("show", "extension 1003") == [NEW[1], NEW[0]]
        house.network.plan = PartPlan(("address added",), ("eth1 is not there yet",), 2)
        checked = await operator.ask("check")
        assert checked["plan"] == {"network": ["address added", "eth1 is not there yet"], "calls": []}
        assert checked["effects"] == ["extension 1003 added"]
        assert (house.path.read_text(), house.log) == (TEXT, [])
        done = await operator.commit("for the workshop")
        assert done["effects"] == ["extension 1003 added", "eth1 is not there yet", "2 calls affected"]
        assert house.log == ["network applies", "calls applies", "network hears that it stands",
                             "calls hears that it stands"]
        assert "1003" in house.calls.running.extensions
        assert house.path.read_text() == TEXT.replace("set emergency", f"{NEW[1]}\n{NEW[0]}\nset emergency")
        assert await operator.ask("compare") == []
        revisions = await operator.look("revisions")
        assert [(one["number"], one["user"], one["comment"], one["how"]) for one in revisions] == [
            (2, "hanako", "for the workshop", "commit"), (1, "denwaban", "", "first-start")]
        assert done["revision"] == 2
        assert await operator.look("running") == house.path.read_text()
        assert await operator.look("revision", 1) == TEXT
    play(house, scenario)


def test_one_may_go_back_to_any_revision(house):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say("set extension 1001 name Door")
        await operator.commit()
        await operator.say("delete extension 1002")
        assert await operator.ask("compare", "rollback 1") == ["delete extension 1002", "set extension 1001 name Door"]
        await operator.ask("rollback", 1)
        assert await operator.ask("compare") == ["set extension 1001 name Reception"]
        await operator.commit("back")
        assert house.path.read_text() == TEXT
        await operator.say("delete extension 1002")
        await operator.ask("rollback", 0)
        assert await operator.ask("compare") == []
        for number in (99, -1, "x", None):
            with pytest.raises(OperatorError):
                await operator.ask("rollback", number)
    play(house, scenario)


def test_a_thousand_errors_are_all_told_and_nothing_is_applied(house):
    async def scenario() -> None:
        operator = house.operator()
        text = TEXT + "".join(f"set extension {number} secret\n" for number in range(2000, 3000))
        assert len(await operator.ask("load", text)) == 1000
        for answer in (await operator.ask("check"), await operator.commit()):
            errors = [one for one in answer["findings"] if one["severity"] == "error"]
            assert len({one["line"] for one in errors}) == 1000
            assert all(one["path"] and one["sentence"] and one["remedy"] for one in errors)
            assert answer.get("revision") is None
        assert (house.path.read_text(), house.log) == (TEXT, [])
        assert [one["number"] for one in await operator.look("revisions")] == [1]
    play(house, scenario)


def test_no_commit_leaves_nobody_to_call_for_help_unless_it_is_said(house):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say("delete emergency")
        refused = await operator.commit()
        assert [(one["severity"], one["id"]) for one in refused["findings"]] == [("error", "no-emergency")]
        assert (refused["revision"], house.log) == (None, [])
        await operator.say("set emergency none")
        assert (await operator.commit())["revision"] == 2
    play(house, scenario)


def test_a_commit_of_nothing_is_no_revision_and_one_of_remarks_is(house):
    async def scenario() -> None:
        operator = house.operator()
        done = await operator.commit()
        assert (done["revision"], done["effects"], house.log) == (1, ["nothing changes"], [])
        await operator.ask("load", TEXT.replace("Hanako", "Taro"))
        done = await operator.commit()
        assert (done["revision"], done["effects"]) == (2, ["nothing changes but remarks", "0 calls affected"])
        assert "Taro" in house.path.read_text()
    play(house, scenario)


def test_commits_that_come_at_the_same_time_are_made_one_after_the_other(house):
    async def scenario() -> None:
        operators = [house.operator(f"user{number}") for number in range(8)]
        for number, one in enumerate(operators):
            await one.say(f"set extension 20{number:02} secret word-{number}-xyz")
        done = await asyncio.gather(*(one.commit() for one in operators))
        assert sorted(one["revision"] for one in done) == list(range(2, 10))
        assert len(house.calls.running.extensions) == 10
        assert len([one for one in house.path.read_text().splitlines() if one.startswith("set extension 20")]) == 8
    play(house, scenario)


@pytest.mark.parametrize("error", [OperatorError("listener wan", "port 5060 is taken", "another", "free it"),
                                   MachineError("bind: no")])
def test_what_one_part_refuses_the_others_undo(house, error):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say(*NEW)
        house.calls.refusal = error
        with pytest.raises(OperatorError) as refused:
            await operator.commit()
        assert refused.value.path.startswith("calls")
        assert "everything is as it was" in refused.value.remedy
        assert house.log == ["network applies", "calls applies", "network reverts"]
        assert "1003" not in house.network.running.extensions
        assert house.path.read_text() == TEXT
        assert [one["number"] for one in await operator.look("revisions")] == [1]
        assert sorted(path.name for path in house.path.parent.iterdir()) == ["denwaban.conf", "state"]
        house.calls.refusal = None
        assert (await operator.commit())["revision"] == 2
    play(house, scenario)


def test_a_disk_that_refuses_stops_a_commit_before_any_part_hears_of_it(house, monkeypatch):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say(*NEW)

        def refuse(_revision, _text):
            raise MachineError("write: No space left on device", 28)
        monkeypatch.setattr(type(house.archive.revisions), "prepare", lambda _self, *words: refuse(*words))
        with pytest.raises(OperatorError, match="No space left"):
            await operator.commit(confirmed_minutes=1)
        assert (house.path.read_text(), house.log) == (TEXT, [])
        assert (await operator.look("status"))["pending"] is None
    play(house, scenario)


def test_a_file_that_cannot_be_replaced_has_every_part_go_back(house, monkeypatch):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say(*NEW)

        def refuse(_self):
            raise MachineError("replace: Device or resource busy", 16)
        monkeypatch.setattr(type(house.archive.file), "put_in_place", refuse)
        with pytest.raises(OperatorError, match="busy"):
            await operator.commit(confirmed_minutes=1)
        assert house.log == ["network applies", "calls applies", "calls reverts", "network reverts"]
        monkeypatch.undo()
        assert house.archive.trials.read() is None
        assert (await operator.commit())["revision"] == 2
    play(house, scenario)


def test_two_operators_both_get_what_they_want(house):
    async def scenario() -> None:
        hanako, taro = house.operator("hanako"), house.operator("taro")
        await hanako.say("set extension 1001 name Door")
        await taro.say(*NEW, "delete extension 1002")
        editors = (await hanako.look("status"))["sessions"]
        assert [(one["user"], one["has_changes"]) for one in editors] == [("hanako", True), ("taro", True)]
        await hanako.commit()
        assert (await taro.commit())["revision"] == 3
        assert house.calls.running.extensions["1001"].name == "Door"
        assert list(house.calls.running.extensions) == ["1001", "1003"]
        assert "# Ask Hanako." in house.path.read_text()
    play(house, scenario)


def test_what_another_has_committed_meanwhile_is_not_among_ones_own_changes(house):
    async def scenario() -> None:
        first, second = house.operator(), house.operator()
        await first.say("set extension 1001 name Door")
        await second.say("set extension 1002 secret a-secret-of-1002")
        await second.commit()
        assert await first.ask("compare") == ["set extension 1001 name Door"]
        await first.commit()
        assert "set extension 1002 secret a-secret-of-1002" in house.path.read_text()
        assert "set extension 1001 name Door" in house.path.read_text()
    play(house, scenario)


def test_a_conflict_is_named_and_nothing_is_applied(house):
    async def scenario() -> None:
        hanako, taro = house.operator("hanako"), house.operator("taro")
        await hanako.say("set extension 1001 name Door")
        await taro.say("set extension 1001 name Gate")
        await hanako.commit()
        refused = await taro.commit()
        assert [(one["id"], one["path"]) for one in refused["findings"]] == [("conflict", "extension 1001 name")]
        assert "Gate" in refused["findings"][0]["sentence"]
        assert "Door" in refused["findings"][0]["sentence"]
        assert house.calls.running.extensions["1001"].name == "Door"
        await taro.ask("discard")
        await taro.say("set extension 1001 name Gate")
        assert (await taro.commit())["revision"] == 3
    play(house, scenario)


def test_a_session_is_its_connections_own_and_ends_with_it(house):
    async def scenario() -> None:
        hanako, taro = house.operator("hanako"), house.operator("taro")
        taro.session = hanako.session
        with pytest.raises(OperatorError):
            await taro.say(*NEW)
        hanako.hang_up()
        with pytest.raises(OperatorError):
            await hanako.say(*NEW)
        assert [one["user"] for one in (await taro.look("status"))["sessions"]] == ["taro"]
    play(house, scenario)


def test_who_is_neither_root_nor_the_daemon_cannot_take_another_name(house):
    async def scenario() -> None:
        stranger = Asker(4_000_000)
        house.service.answer(["open", "hanako"], stranger)
        assert [one["user"] for one in house.service.answer(["status"], stranger)["sessions"]] == ["4000000"]
    play(house, scenario)


def test_a_file_changed_by_hand_is_taken_up_as_a_revision(house):
    async def scenario() -> None:
        operator = house.operator()
        house.path.write_text(TEXT + "set extension 1004 secret delta-1004\n")
        assert [one for one in await house.service.take_up_file("reload") if one.is_error()] == []
        assert "1004" in house.calls.running.extensions
        assert [one["how"] for one in await operator.look("revisions")] == ["reload", "first-start"]
        house.path.write_text("nonsense\n")
        assert any(one.is_error() for one in await house.service.take_up_file("reload"))
        assert "1004" in house.calls.running.extensions
        assert len(await operator.look("revisions")) == 2
    play(house, scenario)


def test_a_change_by_hand_that_was_never_taken_up_is_set_aside_not_lost(house):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say(*NEW)
        house.path.write_text("precious\n")
        await operator.commit()
        revisions = await operator.look("revisions")
        assert [one["how"] for one in revisions] == ["commit", "set-aside", "first-start"]
        assert await operator.look("revision", revisions[1]["number"]) == "precious\n"
    play(house, scenario)


def test_a_file_changed_while_nobody_was_here_is_a_revision_at_the_next_start(house):
    play(house, lambda: asyncio.sleep(0))
    house.path.write_text(TEXT + "# by hand\n")

    async def scenario() -> None:
        assert [one["how"] for one in await house.operator().look("revisions")] == ["found", "first-start"]
    play(house, scenario)
    play(house, scenario)


@pytest.mark.parametrize("words", [[], ["nothing"], [7], ["edit"], ["edit", 1], ["edit", "x", []], ["revision"],
                                   ["commit", 99, {}], ["confirm"], ["load", 1, 7], ["edit", 1, [1]],
                                   ["edit", 1, "set x"], ["commit", 1, {"confirmed_minutes": "soon"}],
                                   ["commit", 1, {"confirmed_minutes": -1}], ["compare", 1, "rollback x"]])
def test_what_means_nothing_is_refused_with_what_is_allowed(house, words):
    async def scenario() -> None:
        operator = house.operator()
        with pytest.raises(OperatorError) as refused:
            await operator.look(*words)
        assert refused.value.allowed
    play(house, scenario)


@pytest.mark.parametrize("comment", ["\x1b[2Jall is well", "two\nlines", "x" * 501, "\ud800", 5])
def test_a_comment_that_would_not_be_shown_as_it_is_is_refused_and_nothing_is_committed(house, comment):
    async def scenario() -> None:
        operator = house.operator()
        await operator.say(*NEW)
        with pytest.raises(OperatorError, match="commit comment"):
            await operator.commit(comment)
        assert (house.path.read_text(), house.log) == (TEXT, [])
    play(house, scenario)


@pytest.mark.parametrize("number", ["rollback ²", "rollback " + "9" * 5000, "rollback \ud800", "rollback -1", ""])
def test_comparing_with_what_is_no_revision_is_refused(house, number):
    async def scenario() -> None:
        with pytest.raises(OperatorError, match="revision"):
            await house.operator().ask("compare", number)
    play(house, scenario)


def test_an_endless_list_of_changes_is_refused_and_changes_nothing(house):
    async def scenario() -> None:
        operator = house.operator()
        with pytest.raises(OperatorError, match="5000 at a time"):
            await operator.say(*["set extension 1003 name X"] * 5001)
        assert await operator.ask("compare") == []
    play(house, scenario)
