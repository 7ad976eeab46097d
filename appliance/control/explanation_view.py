# SPDX-License-Identifier: Apache-2.0
"""Why a call went as it did, as the control socket tells it."""

from math import inf

from appliance.control.call_view import write_moment
from appliance.control.observed import Explanation
from appliance.diagnosis.explain.finding import Explained


def describe_explanation(explained: Explained) -> Explanation:
    """In its documented form, the evidence in the order of time."""
    finding = explained.finding
    return {
        "number": explained.number,
        "cause": finding.cause,
        "sentence": finding.sentence,
        "evidence": [{"at": write_moment(one.at), "text": one.text}
                     for one in sorted(finding.evidence, key=lambda one: one.at or inf)],
        "remedy": finding.remedy,
        "also": [one.sentence for one in explained.also],
    }
