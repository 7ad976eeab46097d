# SPDX-License-Identifier: Apache-2.0
"""`set media`: where the audio passes."""

from __future__ import annotations

from appliance.config.leaf import Leaf, Section
from appliance.config.network_kinds import PORT_RANGE, PortRange

PORTS = Leaf(
    "media ports", PORT_RANGE, "The UDP ports that audio may use, on the listeners' addresses.",
    default=PortRange(30000, 39999)
)

SECTION = Section("media", "Audio", "Where the audio passes.", (PORTS,))
