# SPDX-License-Identifier: Apache-2.0
"""What makes Debian's root the appliance's: the overlay, the units and their users, the kernel's modules."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

from board.kernel import Kernel
from board.native_run import SHOWN, run_natively
from board.recipe import BOARD, CHECKOUT, HOST_NAME

UNITS = CHECKOUT / "systemd"
PLACES = {"sysusers.d": "usr/lib/sysusers.d", "tmpfiles.d": "usr/lib/tmpfiles.d", "sysctl.d": "usr/lib/sysctl.d",
          "udev.d": "usr/lib/udev/rules.d",
          "sshd_config.d": "etc/ssh/sshd_config.d", "bin": "usr/lib/denwaban/bin"}
SUFFIXES = {".service", ".target", ".socket", ".timer", ".mount", ".path", ".d"}
ENABLED = ("denwaban.target", "denwaban-keys.service", "denwaban-grow.service", "denwaban-clock.timer",
           "denwaban-slot-good.service", "denwaban-slot-doubt.timer", "denwaban-card.service")
MASKED = ("systemd-networkd.service", "systemd-networkd.socket", "systemd-networkd-wait-online.service",
          "systemd-timesyncd.service", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
          "chrony.service", "dnsmasq.service", "nftables.service", "sshd-keygen.service", "fstrim.timer",
          "systemd-firstboot.service", "alsa-restore.service", "alsa-state.service", "systemd-binfmt.service",
          "systemd-logind.service", "getty-static.service", "getty@tty1.service", "ldconfig.service",
          "proc-sys-fs-binfmt_misc.automount", "systemd-pcrextend@.service", "systemd-hibernate-clear.service")
"""netd runs what of these we need itself, with the configuration's words."""
MARKS = ("usr/lib/clock-epoch", "etc/.updated", "var/.updated")


def fit_out(native: Path, root: Path, kernel: Kernel) -> None:
    """Changes the root in place."""
    subprocess.run(["cp", "-a", "--no-preserve=ownership", f"{BOARD}/overlay/.", root], check=True)
    install_units(root)
    shutil.copytree(kernel.modules, root / "usr/lib/modules" / kernel.version, symlinks=True)
    for folder in ("data", "var/lib/denwaban"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").symlink_to("/var/lib/denwaban/resolv.conf")      # netd writes it
    with (root / "etc/shells").open("a") as shells:
        shells.write("/usr/lib/denwaban/bin/denwaban-shell\n")
    (root / "etc/hostname").write_text(f"{HOST_NAME}\n")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {HOST_NAME}\n::1 localhost\n")
    forget_secrets(root)
    take_privileges(root)
    run_natively(native, root, "systemd-sysusers", f"--root={SHOWN}")
    for words in (("mask", *MASKED), ("enable", *ENABLED), ("set-default", "multi-user.target")):
        run_natively(native, root, "systemctl", f"--root={SHOWN}", "--quiet", *words)
    # a machine without a battery begins no earlier; and no start looks for what an upgrade of Debian would have to do:
    # all of them, /usr as well, get one moment at the end
    for name in MARKS:
        (root / name).touch()


def install_units(root: Path) -> None:
    """Everything under systemd/ into its place."""
    for path in UNITS.iterdir():
        if path.name in PLACES:
            shutil.copytree(path, root / PLACES[path.name], dirs_exist_ok=True)
        elif path.suffix in SUFFIXES and path.is_dir():
            shutil.copytree(path, root / "usr/lib/systemd/system" / path.name, dirs_exist_ok=True)
        elif path.suffix in SUFFIXES:
            shutil.copy2(path, root / "usr/lib/systemd/system")


def forget_secrets(root: Path) -> None:
    """No key and no password is in an image; root has none and cannot log in by one."""
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").unlink(missing_ok=True)
    for name in ("passwd-", "group-", "shadow-", "gshadow-"):
        (root / "etc" / name).unlink(missing_ok=True)
    shadow = root / "etc/shadow"
    # nor is a day on which one was changed
    lines = [":".join([line.split(":")[0], "*", "", *line.split(":")[3:]]) for line in shadow.read_text().splitlines()]
    shadow.write_text("\n".join(lines) + "\n")


def take_privileges(root: Path) -> None:
    """No program makes more of whoever starts it: nobody on the box has a password that `su` could ask for."""
    for folder, _names, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(path, stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))


def list_ours(root: Path) -> set[Path]:
    """What came from the checkout, and what stands beside it."""
    ours = {root, *(root / path.relative_to(BOARD / "overlay") for path in (BOARD / "overlay").rglob("*"))}
    for place in ("usr/lib/denwaban", "usr/lib/systemd/system", "usr/share/doc", *PLACES.values()):
        ours |= {root / place, *(root / place).rglob("*")}
    return ours


def level_modes(root: Path) -> None:
    """What came from the checkout may be read by all and written by root alone, whatever its modes are there: sshd
    refuses a command that a group could change, and the daemons are not root."""
    for path in list_ours(root):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(0o755 if path.is_dir() or mode & stat.S_IXUSR else 0o644)
