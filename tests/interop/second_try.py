# SPDX-License-Identifier: Apache-2.0
"""A test that drives foreign programs and fails is tried again, at most twice, and the summary names it (RERUN).

Nothing of the failed attempt is used again: what the whole module shares, its server first of all, is taken down with
the test and made anew, on new addresses. A bug that our program has shown by itself is final.
"""

from collections.abc import Generator

import pytest

from tests.interop.server import OwnBug

TRIES_MORE = 2
HAS_FAILED = pytest.StashKey[bool]()


def grant(item: pytest.Item) -> None:
    item.add_marker(pytest.mark.flaky(reruns=TRIES_MORE, rerun_except=[OwnBug]))


@pytest.hookimpl(wrapper=True)
def note_failure(item: pytest.Item,
                 call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    has_failed_before = call.when != "setup" and item.stash.get(HAS_FAILED, False)
    item.stash[HAS_FAILED] = has_failed_before or report.failed
    return report


@pytest.hookimpl(tryfirst=True)
def take_down_module(item: pytest.Item) -> None:
    """After a failure: the fixtures of the test and of its module; what belongs to the session stays."""
    module = item.getparent(pytest.Module)
    if item.stash.get(HAS_FAILED, False) and module is not None:
        item.session._setupstate.teardown_exact(module.parent)
