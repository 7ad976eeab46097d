# SPDX-License-Identifier: Apache-2.0
"""The kernel, its modules and device trees, from backports; and the Raspberry Pi's firmware files."""

import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from board.debian import Archive, unpack
from board.licences import keep_copyrights
from board.moments import OF_SCRIPTS_S, level_new
from board.recipe import BOARD, BUILD, KERNEL_PACKAGE, digest, digest_files, read_words

FIRMWARE_PACKAGE = "raspi-firmware"
"""Proprietary; it may be given away for use on a Raspberry Pi (its copyright file)."""


@dataclass(frozen=True)
class Kernel:
    """version: as uname says it; modules: the folder with its name, pruned; image, dtbs, firmware: for the card;
    copyrights: what is said of the programs on the card's first partition, by package."""

    version: str
    modules: Path
    image: Path
    dtbs: Path
    firmware: Path
    copyrights: Path


def build_kernel(archive: Archive) -> Kernel:
    """Unpacked and pruned; cached by the list of what is left out."""
    name = digest(KERNEL_PACKAGE, FIRMWARE_PACKAGE, digest_files(BOARD / "modules-left-out.txt", BOARD / "kernel.py"))
    folder = BUILD / f"kernel-{name}"
    if not (folder / "done").is_file():
        for stale in BUILD.glob("kernel-*"):
            shutil.rmtree(stale)
        began = time.time()
        fetch_kernel(archive, folder)
        level_new(folder, began, OF_SCRIPTS_S)
        (folder / "done").touch()
    modules = next((folder / "modules").iterdir())
    return Kernel(modules.name, modules, folder / "vmlinuz", folder / "dtb", folder / "firmware",
                  folder / "copyrights")


def fetch_kernel(archive: Archive, folder: Path) -> None:
    """The kernel's packages from backports, without their scripts."""
    archive.update()
    version = archive.find_backport(KERNEL_PACKAGE)
    image = next(one for one in archive.list_dependencies(KERNEL_PACKAGE, version)
                 if one.startswith("linux-image-") and one[len("linux-image-")].isdigit())
    parts = [one for one in archive.list_dependencies(image, version)
             if one.startswith(("linux-binary-", "linux-modules-", "linux-base-"))] or [image]
    for package in archive.fetch(f"{one}={version}" for one in parts):
        unpack(package, folder / "unpacked")
    for package in archive.fetch([FIRMWARE_PACKAGE]):
        unpack(package, folder / "unpacked-firmware")
    release = image.removeprefix("linux-image-")
    found = folder / "unpacked/usr/lib/modules" / release
    place = folder / "modules" / release
    place.parent.mkdir()
    found.rename(place)
    take_out(place, folder, release)
    prune_modules(place)
    keep_copyrights(folder / "unpacked", folder / "copyrights")
    keep_copyrights(folder / "unpacked-firmware", folder / "copyrights")
    shutil.rmtree(folder / "unpacked")
    (folder / "unpacked-firmware/usr/lib/raspi-firmware").rename(folder / "firmware")
    shutil.rmtree(folder / "unpacked-firmware")


def take_out(modules: Path, folder: Path, release: str) -> None:
    """Kernel and device trees belong on the boot partition, not into the root."""
    candidates = (modules / "vmlinuz", folder / "unpacked/boot" / f"vmlinuz-{release}")
    shutil.copy2(next(path for path in candidates if path.is_file()), folder / "vmlinuz")
    trees = (modules / "dtb", folder / "unpacked/usr/lib" / f"linux-image-{release}")
    shutil.copytree(next(path for path in trees if path.is_dir()), folder / "dtb")
    for name in ("vmlinuz", "System.map", "config"):
        (modules / name).unlink(missing_ok=True)
    shutil.rmtree(modules / "dtb", ignore_errors=True)


def prune_modules(modules: Path) -> None:
    """Leaves out what no telephone system needs, and says anew what depends on what."""
    for name in read_words("modules-left-out.txt"):
        shutil.rmtree(modules / "kernel" / name, ignore_errors=True)
    root = modules.parents[1] / "depmod"
    (root / "lib/modules").mkdir(parents=True)
    shutil.move(modules, root / "lib/modules")
    subprocess.run(["depmod", "-b", root, modules.name], check=True)
    shutil.move(root / "lib/modules" / modules.name, modules)
    shutil.rmtree(root)
