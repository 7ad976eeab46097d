# SPDX-License-Identifier: Apache-2.0
"""A package whose parts are imported without the rest of it."""

import subprocess
import sys

import pytest

from appliance.system.spare_package import spare_package


@pytest.fixture
def package(tmp_path, monkeypatch):
    """`large`, whose __init__ cannot run, with a part that needs another part."""
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise AssertionError('all of it')\n")
    (folder / "other.py").write_text("value = 7\n")
    (folder / "part.py").write_text("from large import other\nvalue = other.value\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "large"
    for name in [name for name in sys.modules if name.partition(".")[0] == "large"]:
        del sys.modules[name]


def test_a_part_comes_without_the_rest(package):
    spare_package(package)
    from large.part import value
    assert value == 7


def test_what_is_there_already_is_left_alone_and_what_is_nowhere_is_missed_as_ever():
    before = sys.modules["subprocess"]
    spare_package("subprocess")
    assert sys.modules["subprocess"] is before
    spare_package("no_such_package")
    assert "no_such_package" not in sys.modules


def test_netd_has_nothing_of_pyroute2_that_it_does_not_use():
    wanted = "import sys, appliance.daemons.netd\nprint([one for one in sys.modules if one.startswith('pyroute2')])"
    done = subprocess.run([sys.executable, "-c", wanted], capture_output=True, text=True, check=True)
    assert "pyroute2.iproute.linux" in done.stdout
    assert "pyroute2.nftables.expressions" in done.stdout
    assert "pyroute2.ndb" not in done.stdout
    assert "pyroute2.conntrack" not in done.stdout
