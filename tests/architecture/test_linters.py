# SPDX-License-Identifier: Apache-2.0
"""ruff and mypy --strict find nothing."""

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source_tree import ROOT


def complaints_of(program: str, *arguments: str) -> str:
    """Output of a program of the virtual environment that failed, "" when it was content."""
    programs = Path(sys.executable).parent
    done = subprocess.run([programs / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})  # for pycodestyle
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_finds_nothing():
    assert complaints_of("ruff", "check", ".") == ""


def test_mypy_finds_nothing():
    assert complaints_of("mypy") == ""


def test_cython_lint_finds_nothing():
    assert complaints_of("cython-lint", "ext") == ""
