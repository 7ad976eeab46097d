# SPDX-License-Identifier: Apache-2.0
"""ruff and mypy --strict find nothing."""

import subprocess
import sys

from tests.architecture.source_tree import ROOT


def run_module(*arguments: str) -> str:
    """Output of a Python module's command that failed, "" when it was content."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_finds_nothing():
    assert run_module("ruff", "check", ".") == ""


def test_mypy_finds_nothing():
    assert run_module("mypy") == ""


def test_cython_lint_finds_nothing():
    assert run_module("cython_lint", "ext") == ""
