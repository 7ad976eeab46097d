# SPDX-License-Identifier: Apache-2.0
"""The Cython islands of ext/, built as appliance.native.<name>; everything else stands in pyproject.toml.

DENWABAN_DEBUG=1 builds them with asserts, bounds checks and the address and undefined-behaviour sanitizers.
"""
import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("DENWABAN_DEBUG") == "1"
COMPILE = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-omit-frame-pointer"] if DEBUG else ["-O2", "-g0"]
LINK = ["-fsanitize=address,undefined"] if DEBUG else []
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
}

islands = [
    Extension(
        f"appliance.native.{source.stem}",
        [str(source)],
        extra_compile_args=[*COMPILE, "-Wall", "-Wno-unused-function", "-Wno-unreachable-code-fallthrough"],
        extra_link_args=LINK,
    )
    for source in sorted(Path("ext").glob("*.pyx"))
]

setup(ext_modules=cythonize(islands, compiler_directives=DIRECTIVES, include_path=["ext"], build_dir="build"))
