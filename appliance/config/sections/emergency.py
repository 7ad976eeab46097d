# SPDX-License-Identifier: Apache-2.0
"""`set emergency`: the operator's word that there is no way to the emergency services."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.word_kinds import choice_kind

WAIVER = Leaf(
    "emergency",
    choice_kind("none"),
    "Says that having no trunk for emergency calls is meant.",
    remark="a trunk with `emergency true` is expected",
)

SECTION = Section("emergency", "Emergency calls", "Emergency calls need a trunk with `emergency true`.", (WAIVER,))
