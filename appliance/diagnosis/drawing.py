# SPDX-License-Identifier: Apache-2.0
"""A ladder as text: lanes, arrows, seconds. The console prints it, the transcripts in tests/ are written in it.

                 phoneA                                                 server
        0.000      |------------------------INVITE------------------------>|

A star behind a label marks octets that were sent before.
"""

from collections.abc import Iterable, Sequence

WIDTH = 80
TIME_WIDTH = 9
NARROWEST_LANE = 12
AGAIN = "*"


def place_lanes(count: int, width: int = WIDTH) -> list[int]:
    """The column of each lane's line: evenly spread over `width` columns, wider when there are too many."""
    first = TIME_WIDTH + 7
    if count < 2:
        return [first]
    spacing = max(NARROWEST_LANE, (width - 8 - first) // (count - 1))
    return [first + spacing * index for index in range(count)]


def draw_legend(participants: Iterable[tuple[str, str]]) -> list[str]:
    """One line a participant: name, address."""
    pairs = list(participants)
    widest = max((len(name) for name, _address in pairs), default=0)
    return [f"{name:<{widest}}  {address}".rstrip() for name, address in pairs]


def draw_heading(names: Sequence[str], columns: Sequence[int]) -> str:
    """The names, each over its lane."""
    room = (columns[1] - columns[0] if len(columns) > 1 else WIDTH) - 2
    line = ""
    for name, column in zip(names, columns, strict=True):
        shown = _shorten(name, room)
        start = max(column - len(shown) // 2, len(line) + 1 if line else 0)
        line = line.ljust(start) + shown
    return line


def draw_arrow(columns: Sequence[int], source: int, target: int, label: str, offset_s: float | None) -> str:
    """One message from lane `source` to lane `target`; offset_s None leaves the time out (the same moment)."""
    time = "" if offset_s is None else f"{offset_s:.3f}"
    return time.rjust(TIME_WIDTH) + _draw_shaft(columns, (source, target), label, "-")[TIME_WIDTH:]


def draw_stream(columns: Sequence[int], source: int, target: int, label: str) -> str:
    """What was spoken from lane `source` to lane `target`."""
    return _draw_shaft(columns, (source, target), label, "=")


def _draw_shaft(columns: Sequence[int], lanes: tuple[int, int], label: str, shaft: str) -> str:
    cells = [" "] * (columns[-1] + 1)
    for column in columns:
        cells[column] = "|"
    source, target = lanes
    left, right = sorted((columns[source], columns[target]))
    written = _shorten(label, right - left - 5).center(right - left - 2, shaft)
    cells[left + 1:right] = f"{written}>" if source < target else f"<{written}"
    return "".join(cells)


def draw_ladder(participants: Sequence[tuple[str, str]],
                arrows: Iterable[tuple[float, str, str, str, bool, str]], width: int = WIDTH) -> str:
    """The whole ladder; an arrow is (offset_s, source, target, label, is_retransmission, text to stand below or "")."""
    names = [name for name, _address in participants]
    columns = place_lanes(len(names), width)
    lanes = {name: index for index, name in enumerate(names)}
    lines = [*draw_legend(participants), "", draw_heading(names, columns)]
    for offset_s, source, target, label, is_retransmission, text in arrows:
        shown = label + AGAIN if is_retransmission else label
        lines.append(draw_arrow(columns, lanes[source], lanes[target], shown, offset_s))
        if text and not is_retransmission:
            lines += [f"    {line}".rstrip() for line in text.rstrip().splitlines()]
    return "\n".join(lines) + "\n"


def _shorten(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    tail = "…" + AGAIN if text.endswith(AGAIN) else "…"
    return text[:max(room - len(tail), 1)] + tail
