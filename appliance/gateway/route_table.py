# SPDX-License-Identifier: Apache-2.0
"""Which route carries what is dialled: the longest prefix wins. A value."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from appliance.config.configuration import RouteConfiguration


class Routed(NamedTuple):
    """A route and the number that is left for its trunks."""

    route: RouteConfiguration
    number: str


class RouteTable:
    """All routes, the longest prefix first."""

    __slots__ = ("_routes",)

    def __init__(self, routes: Iterable[RouteConfiguration]) -> None:
        self._routes = sorted(routes, key=lambda route: len(route.prefix), reverse=True)

    def find(self, dialled: str) -> Routed | None:
        """The route of these digits; None where no prefix fits, or nothing is left to dial."""
        return next(self._list_fitting(dialled), None)

    def list_stripped(self, dialled: str) -> list[str]:
        """What could be meant behind a digit that takes a line: what each route would strip off is off."""
        return [routed.number for routed in self._list_fitting(dialled) if routed.route.strip_digits]

    def _list_fitting(self, dialled: str) -> Iterator[Routed]:
        for route in self._routes:
            if dialled.startswith(route.prefix) and len(dialled) > route.strip_digits:
                yield Routed(route, dialled[route.strip_digits:])
