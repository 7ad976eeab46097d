# SPDX-License-Identifier: Apache-2.0
"""What a process and its descendants cost: processor time in nanoseconds and memory, both from /proc."""

import time
from pathlib import Path

PROC = Path("/proc")
KIB_PER_MIB = 1024


def _parent_of(folder: Path) -> int:
    try:
        stat = (folder / "stat").read_text()
    except OSError:  # gone since the listing
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def tree_of(pid: int) -> list[int]:
    """The process and all its descendants."""
    parents = {int(folder.name): _parent_of(folder) for folder in PROC.iterdir() if folder.name.isdigit()}
    found = [pid]
    for candidate in found:
        found.extend(child for child, parent in parents.items() if parent == candidate)
    return found


def cpu_ns(pid: int) -> int:
    """Time on a processor of the tree, threads that have ended included: exact, not in clock ticks."""
    return sum(time.clock_gettime_ns(_processor_clock(member)) for member in tree_of(pid))


def _processor_clock(pid: int) -> int:
    """The clock of clock_getcpuclockid(3), as the kernel numbers it (posix-timers.h: CPUCLOCK_SCHED is 2)."""
    return (~pid << 3) | 2


def memory_mib(pid: int, kind: str) -> float:
    """`Rss` or `Pss` of the tree in MiB."""
    total = 0
    for member in tree_of(pid):
        for line in (PROC / str(member) / "smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                total += int(line.split()[1])
    return total / KIB_PER_MIB
