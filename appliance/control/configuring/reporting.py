# SPDX-License-Identifier: Apache-2.0
"""How the configuration service tells what it has found, what a commit would do, and what it has done."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from appliance.config.candidate import Reading
from appliance.config.effects import describe_effects
from appliance.config.finding import Finding, Severity
from appliance.control.configuring.part import PartPlan
from appliance.control.configuring.routing_changes import list_routing_changes
from appliance.system.clock import render_wall
from appliance.system.revisions.revision_store import Revision

NOTHING_CHANGES: Final = "nothing changes"


def describe_finding(finding: Finding) -> dict[str, object]:
    """severity: error or warning; line: counted from 1, among the lines that were sent or in the whole text."""
    return {"severity": finding.severity.value, "id": finding.id, "path": finding.path, "sentence": finding.sentence,
            "remedy": finding.remedy, "line": finding.line}


def describe_revision(revision: Revision) -> dict[str, object]:
    """at: UTC in RFC 3339 form."""
    return {"number": revision.number, "at": render_wall(revision.at), "user": revision.user,
            "comment": revision.comment, "how": revision.how}


def refuse_without_emergency(finding: Finding) -> Finding:
    """A file may be without a way to call for help, and `check` warns; nobody commits one who has not said so."""
    return replace(finding, severity=Severity.ERROR) if finding.id == "no-emergency" else finding


def describe_change(old: Reading, new: Reading) -> list[str]:
    """Sentences about what becomes of things, and of numbers that are dialled."""
    effects = describe_effects(old.tree, new.tree)
    if old.configuration is not None and new.configuration is not None:
        effects += list_routing_changes(old.configuration, new.configuration)
    return effects or ["nothing changes but remarks" if old.text != new.text else NOTHING_CHANGES]


def describe_plans(plans: Mapping[str, PartPlan]) -> dict[str, list[str]]:
    """For each part what it would do."""
    return {name: [*plan.steps, *plan.notes] for name, plan in plans.items()}


def list_notes(plans: Mapping[str, PartPlan]) -> list[str]:
    """What the operator should know once it is done."""
    affected = sum(plan.calls_affected for plan in plans.values())
    return [*(note for plan in plans.values() for note in plan.notes),
            f"{affected} call{'' if affected == 1 else 's'} affected"]
