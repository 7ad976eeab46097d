# SPDX-License-Identifier: Apache-2.0
"""A configuration on trial (`commit confirmed`): what to go back to and when is on disk before it is applied.

The moment is kept on two clocks. Within one boot the one that nobody sets decides (CLOCK_BOOTTIME); after a reboot the
wall clock does, never for longer than was granted.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from appliance.errors import MachineError
from appliance.system.disk import sync_directory, write_atomically

FILE_NAME: Final = "trial.json"
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks. boot: which boot the second one belongs to."""

    wall_s: float
    boot_s: float
    boot: str


@dataclass(frozen=True, slots=True)
class Trial:
    """previous: the text to go back to; digests: of the texts that are on trial; granted_s: from `began`."""

    previous: str
    digests: tuple[str, ...]
    granted_s: float
    began: Moment
    user: str

    def is_on_trial(self, text: str) -> bool:
        """Whether this text is what waits for its confirmation."""
        return write_digest(text) in self.digests

    def find_rest_s(self, now: Moment) -> float:
        """Seconds until it is taken back; at most what was granted, negative when they are over."""
        if now.boot == self.began.boot:
            return self.granted_s - (now.boot_s - self.began.boot_s)
        return min(self.granted_s, self.granted_s - (now.wall_s - self.began.wall_s))


def read_moment() -> Moment:
    """Now."""
    try:
        boot = BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return Moment(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), boot)


def write_digest(text: str) -> str:
    """What tells one text from another."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


class TrialFile:
    """DIR/revisions/trial.json, there exactly while something is on trial. Every method raises MachineError."""

    __slots__ = ("_path", "clock")

    def __init__(self, directory: Path | str, clock: Callable[[], Moment] = read_moment) -> None:
        self._path = Path(directory) / FILE_NAME
        self.clock = clock

    def read(self) -> Trial | None:
        """None where nothing is on trial. Raises MachineError where the file makes no sense."""
        try:
            octets = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MachineError(f"read {self._path}: {error.strerror}", error.errno or 0) from error
        try:
            said: Any = json.loads(octets)
            return Trial(str(said["previous"]), tuple(map(str, said["digests"])), float(said["granted_s"]),
                         Moment(**said["began"]), str(said["user"]))
        except (ValueError, TypeError, KeyError) as error:
            raise MachineError(f"{self._path} makes no sense") from error

    def write(self, trial: Trial) -> None:
        """Have it on disk."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise MachineError(f"make {self._path.parent}: {error.strerror}", error.errno or 0) from error
        write_atomically(self._path, json.dumps(asdict(trial)).encode())

    def remove(self) -> None:
        """Nothing is on trial any more."""
        try:
            self._path.unlink(missing_ok=True)
            if self._path.parent.is_dir():
                sync_directory(self._path.parent)
        except OSError as error:
            raise MachineError(f"remove {self._path}: {error.strerror}", error.errno or 0) from error
