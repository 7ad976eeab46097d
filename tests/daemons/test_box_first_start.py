# SPDX-License-Identifier: Apache-2.0
"""The first configuration of a box is written once, by the interfaces it has, for its owner alone."""

import stat
from pathlib import Path

import pytest

from appliance.config.configuration import load_configuration
from appliance.daemons import first_start
from appliance.errors import MachineError


def test_it_is_written_where_there_is_none_and_never_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "config" / "running.conf"
    monkeypatch.setattr(first_start, "find_interfaces", lambda: ["eth0", "eth1"])
    first_start.provide_box_configuration(str(path), str(tmp_path))
    configuration = load_configuration(path.read_bytes()).configuration
    assert configuration is not None
    assert configuration.network_managed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("mine\n")
    first_start.provide_box_configuration(str(path), str(tmp_path))
    assert path.read_text() == "mine\n"


def test_a_key_on_the_card_lets_its_owner_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "config" / "running.conf"
    (tmp_path / "operator.pub").write_text(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmHAMJUAUr34TTqcPxvyRJIywWYblLxiGk63vtgTX7x anna\n")
    monkeypatch.setattr(first_start, "find_interfaces", lambda: ["eth0"])
    first_start.provide_box_configuration(str(path), str(tmp_path))
    assert 'set system operator card ssh-key "ssh-ed25519 AAAA' in path.read_text()


def test_a_key_that_an_editor_has_put_a_byte_order_mark_before_is_a_key(tmp_path: Path):
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmHAMJUAUr34TTqcPxvyRJIywWYblLxiGk63vtgTX7x anna"
    (tmp_path / "operator.pub").write_bytes(b"\xef\xbb\xbf" + line.encode() + b"\r\n")
    assert first_start.read_operator_keys(str(tmp_path)).strip() == line


def test_a_file_that_cannot_be_read_keeps_no_box_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "config" / "running.conf"
    (tmp_path / "operator.pub").mkdir()
    monkeypatch.setattr(first_start, "find_interfaces", lambda: ["eth0"])
    first_start.provide_box_configuration(str(path), str(tmp_path))
    assert "network managed true" in path.read_text()


def test_a_machine_without_any_interface_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(first_start, "find_interfaces", list)
    with pytest.raises(MachineError, match="no network interface"):
        first_start.provide_box_configuration(str(tmp_path / "running.conf"), str(tmp_path))


def test_interfaces_are_those_for_a_cable_in_the_order_of_their_numbers(tmp_path, monkeypatch):
    kinds = {"lo": ("772", "0x9"), "eth10": ("1", "0x1003"), "eth2": ("1", "0x1002"), "dummy0": ("1", "0x82"),
             "br0": ("1", "0x1003"), "wlan0": ("1", "0x1003"), "tun0": ("65534", "0x1")}
    for name, (kind, flags) in kinds.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "type").write_text(f"{kind}\n")
        (tmp_path / name / "flags").write_text(f"{flags}\n")
    (tmp_path / "br0" / "bridge").mkdir()
    (tmp_path / "wlan0" / "wireless").mkdir()
    monkeypatch.setattr(first_start, "INTERFACES", str(tmp_path))
    monkeypatch.setattr(first_start.socket, "if_nameindex", lambda: list(enumerate([*kinds, "gone0"])))
    assert first_start.find_interfaces() == ["eth2", "eth10"]
