# SPDX-License-Identifier: Apache-2.0
"""The moments that are written into an image: never those of its building, so that one commit makes one image.

What packages bring keeps its own; what scripts have made beside them has a fixed one; ours has the commit's.
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from board.recipe import CHECKOUT

VARIABLE = "SOURCE_DATE_EPOCH"
"""reproducible-builds.org: seconds since 1970; mksquashfs, mke2fs, mkfs.vfat, mcopy and systemd-sysusers read it."""
OF_SCRIPTS_S = 1735689600          # 2025: between the packages of the suite and any commit of ours


def find_commit_moment_s() -> int:
    """SOURCE_DATE_EPOCH where it is set, else that of the commit, else that of the last change that is told of."""
    if os.environ.get(VARIABLE, "").isdigit():
        return int(os.environ[VARIABLE])
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", CHECKOUT, "log", "-1", "--format=%ct"],
                          capture_output=True, text=True, check=False) if (CHECKOUT / ".git").exists() else None
    if done is not None and done.returncode == 0 and done.stdout.strip().isdigit():
        return int(done.stdout)
    return int((CHECKOUT / "CHANGELOG.md").stat().st_mtime)


def level_new(root: Path, since: float, moment_s: int) -> None:
    """What has been changed since then gets that moment."""
    level((Path(folder, name) for folder, names, files in os.walk(root) for name in (".", *names, *files)
           if os.lstat(os.path.join(folder, name)).st_mtime >= since), moment_s)


def level(paths: Iterable[Path], moment_s: int) -> None:
    """Each gets that moment, links themselves and not what they lead to."""
    for path in list(paths):
        os.utime(path, (moment_s, moment_s), follow_symlinks=False)
