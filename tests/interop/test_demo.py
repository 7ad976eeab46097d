# SPDX-License-Identifier: Apache-2.0
"""What `make demo` shows: behind a plain NAT a phone does not hear its caller, through the gateway both hear."""

from contextlib import closing
from itertools import islice

import pytest

from tests.demo.programme import play
from tests.interop.namespaces import require_namespaces
from tests.interop.office import require

STEPS = (1,)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    require_namespaces()
    for program in ("baresip", "kamailio", "nft"):
        require(program)
    with closing(play(tmp_path_factory.mktemp("demo"))) as outcomes:
        return {verdict.step: (verdict, ladder) for verdict, ladder in islice(outcomes, len(STEPS))}


@pytest.mark.ours
@pytest.mark.parametrize("step", STEPS)
def test_the_step_shows_what_the_figure_says(outcomes, step):
    verdict, ladder = outcomes[step]
    assert verdict.step == step
    assert verdict.has_passed, "\n".join([ladder, *verdict.lines()])
