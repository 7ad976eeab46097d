# SPDX-License-Identifier: Apache-2.0
"""The initial RAM disk: busybox, the modules that reach the card, and initramfs/init, which chooses the slot."""

import lzma
import os
import stat
import subprocess
from pathlib import Path

from board.debian import Archive, unpack
from board.kernel import Kernel
from board.licences import keep_copyrights
from board.recipe import BOARD, BUILD, read_boards, read_words

FOLDERS = ("bin", "dev", "proc", "sys", "run", "mnt", "lib", "lib/modules", "root", "newroot", "etc")
BUSYBOX_PACKAGE = "busybox-static"
BUSYBOX = BUILD / "busybox"


class Cpio:
    """An archive in the form that the kernel unpacks (newc)."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._number = 0

    def add(self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        """One entry; device: major and minor, of device nodes."""
        self._number += 1
        written = name.encode() + b"\0"
        fields = (self._number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(written), 0)
        self._pad(b"070701" + b"".join(b"%08X" % field for field in fields) + written)
        self._pad(content)

    def _pad(self, octets: bytes) -> None:
        self._octets += octets + bytes(-len(octets) % 4)

    def finish(self) -> bytes:
        """Everything, with its end."""
        self.add("TRAILER!!!", 0)
        return bytes(self._octets)


def build_initial_ramdisk(archive: Archive, kernel: Kernel, target: Path) -> None:
    """Writes it to target, and adds busybox to the kernel's copyrights."""
    cpio = Cpio()
    for folder in FOLDERS:
        cpio.add(folder, stat.S_IFDIR | 0o755)
    cpio.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    cpio.add("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    cpio.add("bin/busybox", stat.S_IFREG | 0o755, read_busybox(archive))
    cpio.add("bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    names = []
    for path in order_modules(kernel.modules, [*read_words("initramfs/modules.txt"),
                                               *read_boards("initramfs-modules.txt")]):
        name = path.name.partition(".ko")[0] + ".ko"
        octets = path.read_bytes()
        cpio.add(f"lib/modules/{name}", stat.S_IFREG | 0o644,
                 lzma.decompress(octets) if path.suffix == ".xz" else octets)
        names.append(name)
    cpio.add("etc/modules", stat.S_IFREG | 0o644, "".join(f"{name}\n" for name in names).encode())
    cpio.add("init", stat.S_IFREG | 0o755, (BOARD / "initramfs/init").read_bytes())
    packed = subprocess.run(["zstd", "-q", "-15", "-c"], input=cpio.finish(), stdout=subprocess.PIPE, check=True)
    target.write_bytes(packed.stdout)
    keep_copyrights(BUSYBOX, kernel.copyrights)


def read_busybox(archive: Archive) -> bytes:
    """The board's static busybox."""
    program = BUSYBOX / "usr/bin/busybox"
    if not program.is_file():
        archive.update()
        for package in archive.fetch([BUSYBOX_PACKAGE]):
            unpack(package, BUSYBOX)
    return program.read_bytes()


def order_modules(modules: Path, wanted: list[str]) -> list[Path]:
    """The files of these modules and of all they need, in the order of loading. What is in the kernel needs no file.

    Raises RuntimeError for a name that the kernel does not have.
    """
    needs = {line.partition(":")[0]: line.partition(":")[2].split()
             for line in (modules / "modules.dep").read_text().splitlines()}
    by_name = {_name_of(path): path for path in needs}
    built_in = {_name_of(line) for line in (modules / "modules.builtin").read_text().splitlines()}
    ordered: dict[str, None] = {}

    def add(path: str) -> None:
        for needed in reversed(needs[path]):
            if needed not in ordered:
                add(needed)
        ordered[path] = None

    for name in (one.replace("-", "_") for one in wanted):
        if name in by_name:
            add(by_name[name])
        elif name not in built_in:
            raise RuntimeError(f"this kernel has no module {name}")
    return [modules / path for path in ordered]


def _name_of(path: str) -> str:
    return os.path.basename(path.strip()).partition(".ko")[0].replace("-", "_")
