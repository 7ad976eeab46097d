# SPDX-License-Identifier: Apache-2.0
"""What daemons say in English is said in Japanese: what is allowed, what is wrong, what a commit does."""

import re
from collections import Counter
from ipaddress import IPv4Interface

import pytest

from appliance.config.effects import describe_effects
from appliance.config.reading import read_tree
from appliance.console.configure.findings import render_check, render_commit
from appliance.console.messages.catalog import JAPANESE, select_language
from appliance.console.messages.said_again import load_patterns, load_said, say_again
from appliance.console.operate import explain_call
from appliance.gateway.route_simulator import RouteSimulator
from appliance.networking.ruleset import build_ruleset, find_border
from tests.config.office import WHOLE, load_smallest
from tests.console.desk import Desk
from tests.console.said import (
    list_explanation_sentences,
    list_finding_sentences,
    list_step_sentences,
    list_value_sentences,
)

KANA = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
COMPOSED = {"unknown word1717", "17 is taken by 17", 'the digest user name "17" is also that of extension 17',
            "17 is ours on the WAN, for 17", "17 is so wide 17", "IPv17 networks", "bring 17 17",
            "17; its Contact is 17", "no server was found for 17: 17", "a rule of the office forbids this call17",
            "the caller gave up 17, after 17 s", "ended by the 17", "17: 17"}
"""Put together of pieces that a syntax tree does not show whole."""
WHOLE_ONES = (
    'unknown word "nmae", did you mean "name"', "unknown word", "192.168.1.1 is taken by ourselves", "IPv6 networks",
    "192.168.1.9 is taken by host printer", 'the digest user name "anna" is also that of extension 1001 (line 7)',
    "udp 5060 is ours on the WAN, for SIP of listener wan", "bring eth0 up", "bring br-lan down",
    "0.0.0.0/0 is so wide that strangers may try the passwords of SSH",
    "::/0 is so wide that those who guess passwords are never shut out", "3 calls affected", "1 call affected",
    "network: does not run yet, takes this up when it starts", "eth1 is not there yet", "nothing changes but remarks",
    "listener office udp:192.0.2.1:5060 moved to 192.0.2.2:5060", "2 calls ended", "nothing changes",
    "listener wan udp:192.0.2.1:5060 stays open until the emergency call over it has ended",
    "its listener has no address yet", "the DNS does not answer", "wrong credentials: 401 Unauthorized",
    "refused: 403 Forbidden", "no answer", "international", "a bug of ours was met and survived: ValueError: x",
    "the certificate of listener office (/etc/denwaban/office.pem) expires on 2026-12-01",
    "the 200 was sent 7 times in 30 s; its Contact is sip:1002@192.168.1.20", "ended by the caller",
    "no server was found for the phone of 1002: no such domain", "the caller gave up while it rang, after 12 s",
    "a rule of the office forbids this call: 0033123456 is international",
    "404 Not Found to INVITE sent to 192.0.2.7:5060",
    "11 wrong passwords for 3 user names", "went on guessing after 3 holds", "90 requests beyond the limit",
    "INVITE came from 192.0.2.7:5060, after 3 more like it",
    "nothing was heard from trunk line: what it sent is no RTP",
    "extension 1001: no packet came from it at all", "trunk line: it sent a codec that was not agreed",
    "from 1001 and 2 more: 0311112222: trunk a (0311112222), then trunk b (81311112222) -> not allowed")


ALL_FOUND = (*list_finding_sentences(), *list_step_sentences(), *list_explanation_sentences())


@pytest.fixture
def japanese():
    select_language(JAPANESE)
    yield
    select_language("en")


@pytest.mark.parametrize("sentence", [
    *list_value_sentences(), *WHOLE_ONES,
    *(text for text in ALL_FOUND if text not in COMPOSED)])
def test_every_sentence_of_a_daemon_has_its_japanese(japanese, sentence: str):
    said = say_again(sentence)
    assert KANA.search(said)
    assert "{" not in said
    assert Counter(re.findall(r"\d+", sentence)) <= Counter(re.findall(r"\d+", said))


def test_composed_sentences_are_no_excuse_for_others():
    assert {*ALL_FOUND} >= COMPOSED


def test_in_english_nothing_is_said_otherwise():
    assert [say_again(text) for text in (*WHOLE_ONES, *list_value_sentences())] == [
        *WHOLE_ONES, *list_value_sentences()]


def test_every_place_is_filled_in_again():
    for sentence, said in load_said(JAPANESE).items():
        assert sorted(re.findall(r"\{\w+\}", sentence)) == sorted(re.findall(r"\{\w+\}", said)), sentence
    assert len(load_patterns(JAPANESE)) > 100


def test_what_nobody_has_foreseen_stays_as_it_is(japanese):
    assert say_again("the moon is full: 3 calls") == "the moon is full: 3 calls"
    assert say_again("") == ""


def test_names_that_look_like_sentences_stay_names(japanese):
    assert say_again("extension default added") == "extension default を追加"
    assert say_again("extension none changed: name") == "extension none を変更: name"


def test_every_effect_of_every_leaf_is_said_in_japanese(japanese):
    whole, empty = read_tree(WHOLE, []), read_tree("# denwaban-config 1\n", [])
    renamed = read_tree("".join(f"{line}\n" for line in WHOLE.splitlines()
                                if not line.startswith("set extension 1001 name")), [])
    effects = [*describe_effects(empty, whole), *describe_effects(whole, empty), *describe_effects(whole, renamed)]
    assert len(effects) > 60
    assert [effect for effect in effects if say_again(effect) == effect and " -> " not in effect] == []
    assert [effect for effect in effects if effect.endswith(" -> default") and "既定値" not in say_again(effect)] == []


def test_a_commit_and_its_check_speak_japanese(japanese):
    checked = render_check({"findings": [{"severity": "warning", "path": "trunk line secret",
                                          "sentence": "the carrier's challenge cannot be answered without it",
                                          "remedy": "the carrier's digest password, unless it never challenges"}],
                            "effects": ["extension 1004 added"], "plan": {"network": ["give eth0 203.0.113.50/24"]}})
    assert checked == ("警告: trunk line secret: これがないと事業者の認証に答えられません\n"
                       "使えるもの: 事業者の認証パスワード(認証を求めない事業者なら不要)\n"
                       "  extension 1004 を追加\n  network: eth0 に 203.0.113.50/24 を付ける\n設定に誤りはありません\n")
    committed = render_commit({"revision": 3, "effects": ["system country: default -> jp", "0 calls affected"]})
    assert committed == "  system country: 既定値 -> jp\n  影響を受ける通話 0 件\nコミットしました: 版 3\n"


def test_an_explanation_is_in_japanese_to_its_last_line(japanese):
    said = explain_call.render({
        "number": 4, "cause": "not_registered", "sentence": "no phone of 1003 is registered",
        "evidence": [{"at": "2026-11-22T18:59:09.119Z",
                      "text": "480 Temporarily Unavailable to INVITE sent to 192.168.1.113:5060"}],
        "remedy": "look at `show registrations`, and at the phone of 1003: server, user name, password",
        "also": ["nothing was heard from extension 1002: it had put the call on hold"]})
    assert said == (
        "通話 4: 1003 の電話機が登録されていません\n根拠\n"
        "  18:59:09.119  192.168.1.113:5060 に INVITE への 480 Temporarily Unavailable を\n                送信\n"
        "対処: `show registrations` と、1003 の電話機のサーバー、ユーザー名、パスワードを\n  確かめてください\n"
        "ほかに: 内線 1002 の声が届きませんでした: 保留にしていました\n")


def test_every_rule_of_the_firewall_has_its_japanese(japanese):
    lines = ("set network managed true", "set network interface eth0 role wan", "set network interface eth1 role lan",
             "set network lan address 192.168.1.1/24", "set network wan address 203.0.113.5/24",
             "set network wan gateway 203.0.113.1", "set sip listener wan address 203.0.113.5",
             "set sip listener wan side public", "set network management source 198.51.100.7",
             "set network forward web protocol tcp", "set network forward web port 8080",
             "set network forward web to 192.168.1.10")
    for more in ((), ("set network open-sip true",)):
        configuration = load_smallest(*lines, *more).configuration
        assert configuration is not None
        rules = build_ruleset(configuration, find_border(configuration, IPv4Interface("192.168.1.1/24"))).rules
        assert len(rules) > 30
        named = {text for rule in rules for text in (rule.chain, rule.words)}
        bare = {"DHCP", "SSH", "DSCP 40", "DSCP 46"}
        assert {text for text in named if not KANA.search(say_again(text))} <= bare


def test_a_sentence_within_a_sentence_is_said_in_japanese_too(japanese):
    assert say_again("extension 1002: it had put the call on hold") == "内線 1002: 保留にしていました"
    assert say_again("INVITE came from 192.0.2.7:5060, after 3 more like it") == (
        "192.0.2.7:5060 から INVITE を受信(その前に同様のもの 3 件)")
    assert say_again("no trunk was up: the name of trunk line's server leads nowhere") == (
        "使える外線がありませんでした: 外線 line のサーバー名が引けません")


def test_every_way_that_a_call_may_take_is_told_in_japanese(japanese):
    lines = ("set extension 1001 secret of-1001-a", "set extension 1002 secret of-1002-a",
             "set extension 1002 allow international", "set trunk line peer 192.0.2.5:5060",
             "set trunk line emergency true", "set route outside prefix 0", "set route outside trunk line",
             "set route nine prefix 9", "set route nine strip 1", "set route nine trunk line")
    configuration = load_smallest(*lines).configuration
    assert configuration is not None
    simulator = RouteSimulator(configuration)
    ways = [simulator.decide(number, caller) for caller in ("1001", "1002", "stranger")
            for number in ("110", "1002", "0312345678", "1840312345678", "1860312345678", "010331234567", "90312345678",
                           "0990123456", "55", "sip:x")]
    assert {way.kind for way in ways} == {"emergency", "extension", "trunks", "blocked", "unknown", "stranger"}
    said = [text for way in ways for text in (way.describe(), way.kind, *way.reasons)]
    assert [text for text in said if not KANA.search(say_again(text))] == []


def test_a_wrong_line_is_refused_in_japanese(japanese):
    desk = Desk()
    desk.type("configure")
    assert "0 から 1000 件" in desk.type("set message max-waiting x", 2)
    assert "その語はありません" in desk.type("set extension 201 sekret x", 2)
    choices = desk.session.follow(["set", "network", "dhcp"])
    assert [KANA.search(one.help) for one in choices if not one.is_place].count(None) == 0
