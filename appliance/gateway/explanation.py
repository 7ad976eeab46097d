# SPDX-License-Identifier: Apache-2.0
"""What would become of a number, in sentences: the same decisions as the router's, nothing is called."""

from appliance.gateway.dial_decision import Kind
from appliance.gateway.router import GatewayRouter, choose_usable
from appliance.gateway.trunk import Trunk
from appliance.gateway.trunk_report import HAS_NO_ADDRESS


def explain_route(router: GatewayRouter, dialled: str, extension: str, now: float) -> list[str]:
    """One sentence a line, the outcome last."""
    decision = router.rules.decide(dialled.encode(), extension.encode())
    lines = list(decision.reasons)
    if decision.kind is Kind.EMERGENCY:
        reaching = [trunk for trunk in router.trunks.values() if trunk.is_emergency]
        lines += [_describe(trunk, decision.number, now) for trunk in reaching]
        lines.append(f"{decision.number} is tried on all of these" if reaching else "no trunk carries it: 503")
    elif decision.kind is Kind.TRUNKS:
        named = [router.trunks[name] for name in decision.trunks if name in router.trunks]
        lines += [f"trunk {name} is left out: its listener {HAS_NO_ADDRESS}" for name in decision.trunks
                  if name not in router.trunks]
        usable = choose_usable(named, now)
        for trunk in named:
            destination = trunk.write_destination(decision.number, decision.presentation)
            lines.append(_describe(trunk, destination.number, now) + ("" if trunk in usable else ", passed over"))
        lines.append(f"tried in this order: {', '.join([trunk.name for trunk in usable])}" if usable
                     else "no trunk is up: 503")
    elif decision.kind is Kind.EXTENSION:
        lines.append("its telephones ring")
    else:
        lines.append("404" if decision.kind is Kind.UNKNOWN else "403")
    return lines


def _describe(trunk: Trunk, number: str, now: float) -> str:
    if not trunk.link.is_up(now):
        state = f"down: {trunk.link.reason}"
    elif trunk.link.is_resting(now):
        state = "up, but its carrier has asked for a pause"
    else:
        state = "up"
    full = ", every channel in use" if trunk.is_full else ""
    return f"trunk {trunk.name} ({state}{full}) would be sent {number}"
