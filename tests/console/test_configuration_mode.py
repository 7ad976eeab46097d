# SPDX-License-Identifier: Apache-2.0
"""Configuration mode: what is typed, what the configuration service is asked, what is printed."""

import time

import pytest

from appliance.console.configure.trial import describe_moment
from tests.console.configuration_double import START, ConfigurationDouble
from tests.console.desk import Desk


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.type("configure")
    return desk


def test_an_extension_is_added_compared_and_committed(desk: Desk):
    desk.type('set extension 203 name "Room | three"')
    desk.type("set ext 203 sec hand-set-9")
    assert desk.type("show | compare") == ('set extension 203 name "Room | three"\n'
                                           "set extension 203 secret hand-set-9\n")
    assert desk.type("compare") == desk.type("sh | com")
    assert "  calls: extension 203 is added\nconfiguration check succeeds\n" in desk.type("commit check")
    assert desk.configuration.texts == [START]
    said = desk.type('commit comment "a third telephone"')
    assert said == "  extension 203 added\ncommit complete: revision 2\n"
    assert desk.configuration.comments[-1] == "a third telephone"
    assert "set extension 203 secret hand-set-9" in desk.configuration.texts[-1]
    assert desk.type("commit") == "nothing has changed: nothing to commit\n"


def test_what_is_wrong_is_said_with_what_is_allowed_and_changes_nothing(desk: Desk):
    assert desk.type("set system country Japan", 2) == (
        'system country: "Japan" is not a country\n'
        "allowed: a country: two small letters as in ISO 3166, such as jp\n")
    assert "did you mean" in desk.type("set system contry jp", 2)
    assert desk.type("compare") == ""


def test_the_place_stands_before_what_is_typed(desk: Desk):
    mode = desk.session.configuring
    desk.type("edit trunk carrier")
    assert mode.banner() == "[edit trunk carrier]\n"
    desk.type("set channels 4")
    assert desk.type("show") == ("set trunk carrier registrar sip:carrier.test\nset trunk carrier number 05011112222\n"
                                 "set trunk carrier did 05011112222 to 201\nset trunk carrier channels 4\n")
    desk.type("up")
    assert mode.place == ["trunk"]
    desk.type("edit carrier inbound")
    desk.type("exit")
    assert mode.place == ["trunk"]
    desk.type("top")
    assert mode.banner() == "[edit]\n"
    desk.type("delete trunk carrier channels")
    assert desk.type("compare") == ""
    assert "below it" in desk.type("edit system domain", 2)
    assert "not known here" in desk.type("edit nowhere", 2)


def test_a_commit_on_trial_is_kept_by_confirm_or_by_commit(desk: Desk):
    desk.type("set extension 202 name Workshop")
    said = desk.type("commit confirmed 5")
    assert desk.configuration.asked[-1][2] == {"comment": "", "confirmed_minutes": 5}
    assert "it is taken back at 2026-11-22" in said
    assert "revision 2 is on trial" in desk.type("status")
    assert desk.type("commit") == "confirmed: it stays\n"
    assert desk.configuration.trial is None
    assert "nothing waits" in desk.type("confirm", 2)
    desk.type("commit conf")
    assert desk.configuration.asked[-1][2]["confirmed_minutes"] == 10
    desk.type("exit")
    assert desk.type("confirm") == "confirmed: it stays\n"


def test_the_end_of_a_trial_is_told_with_its_time_zone(monkeypatch):
    try:
        for zone, shown in (("JST-9", "2026-11-22 21:00:00 JST"), ("UTC0", "2026-11-22 12:00:00 UTC")):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert describe_moment("2026-11-22T12:00:00Z") == shown
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("line", ["commit confirmed 0", "commit confirmed 1441", "commit check comment x",
                                  "commit comment", "commit quickly", "commit c", "rollback x", "rollback 1 2",
                                  "compare rollback x", "discard it", "load quickly", "top 1", "nonsense", "set", "s",
                                  'set extension 201 name "open', "show | nonsense", "show | match ("])
def test_what_cannot_be_is_two_lines_and_changes_nothing(desk: Desk, line: str):
    said = desk.type(line, 2)
    assert len(said.splitlines()) == 2, said
    assert desk.configuration.texts == [START]
    assert desk.type("compare") == ""


def test_rollback_loads_the_past_and_discard_forgets(desk: Desk):
    desk.type("delete extension 202")
    desk.type("commit")
    desk.type("rollback 1")
    assert desk.type("compare") == "set extension 202 secret gz4r-mmpe-25vk\n"
    desk.type("discard")
    assert desk.type("compare") == ""
    assert desk.type("show | compare rollback 1") == "delete extension 202\n"
    assert "0 to 2" in desk.type("rollback 7", 2)


def test_pasted_lines_are_loaded_together_and_errors_have_their_line():
    desk = Desk(pasted="set extension 210 secret pasted-in-1\n# a remark\n\nset extension 211 secret pasted-in-2\n")
    desk.type("configure")
    assert desk.type("load").endswith("2 lines loaded\n")
    assert len(desk.type("compare").splitlines()) == 2
    desk.operator.pasted = "set extension 212 secret pasted-in-3\nset system country Japan\nfoo\n"
    said = desk.type("load", 2)
    assert "line 2: system country" in said
    assert "line 3: " in said
    assert said.endswith("1 lines loaded, 2 refused\n")
    assert "set extension 212" in desk.type("compare")


def test_load_replace_takes_the_text_for_the_whole():
    desk = Desk(pasted=START.replace("office.test", "other.test"))
    desk.type("configure")
    desk.type("load replace")
    assert desk.type("compare") == "set system domain other.test\n"


def test_leaving_asks_only_where_something_would_be_lost():
    desk = Desk("no", "yes")
    desk.type("configure")
    desk.type("exit")
    assert (desk.session.configuring, desk.configuration.users) == (None, {})
    desk.type("configure")
    desk.type("delete emergency")
    desk.type("exit")
    assert desk.session.configuring is not None
    desk.type("exit")
    assert desk.session.configuring is None
    assert len(desk.operator.asked) == 2
    assert desk.configuration.texts == [START]


def test_a_pipe_that_ends_in_configuration_mode_says_what_is_lost():
    desk = Desk(is_terminal=False)
    desk.type("configure")
    desk.type("delete emergency")
    assert desk.type("exit", 2) == "what was changed and not committed is gone\n"
    assert desk.session.configuring is None


def test_run_carries_out_a_command_of_operational_mode(desk: Desk):
    assert desk.type("run show calls | match answered").count("\n") == 1
    assert desk.type("run sh conf") == START
    assert desk.session.configuring is not None


def test_another_operator_is_announced():
    configuration = ConfigurationDouble()
    first, second = Desk(configuration=configuration), Desk(configuration=configuration)
    assert first.type("configure") == ""
    assert second.type("configure").startswith("others edit too: ")


def test_a_service_that_is_gone_takes_the_candidate_with_it(desk: Desk):
    desk.type("delete emergency")
    desk.configuration.candidates.clear()

    def ask_nobody(_words):
        from appliance.errors import MachineError
        raise MachineError("read the daemon's answer: it hung up")
    desk.session.servers.ask = lambda _socket, words: ask_nobody(words)
    said = desk.type("compare", 1)
    assert said.endswith("what was changed and not committed is gone\n")
    assert desk.session.configuring is None


def test_the_commands_of_configuration_mode_are_listed(desk: Desk):
    said = desk.type("help")
    assert all(f"{verb} " in said for verb in ("set", "delete", "commit", "rollback", "load", "edit", "run"))
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize(("line", "way"), [
    ("monitor sip", "`run` before it"), ("test route 1 from 201", "`run` before it"),
    ("handset desk lift", "`run` before it"),
    ("configure", "`exit` before it"), ("setup", "`exit` before it")])
def test_commands_of_the_other_mode_are_said_to_be_that(desk: Desk, line: str, way: str):
    assert desk.type(line, 2) == f"{line.split()[0]}: this is a command of operational mode\nallowed: {way}\n"


def test_up_wants_a_number_of_words_not_of_a_revision(desk: Desk):
    assert desk.type("up x", 2) == "up: 'x' is not known here\nallowed: a number\n"


def test_a_revision_of_the_past_is_shown_in_configuration_mode_too(desk: Desk):
    assert desk.type("show revision 1") == START
    assert "revision" in [one.word for one in desk.session.follow(["show"])]
    assert "path: 'nowhere' is not known here" in desk.type("show nowhere", 2)


def test_revisions_and_what_runs_are_shown_in_operational_mode():
    desk = Desk()
    assert desk.type("show configuration") == START
    assert desk.type("show system commit").startswith("revision  at (UTC)")
    assert desk.type("show revision 0") == START
    assert desk.type("show configuration | match extension | count") == "3 lines\n"
