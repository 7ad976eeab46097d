# SPDX-License-Identifier: Apache-2.0
"""What `nft -j list ruleset` says agrees with the configuration; read here on its own, by nft's words alone."""

import pytest

from tests.system.firewall.place import build

LINES = (
    "set sip listener wan port 5070",
    "set sip domain other.test source 198.51.100.0/25",
    "set network forward web protocol tcp",
    "set network forward web port 8080",
    "set network forward web to 192.168.1.10",
    "set network forward web to-port 80",
    "set network forward web source 192.0.2.0/24",
    "set network forward game protocol udp",
    "set network forward game port 27000-27010",
    "set network forward game to 192.168.1.11",
    "set network management source 2001:db8:7::/48",
    "set network dscp media 34",
    "set network dscp signalling 26",
    "set media ports 20000-20999",
)
DSCP_NAMES = {34: "af41", 26: "af31"}


@pytest.fixture
def listed(place):
    firewall = place.make_firewall()
    place.apply(firewall, build(*LINES))
    yield place
    firewall.close()


def matches(rule):
    """`protocol field` -> value of every comparison of a rule."""
    found = {}
    for one in rule:
        if "match" in one:
            left = one["match"]["left"]
            if "payload" in left and "protocol" in left["payload"]:
                name = f"{left['payload']['protocol']} {left['payload']['field']}"
            else:
                name = str(next(iter(left.values())).get("key", ""))
            found[f"{name} {one['match']['op']}"] = one["match"]["right"]
    return found


def statement(rule, name):
    return next((one[name] for one in rule if name in one), None)


def has(rule, name):
    return any(name in one for one in rule)


def test_there_is_one_table_and_nothing_is_dropped_by_policy(listed):
    objects = listed.list_objects()
    assert [one["table"]["name"] for one in objects if "table" in one] == ["denwaban"]
    hooks = {one["chain"]["hook"]: (one["chain"]["prio"], one["chain"]["policy"])
             for one in objects if "chain" in one and one["chain"].get("type") == "filter"}
    assert hooks == {"prerouting": (-300, "accept"), "input": (0, "accept"), "forward": (0, "accept"),
                     "output": (-150, "accept")}


def test_sip_goes_to_the_chain_of_carriers(listed):
    led = [matches(rule) for rule in listed.list_rules("admission")
           if (statement(rule, "goto") or {}).get("target") == "signalling"]
    assert led == [{"tcp dport ==": 5070}, {"udp dport ==": 5070}]
    rules = listed.list_rules("signalling")
    accepted = {right for rule in rules if has(rule, "accept") for right in matches(rule).values()}
    assert accepted == {"@carriers4", "@carriers6", "@peers4", "@peers6"}
    assert has(rules[-1], "drop")
    assert matches(rules[-1]) == {}


def test_the_networks_are_those_of_the_configuration(listed):
    assert listed.list_set("carriers4") == [{"prefix": {"addr": "198.51.100.0", "len": 25}}, "203.0.113.9"]
    assert listed.list_set("management4") == ["198.51.100.7"]
    assert listed.list_set("management6") == [{"prefix": {"addr": "2001:db8:7::", "len": 48}}]
    assert listed.list_set("never_banned4") == ["198.51.100.8"]


def test_ssh_is_for_management_alone(listed):
    ssh = [matches(rule) for rule in listed.list_rules("admission") if matches(rule).get("tcp dport ==") == 22]
    assert ssh == [{"tcp dport ==": 22, "ip saddr ==": "@management4"},
                   {"tcp dport ==": 22, "ip6 saddr ==": "@management6"}]


def test_audio_is_judged_by_its_pinholes(listed):
    led = [matches(rule) for rule in listed.list_rules("admission")
           if (statement(rule, "goto") or {}).get("target") == "audio"]
    assert led == [{"udp dport ==": {"range": [20000, 20999]}}]
    assert [has(rule, "drop") for rule in listed.list_rules("audio")] == [False, False, True]


def test_forwards_lead_where_they_should(listed):
    forwards = [(matches(rule), statement(rule, "dnat")) for rule in listed.list_rules("port_forwards")]
    wan, lan = {"iifname ==": "eth0"}, {"iifname ==": "eth1", "ip daddr !=": {"prefix": {"addr": "192.168.1.0",
                                                                                        "len": 24}}}
    web, game = {"addr": "192.168.1.10", "family": "ip", "port": 80}, {"addr": "192.168.1.11", "family": "ip"}
    told = [({key: value for key, value in found.items() if key not in ("nfproto ==", " ==")}, to)
            for found, to in forwards]
    source = {"ip saddr ==": {"prefix": {"addr": "192.0.2.0", "len": 24}}}
    ports = {"udp dport ==": {"range": [27000, 27010]}}
    assert told == [
        ({**wan, **source, "tcp dport ==": 8080}, web), ({**lan, "tcp dport ==": 8080}, web),
        ({**wan, **ports}, game), ({**lan, **ports}, game)]


def test_what_leaves_by_the_wan_is_masqueraded(listed):
    rules = listed.list_rules("masquerading")
    assert [has(rule, "masquerade") for rule in rules] == [True, True]
    assert matches(rules[0])["oifname =="] == "eth0"
    assert matches(rules[1])["oifname =="] == "eth1"


def test_marks_are_those_of_the_configuration(listed):
    for chain, value in (("mark_media", 34), ("mark_signalling", 26)):
        marks = [statement(rule, "mangle") for rule in listed.list_rules(chain)]
        assert [one["key"]["payload"] for one in marks] == [
            {"protocol": "ip", "field": "dscp"}, {"protocol": "ip6", "field": "dscp"}]
        assert {one["value"] for one in marks} <= {value, DSCP_NAMES[value]}
    led = [(matches(rule), statement(rule, "goto")["target"]) for rule in listed.list_rules("marks")]
    assert led[0] == ({"udp sport ==": {"range": [20000, 20999]}}, "mark_media")
    signalling = [found for found, target in led[1:] if target == "mark_signalling"]
    assert len(signalling) == len(led) - 1
    assert {"udp sport ==": 5070} in signalling
    assert {"udp sport ==": 5060} in signalling        # the listener of the office
    assert {"tcp dport ==": 5061} in signalling
