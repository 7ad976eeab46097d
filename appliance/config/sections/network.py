# SPDX-License-Identifier: Apache-2.0
"""`set network`: whether the appliance looks after the network of its host."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.word_kinds import BOOLEAN

MANAGED = Leaf(
    "network managed",
    BOOLEAN,
    "Whether the appliance looks after the network of its host.",
    default=False,
    not_built={"true": "the network of the host is left alone"},
)

SECTION = Section("network", "The network", "The network of the host.", (MANAGED,))
