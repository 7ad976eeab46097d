# SPDX-License-Identifier: Apache-2.0
"""`show firewall`: the rules in words with what they have met, chain by chain, and what is open to calls."""

from typing import Any, cast

from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.operate.show_interfaces import describe_octets
from appliance.console.servers import NETWORK
from appliance.console.table import clean, render_pairs, render_table

SERVER = NETWORK
HEADINGS = ("packets", "octets", "rule")


def render(result: object) -> str:
    """A table a chain, then ports and peers."""
    firewall = cast("dict[str, Any]", result)
    if not firewall["in_force"]:
        return say("no rules are in force") + "\n"
    chains: dict[str, list[tuple[object, ...]]] = {}
    for rule in firewall["rules"]:
        row = (rule["packets"], describe_octets(rule["octets"]), say_again(rule["rule"]))
        chains.setdefault(rule["chain"], []).append(row)
    parts = [f"{clean(say_again(chain))}\n{render_table(HEADINGS, rows)}" for chain, rows in chains.items()]
    pinholes = ", ".join(f"{host}:{port}" for host, port in firewall["pinholes"])
    parts.append(render_pairs([
        (say("open to calls"), pinholes or say("nothing")), (say("carriers"), ", ".join(firewall["peers"])),
        (say("shut out"), firewall["bans"])]))
    return "\n".join(parts)
