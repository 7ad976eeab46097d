# SPDX-License-Identifier: Apache-2.0
"""`denwaban` that is killed at a step of a commit: `python dying_denwaban.py ARMED STEP arguments of denwaban`.

Steps are counted while the file ARMED exists: before and behind each write, fsync, rename and unlink of Python's, and
each time a part is spoken to. At step STEP the process kills itself as `kill -9` would. STEP 0: never; then the file
ARMED gets the number of steps there were.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

ARMED, STEP = Path(sys.argv[1]), int(sys.argv[2])
count = 0
is_counting = False


def die_here() -> None:
    """One step."""
    global count, is_counting
    if is_counting:     # of our own look at the file
        return
    is_counting = True
    try:
        if not ARMED.exists():
            return
        count += 1
        if count == STEP:
            os.kill(os.getpid(), signal.SIGKILL)
        if STEP == 0:
            ARMED.write_text(str(count))
    finally:
        is_counting = False


def surround(holder: object, name: str) -> None:
    """Die before or behind it."""
    real: Callable[..., object] = getattr(holder, name)

    def surrounded(*words: object, **more: object) -> object:
        die_here()
        result = real(*words, **more)
        die_here()
        return result
    setattr(holder, name, surrounded)


def main() -> int:
    for name in ("fsync", "replace", "unlink"):
        surround(os, name)
    from appliance.__main__ import main as run_program
    from appliance.control.client import ControlClient
    from appliance.daemons.configuring import CallServerHere
    surround(ControlClient, "ask")
    real = CallServerHere.__init__

    def initialise(self: CallServerHere, *words: Callable[..., object]) -> None:
        real(self, *words)
        surround(self, "_take_up")
    CallServerHere.__init__ = initialise  # type: ignore[method-assign]
    return run_program(sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
