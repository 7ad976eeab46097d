# SPDX-License-Identifier: Apache-2.0
"""Where calls go: extensions, emergency services, trunks. Satisfies call.line.Router; keeps no state of its own."""

from collections.abc import Sequence
from typing import Final

from appliance.call.line import Destination, Dial, Refused
from appliance.gateway.dial_decision import Decision, DialRules, Kind
from appliance.gateway.office_extensions import OfficeExtensions
from appliance.gateway.trunk import Trunk
from appliance.gateway.trunk_hosts import TrunkHosts
from appliance.gateway.trunk_report import HAS_NO_ADDRESS
from appliance.sip.flow import Side
from appliance.sip.uri_user import read_uri_user
from appliance.vocabulary.journal import Journal

Groups = list[list[Destination]]
# Causes of Q.850, 2.2.7
UNALLOCATED, NO_USER, REJECTED, ROUTING_ERROR, OUT_OF_ORDER, CONGESTED = 1, 20, 21, 25, 38, 42
STRANGE_EMERGENCY: Final = "only the office's own telephones forward and transfer to an emergency number"


class GatewayRouter:
    """trunks: by name, in the order of the configuration; warning_host: who warns in Warning lines (20.43)."""

    __slots__ = ("_journal", "_office", "_warning_host", "hosts", "rules", "trunks")

    def __init__(self, rules: DialRules, trunks: dict[str, Trunk], office: OfficeExtensions, journal: Journal,
                 warning_host: bytes) -> None:
        self.rules = rules
        self.trunks = trunks
        self.hosts = TrunkHosts(trunks.values())
        self._office = office
        self._journal = journal
        self._warning_host = warning_host

    # call.line.Router

    def route(self, dial: Dial, now: float) -> Groups | Refused:
        """Router."""
        if isinstance(dial.origin, Trunk):
            return self._route_inbound(dial.origin, dial, now)
        if dial.is_elsewhere:
            return self._office.find_elsewhere(dial, dial.uri, now)
        return self._route_dialled(dial, now)

    def follow(self, dial: Dial, target: bytes, now: float) -> Groups | Refused:
        """Router. Whoever forwards or transfers decides, so his rights count, and nobody else's."""
        # a number at a trunk's own address is one to be dialled: nobody gets there but by a route
        if target[:4].lower() == b"urn:" or self._office.is_own_uri(target) or self.hosts.has_uri(target):
            named = dial._replace(dialled=read_uri_user(target), uri=target, is_elsewhere=False)
            if not dial.extension and (number := self.rules.find_emergency(named.dialled, target)):
                # nobody of another domain sends our user, or himself, to the police by our lines
                self._journal.record("call_blocked", extension=b"", number=number, reason=STRANGE_EMERGENCY)
                return Refused(403, REJECTED, STRANGE_EMERGENCY)
            return self._route_dialled(named, now)
        return self._office.find_elsewhere(dial._replace(routes=()), target, now)

    def follow_elsewhere(self, dial: Dial, target: bytes, now: float) -> Groups | Refused:
        """Router. Nobody of another domain chooses what our users dial, and nothing of his is worth our money."""
        is_ours = target[:4].lower() == b"urn:" or self._office.is_own_uri(target) or self.hosts.has_uri(target)
        return self.follow(dial._replace(extension=b"") if is_ours else dial, target, now)

    def is_emergency(self, dial: Dial) -> bool:
        """Router."""
        if isinstance(dial.origin, Trunk):
            return self.may_be_emergency(dial.origin, dial.dialled, dial.uri)
        if dial.is_elsewhere:
            return False
        return bool(self.rules.find_emergency(dial.dialled, dial.uri))

    def may_be_emergency(self, trunk: Trunk, called: bytes, uri: bytes) -> bool:
        """Whether a telephone of the PBX behind this trunk calls for help; a carrier's subscribers do so elsewhere."""
        return bool(self._find_emergency_through(trunk, called, uri))

    def _find_emergency_through(self, trunk: Trunk, called: bytes, uri: bytes) -> str:
        """A did is a rule, and 110 comes before every rule; what only ends so may be one of ours."""
        number = self.rules.find_emergency(called, uri) if trunk.side is Side.PRIVATE else ""
        written = called.decode("utf-8", "replace")
        return "" if number and written != number and trunk.numbers.find_extension(written) else number

    # the kinds of calls

    def _route_dialled(self, dial: Dial, now: float) -> Groups | Refused:
        decision = self.rules.decide(dial.dialled, dial.extension, dial.uri)
        if decision.kind is Kind.EMERGENCY:
            return self._route_emergency(decision.number, dial, now)
        if decision.kind is Kind.EXTENSION:
            return self._find_phones(dial.dialled, dial)
        if decision.kind is Kind.TRUNKS:
            return self._route_out(decision, dial, now)
        return self._refuse(decision, dial)

    def _route_inbound(self, trunk: Trunk, dial: Dial, now: float) -> Groups | Refused:
        """To the office's own numbers and to nobody else, except where the configuration joins two trunks."""
        called = dial.dialled.decode("utf-8", "replace")
        emergency = self._find_emergency_through(trunk, dial.dialled, dial.uri)
        if emergency:       # a telephone of the PBX behind us
            return self._route_emergency(emergency, dial, now)
        extension = trunk.numbers.find_extension(called)
        if extension:
            return self._find_phones(extension, dial)
        onward = self.trunks.get(trunk.configuration.inbound_trunk)
        if onward is not None and called:
            decision = self.rules.decide_onward(called, onward.name, trunk.configuration.inbound_allowed)
            if decision.kind is Kind.TRUNKS:
                return self._route_out(decision, dial, now)
            return self._refuse(decision, dial)
        self._journal.record("unknown_number_called", trunk=trunk.name, number=called)
        return Refused(404, UNALLOCATED, f"trunk {trunk.name} has no did {called}")

    def _find_phones(self, extension: bytes, dial: Dial) -> Groups | Refused:
        is_secure = dial.uri[:5].lower() == b"sips:" and not dial.origin.is_trunk
        return self._office.find_destinations(extension, is_secure) or Refused(480, NO_USER, "phone not registered")

    def _route_emergency(self, number: str, dial: Dial, now: float) -> Groups | Refused:
        """Every trunk that can carry it, in the order of the configuration: those that are up first, of them those with
        a free channel, since another one costs somebody his call. An attempt on one that seems down costs nothing, and
        none made may cost a life."""
        reaching = [trunk for trunk in self.trunks.values() if trunk.is_emergency and (
            trunk is not dial.origin or trunk.side is Side.PUBLIC)]     # not back to the PBX that asks
        reaching.sort(key=lambda trunk: (not trunk.link.is_up(now), trunk.is_full))
        self._journal.record("emergency_called", number=number, extension=dial.extension,
                             trunks=" ".join([trunk.name for trunk in reaching]))
        if not reaching:
            return self._refuse_unavailable(f"no trunk carries {number}")
        return [[trunk.write_emergency(number, now)] for trunk in reaching]

    def _route_out(self, decision: Decision, dial: Dial, now: float) -> Groups | Refused:
        if dial.request is not None and dial.request.max_forwards == 0:
            return Refused(483, ROUTING_ERROR, "the call has been sent round in circles")
        named = [self.trunks[name] for name in decision.trunks if name in self.trunks]
        usable = choose_usable(named, now)
        if not usable:
            reasons = ", ".join([self._explain_absence(name) for name in decision.trunks])
            return self._refuse_unavailable(reasons or "the route has no trunk")
        usable = [trunk for trunk in usable if trunk.may_send(now)]
        if not usable:
            return Refused(503, CONGESTED, "more calls a second than the carrier takes", b"Retry-After: 6\r\n")
        return [[trunk.write_destination(decision.number, decision.presentation, dial.caller.is_private)]
                for trunk in usable]

    # refusals

    def _explain_absence(self, name: str) -> str:
        trunk = self.trunks.get(name)
        return f"trunk {name}: {trunk.link.reason if trunk is not None else f'its listener {HAS_NO_ADDRESS}'}"

    def _refuse(self, decision: Decision, dial: Dial) -> Refused:
        reason = decision.reasons[-1]
        if decision.kind is Kind.UNKNOWN:
            return Refused(404, UNALLOCATED, reason)
        self._journal.record("call_blocked", extension=dial.extension, number=decision.number, reason=reason)
        return Refused(403, REJECTED, reason)

    def _refuse_unavailable(self, reason: str) -> Refused:
        """At once: CONTRACT. Only the office reads the Warning."""
        text = reason.encode("ascii", "replace").replace(b"\\", b"/").replace(b'"', b"'")
        return Refused(503, OUT_OF_ORDER, reason, b'Warning: 399 %s "%s"\r\n' % (self._warning_host, text))


def choose_usable(trunks: Sequence[Trunk], now: float) -> list[Trunk]:
    """Those that are up; one whose carrier has asked for a pause only where there is no other."""
    up = [trunk for trunk in trunks if trunk.link.is_up(now)]
    return [trunk for trunk in up if not trunk.link.is_resting(now)] or up
