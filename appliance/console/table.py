# SPDX-License-Identifier: Apache-2.0
"""Aligned columns within the width of a terminal; octets from the wire are made harmless before they reach it."""

from collections.abc import Sequence

WIDTH = 80
GAP = "  "
NARROWEST = 6
LONGEST_WORD = 26
NARROWEST_PROSE = 20
NEVER_FIRST = "、。」）)，．・ー"
"""What does not begin a line of Japanese (JIS X 4051 7.1)."""


def clean(value: object) -> str:
    """A value as printable text: a phone's name cannot move the operator's cursor."""
    text = str(value)
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def measure(text: str) -> int:
    """Cells on the terminal: Japanese characters take two."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # only where it is needed: it costs the start of the console
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def shorten(text: str, cells: int) -> str:
    """The text in that many cells, with … where something is missing."""
    if measure(text) <= cells:
        return text
    while text and measure(text) > cells - 1:
        text = text[:-1]
    return text + "…"


def render_table(headings: Sequence[str], rows: Sequence[Sequence[object]], width: int = WIDTH) -> str:
    """The rows under their headings; numbers stand right; the widest column gives way where the width ends."""
    texts = [[clean(value) for value in row] for row in rows]
    widths = [max(map(measure, (heading, *(row[index] for row in texts)))) for index, heading in enumerate(headings)]
    while sum(widths) + len(GAP) * (len(widths) - 1) > width and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    is_number = [all(isinstance(row[index], int | float) for row in rows) for index in range(len(headings))]
    lines = [_align(headings, widths, is_number)]
    lines += [_align(row, widths, is_number) for row in texts]
    return "\n".join(lines) + "\n"


def render_pairs(pairs: Sequence[tuple[str, object]], indent: str = "") -> str:
    """Name and value, one pair a line, values aligned; empty values are left out."""
    shown = [(name, clean(value)) for name, value in pairs if value not in ("", None)]
    widest = max((measure(name) for name, _value in shown), default=0)
    return "".join(f"{indent}{name}{' ' * (widest - measure(name))}{GAP}{value}\n" for name, value in shown)


def render_duration(seconds: float) -> str:
    """Seconds as a person says them: 1:02:03, 2:03, with days in front where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02}:{minutes:02}:{rest:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _align(cells: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> str:
    parts = []
    for cell, width, is_right in zip(cells, widths, is_number, strict=True):
        text = shorten(cell, width)
        padding = " " * (width - measure(text))
        parts.append(padding + text if is_right else text + padding)
    return GAP.join(parts).rstrip()


def wrap_cells(text: str, cells: int, hanging: int = 0) -> list[str]:
    """The text in lines of so many cells: parted at blanks, and where a word is too long (or Japanese) inside it.
    hanging: how many cells less every line but the first has."""
    lines, line = [], ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        while measure(joined) > cells:
            if line and measure(word) <= cells and word.isascii():
                lines.append(line.rstrip())
                joined = word
            else:
                head = _take_cells(joined, cells)
                lines.append(head.rstrip())
                joined = joined[len(head):].lstrip()
            line = ""
            if len(lines) == 1:
                cells -= hanging
        line = joined
    return [*lines, line] if line or not lines else lines


def _take_cells(text: str, cells: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += measure(character)
        if taken > cells:
            while index > 1 and text[index] in NEVER_FIRST and not text[index].isascii():
                index -= 1
            return text[:max(index, 1)]
    return text


def wrap_prose(text: str, width: int = WIDTH) -> str:
    """Sentences within the width, line by line; what a line goes on with stands two cells further right."""
    width = max(width, NARROWEST_PROSE)
    return "\n".join(map("\n".join, (_wrap_line(line, width) for line in text.split("\n"))))


def _wrap_line(line: str, width: int) -> list[str]:
    if measure(line) <= width:
        return [line]
    sentence = line.lstrip(" ")
    indent = line[:len(line) - len(sentence)]
    first, *rest = wrap_cells(sentence, width - len(indent), len(GAP))
    return [indent + first, *(f"{indent}{GAP}{one}" for one in rest)]


def render_definitions(pairs: Sequence[tuple[str, str]], width: int = WIDTH) -> str:
    """Word and explanation, the explanations in a column that wraps; a long word has a line of its own."""
    column = min(max((measure(word) for word, _text in pairs), default=0), LONGEST_WORD)
    text = ""
    for word, explanation in pairs:
        wrapped = wrap_cells(explanation, width - column - len(GAP))
        if measure(word) > column:
            text += f"{word}\n"
            word = ""
        for line in wrapped:
            text += f"{word}{' ' * (column - measure(word))}{GAP}{line}".rstrip() + "\n"
            word = ""
    return text
