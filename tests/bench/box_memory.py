# SPDX-License-Identifier: Apache-2.0
"""What the daemons of an idle box take in memory, each and together; and how long they take to start."""

import time
from itertools import pairwise
from pathlib import Path

from tests.bench.box import Box
from tests.bench.figures import Figure, Report
from tests.bench.process_tree import KIB_PER_MIB, PROC, tree_of

LIMIT_MIB = 120
SETTLING_S = 3.0


def list_daemons(box: Box) -> dict[str, list[int]]:
    """Our processes by their part, and the programs of others that they have started, such as dnsmasq."""
    found: dict[str, list[int]] = {}
    for process in box.processes.values():
        for member in tree_of(process.pid):
            words = (PROC / str(member) / "cmdline").read_bytes().decode().split("\0")
            found.setdefault(name_part(words), []).append(member)
    return found


def name_part(words: list[str]) -> str:
    """What follows `denwaban` or `-m appliance`; `mediad` becomes a program started by its module."""
    if "appliance.daemons.mediad" in words:
        return "mediad"
    return next((word for before, word in pairwise(words) if Path(before).name in ("denwaban", "appliance")),
                Path(words[0]).name)


def weigh(process: int, kind: str) -> float:
    """`Rss` or `Pss` of one process in MiB."""
    lines = (PROC / str(process) / "smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:")) / KIB_PER_MIB


def weigh_together(processes: list[int]) -> float:
    """MiB of all, counted once what several have of one file, such as the interpreter: as PSS, but whatever else of the
    same runs on this machine."""
    own_kib, files = 0, {}
    for process in processes:
        mapped = {}
        file = ""
        for line in (PROC / str(process) / "smaps").read_text().splitlines():
            word, _, rest = line.partition(":")
            if word == "Rss":
                resident_kib = int(rest.split()[0])
            elif word == "Anonymous":
                anonymous_kib = int(rest.split()[0])
                own_kib += anonymous_kib
                mapped[file] = mapped.get(file, 0) + resident_kib - anonymous_kib
            elif "-" in word.split(" ")[0]:
                file = line.split(maxsplit=5)[5] if len(line.split(maxsplit=5)) > 5 else line
        for file, kib in mapped.items():
            files[file] = max(files.get(file, 0), kib)
    return (own_kib + sum(files.values())) / KIB_PER_MIB


def measure_memory(report: Report, box: Box, form: str) -> None:
    """Once nothing happens any more."""
    time.sleep(SETTLING_S)
    found = list_daemons(box)
    parts = {name: members for name, members in found.items() if name in (*box.processes, "netd", "mediad")}
    ours = [member for members in parts.values() for member in members]
    each = ", ".join(f"{name} {sum(weigh(one, 'Rss') for one in members):.1f}" for name, members in found.items())
    report.add(Figure(f"{form}: idle daemons together", "MiB", weigh_together(ours), judged="ours", limit=LIMIT_MIB,
                      note=f"RSS: {each}; sum of PSS {sum(weigh(one, 'Pss') for one in ours):.1f}"))
    report.add(Figure(f"{form}: idle daemons, sum of RSS", "MiB", sum(weigh(one, "Rss") for one in ours), judged="ours",
                      limit=LIMIT_MIB, note="the interpreter counted in each"))
    report.add(Figure(f"{form}: exec to ready, one after the other", "s", sum(box.start_s.values()),
                      note=", ".join(f"{part} {start_s:.2f}" for part, start_s in box.start_s.items())))
