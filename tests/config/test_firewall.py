# SPDX-License-Identifier: Apache-2.0
"""`set network` of the firewall: what is understood, what is refused, what is warned of."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from tests.config.office import load_smallest

BOTH = (
    "set network managed true",
    "set network interface eth0 role wan",
    "set network interface eth1 role lan",
    "set network lan address 192.168.1.1/24",
)


def forward(name, port, *more, protocol="tcp", to="192.168.1.10"):
    words = (f"protocol {protocol}", f"port {port}", f"to {to}", *more)
    return [f"set network forward {name} {one}" for one in words]


def findings_of(*lines):
    return [(one.id, one.path) for one in load_smallest(*BOTH, *lines).findings]


def firewall_of(*lines):
    result = load_smallest(*BOTH, *lines)
    assert not result.has_errors(), result.findings
    return result.configuration.firewall


def test_the_defaults_let_nobody_in_and_the_lan_out():
    firewall = firewall_of()
    assert firewall.masquerade
    assert not firewall.is_sip_open
    assert firewall.management_sources == firewall.never_ban == ()
    assert (firewall.dscp_media, firewall.dscp_signalling) == (46, 40)
    assert firewall.forwards == {}


def test_a_forward_is_one_port_or_a_range():
    forwards = firewall_of(*forward("web", "8080", "to-port 80", "source 198.51.100.0/24", "source 192.0.2.1"),
                           *forward("game", "27000-27010", protocol="udp")).forwards
    web, game = forwards["web"], forwards["game"]
    assert (web.protocol, web.ports, web.to, web.to_port) == ("tcp", (8080, 8080), IPv4Address("192.168.1.10"), 80)
    assert web.sources == (IPv4Network("198.51.100.0/24"), IPv4Network("192.0.2.1/32"))
    assert (game.ports, game.to_port, game.sources) == ((27000, 27010), 0, ())


@pytest.mark.parametrize("leaf", ["protocol", "port", "to"])
def test_a_forward_without_one_of_these_is_refused(leaf):
    lines = [line for line in forward("web", "80") if f"web {leaf} " not in line]
    assert findings_of(*lines) == [("missing", f"network forward web {leaf}")]


@pytest.mark.parametrize(("lines", "expected"), [
    (forward("web", "80-81", "to-port 80"), ("forward-port", "network forward web to-port")),
    (forward("web", "80", to="192.168.1.1"), ("forward-to", "network forward web to")),
    (forward("web", "80", to="224.0.0.1"), ("wrong-value", "network forward web to")),
    (forward("web", "80", to="127.0.0.1"), ("wrong-value", "network forward web to")),
    (forward("a", "80-90") + forward("b", "90"), ("forward-twice", "network forward b port")),
    (forward("a", "30000", protocol="udp"), ("forward-own", "network forward a port")),
    (["set network management source 198.51.100.7", *forward("a", "22")], ("forward-own", "network forward a port")),
    (["set network open-sip true"], ("open-sip", "network open-sip")),
    (["set network management source 0.0.0.0/0"], ("wide-management", "network management source")),
    (["set network never-ban ::/0"], ("wide-never-ban", "network never-ban")),
    (["set network dscp media 64"], ("wrong-value", "network dscp media")),
    (["set network dscp media x"], ("wrong-value", "network dscp media")),
    (forward("web", "80", "source 2001:db8::/32"), ("forward-family", "network forward web source")),
])
def test_what_is_wrong_is_said_of_its_path(lines, expected):
    assert findings_of(*lines) == [expected]


def test_sip_of_a_public_listener_is_not_given_away():
    lines = ["set sip listener wan address 203.0.113.5", "set sip listener wan side public",
             *forward("a", "5060", protocol="udp"), *forward("b", "5060"), *forward("c", "5061")]
    assert findings_of(*lines) == [("forward-own", "network forward a port"), ("forward-own", "network forward b port")]


def test_the_same_port_may_lead_elsewhere_for_other_sources_or_protocols():
    lines = [*forward("a", "80", "source 198.51.100.0/24"), *forward("b", "80", "source 192.0.2.0/24"),
             *forward("c", "80", protocol="udp")]
    assert findings_of(*lines) == []
    assert findings_of(*lines, *forward("d", "80", "source 192.0.2.7")) == [("forward-twice", "network forward d port")]


def test_a_firewall_without_a_wan_of_ours_is_warned_of():
    assert [one.id for one in load_smallest("set network open-sip false").findings] == ["no-firewall"]
    lines = (BOTH[0], *BOTH[2:], "set network masquerade true")
    assert [one.id for one in load_smallest(*lines).findings] == ["no-firewall"]


@pytest.mark.parametrize("where", ["address 203.0.113.5", "interface wan"])
def test_a_private_listener_on_the_wan_is_warned_of(where):
    wan = ("set network wan address 203.0.113.5/24", "set network wan gateway 203.0.113.1",
           "set system dns 203.0.113.1", f"set sip listener wan {where}")
    assert findings_of(*wan) == [("private-outside", "sip listener wan side")]
    assert findings_of(*wan, "set sip listener wan side public") == []
