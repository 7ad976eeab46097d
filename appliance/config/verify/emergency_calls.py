# SPDX-License-Identifier: Apache-2.0
"""Whether somebody who dials an emergency number reaches help."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.kind import show_text
from appliance.config.sections.emergency import WAIVER
from appliance.config.sections.system import COUNTRY_CODE
from appliance.config.sections.trunk import EMERGENCY
from appliance.config.tree import Tree
from appliance.numbering.emergency import (
    has_emergency_numbers,
    list_emergency_numbers,
    list_known_countries,
    match_emergency,
)


def verify_emergency_calls(tree: Tree) -> Iterator[Finding]:
    """No extension hides an emergency number; some trunk carries emergency calls, or the operator waives that."""
    country = tree.value(COUNTRY_CODE) or ""
    numbers = list_emergency_numbers(country)
    if not has_emergency_numbers(country):
        wrong = f"nothing is known of the emergency numbers of {show_text(country)}: {', '.join(numbers)} alone is one"
        remedy = f"a country whose numbers are known: {', '.join(list_known_countries())}"
        yield report_warning("country-unknown", COUNTRY_CODE.path, wrong, remedy, tree.line(COUNTRY_CODE))
    for extension, line in tree.names("extension").items():
        call = match_emergency(extension, country)
        if call is not None:
            is_number = extension == call.number
            wrong = f"{extension} is an emergency number" if is_number else f"{extension} would dial {call.number}"
            remedy = f"an extension other than {', '.join(numbers)}"
            yield report_error("emergency-number", f"extension {extension}", wrong, remedy, line)
    reaching = [name for name in tree.names("trunk") if tree.value(EMERGENCY, name)]
    if not reaching and not tree.has_said(WAIVER):
        wrong = f"no trunk carries emergency calls ({', '.join(numbers)})"
        remedy = "set trunk NAME emergency true, or set emergency none if that is meant"
        yield report_warning("no-emergency", "emergency", wrong, remedy)
    if reaching and tree.has_said(WAIVER):
        wrong = f"none was said, but trunk {reaching[0]} carries emergency calls"
        yield report_warning("emergency-waived", "emergency", wrong, "one of the two", tree.line(WAIVER))
