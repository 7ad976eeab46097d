# SPDX-License-Identifier: Apache-2.0
"""What everybody who gets a card may know: whose the programs on it are, on what terms, and our own pages.

Debian's packages bring their copyright files into the root themselves. Kernel, firmware and busybox are taken out of
theirs, so their files are put there again; and on the first partition beside them, as the firmware's licence wants.
"""

import shutil
from pathlib import Path

from board.recipe import CHECKOUT

SHOWN = "usr/share/doc"
OWN = ("LICENSE", "README.md", "CHANGELOG.md")


def keep_copyrights(unpacked: Path, target: Path) -> None:
    """Those of unpacked packages as target/PACKAGE. Raises RuntimeError where there is none."""
    found = sorted((unpacked / SHOWN).glob("*/copyright"))
    if not found:
        raise RuntimeError(f"{unpacked}: packages without a copyright file")
    target.mkdir(exist_ok=True)
    for path in found:
        shutil.copyfile(path, target / path.parent.name)


def write_documentation(root: Path, copyrights: Path) -> None:
    """/usr/share/doc of the root. copyrights: a folder of files named by package."""
    for path in copyrights.iterdir():
        place = root / SHOWN / path.name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / "copyright")
    pages = root / SHOWN / "denwaban"
    shutil.copytree(CHECKOUT / "docs", pages, dirs_exist_ok=True)
    for name in OWN:
        shutil.copyfile(CHECKOUT / name, pages / name)


def write_licences(copyrights: Path, target: Path) -> None:
    """The folder of the first partition: what is said of the programs there, and of our own."""
    target.mkdir()
    for path in copyrights.iterdir():
        shutil.copyfile(path, target / f"{path.name}.txt")
    shutil.copyfile(CHECKOUT / "LICENSE", target / "denwaban.txt")
