# SPDX-License-Identifier: Apache-2.0
"""`make image`: the card of the appliance, from nothing, for Raspberry Pi and for the emulator; needs root.

What changes seldom (Debian's packages, the kernel, the islands) is kept in build/image and made anew when its recipe
changes; `--fresh` fetches all of it again.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from appliance.version import VERSION
from board.application import install_application
from board.card import build_card
from board.debian import Archive
from board.initial_ramdisk import build_initial_ramdisk
from board.kernel import Kernel, build_kernel
from board.licences import write_documentation
from board.moments import VARIABLE, find_commit_moment_s, level, level_new
from board.outfit import MARKS, fit_out, level_modes, list_ours
from board.recipe import BUILD, CHECKOUT
from board.root_system import build_root_system

Result = TypeVar("Result")
PROGRAMS = {"mmdebstrap": "mmdebstrap", "mksquashfs": "squashfs-tools", "mcopy": "mtools", "mkfs.vfat": "dosfstools",
            "mke2fs": "e2fsprogs", "sfdisk": "fdisk", "zstd": "zstd", "depmod": "kmod", "dpkg-deb": "dpkg",
            "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"}
COMPRESSION = {"fast": 6, "best": 19}


def main() -> int:
    """Exit code: 0 built, 1 not."""
    parser = argparse.ArgumentParser(prog="make image", description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="fetch everything again")
    parser.add_argument("--compression", choices=COMPRESSION, default="fast", help="best: smaller, a minute longer")
    parsed = parser.parse_args()
    os.umask(0o022)             # whatever the builder's own is: others are to read what is in the image
    os.environ |= {VARIABLE: str(find_commit_moment_s()), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if os.geteuid() != 0 or missing:
        print("make image: needs root: sudo make image" if not missing else
              f"make image: not installed: {' '.join(missing)}", file=sys.stderr)
        return 1
    if parsed.fresh:
        shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    image = build_image(COMPRESSION[parsed.compression])
    packed = pack(image, COMPRESSION[parsed.compression])
    print(f"{packed.relative_to(CHECKOUT)}: {packed.stat().st_size / 2**20:.0f} MiB, in "
          f"{time.monotonic() - began:.0f} s; {image.relative_to(CHECKOUT)} for the emulator")
    return 0


def build_image(level: int) -> Path:
    """The card as a file; level: of the compression."""
    archive = Archive(BUILD / "archive")
    native, root = step("Debian's packages", lambda: build_root_system(archive))
    kernel = step("the kernel", lambda: build_kernel(archive))
    made = BUILD / "root"
    ramdisk, squashed = BUILD / "initrd.img", BUILD / "root.squashfs"
    step("the initial RAM disk", lambda: build_initial_ramdisk(archive, kernel, ramdisk))
    step("the application", lambda: assemble_root(archive, native, (root, made), kernel))
    step("the root's squashfs", lambda: squash(made, squashed, level))
    shutil.copy2(kernel.image, BUILD / "vmlinuz")
    image = CHECKOUT / "build" / f"denwaban-{VERSION}-arm64.img"
    step("the card", lambda: build_card((native, squashed), kernel, ramdisk, image))
    return image


def assemble_root(archive: Archive, native: Path, roots: tuple[Path, Path], kernel: Kernel) -> None:
    """roots: Debian's, and where the appliance's is made, anew each time."""
    debian, made = roots
    began = time.time()
    shutil.rmtree(made, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", debian, made], check=True)
    install_application(archive, native, made)
    fit_out(native, made, kernel)
    write_documentation(made, kernel.copyrights)
    level_modes(made)
    moment_s = int(os.environ[VARIABLE])
    level_new(made, began, moment_s)
    level([*list_ours(made), *(made / name for name in (*MARKS, "usr"))], moment_s)


def squash(root: Path, target: Path, level: int) -> None:
    """The root as one read-only file."""
    target.unlink(missing_ok=True)
    subprocess.run(["mksquashfs", root, target, "-comp", "zstd", "-Xcompression-level", str(level), "-b", "256K",
                    "-noappend", "-no-progress", "-quiet", "-e", "boot"], check=True)


def pack(image: Path, level: int) -> Path:
    """As people download it."""
    packed = image.with_suffix(".img.zst")
    subprocess.run(["zstd", "-q", "-f", "-T0", f"-{level}", image, "-o", packed], check=True)
    return packed


def step(name: str, act: Callable[[], Result]) -> Result:
    """Say what is done and how long it took."""
    print(f"{name} ...", flush=True)
    began = time.monotonic()
    result = act()
    print(f"  {time.monotonic() - began:.1f} s", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
