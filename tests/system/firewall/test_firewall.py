# SPDX-License-Identifier: Apache-2.0
"""The firewall against the kernel: replaced as a whole or not at all, with bans, pinholes and carriers that stay."""

import itertools
from ipaddress import ip_address, ip_network

import pytest

from appliance.errors import MachineError
from appliance.networking.ruleset_values import Expression, Rule
from appliance.system.firewall.elements import Pinhole
from appliance.system.firewall.kernel_settings import RESERVED_PORTS
from appliance.system.firewall.netlink_octets import HEADER
from appliance.system.firewall.nftables_socket import BATCH_BEGIN
from tests.system.firewall.place import build
from tests.work import assert_in_proportion

FURTHER = itertools.count(0xC6120000)   # 198.18.0.0
SCANNER, SCANNER_6 = ip_address("198.51.100.66"), ip_address("2001:db8:66::1")
PINHOLES = [Pinhole(ip_address("203.0.113.5"), 30000), Pinhole(ip_address("203.0.113.5"), 30001),
            Pinhole(ip_address("2001:db8::5"), 30000)]
PEERS = [ip_network("203.0.113.20/32"), ip_network("203.0.113.21/32"), ip_network("2001:db8:9::/48")]
WEB = ("set network forward web protocol tcp", "set network forward web port 8080",
       "set network forward web to 192.168.1.10")


def fill(firewall):
    assert firewall.ban(SCANNER, 600, "guessed 40 passwords") == ""
    assert firewall.ban(SCANNER_6, 600, "guessed") == ""
    firewall.open_pinholes(PINHOLES)
    firewall.set_peers(PEERS)


def assert_filled(place):
    assert [one["elem"]["val"] for one in place.list_set("bans4")] == [str(SCANNER)]
    assert [one["elem"]["val"] for one in place.list_set("bans6")] == [str(SCANNER_6)]
    assert [one["concat"] for one in place.list_set("pinholes4")] == [["203.0.113.5", 30000], ["203.0.113.5", 30001]]
    assert [one["concat"] for one in place.list_set("pinholes6")] == [["2001:db8::5", 30000]]
    assert place.list_set("peers4") == [{"prefix": {"addr": "203.0.113.20", "len": 31}}]
    assert place.list_set("peers6") == [{"prefix": {"addr": "2001:db8:9::", "len": 48}}]


def test_bans_pinholes_and_peers_outlive_a_replacement(place, firewall):
    fill(firewall)
    assert_filled(place)
    place.apply(firewall, build(*WEB))
    assert_filled(place)
    assert len(place.list_rules("port_forwards")) == 2
    place.apply(firewall, build())
    assert_filled(place)
    assert place.list_rules("port_forwards") == []


class CountingSocket:
    """A socket to the kernel, and the datagrams it was sent."""

    def __init__(self, inner) -> None:
        self._inner = inner
        self.sent = []

    def send(self, octets):
        self.sent.append(octets)
        return self._inner.send(octets)

    def __getattr__(self, name):
        return getattr(self._inner, name)

    @property
    def transactions(self):
        return [octets for octets in self.sent if HEADER.unpack_from(octets)[1] == BATCH_BEGIN]


@pytest.fixture
def counting(firewall):
    firewall._socket._socket = counting = CountingSocket(firewall._socket._socket)
    return counting


def test_a_whole_replacement_is_one_transaction_and_three_questions(place, firewall, counting):
    for ruleset in (build(*WEB), build(), build(*WEB)):
        counting.sent.clear()
        place.apply(firewall, ruleset)
        assert (len(counting.transactions), len(counting.sent)) == (1, 4)


def test_a_refused_ruleset_changes_nothing_and_is_said_by_its_rule(place, firewall):
    fill(firewall)
    before = place.nft("-s", "list", "ruleset")
    ruleset = build(*WEB)
    wrong = Rule("passage", "a rule that cannot be", (Expression("lookup", (("set", "nowhere"), ("sreg", 1))),))
    broken = ruleset._replace(rules=(*ruleset.rules[:20], wrong, *ruleset.rules[20:]))
    for act in (firewall.apply, firewall.check):
        with pytest.raises(MachineError, match="rule of passage: a rule that cannot be") as refused:
            place.inside(lambda: act(broken))       # noqa: B023, called at once
        assert refused.value.errno == 2
    assert place.nft("-s", "list", "ruleset") == before
    assert firewall.is_in_force()


def test_what_we_change_ourselves_is_no_reason_to_read_the_rules_again_and_hides_nothing(place, firewall, monkeypatch):
    fill(firewall)
    firewall.ban(SCANNER, 60, "guessed")
    firewall.close_pinholes(PINHOLES)
    with monkeypatch.context() as patched:
        patched.setattr(firewall, "_read_handles", lambda: pytest.fail("the rules were read"))
        assert firewall.is_in_force()
    place.nft("insert", "rule", "inet", "denwaban", "admission", "accept")
    firewall.ban(SCANNER, 90, "again")        # ours after somebody else's
    assert not firewall.is_in_force()


def test_a_check_changes_nothing(place, firewall):
    before = place.nft("list", "ruleset")
    firewall.check(build(*WEB))
    assert place.nft("list", "ruleset") == before


def test_a_new_process_finds_what_the_old_one_left(place, firewall):
    fill(firewall)
    second = place.make_firewall()
    assert second.pinholes == set(PINHOLES)
    assert second.peers == (ip_network("203.0.113.20/31"), ip_network("2001:db8:9::/48"))
    assert [(one.address, one.reason) for one in second.list_bans()] == [
        (SCANNER, "guessed 40 passwords"), (SCANNER_6, "guessed")]
    place.apply(second, build(*WEB))
    assert_filled(place)
    assert second.unban(SCANNER)
    assert place.list_set("bans4") == []
    second.close()


def test_what_was_said_before_the_first_ruleset_goes_in_with_it(place):
    firewall = place.make_firewall()
    firewall.set_pinholes(PINHOLES)
    firewall.set_peers(PEERS)
    assert firewall.ban(SCANNER, 60, "early") == "there is no WAN"
    assert place.list_objects()[1:] == []
    place.apply(firewall, build())
    assert len(place.list_set("pinholes4")) == 2
    assert len(place.list_set("peers4")) == 1
    firewall.close()


def test_a_flushed_ruleset_is_noticed_and_everything_comes_back(place, firewall):
    fill(firewall)
    assert firewall.is_in_force()
    place.nft("flush", "ruleset")
    assert not firewall.is_in_force()
    place.apply(firewall, firewall.ruleset)
    assert firewall.is_in_force()
    assert_filled(place)


@pytest.mark.parametrize("words", [
    ("flush", "set", "inet", "denwaban", "pinholes4"),
    ("add", "element", "inet", "denwaban", "management4", "{ 0.0.0.0/1 }"),
    ("add", "element", "inet", "denwaban", "carriers6", "{ 2001:db8:77::/48 }"),
    ("flush", "set", "inet", "denwaban", "peers4"),
])
def test_what_somebody_does_to_our_sets_is_noticed_and_undone(place, firewall, words):
    fill(firewall)
    assert firewall.is_in_force()
    before = {name: place.list_set(name) for name in ("pinholes4", "management4", "carriers6", "peers4")}
    place.nft(*words)
    assert {name: place.list_set(name) for name in before} != before
    assert not firewall.is_in_force()
    place.apply(firewall, firewall.ruleset)
    assert {name: place.list_set(name) for name in before} == before
    assert firewall.is_in_force()
    assert_filled(place)


def test_a_pinhole_that_somebody_else_has_closed_is_closed_for_us_as_well(place, firewall):
    fill(firewall)
    place.nft("flush", "set", "inet", "denwaban", "pinholes4")
    with pytest.raises(MachineError, match="pinholes"):
        firewall.close_pinholes(PINHOLES)
    assert firewall.pinholes == frozenset()
    assert not firewall.is_in_force()
    place.apply(firewall, firewall.ruleset)
    assert (place.list_set("pinholes4"), place.list_set("pinholes6")) == ([], [])


def test_one_rule_that_somebody_adds_is_noticed_and_another_table_is_not_ours(place, firewall):
    place.nft("add", "table", "inet", "other")
    place.nft("add", "chain", "inet", "other", "mine")
    assert firewall.is_in_force()
    place.nft("insert", "rule", "inet", "denwaban", "admission", "accept")
    assert not firewall.is_in_force()
    place.apply(firewall, firewall.ruleset)
    assert len(place.list_rules("admission")) == sum(one.chain == "admission" for one in firewall.ruleset.rules)
    place.apply(firewall, None)
    assert [one["table"]["name"] for one in place.list_objects() if "table" in one] == ["other"]


def test_a_table_of_another_layout_is_replaced_not_built_upon(place):
    place.nft("add", "table", "inet", "denwaban")
    place.nft("add", "set", "inet", "denwaban", "bans4", "{ type ipv6_addr; }")
    place.nft("add", "chain", "inet", "denwaban", "admission", "{ type filter hook forward priority 7; }")
    firewall = place.make_firewall()
    place.apply(firewall, build())
    assert firewall.ban(SCANNER, 60, "x") == ""
    assert len(place.list_set("bans4")) == 1
    firewall.close()


def test_a_ban_is_one_small_transaction_however_many_there_are(firewall, counting):
    def prepare(count):
        addresses = [ip_address(next(FURTHER)) for _ in range(count)]
        return lambda: [firewall.ban(address, 600, "measured") for address in addresses]
    assert_in_proportion(prepare, 50)
    assert len(firewall.list_bans()) == len(counting.transactions) == 250
    assert {len(octets) for octets in counting.transactions} == {len(counting.transactions[0])}
    assert len(counting.transactions[0]) < 400


def test_who_is_never_banned(firewall):
    firewall.set_peers(PEERS)
    refused = {text: firewall.ban(ip_address(text), 60, "x") for text in (
        "192.168.1.77", "203.0.113.9", "203.0.113.21", "198.51.100.8", "127.0.0.1", "0.0.0.0", "224.0.0.1", "::1")}
    assert refused == {
        "192.168.1.77": "it is on the LAN", "203.0.113.9": "it is a carrier's", "203.0.113.21": "it is a carrier's",
        "198.51.100.8": "it is never to be banned", "127.0.0.1": "it is nobody's address",
        "0.0.0.0": "it is nobody's address", "224.0.0.1": "it is nobody's address", "::1": "it is nobody's address"}
    assert firewall.list_bans() == []


def test_a_second_ban_has_its_own_time_and_reason(firewall):
    firewall.ban(SCANNER, 60, "first")
    firewall.ban(SCANNER, 6000, "second")
    (ban,) = firewall.list_bans()
    assert ban.reason == "second"
    assert 5900 < ban.left_s <= 6000
    firewall.ban(SCANNER, 1e9, "for ever")
    assert firewall.list_bans()[0].left_s <= 7 * 24 * 3600
    assert firewall.unban(SCANNER)
    assert not firewall.unban(SCANNER)
    assert firewall.list_bans() == []


def test_a_ban_that_has_run_out_can_be_taken_back_and_made_again(place, firewall):
    firewall.ban(SCANNER, 600, "x")
    place.nft("flush", "set", "inet", "denwaban", "bans4")
    assert firewall.unban(SCANNER)
    assert firewall.ban(SCANNER, 60, "again") == ""
    assert [one.reason for one in firewall.list_bans()] == ["again"]


def test_pinholes_are_opened_closed_and_made_exact(place, firewall):
    firewall.open_pinholes(PINHOLES[:2])
    firewall.open_pinholes(PINHOLES[1:2])
    firewall.close_pinholes([PINHOLES[0], Pinhole(ip_address("203.0.113.5"), 39998)])
    assert [one["concat"][1] for one in place.list_set("pinholes4")] == [30001]
    many = [Pinhole(ip_address("203.0.113.5"), port) for port in range(31000, 39999)]
    firewall.set_pinholes([*many, PINHOLES[1]])
    assert len(place.list_set("pinholes4")) == 9000
    firewall.set_pinholes([])
    assert place.list_set("pinholes4") == []


def test_the_ports_of_audio_are_given_to_nobody(place, firewall):
    def read():
        return place.inside(lambda: RESERVED_PORTS.read_text().strip())
    assert read() == "30000-39999"
    place.inside(lambda: RESERVED_PORTS.write_text("8080,30000-39999\n"))
    place.apply(firewall, build("set media ports 20000-20999"))
    assert read() == "8080,20000-20999"
    place.apply(firewall, None)
    assert read() == "8080"
    place.apply(firewall, build())
    second = place.make_firewall()      # after the first process has ended, say
    place.apply(second, None)
    assert read() == "8080"
    second.close()
