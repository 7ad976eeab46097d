# SPDX-License-Identifier: Apache-2.0
"""A secret that is made once and outlives restarts: what signs Record-Route, so that calls survive the call server."""

import os
from secrets import token_bytes

from appliance.errors import MachineError

KEY_OCTETS = 16


def keep_secret_key(path: str) -> bytes:
    """The key in this file; a file that is missing or broken gets a new one (mode 0600).

    Where the disk cannot keep it, the key lives as long as the process: calls in progress would then not outlive it.
    """
    try:
        with open(path, "rb") as file:
            key = file.read(KEY_OCTETS + 1)
    except FileNotFoundError:
        key = b""
    except OSError as error:
        raise MachineError(f"reading {path}: {error.strerror}", error.errno or 0) from error
    return key if len(key) == KEY_OCTETS else _write_new_key(path)


def _write_new_key(path: str) -> bytes:
    key = token_bytes(KEY_OCTETS)
    temporary = f"{path}.new"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        return key  # a full disk must not keep the telephones silent
    return key
