# SPDX-License-Identifier: Apache-2.0
"""The root file system without the application, cached until a package list changes."""

import shutil
import subprocess
import time
from pathlib import Path

from board.debian import Archive, list_sources
from board.graft import LEFT_OUT, graft_root
from board.moments import OF_SCRIPTS_S, level_new
from board.recipe import ARCHITECTURE, BOARD, BUILD, KEYRING, SUITE, digest, digest_files, read_words


def build_root_system(archive: Archive) -> tuple[Path, Path]:
    """The native root, where Python for the board can be byte-compiled, and the board's."""
    recipes = digest_files(BOARD / "graft.py", BOARD / "root_system.py")
    name = digest(SUITE, ARCHITECTURE, read_words("packages.txt"), recipes)
    folder = BUILD / f"base-{name}"
    native, root = folder / "native", folder / "root"
    if (folder / "done").is_file():
        return native, root
    for stale in BUILD.glob("base-*"):
        shutil.rmtree(stale)
    folder.mkdir(parents=True)
    began = time.time()
    install_native(native)
    names = list_packages(native)
    print(f"  {len(names)} packages for {ARCHITECTURE}", flush=True)
    archive.update()
    graft_root(native, archive.fetch(names), root)
    level_new(root, began, OF_SCRIPTS_S)
    (folder / "done").touch()
    return native, root


def install_native(native: Path) -> None:
    """The packages as they are on this machine's own architecture, their scripts run."""
    options = [f"--dpkgopt=path-exclude={one.removeprefix('.')}" for one in LEFT_OUT if "doc" not in one]
    subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--architectures=amd64", "--variant=essential", "--format=dir",
         f"--keyring={KEYRING}", '--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"',
         *options, "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright",
         "--dpkgopt=force-unsafe-io", f"--include={','.join(read_words('packages.txt'))}", SUITE, str(native),
         *list_sources()], check=True)


def list_packages(native: Path) -> list[str]:
    """Everything that is installed there, by name: builds of one version differ in their last digits."""
    listed = subprocess.run(["dpkg-query", f"--admindir={native}/var/lib/dpkg", "--show",
                             "--showformat=${Package}\n"], capture_output=True, text=True, check=True)
    return listed.stdout.split()
