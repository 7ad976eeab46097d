# SPDX-License-Identifier: Apache-2.0
"""What can only be seen of the whole: each finding, when it comes, where it points, and when it does not come."""

import pytest

from appliance.config.configuration import load_configuration
from appliance.config.text import VERSION_LINE
from tests.config.office import SMALLEST, load, load_smallest

EXTENSION = "set extension 1001 secret alpha-1001"
WAN = ("set sip listener wan address 127.0.4.1", "set sip listener wan side public")
CARRIER = (
    "set trunk carrier registrar sip:127.0.4.9",
    "set trunk carrier number 0501",
    "set trunk carrier secret gw-secret",
)
ROUTE = ("set route outside prefix 0", "set route outside trunk carrier")


def findings_of(*lines):
    """(id, path, line) of what the lines cause behind the smallest configuration, which ends on line 4."""
    return {(one.id, one.path, one.line) for one in load_smallest(*lines).findings if one.id != "not-built"}


def test_the_smallest_configuration_has_nothing_wrong():
    result = load_smallest()
    assert result.findings == ()
    assert not result.has_errors()


def test_domain_and_listener_are_required():
    result = load("set emergency none")
    assert {(one.id, one.path) for one in result.findings} == {
        ("missing", "system domain"),
        ("no-listener", "sip listener"),
    }
    assert result.configuration is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["set extension 1001 name Desk"], ("missing", "extension 1001 secret", 5)),
        (["set sip listener wan port 5062"], ("missing", "sip listener wan address", 5)),
        (["set route outside strip 1"], ("missing", "route outside prefix", 5)),
        (["set route outside strip 1"], ("missing", "route outside trunk", 5)),
        (["set sip listener office certificate /a"], ("missing", "sip listener office key", 5)),
        (["set sip listener office key /a"], ("missing", "sip listener office certificate", 5)),
        ([*WAN, *CARRIER], ("missing", "trunk carrier listener", 7)),
        (["set trunk carrier registrar sip:127.0.4.9"], ("missing", "trunk carrier number", 5)),
        ([EXTENSION, *ROUTE], ("dangling", "route outside trunk", 7)),
        ([*CARRIER, "set trunk carrier did 0501 to 1009"], ("dangling", "trunk carrier did", 8)),
        ([*CARRIER, "set trunk carrier listener lan"], ("dangling", "trunk carrier listener", 8)),
        (["set sip listener b address 127.0.1.1"], ("socket-taken", "sip listener b", 5)),
        (["set handset desk listen 127.0.1.1:5060"], ("socket-taken", "handset desk listen", 5)),
        (
            ["set handset desk listen 127.0.1.2:5060", "set handset porch listen 127.0.1.2:5060"],
            ("socket-taken", "handset porch listen", 6),
        ),
        (["set sip domain office.test source 192.0.2.9"], ("domain-own", "sip domain office.test", 5)),
        (["set network lan address nonsense"], ("no-interface", "network lan address", 5)),
        (["set sip listener office transport tls"], ("no-usable-listener", "sip listener", 5)),
        (["set sip listener office port 30000"], ("port-in-media", "sip listener office port", 5)),
        (
            ["set sip registrar min-expires 100", "set sip registrar max-expires 99"],
            ("expires", "sip registrar min-expires", 5),
        ),
        (["set sip registrar max-expires 59"], ("expires", "sip registrar max-expires", 5)),
        (
            [EXTENSION, "set extension 1002 secret bravo-1002", "set extension 1002 username 1001"],
            ("username-taken", "extension 1002 username", 7),
        ),
        (
            ["set extension 1002 secret bravo-1002", "set extension 1002 username 1001", EXTENSION],
            ("username-taken", "extension 1001 username", 7),
        ),
        (["set extension 110 secret alpha-1001"], ("emergency-number", "extension 110", 5)),
        (["set extension 118 secret alpha-1001"], ("emergency-number", "extension 118", 5)),
        (["set extension 119 secret alpha-1001"], ("emergency-number", "extension 119", 5)),
        (["set extension 184110 secret alpha-1001"], ("emergency-number", "extension 184110", 5)),
        (["set trunk carrier channels 4"], ("trunk-kind", "trunk carrier", 5)),
        ([*CARRIER, "set trunk carrier profile unknown"], ("wrong-value", "trunk carrier profile", 8)),
        ([*CARRIER, "set trunk carrier inbound trunk carrier"], ("inbound-self", "trunk carrier inbound trunk", 8)),
        ([*CARRIER, "set trunk carrier inbound trunk pbx"], ("dangling", "trunk carrier inbound trunk", 8)),
        (
            [*CARRIER, "set trunk carrier inbound-username c"],
            ("missing", "trunk carrier inbound-secret", 8),
        ),
        (
            [*CARRIER, "set trunk carrier inbound allow premium"],
            ("inbound-allow", "trunk carrier inbound allow", 8),
        ),
        (
            [
                *(*WAN, *CARRIER, "set trunk carrier listener wan", "set trunk b listener wan"),
                *("set trunk b peer 127.0.4.7:5060", "set trunk carrier inbound trunk b"),
            ],
            ("open-relay", "trunk carrier inbound trunk", 13),
        ),
        ([*CARRIER, "set trunk carrier peer 127.0.4.9:5060"], ("trunk-kind", "trunk carrier", 8)),
        (
            [*CARRIER, EXTENSION, "set trunk carrier did 1 to 1001", "set trunk carrier did 1 to 1001 "],
            ("added-twice", "trunk carrier did", 10),
        ),
        (
            [
                *CARRIER,
                EXTENSION,
                "set extension 1002 secret bravo-1002",
                "set trunk carrier did 1 to 1001",
                "set trunk carrier did 1 to 1002",
            ],
            ("did-twice", "trunk carrier did", 11),
        ),
        (["set trunk a peer 127.0.4.9:5060", "set trunk b peer 127.0.4.9:5060"], ("peer-taken", "trunk b peer", 6)),
        (["set trunk a peer [2001:db8::9]:5060"], ("trunk-family", "trunk a peer", 5)),
        (
            ["set trunk a registrar sip:[2001:db8::9]", "set trunk a number 1"],
            ("trunk-family", "trunk a registrar", 5),
        ),
        (["set trunk a peer 127.0.1.1:5060"], ("peer-own", "trunk a peer", 5)),
        (
            [*CARRIER, *ROUTE, "set route other prefix 0", "set route other trunk carrier"],
            ("prefix-taken", "route other prefix", 10),
        ),
    ],
)
def test_an_error_is_found_where_it_was_made(lines, expected):
    assert expected in findings_of(*lines)
    if expected[0] != "added-twice":
        assert load_smallest(*lines).has_errors()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["set extension 1001 secret short"], ("weak-secret", "extension 1001 secret", 5)),
        (["set extension 1001 secret password"], ("weak-secret", "extension 1001 secret", 5)),
        (["set extension 1001 secret zzzzzzzzzz"], ("weak-secret", "extension 1001 secret", 5)),
        (["set extension longname-1 secret longname-1"], ("weak-secret", "extension longname-1 secret", 5)),
        (
            ["set extension 1 secret longname-1", "set extension 1 username longname-1"],
            ("weak-secret", "extension 1 secret", 5),
        ),
        (["set sip listener office trusted 0.0.0.0/0"], ("trust-wide", "sip listener office trusted", 5)),
        (["set sip domain other.test source 128.0.0.0/1"], ("trust-wide", "sip domain other.test source", 5)),
        (["set sip domain other.test source 2001::/16"], ("trust-wide", "sip domain other.test source", 5)),
        ([*WAN, "set sip listener wan trusted 10.0.0.1"], ("trust-public", "sip listener wan trusted", 7)),
        (["set sip listener office trusted fd00::1"], ("trust-family", "sip listener office trusted", 5)),
        (
            ["set trunk carrier registrar sip:127.0.4.9", "set trunk carrier number 0501"],
            ("trunk-secret", "trunk carrier secret", 5),
        ),
        ([*CARRIER, "set trunk carrier emergency true"], ("emergency-waived", "emergency", 4)),
        (["set system country zz"], ("country-unknown", "system country", 5)),
    ],
)
def test_a_doubtful_thing_is_warned_of_and_accepted(lines, expected):
    assert findings_of(*lines) == {expected}
    assert not load_smallest(*lines).has_errors()


@pytest.mark.parametrize(
    "lines",
    [
        [EXTENSION, "set extension 1002 secret bravo-1002", "set extension 1002 username phone2"],
        ["set sip listener b address 127.0.1.1", "set sip listener b port 5062"],
        [
            "set sip listener office transport udp",
            "set sip listener b address 127.0.1.1",
            "set sip listener b transport tcp",
        ],
        ["set sip listener office transport tcp", "set sip listener office port 30000"],
        [
            *(f"set sip listener office transport {one}" for one in ("udp", "tcp", "tls")),
            "set sip listener office certificate /a",
            "set sip listener office key /b",
        ],
        ["set sip registrar min-expires 100", "set sip registrar max-expires 100"],
        ["set extension 112 secret alpha-1001"],
        [*CARRIER, *ROUTE, "set route far prefix 00", "set route far trunk carrier"],
        ["set sip listener office trusted 10.0.0.0/8"],
    ],
)
def test_what_is_in_order_is_left_alone(lines):
    assert findings_of(*lines) == set()


def test_without_a_trunk_for_emergency_calls_there_is_a_warning():
    result = load("set system domain a.test", "set sip listener office address 127.0.1.1")
    assert [(one.id, one.is_error()) for one in result.findings] == [("no-emergency", False)]


@pytest.mark.parametrize(
    ("lines", "paths"),
    [
        (["set sip role b2bua"], []),
        (["set sip role redirect"], []),
        (["set sip role proxy"], []),
        ([EXTENSION, "set extension 1001 role b2bua"], []),
        (["set media ports 4000-4999"], []),
        (["set network managed true", "set network interface eth0 role wan"], []),
        (["set network managed false"], []),
        ([*CARRIER, *ROUTE], []),
    ],
)
def test_what_is_not_built_is_warned_of_once_and_accepted(lines, paths):
    result = load_smallest(*lines)
    assert [one.path for one in result.findings if one.id == "not-built"] == paths
    assert not result.has_errors()


def test_a_secret_that_was_refused_is_not_called_missing_too():
    findings = load_smallest('set extension 1001 secret ""').findings
    assert [one.id for one in findings] == ["wrong-value"]


def test_an_unknown_time_zone_is_an_error_where_the_machine_knows():
    text = "\n".join([VERSION_LINE, *SMALLEST, "set system timezone Asia/Toyko"])
    assert [one.id for one in load_configuration(text, "F", lambda name: False).findings if one.is_error()] == [
        "timezone"
    ]
    assert not load_configuration(text, "F", lambda name: True).has_errors()
    assert not load_configuration(text, "F").has_errors()


def test_a_dangling_reference_is_told_what_there_is():
    nothing = next(one for one in load_smallest(*ROUTE).findings if one.id == "dangling")
    assert nothing.remedy == "no trunk is configured"
    trunks = [f"set trunk t{number} peer 192.0.2.{number}:5060" for number in range(1, 11)]
    some = next(one for one in load_smallest(*ROUTE, *trunks).findings if one.id == "dangling")
    assert some.remedy == "one of t1, t2, t3, t4, t5, t6, t7, t8 and 2 more"


TLS = (
    "set sip listener office transport tls",
    "set sip listener office certificate /c",
    "set sip listener office key /k",
)


def test_tls_without_certificate_is_left_out_with_a_warning():
    result = load_smallest("set sip listener office transport udp", TLS[0])
    assert [(one.id, one.line, one.is_error()) for one in result.findings] == [("tls-without-certificate", 6, False)]
    assert result.configuration.listeners["office"].transports == ("udp",)
    assert result.configuration.listeners["office"].tls_port == 0


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        ((), 5061),
        (("set sip listener office port 5070",), 5070),
        (("set sip listener office transport udp",), 5061),
        (("set sip listener office transport tcp", "set sip listener office port 5070"), 5071),
        (("set sip listener office transport tcp", "set sip listener office tls-port 443"), 443),
        (("set sip listener office tls-port 443", "set sip listener office port 5070"), 443),
    ],
)
def test_the_port_of_tls(lines, port):
    assert load_smallest(*TLS, *lines).configuration.listeners["office"].tls_port == port


def test_tls_after_the_last_port_is_refused():
    lines = ("set sip listener office transport udp", *TLS, "set sip listener office port 65535")
    assert ("tls-port", "sip listener office tls-port", 9) in findings_of(*lines)


def test_tls_and_tcp_of_two_listeners_collide():
    other = ("set sip listener b address 127.0.1.1", "set sip listener b port 5061")
    assert ("socket-taken", "sip listener b", 9) in findings_of(*TLS, *other)


def test_files_of_a_certificate_are_looked_at_where_the_machine_can():
    text = "\n".join([VERSION_LINE, *SMALLEST, *TLS])
    asked = []
    result = load_configuration(text, "F", None, lambda *files: asked.append(files) or "/k does not belong")
    assert asked == [("/c", "/k")]
    assert [(one.id, one.path, one.line) for one in result.findings if one.is_error()] == [
        ("certificate", "sip listener office certificate", 6)
    ]
    assert not load_configuration(text, "F", None, lambda *files: "").has_errors()


SECURE = "set trunk carrier registrar sip:carrier.test;transport=tls"
ACCOUNT = CARRIER[1:]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([SECURE, *ACCOUNT], ("trunk-transport", "trunk carrier registrar", 5)),
        (
            ["set trunk carrier registrar sips:carrier.test", *ACCOUNT],
            ("trunk-transport", "trunk carrier registrar", 5),
        ),
        ([*CARRIER, "set trunk carrier proxy sips:proxy.test"], ("trunk-transport", "trunk carrier proxy", 8)),
        (["set trunk carrier registrar sip:127.0.1.1", *ACCOUNT], ("server-own", "trunk carrier registrar", 5)),
        (["set trunk carrier registrar sip:127.0.1.1:5060", *ACCOUNT], ("server-own", "trunk carrier registrar", 5)),
        ([*CARRIER, "set trunk carrier proxy sip:127.0.1.1"], ("server-own", "trunk carrier proxy", 8)),
        ([*CARRIER, "set trunk carrier domain office.test"], ("trunk-domain", "trunk carrier domain", 8)),
        (
            [*CARRIER, EXTENSION, "set trunk carrier did 05011112222 to 1001",
             "set trunk carrier did +815011112222 to 1001"],
            ("did-twice", "trunk carrier did", 10),
        ),
        (
            [*CARRIER, "set trunk carrier profile hikari-direct", "set sip listener office port 5070"],
            ("trunk-port", "trunk carrier profile", 8),
        ),
        ([*CARRIER, *ROUTE, "set route outside strip 2"], ("strip-beyond", "route outside strip", 10)),
    ],
)
def test_what_keeps_a_carrier_out_of_reach_is_seen_before_the_first_call(lines, expected):
    assert expected in findings_of(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        [*CARRIER, "set trunk carrier profile hikari-direct"],
        ["set trunk carrier registrar sip:127.0.1.1:5062", *ACCOUNT],
        [*CARRIER, "set trunk carrier domain carrier.test", "set trunk carrier proxy sip:proxy.test:5070"],
        [*CARRIER, *ROUTE, "set route outside strip 1"],
        [*CARRIER, EXTENSION, "set trunk carrier did 05011112222 to 1001", "set trunk carrier did 05011113333 to 1001"],
    ],
)
def test_a_carrier_within_reach_is_none_of_its_business(lines):
    assert not {one for one in findings_of(*lines) if one[0] != "no-emergency"}
