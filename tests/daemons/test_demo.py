# SPDX-License-Identifier: Apache-2.0
"""`denwaban demo`: where it is found, and what is said where it cannot be."""

import pytest

from appliance.daemons import demo
from appliance.errors import MachineError
from tests.architecture.source_tree import PACKAGE, ROOT


def test_this_checkout_has_the_demonstration():
    assert demo.find_checkout(PACKAGE) == ROOT


def test_an_installed_package_says_that_it_needs_a_checkout(tmp_path):
    with pytest.raises(MachineError, match="make demo"):
        demo.find_checkout(tmp_path / "site-packages" / "appliance")


def test_the_demonstration_replaces_the_program(monkeypatch, tmp_path):
    became = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo.os, "execv", lambda program, arguments: became.append((program, arguments)))
    demo.run_demo("kept")
    assert [arguments[1:] for _program, arguments in became] == [["-m", "tests.demo", "--keep", str(tmp_path / "kept")]]
    assert demo.Path.cwd() == ROOT
