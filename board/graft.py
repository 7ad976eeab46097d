# SPDX-License-Identifier: Apache-2.0
"""A root file system of another architecture without running one instruction of it.

The same packages are installed natively, where their scripts run at full speed. Then the payload comes from the other
architecture's packages, and from the native root only what the scripts have made: users, links, modes, enabled units.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from board.debian import unpack

LEFT_OUT = ("./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*", "./usr/share/i18n/*",
            "./usr/share/doc/*/[!c]*")
NOT_STATE = ("/proc", "/sys", "/dev", "/var/cache", "/var/lib/apt", "/tmp", "/run", "/var/log")
NATIVE_TRIPLET = "x86_64-linux-gnu"
NATIVE_ONLY = ("/etc/ld.so.cache", "/usr/lib64")
ELF, ELF_AARCH64 = b"\x7fELF", b"\xb7\x00"


def graft_root(native: Path, packages: Iterable[Path], target: Path) -> None:
    """target: the new root. Raises RuntimeError where something of the native architecture would be in it."""
    ordered = sorted(packages, key=lambda path: (not path.name.startswith("base-files_"), path.name))
    for package in ordered:
        unpack(package, target, *LEFT_OUT)
    owned = set(_list_owned(native))
    for path, status in _walk(native):
        _graft(native, target, (path, status), owned)
    strangers = list_foreign(target)
    if strangers:
        raise RuntimeError(f"not of the board's architecture: {', '.join(strangers[:5])}")


def _list_owned(native: Path) -> Iterator[str]:
    """Every path that a package of the native root brought."""
    for listed in (native / "var/lib/dpkg/info").glob("*.list"):
        for line in listed.read_text().splitlines():
            yield re.sub(r"^/(bin|sbin|lib|lib64)(/|$)", r"/usr/\1\2", line)


def _walk(native: Path) -> Iterator[tuple[str, os.stat_result]]:
    for folder, names, files in os.walk(native):
        inside = "/" + str(Path(folder).relative_to(native)).removeprefix(".")
        inside = inside.rstrip("/")
        if inside.startswith(NOT_STATE) or NATIVE_TRIPLET in inside:
            names.clear()
            continue
        for name in [*names, *files]:
            path = f"{inside}/{name}"
            if NATIVE_TRIPLET not in path and path not in NATIVE_ONLY:
                yield path, os.lstat(f"{native}{path}")


def _graft(native: Path, target: Path, found: tuple[str, os.stat_result], owned: set[str]) -> None:
    path, status = found
    source, goal = f"{native}{path}", f"{target}{path}"
    if os.path.lexists(goal):
        _take_attributes(source, goal, path, status)
    elif path in owned:
        pass                                # of the native packages alone
    elif stat.S_ISDIR(status.st_mode):
        os.mkdir(goal)
        os.chmod(goal, stat.S_IMODE(status.st_mode))
        os.lchown(goal, status.st_uid, status.st_gid)
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), goal)
    elif stat.S_ISREG(status.st_mode) and not _is_elf(source):
        shutil.copy2(source, goal)
        os.lchown(goal, status.st_uid, status.st_gid)


def _take_attributes(source: str, goal: str, path: str, status: os.stat_result) -> None:
    """Owner, mode, and in /etc what a script has written into a file of the package."""
    there = os.lstat(goal)
    if (there.st_uid, there.st_gid) != (status.st_uid, status.st_gid):
        os.lchown(goal, status.st_uid, status.st_gid)
    if stat.S_ISLNK(status.st_mode):
        return
    if stat.S_IMODE(there.st_mode) != stat.S_IMODE(status.st_mode):
        os.chmod(goal, stat.S_IMODE(status.st_mode))
    is_text = path.startswith("/etc/") and stat.S_ISREG(status.st_mode) and not _is_elf(source)
    if is_text and Path(source).read_bytes() != Path(goal).read_bytes():
        shutil.copy2(source, goal)


def _is_elf(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == ELF


def list_foreign(root: Path) -> list[str]:
    """Programs and libraries in the root that the board could not run."""
    found = []
    for folder, _names, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                head = file.read(20)
            if head[:4] == ELF and head[18:20] != ELF_AARCH64:
                found.append(path.removeprefix(str(root)))
    return found
