# SPDX-License-Identifier: Apache-2.0
"""What a change means for whoever dials: numbers of reference, under the old rules and the new ones. Pure."""

from collections.abc import Iterator
from typing import Final

from appliance.config.configuration import Configuration
from appliance.gateway.route_simulator import NOBODY, RouteSimulator

REFERENCE_NUMBERS: Final = ("110", "118", "119", "117", "104", "0312345678", "09012345678", "05012345678", "0120123456",
                            "0570012345", "0990123456", "184" "0312345678", "010" "12125550100")
"""Emergency, time and directory; landline, mobile, IP; free, shared cost, premium; number withheld; abroad (Japan)."""
SHOWN: Final = 40


def list_routing_changes(old: Configuration, new: Configuration) -> list[str]:
    """Sentences: `from 1001: 0312345678: trunk a (0312345678) -> not allowed`."""
    if (old.country, old.routes, old.trunks, old.extensions) == (new.country, new.routes, new.trunks, new.extensions):
        return []
    found = list(_compare(old, new))
    return found if len(found) <= SHOWN else [*found[:SHOWN], f"{len(found) - SHOWN} more ways change"]


def _compare(old: Configuration, new: Configuration) -> Iterator[str]:
    before, after = RouteSimulator(old), RouteSimulator(new)
    callers = _group_callers(old, new)
    for number in REFERENCE_NUMBERS:
        found = {words: _compare_way(before, after, number, caller) for caller, words in callers.items()}
        if len(set(found.values())) == 1:       # the same for everybody
            yield from filter(None, set(found.values()))
        else:
            yield from (f"{words}{change}" for words, change in found.items() if change)
    caller = next(iter(callers), "")
    for number in [*old.extensions, *(one for one in new.extensions if one not in old.extensions)]:
        change = _compare_way(before, after, number, caller) if caller else ""
        if change:
            yield change


def _compare_way(before: RouteSimulator, after: RouteSimulator, number: str, caller: str) -> str:
    """"" where nothing changes, or what is told already: that somebody comes or goes."""
    was, becomes = before.decide(number, caller).describe(), after.decide(number, caller).describe()
    if was == becomes or {was, becomes} == {f"extension {number}", NOBODY}:
        return ""
    return f"{number}: {was} -> {becomes}"


def _group_callers(old: Configuration, new: Configuration) -> dict[str, str]:
    """One caller for each pair of rights, and the words for all of them. Who is new has no old way."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for number, one in new.extensions.items():
        known = old.extensions.get(number)
        if known is not None:
            groups.setdefault((known.allowed, one.allowed), []).append(number)
    return {numbers[0]: f"from {numbers[0]}{f' and {len(numbers) - 1} more' if len(numbers) > 1 else ''}: "
            for numbers in groups.values()}
