# SPDX-License-Identifier: Apache-2.0
"""`denwaban handset`: a small process until FILE has a handset, then the telephones themselves, then small again.

Every box has the service, few have a handset: what waits reads nothing but FILE when it has changed, and takes a third
of what a handset takes. One process all along, so that the service manager knows it. Exit codes: as `daemons.handset`.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from time import monotonic
from typing import Final

from appliance.daemons.file_identity import read_identity
from appliance.system.sd_notify import notify_manager, read_ping_interval_s, say_alive

EXIT_STOPPED: Final = 0
LOOK_S: Final = 1.0
ENDING: Final = {signal.SIGTERM, signal.SIGINT}
HANDSET_LINE: Final = re.compile(rb'^[ \t]*"?set"?[ \t]+"?handset"?[ \t]', re.MULTILINE)
"""At least what the configuration takes for one; whatever else it meets costs a look at the whole."""


def run_handset_service(config_path: str, state_directory: str) -> int:
    """Wait for a handset, be it, and wait for the next one. Returns the exit code."""
    if not wait_for_handset(config_path):
        return EXIT_STOPPED
    from appliance.daemons.handset import EXIT_UNWANTED, run_handsets
    code = run_handsets(config_path, state_directory)
    if code == EXIT_UNWANTED:
        if names_handset(config_path) and not wait_for_handset(config_path, True):
            return EXIT_STOPPED
        os.execv(sys.executable, sys.orig_argv)     # what was imported would stay
    return code


def wait_for_handset(config_path: str, is_mistaken: bool = False) -> bool:
    """Whether there is one; False: told to end, or whoever has started us is gone. is_mistaken: what FILE names now is
    none."""
    parent, seen = os.getppid(), read_identity(config_path)
    if not is_mistaken and names_handset(config_path):
        return True
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        print("waiting", flush=True)
        notify_manager("READY=1")
        notify_manager("STATUS=no handset is configured")
        interval_s = read_ping_interval_s()
        said_at = 0.0
        while signal.sigtimedwait(ENDING, LOOK_S) is None and os.getppid() == parent:
            if interval_s is not None and monotonic() - said_at >= interval_s - LOOK_S:
                said_at = monotonic()
                say_alive()
            last, seen = seen, read_identity(config_path)
            if seen != last and names_handset(config_path):
                return True
        return False
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def names_handset(config_path: str) -> bool:
    """Whether the file has lines about handsets; what they are worth the whole configuration says."""
    try:
        with open(config_path, "rb") as file:
            return HANDSET_LINE.search(file.read()) is not None
    except OSError:
        return False        # not there yet: configd makes it
