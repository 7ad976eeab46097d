# SPDX-License-Identifier: Apache-2.0
"""What is said of a handset that others can reach."""

import pytest

from tests.config.office import load_smallest

PORCH = "set handset porch device default"


def findings_of(*lines: str) -> list[tuple[str, str, str, bool]]:
    found = [one for one in load_smallest(PORCH, *lines).findings if one.id == "handset-open"]
    return [(one.id, one.path, one.severity.value, "rings it" in one.sentence) for one in found]


@pytest.mark.parametrize("place", ["192.0.2.8:5060", "0.0.0.0:5070", "[2001:db8::8]:5060"])
def test_an_address_that_others_reach_without_a_secret_is_warned_of(place):
    listen = f"set handset porch listen {place}"
    assert findings_of(listen) == [("handset-open", "handset porch listen", "warning", True)]
    assert findings_of(listen, "set handset porch secret who-knows-this-may-call") == []


@pytest.mark.parametrize("lines", [(), ("set handset porch listen 127.0.0.1:5070",),
                                   ("set handset porch listen [::1]:5070",)])
def test_one_that_only_the_box_reaches_is_not(lines):
    assert findings_of(*lines) == []
