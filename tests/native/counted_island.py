# SPDX-License-Identifier: Apache-2.0
"""An island built so that it counts its steps: each basic block that is executed is one, on every machine the same."""

import ctypes
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from tests.architecture.source_tree import ROOT

COUNTER = """
static unsigned long steps;
unsigned long count_steps(void) { return steps; }
void __sanitizer_cov_trace_pc(void) { ++steps; }    /* the compiler calls it at the begin of each block */
"""
BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(script_args=["-q", "build_ext", "--build-lib", {folder!r}, "--build-temp", {folder!r}], ext_modules=cythonize(
    [Extension({name!r}, [{source!r}], extra_compile_args=["-O0", "-g0", "-w", "-fsanitize-coverage=trace-pc"],
               extra_objects=[{counter!r}])],
    quiet=True, build_dir={folder!r}, include_path=[{include!r}], compiler_directives={{
        "language_level": 3, "cdivision": True, "boundscheck": False, "wraparound": False, "initializedcheck": False}}))
"""


class CountedIsland:
    """module: the island as it is imported, beside the one of the appliance."""

    def __init__(self, name: str, folder: Path) -> None:
        source, counter = folder / "steps.c", folder / "steps.o"
        source.write_text(COUNTER)
        subprocess.run(["gcc", "-O1", "-fPIC", "-c", str(source), "-o", str(counter)], check=True)
        script = BUILD.format(folder=str(folder), name=name, source=str(ROOT / "ext" / f"{name}.pyx"),
                              counter=str(counter), include=str(ROOT / "ext"))
        subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
        place = next(folder.glob(f"{name}*.so"))
        self.module = load_island(name, place)
        self._count = ctypes.CDLL(str(place)).count_steps
        self._count.restype = ctypes.c_ulong

    def count_steps(self, act: Callable[[], object]) -> int:
        """Steps of the island while `act` runs; what it only copies, and what Python does, is in none."""
        before = self._count()
        act()
        return self._count() - before


def load_island(name: str, place: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
