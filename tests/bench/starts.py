# SPDX-License-Identifier: Apache-2.0
"""From exec to ready with 100 and 10,000 extensions, and the memory of the idle process tree."""

from collections.abc import Callable
from pathlib import Path

from tests.bench.figures import Figure, Report, median, spread
from tests.bench.scale import EXTENSIONS, Scale
from tests.bench.servers import Denwaban, Kamailio, Server

PORT = 5060
LIMITS_S = {100: 1.0, EXTENSIONS: 3.0}
IDLE_LIMIT_MIB = 60


def start_once(kind: Callable[..., Server], folder: Path, extensions: int) -> tuple[float, float, float]:
    """Seconds to ready, resident and proportional memory in MiB."""
    with kind(PORT, folder, extensions) as server:
        return server.start_s, server.memory_mib("Rss"), server.memory_mib("Pss")


def measure_starts(report: Report, scale: Scale, folder: Path) -> None:
    for extensions, limit_s in LIMITS_S.items():
        ours, peer = [], []
        for number in range(scale.starts):
            peer.append(start_once(Kamailio, folder / f"start-k{extensions}-{number}", extensions))
            ours.append(start_once(Denwaban, folder / f"start-d{extensions}-{number}", extensions))
        times = [start[0] for start in ours]
        report.add(Figure(f"start to ready, {extensions:,} extensions", "s", median(times), spread(times), "kamailio",
                          median([start[0] for start in peer]), judged="ours", limit=limit_s))
        resident = [start[1] for start in ours]
        report.add(Figure(f"idle process tree, {extensions:,} extensions", "MiB RSS", median(resident),
                          spread(resident), "kamailio", median([start[1] for start in peer]), judged="ours",
                          limit=IDLE_LIMIT_MIB, note=f"PSS {median([start[2] for start in ours]):.1f} MiB"))
