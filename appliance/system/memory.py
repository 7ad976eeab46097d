# SPDX-License-Identifier: Apache-2.0
"""How much memory this process has."""

import os

PAGE_OCTETS = os.sysconf("SC_PAGE_SIZE")


def read_resident_octets() -> int:
    """Resident memory of this process, proc(5) statm; 0 where there is no /proc."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE_OCTETS
    except OSError:
        return 0
