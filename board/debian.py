# SPDX-License-Identifier: Apache-2.0
"""Debian's archive for another architecture: apt with a state of its own, so that the host's is never touched."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from board.recipe import ARCHITECTURE, KEYRING, MIRROR, SECURITY_MIRROR, SUITE

COMPONENTS = "main non-free-firmware"


def list_sources(options: str = "") -> list[str]:
    """The lines of sources.list for the root file system."""
    return [f"deb {options}{MIRROR} {SUITE} {COMPONENTS}".replace("  ", " "),
            f"deb {options}{MIRROR} {SUITE}-updates main", f"deb {options}{SECURITY_MIRROR} {SUITE}-security main"]


class Archive:
    """Packages of ARCHITECTURE, backports included. folder: where apt keeps what it knows and what it fetches."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.packages = folder / "packages"
        for name in ("lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d", "packages"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        options = f"[arch={ARCHITECTURE} signed-by={KEYRING}] "
        (folder / "sources.list").write_text("\n".join(
            [*list_sources(options), f"deb {options}{MIRROR} {SUITE}-backports main"]) + "\n")
        (folder / "apt.conf").write_text("\n".join(f'{name} "{value}";' for name, value in (
            ("APT::Architecture", ARCHITECTURE), ("APT::Architectures", ARCHITECTURE), ("Dir::State", folder),
            ("Dir::State::status", folder / "status"), ("Dir::State::lists", folder / "lists"),
            ("Dir::Cache", folder / "cache"), ("Dir::Etc", folder / "etc"), ("Dir::Etc::sourceparts", "-"),
            ("Dir::Etc::sourcelist", folder / "sources.list"), ("Acquire::Languages", "none"),
            ("APT::Sandbox::User", "root"), ("Acquire::Retries", "3"))) + "\n")

    def _run(self, *command: str) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._folder / "apt.conf"), "LC_ALL": "C"}
        done = subprocess.run(command, env=environment, cwd=self.packages, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[:3])} ...: {done.stderr.strip()[-1000:]}")
        return done.stdout

    def update(self) -> None:
        """Fetch what the archive has."""
        self._run("apt-get", "--quiet", "update")

    def find_backport(self, package: str) -> str:
        """The version of a package that backports has."""
        for line in self._run("apt-cache", "madison", package).splitlines():
            if f"{SUITE}-backports" in line:
                return line.split("|")[1].strip()
        raise RuntimeError(f"backports have no {package}")

    def list_dependencies(self, package: str, version: str) -> list[str]:
        """What that version depends on, by name."""
        said = self._run("apt-cache", "show", f"{package}={version}")
        field = re.search(r"^Depends: (.*)$", said, re.MULTILINE)
        return [re.split(r"[ (|]", one.strip())[0] for one in field[1].split(",")] if field else []

    def fetch(self, packages: Iterable[str]) -> list[Path]:
        """The files of these packages (NAME or NAME=VERSION); apt fetches those that are not there in that version."""
        wanted = sorted(packages)
        self._run("apt-get", "--quiet", "download", *wanted)
        return [self._find(one.partition("=")[0]) for one in wanted]

    def _find(self, name: str) -> Path:
        """The youngest file of a package."""
        return max(self.packages.glob(f"{name}_*.deb"), key=lambda path: path.stat().st_mtime)


def unpack(package: Path, target: Path, *excluded: str) -> None:
    """The payload of a package, nothing run; links to folders are followed (merged /usr)."""
    target.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as reader:
        subprocess.run(["tar", "-x", "-p", "--keep-directory-symlink", *(f"--exclude={one}" for one in excluded),
                        "-C", target], stdin=reader.stdout, check=True)
    if reader.returncode != 0:
        raise RuntimeError(f"dpkg-deb {package}: exit {reader.returncode}")
