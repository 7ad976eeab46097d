# SPDX-License-Identifier: Apache-2.0
"""The card: a FAT partition for the firmware, two slots for the root, one for what lasts. No mount, no loop device."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from board.device_tree import compose_overlay, read_tree
from board.kernel import Kernel
from board.licences import write_licences
from board.native_run import SHOWN, run_natively
from board.recipe import (
    BOARD,
    BOOT_LABEL,
    BOOT_MIB,
    DATA_LABEL,
    DATA_MIB,
    DISK_IDENTITY,
    FIRST_MIB,
    SLOT_MIB,
    list_boards,
    read_boards,
)

SECTORS_A_MIB = 2048
TOTAL_MIB = FIRST_MIB + BOOT_MIB + 2 * SLOT_MIB + DATA_MIB
DATA_IDENTITY = "44454e57-6461-4461-8000-000000000004"
"""Of every card: nobody has two in one machine, nor strangers who name its files."""
TABLE = """label: dos
label-id: 0x{identity:08x}
1 : start={boot}, size={boot_size}, type=c, bootable
2 : start={slot_a}, size={slot_size}, type=83
3 : start={slot_b}, size={slot_size}, type=83
4 : start={data}, size={data_size}, type=83
"""


def build_card(roots: tuple[Path, Path], kernel: Kernel, ramdisk: Path, target: Path) -> None:
    """Slot A holds the root, slot B nothing yet. roots: the native one, whose programs are used, and the squashfs.
    Raises RuntimeError where it does not fit."""
    native, root = roots
    if root.stat().st_size > SLOT_MIB << 20:
        raise RuntimeError(f"the root has {root.stat().st_size >> 20} MiB, a slot {SLOT_MIB}")
    target.unlink(missing_ok=True)
    with open(target, "wb") as card:
        card.truncate(TOTAL_MIB << 20)
    starts = FIRST_MIB, FIRST_MIB + BOOT_MIB, FIRST_MIB + BOOT_MIB + SLOT_MIB, FIRST_MIB + BOOT_MIB + 2 * SLOT_MIB
    boot, slot_a, slot_b, data = (start * SECTORS_A_MIB for start in starts)
    table = TABLE.format(identity=DISK_IDENTITY, boot=boot, boot_size=BOOT_MIB * SECTORS_A_MIB, slot_a=slot_a,
                         slot_b=slot_b, slot_size=SLOT_MIB * SECTORS_A_MIB, data=data,
                         data_size=DATA_MIB * SECTORS_A_MIB)
    subprocess.run(["sfdisk", "--quiet", target], input=table, text=True, check=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        for part, start in ((build_boot(folder, kernel, ramdisk), starts[0]), (root, starts[1]),
                            (build_data(native, folder), starts[3])):
            subprocess.run(["dd", "status=none", "conv=notrunc,sparse", "bs=1M", f"seek={start}", f"if={part}",
                            f"of={target}"], check=True)


def build_boot(folder: Path, kernel: Kernel, ramdisk: Path) -> Path:
    """The partition that the firmware reads: kernel, RAM disk, device trees and the firmware itself."""
    part, files = folder / "boot.fat", folder / "boot"
    files.mkdir()
    shutil.copy2(kernel.image, files / "vmlinuz")
    shutil.copy2(ramdisk, files / "initrd.img")
    for name in read_boards("dtbs.txt"):
        shutil.copy2(kernel.dtbs / name, files)
    write_overlays(kernel, files / "overlays")
    write_licences(kernel.copyrights, files / "licences")
    for name in read_boards("firmware.txt"):
        shutil.copy2(kernel.firmware / name, files)
    snippets = [board / "config.txt" for board in list_boards() if (board / "config.txt").is_file()]
    (files / "config.txt").write_text("".join(
        path.read_text() + "\n" for path in (BOARD / "boards/config.txt", *snippets)) + "[all]\n")
    shutil.copy2(BOARD / "boards/cmdline.txt", files)
    for board in list_boards():
        if (board / "cmdline.txt").is_file():
            shutil.copy2(board / "cmdline.txt", files / f"cmdline-{board.name}.txt")    # its config.txt names it
    with open(part, "wb") as made:
        made.truncate(BOOT_MIB << 20)
    subprocess.run(["mkfs.vfat", "--invariant", "-n", BOOT_LABEL, "-i", f"{DISK_IDENTITY:08x}", part], check=True,
                   capture_output=True)
    # in an order that is always the same
    folders = [files, *sorted(path for path in files.iterdir() if path.is_dir())]
    for place in folders:
        name = "::" if place == files else f"::{place.name}"
        if place != files:
            subprocess.run(["mmd", "-i", part, name], check=True)
        subprocess.run(["mcopy", "-i", part, *sorted(path for path in place.iterdir() if path.is_file()), name],
                       check=True)
    return part


def write_overlays(kernel: Kernel, folder: Path) -> None:
    """What the firmware lays over a device tree by itself. boards/*/overlays.txt: NAME, the tree that it loads, the one
    that is wanted."""
    folder.mkdir()
    words = read_boards("overlays.txt")
    for name, base, wanted in zip(words[::3], words[1::3], words[2::3], strict=True):
        overlay = compose_overlay(read_tree(kernel.dtbs / base), read_tree(kernel.dtbs / wanted))
        (folder / f"{name}.dtbo").write_bytes(overlay)


def build_data(native: Path, folder: Path) -> Path:
    """What lasts: empty but for the word that slot A is good. native: where mke2fs is the suite's."""
    part, files = folder / "data.ext4", folder / "data"
    (files / "boot").mkdir(parents=True)
    (files / "boot/slots").write_text("A 0 good\n")
    with open(part, "wb") as made:
        made.truncate(DATA_MIB << 20)
    # a small one would get small blocks, and could not grow to the end of a large card
    run_natively(native, folder, "mke2fs", "-q", "-t", "ext4", "-L", DATA_LABEL, "-d", f"{SHOWN}/{files.name}", "-b",
                 "4096", "-m", "1", "-U", DATA_IDENTITY, "-E", f"root_owner=0:0,hash_seed={DATA_IDENTITY}",
                 f"{SHOWN}/{part.name}")
    return part
