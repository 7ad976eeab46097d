# SPDX-License-Identifier: Apache-2.0
"""`denwaban check`: what it prints and how it ends."""

import io

from appliance.daemons import configuration_file
from appliance.daemons.check_configuration import check_configuration
from appliance.daemons.configuration_file import is_timezone

GOOD = "# denwaban-config 1\nset system domain office.test\nset sip listener office address 127.0.1.1\n"


def check(path):
    output = io.StringIO()
    return check_configuration(str(path), output), output.getvalue().splitlines()


def test_a_good_file_ends_with_zero_and_its_warnings(tmp_path):
    path = tmp_path / "office.conf"
    path.write_text(GOOD + "set sip role b2bua\n")
    status, lines = check(path)
    assert status == 0
    assert lines == [
        f"{path}:1: emergency: warning: no trunk carries emergency calls (110, 118, 119); "
        "set trunk NAME emergency true, or set emergency none if that is meant",
        f"{path}: no errors, 1 warning",
    ]


def test_every_error_is_printed_and_the_status_is_two(tmp_path):
    path = tmp_path / "office.conf"
    path.write_bytes(GOOD.encode() + b"set emergency none\nset sip role x\nset \xff\nset sip listener office port 0\n")
    status, lines = check(path)
    assert status == 2
    assert lines == [
        f'{path}:5: sip role: "x" is not known here; b2bua or proxy or redirect',
        f"{path}:6: line: octet 5 of this line is not UTF-8; text in UTF-8",
        f'{path}:7: sip listener office port: "0" is not a port; 1 to 65535',
        f"{path}: 3 errors, no warnings",
    ]


def test_the_same_warning_of_many_extensions_is_summed_up(tmp_path):
    path = tmp_path / "office.conf"
    path.write_text(
        GOOD + "set emergency none\n" + "".join(f"set extension {n} secret x{n}\n" for n in range(2000, 2050))
    )
    status, lines = check(path)
    assert status == 0
    assert len(lines) == 12
    assert lines[10:] == [f"{path}: 40 more warnings of the sort weak-secret", f"{path}: no errors, 50 warnings"]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    for path in (tmp_path / "nothing.conf", tmp_path):
        status, lines = check(path)
        assert status == 2
        assert lines[0].startswith(f"{path}:1: file: it cannot be read: ")


def test_a_file_beyond_the_limit_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(configuration_file, "FILE_OCTETS_MAXIMUM", 100)
    path = tmp_path / "large.conf"
    path.write_bytes(b"#" * 101)
    assert check(path)[0] == 2


def test_time_zones_are_those_of_the_machine():
    assert is_timezone("Asia/Tokyo")
    assert is_timezone("Asia/Toyko") == (not is_timezone("Etc/UTC"))


def test_a_machine_without_time_zones_refuses_none(monkeypatch):
    def refuse(name):
        raise configuration_file.zoneinfo.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(configuration_file.zoneinfo, "ZoneInfo", refuse)
    assert is_timezone("Asia/Tokyo")
