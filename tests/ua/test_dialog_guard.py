# SPDX-License-Identifier: Apache-2.0
"""From where a request inside a dialog is believed: by host and side where it was heard, by name and listener."""

from types import SimpleNamespace

import pytest

from appliance.sip.flow import TCP, UDP, Flow, Listener, Side
from appliance.ua.dialog_guard import is_on_way, is_where_heard

INSIDE = Listener("office", UDP, b"192.168.1.1", 5060)
INSIDE_TCP = Listener("office", TCP, b"192.168.1.1", 5060)
OUTSIDE = Listener("wan", UDP, b"203.0.113.1", 5060, Side.PUBLIC)
PHONE = b"192.168.1.11"


def dialog(listener: Listener | None = INSIDE, target: bytes = b"sip:201@pbx.test", routes: tuple[bytes, ...] = ()):
    """As much of a dialog as is asked for: the flow where it was heard, what it names."""
    flow = None if listener is None else Flow(listener, PHONE, 5060)
    return SimpleNamespace(flow=flow, remote_target=target, route_set=list(routes))


@pytest.mark.parametrize(("listener", "host", "port", "is_believed"), [
    (INSIDE, PHONE, 5060, True),
    (INSIDE, PHONE, 6066, True),
    (INSIDE_TCP, PHONE, 40000, True),
    (INSIDE, b"192.168.1.12", 5060, False),
    (OUTSIDE, PHONE, 5060, False),
])
def test_a_dialog_is_heard_from_its_host_on_its_side(listener, host, port, is_believed):
    assert is_where_heard(dialog(), Flow(listener, host, port)) is is_believed


def test_a_dialog_that_was_heard_nowhere_is_heard_from_nobody():
    assert not is_where_heard(dialog(None), Flow(INSIDE, PHONE, 5060))


@pytest.mark.parametrize(("target", "routes", "host", "is_believed"), [
    (b"sip:x@198.51.100.7:5080", (), b"198.51.100.7", True),
    (b"sip:x@198.51.100.7:5080", (), b"198.51.100.8", False),
    (b"sip:x@198.51.100.7", (b"<sip:198.51.100.8;lr>",), b"198.51.100.8", True),
    (b"sip:x@[2001:db8::7]", (), b"2001:db8::7", True),
    (b"tel:+81312345678", (), b"198.51.100.7", False),
])
def test_hosts_that_a_dialog_names_are_believed(target, routes, host, is_believed):
    assert is_on_way(dialog(OUTSIDE, target, routes), Flow(OUTSIDE, host, 5060)) is is_believed


def test_a_host_named_by_name_is_believed_by_the_listener_of_the_dialog_alone():
    named = dialog(OUTSIDE, b"sip:x@carrier.test")
    assert is_on_way(named, Flow(OUTSIDE, b"198.51.100.7", 5060))
    assert not is_on_way(named, Flow(INSIDE, b"198.51.100.7", 5060))
