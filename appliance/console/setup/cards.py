# SPDX-License-Identifier: Apache-2.0
"""The cards for the telephones: what is typed into each. Pure."""

from collections.abc import Sequence

from appliance.console.messages.catalog import say
from appliance.console.setup.plan import Card
from appliance.console.table import clean, measure


def render_card(card: Card) -> str:
    """A card within 80 columns."""
    pairs = [(say("Extension"), card.extension), (say("Password"), card.secret), (say("Server"), card.server)]
    if card.domain and card.domain != card.server:
        pairs.append((say("Domain"), card.domain))
    widest = max(measure(name) for name, _value in pairs)
    rule = "+" + "-" * 46 + "\n"
    return rule + "".join(f"| {name}{' ' * (widest - measure(name))}  {clean(value)}\n" for name, value in pairs)


def render_cards(cards: Sequence[Card]) -> str:
    """All of them, one below the other."""
    return "".join(map(render_card, cards)) + ("+" + "-" * 46 + "\n" if cards else "")
