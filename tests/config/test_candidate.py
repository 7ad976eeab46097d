# SPDX-License-Identifier: Apache-2.0
"""The candidate of one operator, and what a change means in the names of things."""

from appliance.config.candidate import Candidate, Reading
from appliance.config.configuration import load_configuration
from appliance.config.effects import describe_effects
from appliance.config.first_start import compose_box_configuration
from appliance.config.reading import read_tree
from tests.config.office import WHOLE


def read(text):
    loaded = load_configuration(text)
    return Reading(text, read_tree(text, []), loaded.configuration, loaded.findings)


def effects(*lines, text=WHOLE):
    candidate = Candidate(read(text))
    assert candidate.apply(lines) == []
    return describe_effects(read(text).tree, candidate.tree())


def test_nothing_changes_until_something_is_said():
    candidate = Candidate(read(WHOLE))
    assert candidate.text() == WHOLE
    assert not candidate.has_changes()
    assert candidate.list_changes(candidate.base.tree) == []
    candidate.apply(["set sip role proxy"])
    assert candidate.has_changes()
    candidate.begin(candidate.base)
    assert not candidate.has_changes()


def test_a_text_that_is_loaded_stays_as_it_was_written():
    candidate = Candidate(read(WHOLE))
    assert [one.line for one in candidate.load("# mine\nset sip role king\n")] == [1, 2]
    assert candidate.text() == "# mine\nset sip role king\n"
    candidate.apply(["set sip role proxy"])
    assert "set sip role proxy" in candidate.text()


def test_lines_under_a_path_are_told_by_whole_words():
    candidate = Candidate(read(WHOLE))
    candidate.apply(["set extension 10011 secret other-word"])
    assert candidate.list_lines(["extension", "1001"]) == [
        'set extension 1001 name "Reception desk"', "set extension 1001 secret alpha-1001"]
    assert candidate.list_lines(["nothing"]) == []
    assert len(candidate.list_lines([])) > 40


def test_effects_name_what_comes_goes_and_changes_but_no_secret():
    assert effects("delete extension 1003", "set extension 1004 secret delta-1004",
                   "set extension 1001 secret new-word-1", "set extension 1002 secret new-word-2",
                   "set sip role proxy", "delete sip digest") == [
        "sip role: b2bua -> proxy", "sip digest algorithm: md5 -> default", "extension 1003 removed",
        "extension 1004 added", "extension 1001 changed: secret", "extension 1002 changed: secret"]
    many = effects(*[f"set extension {number} secret word-{number}" for number in range(2000, 2100)])
    assert many == ["extension 2000 to 2099, 100 in all, added"]


def test_the_first_configuration_of_a_box_is_whole_but_for_the_way_to_help():
    for interfaces in (["eth0"], ["eth0", "eth1"], ["enp1s0", "enp2s0", "enp3s0"]):
        text = compose_box_configuration(interfaces)
        result = load_configuration(text)
        assert [(one.id, one.is_error()) for one in result.findings] == [("no-emergency", False)]
        assert result.configuration.network_managed
        assert result.configuration.extensions == {}
        roles = [line.split()[-1] for line in text.splitlines() if " role " in line and "interface" in line]
        assert roles == (["lan"] if len(interfaces) == 1 else ["wan"] + ["lan"] * (len(interfaces) - 1))
