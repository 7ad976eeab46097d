# SPDX-License-Identifier: Apache-2.0
"""A place for a firewall, and a firewall in it."""

import shutil

import pytest

from tests.interop.namespaces import require_namespaces
from tests.system.firewall.place import Place, build


@pytest.fixture
def place():
    require_namespaces()
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    place = Place()
    yield place
    place.close()


@pytest.fixture
def firewall(place):
    firewall = place.make_firewall()
    place.apply(firewall, build())
    yield firewall
    firewall.close()
