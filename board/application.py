# SPDX-License-Identifier: Apache-2.0
"""denwaban for the board: islands cross-compiled, Python packages beside them, everything byte-compiled."""

import os
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from board.debian import Archive, unpack
from board.native_run import SHOWN, run_natively
from board.recipe import BOARD, BUILD, CHECKOUT, EXTENSION_SUFFIX, PYTHON, TRIPLET, TUNING, digest, digest_files

PLACE = "usr/lib/denwaban"
LAUNCHER = """#!/usr/bin/python3 -I
import sys
sys.path.insert(0, "/usr/lib/denwaban/lib")
from appliance.__main__ import main
sys.exit(main())
"""
HEADERS = f"lib{PYTHON}-dev"
COMPILER = f"{TRIPLET}-gcc"


def install_application(archive: Archive, native: Path, root: Path) -> None:
    """Puts the application under /usr/lib/denwaban of the root."""
    place = root / PLACE
    library = place / "lib"
    shutil.copytree(CHECKOUT / "appliance", library / "appliance",
                    ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyi", "*.c"))
    for island in build_islands(archive):
        shutil.copy2(island, library / "appliance/native")
    for package in collect_dependencies().iterdir():
        shutil.copytree(package, library / package.name) if package.is_dir() else shutil.copy2(package, library)
    (place / "bin").mkdir(exist_ok=True)
    launcher = place / "bin/denwaban"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    compile_python(native, library)


def build_islands(archive: Archive) -> list[Path]:
    """Every ext/*.pyx as a module for the board's Python; built anew when something in ext/ changes."""
    recipes = digest_files(CHECKOUT / "ext", CHECKOUT / "setup.py", BOARD / "application.py")
    folder = BUILD / f"islands-{digest(recipes, PYTHON, TUNING)}"
    sources = sorted((CHECKOUT / "ext").glob("*.pyx"))
    if not (folder / "done").is_file():
        for stale in BUILD.glob("islands-*"):
            shutil.rmtree(stale)
        folder.mkdir(parents=True)
        headers = provide_headers(archive)
        with ThreadPoolExecutor(os.cpu_count()) as executor:
            list(executor.map(lambda source: cross_compile(source, folder, headers), sources))
        (folder / "done").touch()
    return [folder / f"{source.stem}{EXTENSION_SUFFIX}" for source in sources]


def cross_compile(source: Path, folder: Path, headers: Path) -> None:
    """One island."""
    text = folder / f"{source.stem}.c"
    # by its name alone: where the checkout lies is not to stand in the module
    subprocess.run([sys.executable, "-m", "cython", "-3", "--module-name", f"appliance.native.{source.stem}",
                    "-I", ".", source.name, "-o", text], check=True, capture_output=True, cwd=source.parent)
    include = headers / "usr/include"
    subprocess.run([COMPILER, "-O2", TUNING, "-fPIC", "-shared", "-fno-strict-aliasing", "-DNDEBUG",
                    f"-ffile-prefix-map={folder}=.", f"-ffile-prefix-map={headers}=.",
                    f"-I{include}/{PYTHON}", f"-I{include}", f"-I{include}/{TRIPLET}", text,
                    "-o", folder / f"{source.stem}{EXTENSION_SUFFIX}"], check=True)


def provide_headers(archive: Archive) -> Path:
    """The headers of the board's Python."""
    folder = BUILD / f"headers-{digest(HEADERS)}"
    if not (folder / "done").is_file():
        archive.update()
        for package in archive.fetch([HEADERS]):
            unpack(package, folder)
        (folder / "done").touch()
    return folder


def collect_dependencies() -> Path:
    """What pyproject.toml names, as the board's Python will find it; cached by its versions."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    wanted: list[str] = project["dependencies"]
    folder = BUILD / f"dependencies-{digest(wanted)}"
    if not (folder / "done").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        platforms = [f"--platform={one}_{TRIPLET.split('-')[0]}"
                     for one in ("manylinux_2_17", "manylinux2014", "manylinux_2_28")]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
             "--only-binary=:all:", "--implementation=cp", "--python-version=313", *platforms, "--target",
             folder / "lib", *wanted], check=True)
        shutil.rmtree(folder / "lib/bin", ignore_errors=True)
        (folder / "done").touch()
    return folder / "lib"


def compile_python(native: Path, library: Path) -> None:
    """By the native root's Python, which is of the same version: its byte code serves every architecture."""
    run_natively(native, library, f"/usr/bin/{PYTHON}", "-m", "compileall", "-q", "-j0", "-s", SHOWN,
                 "-p", f"/{PLACE}/lib", "--invalidation-mode", "unchecked-hash", SHOWN)
