# SPDX-License-Identifier: Apache-2.0
"""What a check has to say: one sentence about one path at one line, with what is allowed there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

WARNINGS_SHOWN_PER_ID = 10


class Severity(Enum):
    """ERROR: the configuration is refused. WARNING: it is accepted, the operator should know."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong or doubtful.

    id: stable word for programs; path: the configuration words at fault; sentence: what is wrong; remedy: what is
    allowed or what to do; line: counted from 1 (1 also for what is missing from the whole file).
    """

    severity: Severity
    id: str
    path: str
    sentence: str
    remedy: str
    line: int = 1

    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def render(self, file_name: str) -> str:
        """The finding as one line: `FILE:LINE: path: what is wrong; what is allowed`."""
        mark = "" if self.is_error() else "warning: "
        return f"{file_name}:{self.line}: {self.path}: {mark}{self.sentence}; {self.remedy}"


def report_error(finding_id: str, path: str, sentence: str, remedy: str, line: int = 1) -> Finding:
    """A finding that refuses the configuration."""
    return Finding(Severity.ERROR, finding_id, path, sentence, remedy, line)


def report_warning(finding_id: str, path: str, sentence: str, remedy: str, line: int = 1) -> Finding:
    """A finding that lets the configuration pass."""
    return Finding(Severity.WARNING, finding_id, path, sentence, remedy, line)


def render_findings(findings: Iterable[Finding], file_name: str) -> list[str]:
    """The lines to print: every error; of each sort of warning the first ten and how many more there are."""
    lines: list[str] = []
    warned: Counter[str] = Counter()
    for finding in findings:
        if not finding.is_error():
            warned[finding.id] += 1
            if warned[finding.id] > WARNINGS_SHOWN_PER_ID:
                continue
        lines.append(finding.render(file_name))
    for finding_id, count in warned.items():
        if count > WARNINGS_SHOWN_PER_ID:
            lines.append(f"{file_name}: {count - WARNINGS_SHOWN_PER_ID} more warnings of the sort {finding_id}")
    return lines
