# SPDX-License-Identifier: Apache-2.0
"""`export records csv | json`: every record with every column, asked for page by page: neither end holds them all.

CSV: a line a leg, the call's columns in each (RFC 4180). A text that a spreadsheet would take for a formula has an
apostrophe put in front.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from appliance.control.observed import Call

PAGE_RECORDS = 500
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
CALL_FIELDS = ("number", "result", "state", "started_at", "answered_at", "ended_at", "duration_s", "caller",
               "caller_name", "callee", "dialled", "trunk", "status", "cause", "ended_by", "reason", "is_emergency",
               "call_id")
LEG_FIELDS = ("line", "direction", "number", "name", "address", "target", "state", "status", "reason", "started_at",
              "answered_at", "ended_at", "call_id", "codec", "packets_received", "packets_sent", "loss_percent",
              "jitter_ms", "opinion")


def stream(ask: Callable[[list[str]], object], words: list[str]) -> Iterator[str]:
    """The export, in pieces."""
    is_csv, options = words[2] == "csv", words[3:]
    if is_csv:
        yield _write_row([*CALL_FIELDS, *(f"leg_{name}" for name in LEG_FIELDS)])
    after = 0
    while True:
        page = cast("list[Call]", ask(["show", "records", str(PAGE_RECORDS), "after", str(after), *options]))
        for call in page:
            yield write_csv(call) if is_csv else write_json(call)
        if len(page) < PAGE_RECORDS:
            return
        after = page[-1]["number"]


def write_json(call: "Call") -> str:
    """One line."""
    import json
    return json.dumps(call, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_csv(call: "Call") -> str:
    """A line for each leg, one where there is none."""
    fields = cast("dict[str, object]", call)
    head = [fields[name] for name in CALL_FIELDS]
    legs = [cast("dict[str, object]", leg) for leg in call["legs"]] or [dict.fromkeys(LEG_FIELDS, "")]
    return "".join(_write_row([*head, *(leg[name] for name in LEG_FIELDS)]) for leg in legs)


def _write_row(values: list[object]) -> str:
    return ",".join(map(_write_value, values)) + "\r\n"      # RFC 4180 2.1


def _write_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if text.startswith(FORMULA_SIGNS):
        text = "'" + text
    if any(sign in text for sign in ',"\r\n'):
        text = '"' + text.replace('"', '""') + '"'      # RFC 4180 2.6, 2.7
    return text
