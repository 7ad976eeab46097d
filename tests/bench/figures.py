# SPDX-License-Identifier: Apache-2.0
"""A measured figure beside its target, as a JSON line when it is there and as a row of the table at the end."""

import json
import statistics
from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Figure:
    """ours and peer in `unit`; ratio ours/peer; limit: what `judged` ("ratio" or "ours") may not exceed, None: none."""

    what: str
    unit: str
    ours: float
    ours_spread: str = ""
    peer_name: str = ""
    peer: float | None = None
    judged: str = ""
    limit: float | None = None
    goal: float | None = None
    note: str = ""
    paired_ratio: float | None = None

    @property
    def ratio(self) -> float | None:
        """Where rounds were interleaved, the median of each round's own ratio: the machine changes its speed."""
        if self.paired_ratio is not None:
            return self.paired_ratio
        return self.ours / self.peer if self.peer else None

    @property
    def is_met(self) -> bool | None:
        value = self.ratio if self.judged == "ratio" else self.ours
        return None if self.limit is None or value is None else value <= self.limit


def paired(ours: list[float], peer: list[float]) -> float:
    """The median of the ratios within each round."""
    return statistics.median(one / other for one, other in zip(ours, peer, strict=True))


def median(values: list[float]) -> float:
    return statistics.median(values)


def spread(values: list[float]) -> str:
    return f"{min(values):.4g}-{max(values):.4g}"


class Report:
    """Collects figures; prints each at once."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        row = {key: value for key, value in asdict(figure).items() if value not in (None, "")}
        row.pop("paired_ratio", None)
        row |= {key: value for key, value in (("ratio", figure.ratio), ("is_met", figure.is_met)) if value is not None}
        print(json.dumps({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}),
              flush=True)

    def print_table(self) -> None:
        rows = [("what", "ours", "unit", "peer", "ratio", "target", "met"), *map(_row, self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(figure: Figure) -> tuple[str, ...]:
    ours = f"{figure.ours:.4g}" + (f" ({figure.ours_spread})" if figure.ours_spread else "")
    peer = f"{figure.peer_name} {figure.peer:.4g}" if figure.peer else ""
    target = f"{figure.judged} <= {figure.limit:g}" if figure.limit is not None else ""
    target += f", goal {figure.goal:g}" if figure.goal is not None else ""
    met = {None: "", True: "yes", False: "NO"}[figure.is_met]
    return figure.what, ours, figure.unit, peer, f"{figure.ratio:.2f}" if figure.ratio else "", target, met
