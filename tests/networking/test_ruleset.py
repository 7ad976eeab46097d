# SPDX-License-Identifier: Apache-2.0
"""The firewall as values: what follows from a configuration, and that the kernel can make sense of it."""

from ipaddress import IPv4Interface, IPv4Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.network_kinds import PortRange
from appliance.networking import ruleset_values as values
from appliance.networking.ruleset import build_ruleset, find_border, merge_networks
from appliance.networking.ruleset_admission import describe_media, read_media
from tests.config.office import load_smallest

BOX = (
    "set network managed true",
    "set network interface eth0 role wan",
    "set network interface eth1 role lan",
    "set network lan address 192.168.1.1/24",
    "set network wan address 203.0.113.5/24",
    "set network wan gateway 203.0.113.1",
)
PUBLIC = ("set sip listener wan address 203.0.113.5", "set sip listener wan side public")
LAN = IPv4Interface("192.168.1.1/24")
FORWARD = ("set network forward web protocol tcp", "set network forward web port 8080",
           "set network forward web to 192.168.1.10")


def configuration_of(*lines):
    result = load_smallest(*lines)
    assert not result.has_errors(), result.findings
    return result.configuration


def ruleset_of(*lines, lan=LAN):
    configuration = configuration_of(*lines)
    return build_ruleset(configuration, find_border(configuration, lan))


def words_in(ruleset, chain):
    return [rule.words for rule in ruleset.rules if rule.chain == chain]


def fields_of(rule, name):
    return [dict(one.fields) for one in rule.expressions if one.name == name]


@pytest.mark.parametrize("lines", [(), BOX, (*BOX, *PUBLIC, *FORWARD)])
def test_rules_speak_only_of_chains_and_sets_that_there_are(lines):
    ruleset = ruleset_of(*lines)
    chains, sets = {one.name for one in values.CHAINS}, {one.name for one in values.SETS}
    for rule in ruleset.rules:
        assert rule.chain in chains
        assert {fields["set"] for fields in fields_of(rule, "lookup")} <= sets
        for fields in fields_of(rule, "immediate"):
            assert isinstance(fields["data"], bytes) or not fields["data"].chain or fields["data"].chain in chains
    assert {f"{name}{version}" for name in ruleset.networks for version in (4, 6)} <= sets


def test_without_a_wan_nothing_is_dropped():
    lan_only = ruleset_of(BOX[0], *BOX[2:4])
    verdicts = [fields["data"] for rule in lan_only.rules for fields in fields_of(rule, "immediate")]
    assert values.DROP not in verdicts
    assert words_in(lan_only, "admission") == words_in(lan_only, "passage") == []


def test_the_last_word_on_the_wan_is_no():
    ruleset = ruleset_of(*BOX, *PUBLIC)
    for chain in ("admission", "audio", "signalling"):
        last = [rule for rule in ruleset.rules if rule.chain == chain][-1]
        assert [one.name for one in last.expressions] == ["counter", "immediate"]
        assert fields_of(last, "immediate")[0]["data"] == values.DROP


def test_sip_is_let_in_at_the_ports_of_public_listeners_only():
    lines = ("set sip listener wan port 5070", "set sip listener wan transport udp")
    assert [one for one in words_in(ruleset_of(*BOX, *PUBLIC, *lines), "admission") if one.startswith("SIP")] == [
        "SIP, udp 5070"]
    assert not [one for one in words_in(ruleset_of(*BOX), "admission") if one.startswith("SIP")]


@pytest.mark.parametrize("version", [4, 6])
def test_a_ban_spares_the_trusted_and_carriers_known_by_address_or_name(version):
    rules = [rule for rule in ruleset_of(*BOX, *PUBLIC).rules if rule.words == "shut out"]
    looked_up = [fields_of(rule, "lookup") for rule in rules]
    found = next(one for one in looked_up if one[0]["set"] == f"bans{version}")
    assert "flags" not in found[0] or not found[0]["flags"]
    spared = {fields["set"] for fields in found[1:] if fields["flags"] == 1}     # NFT_LOOKUP_F_INV
    assert spared == {f"never_banned{version}", f"carriers{version}", f"peers{version}"}


def test_nobody_on_the_wan_reaches_an_address_of_the_lan():
    admission = words_in(ruleset_of(*BOX, *PUBLIC), "admission")
    assert admission[:2] == ["not from the WAN", "for an address of the LAN"]


def test_tls_has_its_own_port():
    lines = ("set sip listener wan transport tls", "set sip listener wan tls-port 5443",
             "set sip listener wan certificate /c", "set sip listener wan key /k")
    assert [one for one in words_in(ruleset_of(*BOX, *PUBLIC, *lines), "admission") if one.startswith("SIP")] == [
        "SIP, tcp 5443"]


def test_carriers_are_those_of_public_listeners_that_have_an_address():
    trunk = ("set trunk a listener wan", "set trunk a peer 203.0.113.9:5060",
             "set trunk b listener wan", "set trunk b registrar sip:carrier.test", "set trunk b number 0501",
             "set trunk b secret x", "set trunk b proxy sip:203.0.113.10:5080",
             "set trunk c listener office", "set trunk c peer 127.0.9.9:5060",
             "set sip domain other.test source 198.51.100.0/24")
    networks = ruleset_of(*BOX, *PUBLIC, *trunk).networks
    assert set(networks["carriers"]) == {ip_network("203.0.113.9/32"), ip_network("203.0.113.10/32"),
                                         ip_network("198.51.100.0/24")}


def test_other_domains_need_a_public_listener_to_come_in():
    assert ruleset_of(*BOX, "set sip domain other.test source 198.51.100.0/24").networks["carriers"] == ()


def test_everybody_or_only_carriers_may_speak_sip():
    assert words_in(ruleset_of(*BOX, *PUBLIC), "signalling")[-1] == "SIP of strangers"
    assert words_in(ruleset_of(*BOX, *PUBLIC, "set network open-sip true"), "signalling")[-1] == "SIP of anybody"


def test_the_lan_is_masqueraded_unless_it_is_not_wanted():
    assert words_in(ruleset_of(*BOX), "masquerading") == ["behind our address"]
    assert words_in(ruleset_of(*BOX, "set network masquerade false"), "masquerading") == []


def test_a_forward_has_a_rule_for_each_source_and_one_for_the_lan():
    sources = ("set network forward web source 198.51.100.0/24", "set network forward web source 192.0.2.1")
    told = "forward web: tcp 8080 to 192.168.1.10"
    assert words_in(ruleset_of(*BOX, *FORWARD), "port_forwards") == [told, f"{told}, from the LAN"]
    assert words_in(ruleset_of(*BOX, *FORWARD, *sources), "port_forwards") == [told, told, f"{told}, from the LAN"]
    assert words_in(ruleset_of(*BOX, *FORWARD, lan=None), "port_forwards") == [told]


def test_a_forward_for_sources_that_cannot_be_is_for_nobody_on_the_wan():
    ruleset = ruleset_of(*BOX, *FORWARD, "set network forward web source 2001:db8::/32")
    assert words_in(ruleset, "port_forwards") == ["forward web: tcp 8080 to 192.168.1.10, from the LAN"]


def test_networks_behind_routers_of_the_lan_belong_to_it():
    lines = ("set network route branch to 10.0.0.0/8", "set network route branch via 192.168.1.254",
             "set network route other to 172.16.0.0/12", "set network route other via 203.0.113.200")
    border = find_border(configuration_of(*BOX, *lines), LAN)
    assert border == ("eth0", "eth1", (IPv4Network("10.0.0.0/8"), IPv4Network("192.168.1.0/24")))
    assert find_border(configuration_of(*BOX, *lines), None).lan_networks == ()


def test_several_ports_of_the_lan_are_seen_as_their_bridge():
    configuration = configuration_of(*BOX, "set network interface eth2 role lan")
    assert find_border(configuration, LAN).lan == "br-lan"


@pytest.mark.parametrize("told", ["audio, udp 30000-39999", "audio, udp x-y", "audio of no call", "30000-39999", ""])
def test_the_ports_of_audio_are_read_from_the_words_of_their_rule(told):
    assert read_media(told) == ((30000, 39999) if told.endswith("udp 30000-39999") else None)
    assert read_media(describe_media(PortRange(20000, 20999))) == (20000, 20999)


def test_the_words_of_a_rule_fit_into_the_kernel():
    long_name = "x" * 32
    lines = tuple(line.replace(" web ", f" {long_name} ") for line in FORWARD)
    ports = (f"set network forward {long_name} to-port 65535",)
    for rule in ruleset_of(*BOX, *PUBLIC, *lines, *ports).rules:
        assert len(rule.words.encode()) <= 120


NETWORKS = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
        lambda one: ip_network((one[0], one[1]), strict=False)),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
        lambda one: ip_network((one[0].to_bytes(16, "big"), one[1]), strict=False)),
)


@given(st.lists(NETWORKS, max_size=12), st.integers(0, 2**32 - 1))
def test_merged_networks_hold_the_same_addresses_and_none_twice(networks, number):
    merged = merge_networks(networks)
    ends = [end for one in networks for end in (one.network_address, one.broadcast_address)]
    for probe in (ip_address(number), *ends):
        holders = [one for one in merged if one.version == probe.version and probe in one]
        wanted = any(one.version == probe.version and probe in one for one in networks)
        assert len(holders) == (1 if wanted else 0)
