# SPDX-License-Identifier: Apache-2.0
"""DIR/revisions: the last fifty configurations, a file each: one line of JSON about it, then its text.

A revision is prepared before its configuration is applied and completed once that is in force; what a crash leaves
prepared is settled at the next start by what the configuration file then says.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from appliance.errors import MachineError
from appliance.system.disk import sync_directory, write_atomically

KEPT: Final = 50
PREPARED: Final = ".prepared"
HEADER_LIMIT_OCTETS: Final = 64 * 1024


class Revision(NamedTuple):
    """at: seconds since 1970; how: commit, commit-confirmed, confirmed-reverted, reload, first-start, found (the file
    was changed while nobody was here) or set-aside (a change of the file that was never taken up)."""

    number: int
    at: float
    user: str
    comment: str
    how: str


class RevisionStore:
    """The only writer of its directory. Every method raises MachineError where the disk says no."""

    __slots__ = ("_directory",)

    def __init__(self, directory: Path | str) -> None:
        self._directory = Path(directory)

    def list_revisions(self) -> list[Revision]:
        """The newest first. One that cannot be read is left out."""
        found = [revision for number in self._numbers() if (revision := self._read_header(number)) is not None]
        return found[::-1]

    def find_last_number(self) -> int:
        """0 where there is none."""
        return max(self._numbers(PREPARED) + self._numbers(), default=0)

    def read_text(self, number: int) -> str | None:
        """The text of one revision, None where there is none (any more)."""
        octets = self._read(self._path(number))
        return None if octets is None else octets.partition(b"\n")[2].decode("utf-8", "replace")

    def prepare(self, revision: Revision, text: str) -> None:
        """Have it on disk, without being one of the revisions yet."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MachineError(f"make {self._directory}: {error.strerror}", error.errno or 0) from error
        header = json.dumps(revision._asdict(), ensure_ascii=False, separators=(",", ":"))
        write_atomically(self._path(revision.number, PREPARED), f"{header}\n{text}".encode("utf-8", "replace"))

    def complete(self, number: int) -> None:
        """What was prepared has come into force. What is older than the last fifty goes."""
        with _explaining(f"complete revision {number}"):
            os.replace(self._path(number, PREPARED), self._path(number))
            for old in self._numbers()[:-KEPT]:
                self._path(old).unlink(missing_ok=True)
            sync_directory(self._directory)

    def withdraw(self, number: int) -> None:
        """What was prepared has not come into force."""
        with _explaining(f"withdraw revision {number}"):
            self._path(number, PREPARED).unlink(missing_ok=True)

    def settle(self, running: str) -> None:
        """At a start: complete what a crash has left prepared if it is what runs, else withdraw it."""
        for number in self._numbers(PREPARED):
            octets = self._read(self._path(number, PREPARED)) or b""
            if octets.partition(b"\n")[2] == running.encode("utf-8", "replace"):
                self.complete(number)
            else:
                self.withdraw(number)
        if self._directory.is_dir():
            with _explaining("tidy up the revisions"):
                for half_written in self._directory.glob(".*.new"):
                    half_written.unlink()

    def _numbers(self, suffix: str = "") -> list[int]:
        """In order."""
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise MachineError(f"read {self._directory}: {error.strerror}", error.errno or 0) from error
        stems = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
        return sorted(int(stem) for stem in stems if len(stem) == 8 and stem.isascii() and stem.isdigit())

    def _path(self, number: int, suffix: str = "") -> Path:
        return self._directory / f"{number:08}{suffix}"

    def _read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MachineError(f"read {path}: {error.strerror}", error.errno or 0) from error

    def _read_header(self, number: int) -> Revision | None:
        try:
            with self._path(number).open("rb") as file:
                said: Any = json.loads(file.readline(HEADER_LIMIT_OCTETS))
            return Revision(number, float(said["at"]), str(said["user"]), str(said["comment"]), str(said["how"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None


@contextmanager
def _explaining(operation: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MachineError(f"{operation}: {error.strerror}", error.errno or 0) from error
