# SPDX-License-Identifier: Apache-2.0
"""What the configuration service has to say, as text for the operator. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from appliance.console.configure.candidate import Checked, Committed, FindingSaid
from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.table import clean

FINDINGS_SHOWN = 50


def has_errors(findings: Iterable[FindingSaid]) -> bool:
    """Whether something is refused."""
    return any(is_error(one) for one in findings)


def is_error(finding: FindingSaid) -> bool:
    """Whether this one refuses; the other ones warn."""
    return finding.get("severity", "error") == "error"


def render_findings(findings: Sequence[FindingSaid], has_lines: bool = False) -> str:
    """Two lines a finding, errors first: where and what, what is allowed. has_lines: with the number of the line."""
    ordered = sorted(findings, key=lambda one: not is_error(one))
    text = "".join(_render_finding(one, has_lines) for one in ordered[:FINDINGS_SHOWN])
    if len(ordered) > FINDINGS_SHOWN:
        text += say("... and {count} more", count=len(ordered) - FINDINGS_SHOWN) + "\n"
    return text


def _render_finding(finding: FindingSaid, has_lines: bool) -> str:
    mark = "" if is_error(finding) else say("warning: ")
    place = say("line {number}: ", number=finding.get("line", 1)) if has_lines else ""
    sentence, remedy = (clean(say_again(text)) for text in (finding.get("sentence", ""), finding.get("remedy", "")))
    first = f"{mark}{place}{clean(finding.get('path', ''))}: {sentence}\n"
    return first + (say("allowed: {allowed}", allowed=remedy) + "\n" if remedy else "")


def render_check(checked: Checked) -> str:
    """Findings, then what a commit would do."""
    findings = checked.get("findings", [])
    text = render_findings(findings)
    if has_errors(findings):
        return text + say("not good; errors: {count}", count=sum(map(is_error, findings))) + "\n"
    text += "".join(f"  {clean(say_again(effect))}\n" for effect in checked.get("effects", []))
    return text + render_plan(checked.get("plan", {})) + say("configuration check succeeds") + "\n"


def render_plan(plan: Mapping[str, Sequence[str]]) -> str:
    """The steps, part by part."""
    return "".join(f"  {clean(part)}: {clean(say_again(step))}\n" for part, steps in plan.items() for step in steps)


def render_commit(committed: Committed) -> str:
    """What has come of a commit."""
    text = render_findings(committed.get("findings", []))
    text += "".join(f"  {clean(say_again(effect))}\n" for effect in committed.get("effects", []))
    text += say("commit complete: revision {number}", number=committed.get("revision", 0)) + "\n"
    return text
