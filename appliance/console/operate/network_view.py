# SPDX-License-Identifier: Apache-2.0
"""What netd says, as tables: rows of one shape, values of any. Columns that are empty everywhere are left out."""

from collections.abc import Mapping, Sequence

from appliance.console.table import clean, render_pairs, render_table


def render_rows(rows: object, nothing: str) -> str:
    """A table of a list of objects, name and value of one object; `nothing` is said where there is none."""
    if isinstance(rows, Mapping):
        return _render_object(rows, nothing)
    listed = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    if not listed:
        return nothing + "\n"
    names = [name for name in dict.fromkeys(name for row in listed for name in row)
             if any(row.get(name) not in ("", None, [], {}) for row in listed)]
    return render_table([_title(name) for name in names],
                        [[describe_value(row.get(name, "")) for name in names] for row in listed])


def _render_object(value: Mapping[str, object], nothing: str) -> str:
    parts = []
    plain = [(_title(name), describe_value(one)) for name, one in value.items() if not _is_rows(one)]
    if any(one not in ("", None) for _name, one in plain):
        parts.append(render_pairs([(name, one) for name, one in plain]))
    for name, one in value.items():
        if _is_rows(one):
            parts.append(f"{_title(name)}\n" + render_rows(one, nothing))
    return "\n".join(parts) or nothing + "\n"


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def describe_value(value: object) -> object:
    """Numbers stay, so that they stand right; lists and objects become words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return _describe_text(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{_title(str(name))} {describe_value(one)}" for name, one in value.items())
    if isinstance(value, Sequence):
        return ", ".join(str(describe_value(one)) for one in value)
    return clean(value)


def _describe_text(text: str) -> str:
    """A moment loses its T and its fraction."""
    is_moment = len(text) >= 19 and text[4:5] == text[7:8] == "-" and text[10] == "T" and text[13:14] == ":"
    return text[:19].replace("T", " ") if is_moment else text


def _title(name: str) -> str:
    return name.replace("_", " ")
