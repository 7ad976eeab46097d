# SPDX-License-Identifier: Apache-2.0
"""What must be said: the required leaves of the schema, and one listener."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.finding import Finding, report_error
from appliance.config.schema import SECTIONS
from appliance.config.tree import Tree


def verify_required(tree: Tree) -> Iterator[Finding]:
    """Required leaves: those of a named section for each of its names, the others always."""
    if not tree.names("listener"):
        wrong = "there is no listener, so no phone can reach the server"
        yield report_error("no-listener", "sip listener", wrong, "set sip listener NAME address ADDRESS")
    for section in SECTIONS:
        required = [leaf for leaf in section.leaves if leaf.is_required]
        names = tree.names(section.label()) if section.label() else {"": 1}
        for leaf in required:
            for name, line in names.items():
                if not tree.has_said(leaf, name):
                    path = leaf.path_for(name)
                    yield report_error("missing", path, "this is required and missing", leaf.kind.allowed, line)
