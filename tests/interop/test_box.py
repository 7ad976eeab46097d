# SPDX-License-Identifier: Apache-2.0
"""What `make box` shows: an empty machine becomes router and telephone system, and a wrong commit heals itself."""

import pytest

from tests.box.programme import TITLES, play
from tests.interop.namespaces import require_namespaces
from tests.interop.netd import require_dnsmasq
from tests.interop.office import require


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    require_namespaces()
    require_dnsmasq()
    for program in ("baresip", "kamailio", "nft", "udhcpc"):
        require(program)
    played = {verdict.step: (verdict, screen) for verdict, screen in play(tmp_path_factory.mktemp("box"))}
    assert set(played) == set(TITLES), "what came after the last step is no step: the box did not leave in order"
    return played


@pytest.mark.ours
@pytest.mark.parametrize("step", TITLES)
def test_the_step_comes_to_pass(outcomes, step):
    verdict, screen = outcomes[step]
    assert verdict.step == step
    assert verdict.has_passed, "\n".join([screen, *verdict.lines()])
