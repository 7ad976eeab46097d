# SPDX-License-Identifier: Apache-2.0
"""The console as a process: output, exit codes, and what it imports."""

import asyncio
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.control.server import ControlServer
from tests.control.sample_office import SampleOffice


def start_console(directory: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance", "console", "--state", str(directory), *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=20, check=False)


def console(directory: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """The console against a serving office."""
    async def serve() -> subprocess.CompletedProcess[str]:
        server = ControlServer(str(directory), SampleOffice(), lambda: 42.0)
        await server.open()
        try:
            return await asyncio.to_thread(start_console, directory, *arguments, text=text)
        finally:
            await server.close()
    return asyncio.run(serve())


def test_one_command_prints_its_output(tmp_path: Path):
    done = console(tmp_path, "-c", "show calls")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("call  state")


def test_json_is_what_the_server_said(tmp_path: Path):
    done = console(tmp_path, "-c", "sh reg", "--json")
    assert [row["extension"] for row in json.loads(done.stdout)] == ["201", "202"]


def test_a_wrong_command_exits_2_and_says_what_is_allowed(tmp_path: Path):
    done = start_console(tmp_path, "-c", "shwo calls")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("command: 'shwo' is not known here\nallowed: show | export | clear | handset | monitor | "
                           "test | explain | configure | confirm | status | setup | help | exit\n")


def test_a_call_that_is_not_there_exits_2(tmp_path: Path):
    done = console(tmp_path, "-c", "show call 99")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("show call: 99 is no call that is known\n"
                           "allowed: what `show calls all` or `show records` lists\n")


def test_trunks_and_explanations_come_from_the_server(tmp_path: Path):
    assert console(tmp_path, "-c", "show trunks").stdout.startswith("trunk    state  server")
    assert json.loads(console(tmp_path, "-c", "show trunks", "--json").stdout)[0]["name"] == "carrier"
    assert console(tmp_path, "-c", "explain call 1").stdout.startswith("call 1: 202 is busy\n")
    assert console(tmp_path, "-c", "explain call 99").returncode == 2


def test_an_export_is_asked_for_page_by_page_and_has_every_record(tmp_path: Path):
    done = console(tmp_path, "-c", "export records csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert [int(row["number"]) for row in rows] == list(range(1, 1201))
    lines = console(tmp_path, "-c", "export records json").stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(1, 1201))


def test_an_export_that_breaks_off_says_so(tmp_path: Path):
    done = console(tmp_path, "-c", "export records csv number broken")
    assert (done.returncode, done.stderr) == (2, "records: read\nallowed: a file that can be read\n")


@pytest.mark.parametrize("name", [".", "missing"])
def test_no_server_exits_1_with_two_lines(tmp_path: Path, name: str):
    done = start_console(tmp_path / name, "-c", "show calls")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 2
    assert "not running" in done.stderr
    assert "denwaban run" in done.stderr


def test_lines_from_a_pipe_are_carried_out_one_by_one(tmp_path: Path):
    done = console(tmp_path, text="show version\n\nshow nothing\nshow alarms\nexit\nshow version\n")
    assert done.returncode == 2
    assert done.stdout == "denwaban 0.1.0\nno alarms\n"


def test_help_needs_no_server(tmp_path: Path):
    done = start_console(tmp_path, "-c", "help")
    assert done.returncode == 0
    assert "show call N ladder" in done.stdout


def test_one_command_starts_without_the_servers_libraries(tmp_path: Path):
    script = ("import sys; from appliance.__main__ import main; "
              f"main(['console', '--state', {str(tmp_path)!r}, '-c', 'show calls']); "
              "print(sorted({'asyncio', 'sqlite3', 'ssl', 'logging', 'appliance.native.sip_scanner'} "
              "& set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("part", ["run", "check", "console", "demo", "version"])
def test_every_part_explains_itself(part: str):
    done = subprocess.run([sys.executable, "-m", "appliance", part, "--help"], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 0
    assert "usage: denwaban" in done.stdout


def test_an_unknown_part_exits_2():
    done = subprocess.run([sys.executable, "-m", "appliance", "fly"], capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == 2
