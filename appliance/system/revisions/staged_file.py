# SPDX-License-Identifier: Apache-2.0
"""The configuration file: what is to replace it lies beside it, whole and on disk, before anything else is done.

After any power cut the file is the old one or the new one. It keeps owner, group and mode; a link stays a link.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from appliance.errors import MachineError
from appliance.system.disk import sync_directory
from appliance.system.peer_access import find_shared_group

OWN_MODE: Final = 0o600
GROUP_MODE: Final = 0o640
"""Where the daemons of a box share a group, its members may read it."""


class StagedFile:
    """A file that is replaced in two steps. suffix: of what lies beside it, so that several may wait there."""

    __slots__ = ("path", "staged")

    def __init__(self, path: Path | str, suffix: str = "new") -> None:
        self.path = Path(os.path.realpath(path))
        self.staged = self.path.with_name(f".{self.path.name}.{suffix}")

    def read(self) -> bytes:
        """What it says. Raises MachineError."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise MachineError(f"read {self.path}: {error.strerror}", error.errno or 0) from error

    def stage(self, octets: bytes) -> None:
        """Write what is to come, on disk. Raises MachineError: nothing is left of it then."""
        try:
            descriptor = os.open(self.staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, OWN_MODE)
            with os.fdopen(descriptor, "wb") as file:
                self._resemble(descriptor)
                file.write(octets)
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            with suppress(OSError):     # on a disk that has become read-only nothing is taken away either
                self._unlink()
            raise MachineError(f"write {self.staged}: {error.strerror}", error.errno or 0) from error

    def reserve(self, octets: bytes) -> None:
        """As `stage`, and nothing is written where they lie there already: a disk that is full by then refuses nobody
        what was reserved. Raises MachineError."""
        try:
            is_there = self.staged.read_bytes() == octets
        except OSError:     # missing, or of no use: it is written anew
            is_there = False
        if not is_there:
            self.stage(octets)

    def put_in_place(self) -> None:
        """What was staged is the file from now on. Raises MachineError: the old one stands then."""
        try:
            os.replace(self.staged, self.path)
        except OSError as error:
            raise MachineError(f"replace {self.path}: {error.strerror}", error.errno or 0) from error
        try:
            sync_directory(self.path.parent)
        except OSError as error:
            raise NotYetDurable(f"sync {self.path.parent}: {error.strerror}", error.errno or 0) from error

    def withdraw(self) -> None:
        """What was staged is not wanted any more. Raises MachineError."""
        try:
            self._unlink()
        except OSError as error:
            raise MachineError(f"remove {self.staged}: {error.strerror}", error.errno or 0) from error

    def _unlink(self) -> None:
        self.staged.unlink(missing_ok=True)

    def _resemble(self, descriptor: int) -> None:
        """As the file that is to be replaced; the first one is for its owner and, on a box, its group."""
        try:
            model = self.path.stat()
        except FileNotFoundError:
            group = find_shared_group()
            if group is not None:
                os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, OWN_MODE if group is None else GROUP_MODE)
            return
        mine = os.fstat(descriptor)
        if (mine.st_uid, mine.st_gid) != (model.st_uid, model.st_gid) and os.geteuid() == 0:
            os.fchown(descriptor, model.st_uid, model.st_gid)
        elif mine.st_gid != model.st_gid and model.st_gid in os.getgroups():
            os.fchown(descriptor, -1, model.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(model.st_mode))


class NotYetDurable(MachineError):
    """It is done, but a power cut may still undo it."""
