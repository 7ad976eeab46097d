# SPDX-License-Identifier: Apache-2.0
"""Where a number would go under a configuration, running or not: the router's own decisions, no trunk needed. Pure."""

from typing import Final, NamedTuple

from appliance.call.replacement import PICKUP_CODE
from appliance.config.configuration import Configuration, TrunkConfiguration
from appliance.gateway.carrier_profiles import PROFILES
from appliance.gateway.carrier_profiles.carrier_profile import PrivacyWay
from appliance.gateway.dial_decision import Decision, DialRules, Kind
from appliance.gateway.route_table import RouteTable
from appliance.gateway.translation import Translator

NOBODY: Final = "nobody"


class Step(NamedTuple):
    """A trunk that would be tried, and the number it would be sent."""

    trunk: str
    number: str


class Way(NamedTuple):
    """kind: emergency, extension, trunks, blocked, unknown or stranger; number: what is called; steps: in order, where
    all trunks are up; reasons: sentences for people; at: the moment asked about, seconds since 1970 (no rule looks at
    the time yet)."""

    kind: str
    number: str
    steps: tuple[Step, ...]
    reasons: tuple[str, ...]
    at: float

    def describe(self) -> str:
        """In a few words, the same for the same way."""
        if self.kind == "extension":
            return f"extension {self.number}"
        if self.kind == "pickup":
            return "pickup"
        if self.steps:
            return ", then ".join([f"trunk {step.trunk} ({step.number})" for step in self.steps])
        return {"blocked": "not allowed", "unknown": NOBODY, "stranger": "no right to call out"}.get(
            self.kind, "no trunk")


class RouteSimulator:
    """The dial plan of one configuration, for many questions."""

    __slots__ = ("_configuration", "_rules", "_translator")

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._translator = Translator(configuration.country)
        rights = {number.encode(): one.allowed for number, one in configuration.extensions.items()}
        self._rules = DialRules(self._translator, RouteTable(configuration.routes.values()), rights,
                                rights.__contains__)

    def decide(self, number: str, extension: str, at: float = 0.0) -> Way:
        """extension: who dials."""
        decision = self._rules.decide(number.encode(), extension.encode())
        starred = self._explain_pickup(number)
        if starred:
            reasons = (starred, "while nothing rings there:", *decision.reasons)
            return Way("pickup", number, tuple(self._list_steps(decision)), reasons, at)
        return Way(decision.kind.name.lower(), decision.number, tuple(self._list_steps(decision)), decision.reasons, at)

    def _explain_pickup(self, number: str) -> str:
        """"" for what takes nothing over (call.replacement)."""
        code = PICKUP_CODE.decode("ascii")
        if number == code:
            return f"{number} takes over what rings longest in the office"
        extension = number.removeprefix(code)
        is_pickup = number != extension and extension in self._configuration.extensions
        return f"{number} takes over what rings longest at {extension}" if is_pickup else ""

    def _list_steps(self, decision: Decision) -> list[Step]:
        trunks = self._configuration.trunks
        if decision.kind is Kind.EMERGENCY:
            return [Step(one.name, decision.number) for one in trunks.values() if one.is_emergency]
        return [Step(name, self._write(trunks[name], decision)) for name in decision.trunks if name in trunks]

    def _write(self, trunk: TrunkConfiguration, decision: Decision) -> str:
        """As `gateway.trunk` writes it for a telephone that says nothing of privacy."""
        habits = PROFILES[trunk.profile]
        written = self._translator.write_outbound(decision.number, habits.number_format)
        if decision.presentation is None or habits.privacy is PrivacyWay.HEADER:
            return written
        return decision.presentation.prefix + written


def decide_way(configuration: Configuration, number: str, extension: str, at: float) -> Way:
    """What would become of a number dialled by an extension. at: seconds since 1970."""
    return RouteSimulator(configuration).decide(number, extension, at)
