# SPDX-License-Identifier: Apache-2.0
"""What the image is made of: suite, packages, sizes, and what differs between boards (boards/NAME/).

Everything that changes the image is here or in a file beside; whatever is made from it is cached under their digest.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

BOARD = Path(__file__).resolve().parent
CHECKOUT = BOARD.parent
BUILD = CHECKOUT / "build" / "image"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
SECURITY_MIRROR = os.environ.get("DEBIAN_SECURITY_MIRROR", "http://deb.debian.org/debian-security")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITE = "trixie"
ARCHITECTURE = "arm64"
TRIPLET = "aarch64-linux-gnu"
PYTHON = "python3.13"
EXTENSION_SUFFIX = f".cpython-313-{TRIPLET}.so"
TUNING = "-mcpu=cortex-a53"                 # the least of our boards, Zero 2 W
KERNEL_PACKAGE = "linux-image-arm64"        # of backports: Debian 13's own kernel has no Raspberry Pi 5
HOST_NAME = "denwaban"

# partitions, in MiB; the data partition grows to the end of the card at its first start
FIRST_MIB, BOOT_MIB, SLOT_MIB, DATA_MIB = 4, 128, 320, 64
DISK_IDENTITY = 0x44454E57
BOOT_LABEL, DATA_LABEL = "DENWABOOT", "denwaban-data"


def read_words(name: str) -> list[str]:
    """The words of a list in this folder, without comments."""
    lines = (line.partition("#")[0] for line in (BOARD / name).read_text().splitlines())
    return [word for line in lines for word in line.split()]


def list_boards() -> list[Path]:
    """The folders of the boards that the image serves."""
    return sorted(path for path in (BOARD / "boards").iterdir() if path.is_dir())


def read_boards(name: str) -> list[str]:
    """The words of boards/*/NAME, each once."""
    words: dict[str, None] = {}
    for board in list_boards():
        if (board / name).is_file():
            words.update(dict.fromkeys(read_words(f"boards/{board.name}/{name}")))
    return list(words)


def digest(*parts: str | Iterable[str]) -> str:
    """A short name for what is made from these parts."""
    hashed = hashlib.sha256()
    for part in parts:
        for word in [part] if isinstance(part, str) else part:
            hashed.update(word.encode() + b"\0")
    return hashed.hexdigest()[:16]


def digest_files(*paths: Path) -> str:
    """A short name for what is made from these files and folders."""
    hashed = hashlib.sha256()
    for root in paths:
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file() and "__pycache__" not in path.parts:
                hashed.update(f"{path.relative_to(CHECKOUT)}\0{path.stat().st_mode:o}\0".encode() + path.read_bytes())
    return hashed.hexdigest()[:16]
