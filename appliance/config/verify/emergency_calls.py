# SPDX-License-Identifier: Apache-2.0
"""Whether somebody who dials an emergency number reaches help."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.sections.emergency import WAIVER
from appliance.config.sections.system import COUNTRY_CODE
from appliance.config.sections.trunk import EMERGENCY
from appliance.config.tree import Tree

# Japan: police, coast guard, fire and ambulance. No country of its own: the European number.
EMERGENCY_NUMBERS = {"jp": ("110", "118", "119")}
EMERGENCY_NUMBERS_ELSEWHERE = ("112",)


def verify_emergency_calls(tree: Tree) -> Iterator[Finding]:
    """No extension hides an emergency number; some trunk carries emergency calls, or the operator waives that."""
    numbers = EMERGENCY_NUMBERS.get(tree.value(COUNTRY_CODE) or "", EMERGENCY_NUMBERS_ELSEWHERE)
    extensions = tree.names("extension")
    for number in numbers:
        if number in extensions:
            wrong = f"{number} is an emergency number"
            remedy = f"an extension other than {', '.join(numbers)}"
            yield report_error("emergency-number", f"extension {number}", wrong, remedy, extensions[number])
    reaching = [name for name in tree.names("trunk") if tree.value(EMERGENCY, name)]
    if not reaching and not tree.has_said(WAIVER):
        wrong = f"no trunk carries emergency calls ({', '.join(numbers)})"
        remedy = "set trunk NAME emergency true, or set emergency none if that is meant"
        yield report_warning("no-emergency", "emergency", wrong, remedy)
    if reaching and tree.has_said(WAIVER):
        wrong = f"none was said, but trunk {reaching[0]} carries emergency calls"
        yield report_warning("emergency-waived", "emergency", wrong, "one of the two", tree.line(WAIVER))
