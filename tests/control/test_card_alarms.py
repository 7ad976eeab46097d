# SPDX-License-Identifier: Apache-2.0
"""What has befallen the card is an alarm: what the start told, and what its file system has met since."""

import pytest

from appliance.console.messages.catalog import JAPANESE, load_sentences, select_language
from appliance.console.operate import show_alarms
from appliance.control.card_alarms import list_card_alarms
from appliance.system.card_watch import CardWatch
from appliance.vocabulary.card_alarm import WORDINGS


class Card:
    """The files of a box, in a folder."""

    def __init__(self, folder):
        self._folder = folder
        self._watch = CardWatch(folder / "told", folder / "device", folder / "ext4")

    def tell(self, *lines):
        (self._folder / "told").write_text("".join(f"{line}\n" for line in lines))

    def meet(self, errors, name="mmcblk0p4"):
        (self._folder / "device").write_text(f"{name}\n")
        (self._folder / "ext4" / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "ext4" / name / "errors_count").write_text(f"{errors}\n")

    def alarms(self, now=100.0):
        return list(list_card_alarms(self._watch.list_mishaps(now), lambda at: f"{at:.2f}"))

    def names(self):
        return [alarm["name"] for alarm in self.alarms()]


@pytest.fixture
def card(tmp_path):
    return Card(tmp_path)


@pytest.fixture
def japanese():
    select_language(JAPANESE)
    yield
    select_language("en")


def test_a_machine_that_has_no_card_has_no_alarms_of_it(card):
    assert card.alarms() == []


def test_what_the_start_told_is_an_alarm_since_then(card):
    card.tell("4.17 card_repaired", "5.02 slot_failed A 5")
    repaired, failed = card.alarms()
    assert (repaired["name"], repaired["raised_at"]) == ("card_repaired", "4.17")
    assert "was repaired at the start" in repaired["sentence"]
    assert (failed["name"], failed["subject"]) == ("slot_failed_a", "A")
    assert failed["sentence"].startswith("slot A of the card has failed")


def test_errors_that_the_file_system_meets_while_it_runs_are_an_alarm_from_when_they_were_noticed(card):
    card.meet(0)
    assert card.alarms(50.0) == []
    card.meet(2)
    assert [(one["name"], one["detail"], one["raised_at"]) for one in card.alarms(60.0)] == [
        ("card_failing", "2", "60.00")]
    card.meet(3)
    assert [(one["detail"], one["raised_at"]) for one in card.alarms(70.0)] == [("3", "60.00")]


@pytest.mark.parametrize("kind", ["card_unwritable", "card_unreadable"])
def test_where_ram_has_taken_its_place_the_errors_below_say_nothing_new(card, kind):
    card.tell(f"3.0 {kind}")
    card.meet(7)
    assert card.names() == [kind]


def test_the_same_is_said_once_and_what_is_no_line_not_at_all(card):
    card.tell("3.0 slot_failed A", "3.1 slot_failed A", "3.2 slot_failed B", "", "rubbish", "4.0", "4.0 flooded cellar",
              "x card_repaired", "\x00\x00")
    assert card.names() == ["slot_failed_a", "slot_failed_b"]


def test_a_count_that_is_no_number_is_none(card):
    card.meet("")
    assert card.alarms() == []


def test_each_alarm_has_its_words_in_japanese():
    sentences = load_sentences(JAPANESE)
    for wording in WORDINGS.values():
        for text in wording:
            assert sentences.get(text), text


@pytest.mark.usefixtures("japanese")
def test_it_is_shown_in_japanese(card):
    card.tell("2.0 slot_unproven B")
    shown = show_alarms.render(card.alarms())
    assert "スロット B" in shown
    assert "slot" not in shown
