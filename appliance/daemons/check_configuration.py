# SPDX-License-Identifier: Apache-2.0
"""`denwaban check FILE`: says everything that is wrong with a configuration, changes nothing."""

from __future__ import annotations

import sys
from typing import TextIO

from appliance.daemons.configuration_file import print_findings, read_configuration

EXIT_GOOD = 0
EXIT_ERRORS = 2


def check_configuration(path: str, output: TextIO | None = None) -> int:
    """Prints the findings and a last line that sums them up. The exit status: 0, or 2 where there are errors."""
    output = sys.stdout if output is None else output
    result = read_configuration(path)
    print_findings(result, output)
    error_count = sum(1 for finding in result.findings if finding.is_error())
    warning_count = len(result.findings) - error_count
    print(f"{path}: {count_noun(error_count, 'error')}, {count_noun(warning_count, 'warning')}", file=output)
    return EXIT_ERRORS if result.has_errors() else EXIT_GOOD


def count_noun(count: int, noun: str) -> str:
    """`no errors`, `1 error`, `2 errors`."""
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
