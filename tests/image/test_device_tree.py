# SPDX-License-Identifier: Apache-2.0
"""The overlay that is made of two device trees makes one of the other, as dtc's own tools see it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from board.device_tree import compose_overlay, read_tree

BASE = """/dts-v1/;
/ { #address-cells = <1>; #size-cells = <1>; model = "first";
    soc { #address-cells = <1>; #size-cells = <1>;
        pins@7d504100 { compatible = "maker,c0-pins"; reg = <0x7d504100 0x30>; flag; };
        serial@7d001000 { compatible = "arm,pl011"; interrupts = <0 121 4>; status = "okay"; };
        other@1 { reg = <1 1>; }; }; };
"""
CHANGES = (('"first"', '"second, and longer"'), ("c0-pins", "d0-pins"), ("0x30", "0x20"), ("<0 121 4>", "<0 120 4>"),
           ("<1 1>;", '<1 1>; names = "a", "", "b";'))

pytestmark = pytest.mark.skipif(shutil.which("fdtoverlay") is None, reason="fdtoverlay is not installed")


def compile_tree(folder: Path, name: str, source: str) -> Path:
    path = folder / f"{name}.dtb"
    subprocess.run(["dtc", "-q", "-o", path, "-"], input=source, text=True, check=True, timeout=60)
    return path


def test_it_makes_one_of_the_other(tmp_path):
    source = BASE
    for before, after in CHANGES:
        source = source.replace(before, after)
    base, wanted = compile_tree(tmp_path, "base", BASE), compile_tree(tmp_path, "wanted", source)
    overlay, made = tmp_path / "overlay.dtbo", tmp_path / "made.dtb"
    overlay.write_bytes(compose_overlay(read_tree(base), read_tree(wanted)))
    subprocess.run(["fdtoverlay", "-i", base, "-o", made, overlay], check=True, timeout=60)
    assert read_tree(made) == read_tree(wanted) != read_tree(base)
    unchanged = compose_overlay(read_tree(base), read_tree(base))
    assert b"fragment" not in unchanged


@pytest.mark.parametrize("change", [("flag;", ""), ("other@1 {", "other@2 {")])
def test_what_an_overlay_cannot_say_is_refused(tmp_path, change):
    base, wanted = compile_tree(tmp_path, "base", BASE), compile_tree(tmp_path, "wanted", BASE.replace(*change))
    with pytest.raises(ValueError, match=r"different nodes|would lose"):
        compose_overlay(read_tree(base), read_tree(wanted))


def test_another_file_is_no_device_tree(tmp_path):
    path = tmp_path / "x.dtb"
    path.write_bytes(bytes(64))
    with pytest.raises(ValueError, match=r"x\.dtb is no device tree"):
        read_tree(path)
