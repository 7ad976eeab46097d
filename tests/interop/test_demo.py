# SPDX-License-Identifier: Apache-2.0
"""What `make demo` shows: behind a plain NAT a phone does not hear its caller, through the gateway both hear."""

import pytest

from tests.demo.programme import play
from tests.interop.namespaces import require_namespaces
from tests.interop.office import require

STEPS = (1, 2, 3)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    require_namespaces()
    for program in ("baresip", "kamailio", "nft"):
        require(program)
    played = {verdict.step: (verdict, ladder) for verdict, ladder in play(tmp_path_factory.mktemp("demo"))}
    assert set(played) == set(STEPS), "what came after the last step is no step: the gateway did not leave in order"
    return played


@pytest.mark.ours
@pytest.mark.parametrize("step", STEPS)
def test_the_step_shows_what_the_figure_says(outcomes, step):
    verdict, ladder = outcomes[step]
    assert verdict.step == step
    assert verdict.has_passed, "\n".join([ladder, *verdict.lines()])
