# SPDX-License-Identifier: Apache-2.0
"""What the machine has to know of `set system`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from appliance.config.finding import Finding, report_error
from appliance.config.kind import show_text
from appliance.config.sections.system import TIMEZONE_NAME
from appliance.config.tree import Tree


def verify_timezone(tree: Tree, is_timezone: Callable[[str], bool]) -> Iterator[Finding]:
    """A time zone that was said must be known to the machine."""
    for said in tree.sayings(TIMEZONE_NAME):
        if not is_timezone(said.text):
            wrong = f"this machine does not know the time zone {show_text(said.text)}"
            yield report_error("timezone", TIMEZONE_NAME.path, wrong, TIMEZONE_NAME.kind.allowed, said.line)
