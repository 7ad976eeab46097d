# SPDX-License-Identifier: Apache-2.0
"""Every reason for which a test may be skipped. tests/conftest.py fails a test that is skipped for another one."""

import re

ALLOWED_SKIPS = tuple(re.compile(pattern) for pattern in (
    r"needs root( to .+)?",
    r"[a-z-]+ is not installed",
    r"the reference proxy does not promise this",
    r"needs IPv6 on the loopback interface",
))


def is_allowed(reason: str) -> bool:
    """Whether one of the patterns matches the whole reason."""
    return any(pattern.fullmatch(reason) for pattern in ALLOWED_SKIPS)
