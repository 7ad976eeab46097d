# SPDX-License-Identifier: Apache-2.0
"""Where a listener is: an address, or the interface whose address counts."""

import pytest

from tests.config.office import load

OFFICE = ("set system domain office.test", "set emergency none")
MANAGED = ("set network managed true", "set network interface eth0 role wan")


def findings(*lines):
    return [(one.id, one.path) for one in load(*OFFICE, *lines).findings if one.is_error()]


def test_a_listener_may_be_where_its_interface_is():
    loaded = load(*OFFICE, *MANAGED, "set sip listener out interface wan", "set sip listener out side public")
    assert loaded.configuration is not None, loaded.findings
    listener = loaded.configuration.listeners["out"]
    assert (listener.address, listener.interface) == ("", "wan")


@pytest.mark.parametrize(("lines", "expected"), [
    (("set sip listener out port 5060",), ("missing", "sip listener out address")),
    ((*MANAGED, "set sip listener out interface wan", "set sip listener out address 203.0.113.5"),
     ("listener-place", "sip listener out interface")),
    (("set sip listener out interface wan",), ("listener-interface", "sip listener out interface")),
    ((*MANAGED, "set sip listener one interface wan", "set sip listener two interface wan"),
     ("socket-taken", "sip listener two")),
])
def test_a_listener_is_in_one_place_that_somebody_looks_after(lines, expected):
    assert expected in findings(*lines)
