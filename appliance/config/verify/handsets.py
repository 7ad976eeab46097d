# SPDX-License-Identifier: Apache-2.0
"""Handsets that whoever reaches the box could ring."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from appliance.config.finding import Finding, report_warning
from appliance.config.sections import handset
from appliance.config.tree import Tree


def verify_handsets(tree: Tree) -> Iterator[Finding]:
    """What others can reach should ask who they are."""
    for name in tree.names("handset"):
        place = tree.value(handset.LISTEN, name)
        if place is None or tree.has_said(handset.CALLERS_SECRET, name) or ip_address(place.address).is_loopback:
            continue
        wrong = f"whoever reaches {place.address} rings it, without a secret"
        remedy = f"`set handset {name} secret SECRET`, or an address of the loopback"
        path, line = handset.LISTEN.path_for(name), tree.line(handset.LISTEN, name)
        yield report_warning("handset-open", path, wrong, remedy, line)
