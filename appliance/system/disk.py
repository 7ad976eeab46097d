# SPDX-License-Identifier: Apache-2.0
"""Writing a file so that after any power cut it is the old one or the new one, whole; or so that a disk which is full
takes it all the same.
"""

import os
from contextlib import suppress
from pathlib import Path

from appliance.errors import MachineError


def write_atomically(path: Path | str, octets: bytes, mode: int = 0o600) -> None:
    """Temporary file beside it, fsync, rename, fsync of the directory. Raises MachineError; then the old one stands."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)     # a temporary file left over by a crash may have another one
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):     # on a disk that has become read-only nothing is taken away either
            temporary.unlink()
        raise MachineError(f"write {path}: {error.strerror}", error.errno or 0, retry_after_s=60.0) from error


def write_over(path: Path | str, octets: bytes, mode: int = 0o600) -> None:
    """For a text that may end in empty lines and that nobody reads before we say so. It never gets shorter, so that
    what was once there finds its room again on a disk that is full. Raises MachineError; then nobody knows what it
    says."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(octets.ljust(os.fstat(descriptor).st_size, b"\n"))
    except OSError as error:
        raise MachineError(f"write {path}: {error.strerror}", error.errno or 0, retry_after_s=60.0) from error


def sync_directory(path: Path) -> None:
    """Make what was renamed into a directory outlive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
