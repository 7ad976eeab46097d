# SPDX-License-Identifier: Apache-2.0
"""Who may read and write what is in the image does not depend on the checkout that it was built from."""

import shutil
import stat

from board.outfit import PLACES, install_units, level_modes
from board.recipe import BOARD

OF_DEBIAN = ("usr/share", "usr/lib/udev")     # nothing of ours has these folders


def test_a_checkout_that_others_may_not_read_or_a_group_may_write_makes_the_same_image(tmp_path):
    seen = []
    for name, folder_mode, file_mode in (("usual", 0o755, 0o644), ("closed", 0o700, 0o600), ("group", 0o775, 0o664)):
        root = tmp_path / name
        shutil.copytree(BOARD / "overlay", root, symlinks=True)
        for place in ("usr/share/doc", *PLACES.values()):
            (root / place).mkdir(parents=True, exist_ok=True)
        install_units(root)
        for path in {root, *root.rglob("*")} - {root / one for one in OF_DEBIAN}:
            if path.is_symlink():
                continue        # what it leads to is this machine's own, such as /dev/null
            is_program = path.is_file() and path.stat().st_mode & stat.S_IXUSR
            path.chmod(folder_mode if path.is_dir() else file_mode | (0o100 if is_program else 0))
        level_modes(root)
        seen.append({path.relative_to(root): path.stat().st_mode for path in (root, *root.rglob("*"))
                     if not path.is_symlink()})
    assert seen[0] == seen[1] == seen[2]
    shell = next(mode for path, mode in seen[0].items() if path.name == "denwaban-serial")
    assert stat.S_IMODE(shell) == 0o755
    assert {stat.S_IMODE(mode) for mode in seen[0].values()} == {0o755, 0o644}
