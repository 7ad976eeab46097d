# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: a fixed seed for generated cases in CI, and no skip for a reason that is not listed."""

import os
import signal

import pytest
from hypothesis import settings

from tests.architecture.allowed_skips import is_allowed

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("here", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_configure():
    """SIGTERM is an interruption: whoever ends us, by `timeout` for one, ends what we have started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip whose reason nobody allowed into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not is_allowed(reason):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} skips because {reason!r}, which tests/architecture/allowed_skips.py lacks"
    return report
