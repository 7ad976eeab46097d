# SPDX-License-Identifier: Apache-2.0
"""`set route`: which trunk carries what is dialled."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.sections.trunk import TOLL_WORDS
from appliance.config.word_kinds import NAME, PREFIX, integer_kind

ROUTE_PREFIX = Leaf(
    "route <route> prefix", PREFIX, "What is dialled begins with this; the longest prefix wins.", is_required=True
)
STRIP = Leaf("route <route> strip", integer_kind(0, 32, "digits"), "Digits taken away from the front.", default=0)
ROUTE_TRUNK = Leaf(
    "route <route> trunk",
    NAME,
    "The trunks, tried in this order.",
    is_list=True,
    is_required=True,
    refers_to="trunk",
)
ROUTE_ALLOW = Leaf(
    "route <route> allow",
    TOLL_WORDS,
    "What everybody may call by it besides the numbers of the country.",
    is_list=True,
    remark="only what `extension <extension> allow` says",
)

SECTION = Section(
    "route <route>",
    "Routes",
    "Which trunk carries what is dialled. Emergency numbers are matched before every route.",
    (ROUTE_PREFIX, STRIP, ROUTE_TRUNK, ROUTE_ALLOW),
    name_kind=NAME,
)
