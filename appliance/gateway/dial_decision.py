# SPDX-License-Identifier: Apache-2.0
"""What is to become of what was dialled: pure decisions with their reasons, for the router and for whoever explains it.

Emergency numbers come before every rule; then extensions; then routes, under the rights of whoever calls.
"""

import re
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from appliance.gateway.route_table import Routed, RouteTable
from appliance.gateway.toll_class import decide_toll_class, may_call
from appliance.gateway.translation import Translator
from appliance.numbering.digits import Presentation, normalise_digits
from appliance.numbering.emergency import match_emergency


class Kind(IntEnum):
    """EMERGENCY: number is the service's; EXTENSION: number is one; TRUNKS: number goes out on them; BLOCKED: a class
    that is closed; UNKNOWN: nothing here is called so; STRANGER: who calls has no right to any trunk."""

    EMERGENCY = 0
    EXTENSION = 1
    TRUNKS = 2
    BLOCKED = 3
    UNKNOWN = 4
    STRANGER = 5


DIALLED_KEPT: Final = 1024
_DIALABLE: Final = re.compile(r"\+?[0-9*#]{1,64}")


class Decision(NamedTuple):
    """number: without the prefix of `presentation`; trunks: names in order; reasons: sentences for people."""

    kind: Kind
    number: str
    trunks: tuple[str, ...] = ()
    presentation: Presentation | None = None
    reasons: tuple[str, ...] = ()


class DialRules:
    """The dial plan of one configuration. rights: extension -> what it may call beyond the country's numbers."""

    __slots__ = ("_emergencies", "_has_extension", "_rights", "routes", "translator")

    def __init__(self, translator: Translator, routes: RouteTable, rights: dict[bytes, tuple[str, ...]],
                 has_extension: Callable[[bytes], bool]) -> None:
        self.translator = translator
        self.routes = routes
        self._rights = rights
        self._has_extension = has_extension
        self._emergencies: dict[bytes, str] = {}    # what was dialled lately: each call asks twice

    def find_emergency(self, dialled: bytes, uri: bytes = b"") -> str:
        """The emergency number that is meant, "" for none: as dialled, as a service URN (RFC 5031), or behind the digit
        that takes a line."""
        if uri[:4].lower() == b"urn:":
            return self._match_emergency(dialled, uri)
        known = self._emergencies.get(dialled)
        if known is None:
            if len(self._emergencies) >= DIALLED_KEPT:
                self._emergencies.clear()
            known = self._emergencies[dialled] = self._match_emergency(dialled, b"")
        return known

    def _match_emergency(self, dialled: bytes, uri: bytes) -> str:
        country = self.translator.country
        text = dialled.decode("utf-8", "replace")
        candidates = [text, *self.routes.list_stripped(normalise_digits(text))]
        if uri:
            candidates.insert(0, uri.decode("utf-8", "replace"))
        for candidate in candidates:
            call = match_emergency(candidate, country)
            if call is not None:
                return call.number
        return ""

    def decide(self, dialled: bytes, extension: bytes, uri: bytes = b"") -> Decision:
        """extension: whose rights count, b"" for nobody's."""
        emergency = self.find_emergency(dialled, uri)
        if emergency:
            return Decision(Kind.EMERGENCY, emergency, reasons=(f"{emergency} is an emergency number",))
        if self._has_extension(dialled):
            number = dialled.decode("ascii")
            return Decision(Kind.EXTENSION, number, reasons=(f"{number} is an extension",))
        number = normalise_digits(dialled.decode("utf-8", "replace"))
        routed = self._find_route(number) if _is_dialable(number) else None
        if routed is None:
            return Decision(Kind.UNKNOWN, number, reasons=(f"{number} is no extension, and no route has its prefix",))
        route = routed.route
        reasons = (f"route {route.name}: prefix {route.prefix}" + (
            f", {route.strip_digits} digits taken off, {routed.number} is left" if route.strip_digits else ""),)
        if extension not in self._rights:
            return Decision(Kind.STRANGER, number, reasons=(*reasons, "only extensions may call out"))
        return self._decide_class(Decision(Kind.TRUNKS, routed.number, route.trunks, None, reasons),
                                  (route.allowed, self._rights[extension]))

    def decide_onward(self, number: str, trunk: str, allowed: Iterable[str]) -> Decision:
        """A call that came on one trunk and goes on by another. allowed: what may be reached so."""
        reasons = (f"calls on its trunk go on by trunk {trunk}",)
        return self._decide_class(Decision(Kind.TRUNKS, number, (trunk,), None, reasons), (allowed,))

    def _find_route(self, number: str) -> Routed | None:
        """By what is called, not by the 184 or 186 in front of it, which stays with the number; a route may name those
        all the same. A number with "+" that no route begins so is dialled as people here dial it."""
        routed = self.routes.find(number) or (
            self.routes.find(self.translator.write_inbound(number)) if number.startswith("+") else None)
        presentation, called = self.translator.split(number)
        if presentation is None or (routed is not None and routed.route.prefix.startswith(presentation.prefix)):
            return routed
        behind = self._find_route(called)
        return routed if behind is None else behind._replace(number=presentation.prefix + behind.number)

    def _decide_class(self, decision: Decision, rights: tuple[Iterable[str], ...]) -> Decision:
        toll_class = decide_toll_class(decision.number, self.translator.country)
        presentation, number = self.translator.split(decision.number)
        if not may_call(toll_class, *rights):
            return decision._replace(kind=Kind.BLOCKED, trunks=(), reasons=(
                *decision.reasons, f"{number} is {toll_class}, which neither the route nor the caller may"))
        reasons = decision.reasons
        if toll_class:
            reasons = (*reasons, f"{number} is {toll_class}, and that is allowed")
        elif presentation is None:
            return decision
        if presentation is not None:
            withheld = "withholds" if presentation.is_withheld else "shows"
            reasons = (*reasons, f"{presentation.prefix} {withheld} the caller's number")
        return decision._replace(number=number, presentation=presentation, reasons=reasons)


def _is_dialable(number: str) -> bool:
    """Digits, "*" and "#" alone, with a "+" at most in front: what a carrier could be sent."""
    return _DIALABLE.fullmatch(number) is not None
