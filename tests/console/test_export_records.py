# SPDX-License-Identifier: Apache-2.0
"""Records as CSV and JSON lines: every column, quoted as RFC 4180 wants, no formula for a spreadsheet to run."""

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from appliance.console.operate.export_records import (
    CALL_FIELDS,
    FORMULA_SIGNS,
    LEG_FIELDS,
    PAGE_RECORDS,
    stream,
    write_csv,
    write_json,
)
from appliance.control import observed
from tests.control.sample_office import make_border_call, make_call


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def export(words: str, calls: list[observed.Call]) -> tuple[str, list[list[str]]]:
    """The export of these records, and what was asked for."""
    asked: list[list[str]] = []

    def ask(command: list[str]) -> object:
        asked.append(command)
        after = int(command[command.index("after") + 1])
        return [call for call in calls if call["number"] > after][:int(command[2])]
    return "".join(stream(ask, words.split())), asked


def test_every_field_is_exported():
    assert set(CALL_FIELDS) == set(observed.Call.__annotations__) - {"legs"}
    assert set(LEG_FIELDS) == set(observed.Leg.__annotations__)


def test_a_line_a_leg_with_the_call_in_each():
    text, _ = export("export records csv", [make_border_call(7)])
    inside, outside = read(text)
    assert (inside["number"], outside["number"]) == ("7", "7")
    assert (inside["leg_line"], outside["leg_line"]) == ("office", "carrier")
    assert (outside["leg_packets_received"], outside["leg_loss_percent"], outside["is_emergency"]) == (
        "3000", "2.5", "false")
    assert text.count("\r\n") == 3


def test_a_call_without_legs_has_a_line_too():
    call = make_call(3)
    call["legs"] = []
    (row,) = read(export("export records csv", [call])[0])
    assert (row["number"], row["leg_line"]) == ("3", "")


def test_it_is_asked_for_page_by_page_with_the_options_of_the_command():
    calls = [make_call(number) for number in range(5, 5 + 2 * PAGE_RECORDS)]
    text, asked = export("export records json number 201 since 2h", calls)
    assert [json.loads(line)["number"] for line in text.splitlines()] == [call["number"] for call in calls]
    options = ["number", "201", "since", "2h"]
    assert asked == [["show", "records", str(PAGE_RECORDS), "after", str(after), *options]
                     for after in (0, 4 + PAGE_RECORDS, 4 + 2 * PAGE_RECORDS)]


def test_what_a_spreadsheet_would_run_is_text():
    for name in ('=HYPERLINK("http://x","y")', "+81", "-1+2", "@SUM(1)", "\t=1", "\r=1"):
        call = make_call(1)
        call["caller_name"] = name
        (row,) = read(export("export records csv", [call])[0])
        assert row["caller_name"] == "'" + name


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_whatever_a_peer_calls_itself_comes_back(name, reason):
    call = make_border_call(1)
    call["caller_name"] = call["legs"][1]["name"] = name
    call["reason"] = reason
    for row in read(export("export records csv", [call])[0]):
        for found, meant in ((row["caller_name"], name), (row["reason"], reason)):
            assert found == ("'" + meant if meant.startswith(FORMULA_SIGNS) else meant)
            assert not found.startswith(FORMULA_SIGNS)
    assert json.loads(write_json(call)) == call
    assert write_json(call).count("\n") == 1
    assert write_csv(call).endswith("\r\n")
