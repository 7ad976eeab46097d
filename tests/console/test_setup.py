# SPDX-License-Identifier: Apache-2.0
"""The wizard: from answers to a configuration that is accepted, and nothing before the last answer."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.difference import apply_differences
from appliance.config.reading import read_tree
from appliance.config.verify import verify_tree
from appliance.console.configure.paths import read_lines
from appliance.console.setup.cards import render_cards
from appliance.console.setup.plan import NO_LINE, PROFILES, Answers, plan_setup
from appliance.console.table import measure
from tests.console.configuration_double import START, ConfigurationDouble
from tests.console.desk import Desk

EMPTY = """# denwaban-config 1
set system domain office.test
set sip listener office address 192.0.2.1
"""
BOX = """# denwaban-config 1
set system domain office.home.arpa
set network managed true
set network interface eth0 role wan
set network interface eth1 role lan
set network lan address 192.168.1.1/24
set network dhcp range 192.168.1.100-192.168.1.199
set sip listener office interface lan
"""
LINE = Answers(profile="jp-050", server="sip.carrier.example", number="05011112222", secret="line-secret-1", phones=2)


def plan(answers: Answers, text: str = EMPTY):
    secrets = (f"phone-secret-{number}" for number in itertools.count(1))
    return plan_setup(answers, read_lines(text.splitlines()), lambda: next(secrets))


def errors_after(answers: Answers, text: str) -> list[str]:
    findings = []
    tree = apply_differences(read_tree(text, findings), plan(answers, text).lines, findings)
    findings += verify_tree(tree)
    return [one.render("x") for one in findings if one.is_error()]


def test_a_line_with_a_password_and_two_telephones():
    assert plan(LINE).lines == [
        "set system language en", "set system country jp",
        "set extension 1001 secret phone-secret-1", "set extension 1002 secret phone-secret-2",
        "set trunk line profile jp-050", "set trunk line registrar sip:sip.carrier.example",
        "set trunk line number 05011112222", "set trunk line secret line-secret-1",
        "set trunk line did 05011112222 to 1001",
        "set route outside prefix 0", "set route outside trunk line",
        "set route services prefix 1", "set route services trunk line", "set emergency none"]


def test_a_line_that_carries_emergency_calls_needs_no_waiver():
    lines = plan(LINE._replace(is_emergency=True), EMPTY + "set emergency none\n").lines
    assert "set trunk line emergency true" in lines
    assert lines[-1] == "delete emergency"


def test_the_box_as_router_has_its_line_on_the_wan():
    lines = plan(LINE._replace(is_router=True), BOX).lines
    assert "set sip listener wan interface wan" in lines
    assert "set trunk line listener wan" in lines
    assert plan(LINE._replace(is_router=True), BOX).cards[0].server == "192.168.1.1"


def test_one_cable_takes_the_wan_and_the_dhcp_server_away():
    lines = plan(LINE._replace(is_router=False), BOX).lines
    assert "set network interface eth0 role lan" in lines
    assert "delete network dhcp" in lines
    assert "set network lan address dhcp" in lines
    assert not any("listener" in line for line in lines)


def test_telephones_get_numbers_that_are_free():
    cards = plan(Answers(phones=2), EMPTY + "set extension 1001 secret taken-secret\n").cards
    assert [card.extension for card in cards] == ["1002", "1003"]


@given(st.builds(Answers, language=st.sampled_from(["en", "ja"]), country=st.sampled_from(["jp", "de"]),
                 is_router=st.sampled_from([True, False]), profile=st.sampled_from(PROFILES),
                 server=st.sampled_from(["sip.carrier.example", "sip:sip.carrier.example", "198.51.100.1:5060"]),
                 domain=st.sampled_from(["", "carrier.example"]), number=st.just("0312345678"),
                 username=st.sampled_from(["", "user-7"]), secret=st.just("line-secret-1"), is_emergency=st.booleans(),
                 phones=st.integers(0, 20)),
       st.sampled_from([EMPTY, BOX, START.replace("set trunk", "# set trunk")]))
def test_whatever_is_answered_makes_a_configuration_without_errors(answers: Answers, text: str):
    if text is not BOX:
        answers = answers._replace(is_router=None)
    if answers.profile == "hikari-direct":
        answers = answers._replace(username="", secret="")
    assert errors_after(answers, text) == []


def test_cards_fit_the_terminal_and_have_what_a_telephone_asks_for():
    text = render_cards(plan(LINE).cards)
    assert all(measure(line) <= 80 for line in text.splitlines())
    for word in ("1001", "phone-secret-2", "192.0.2.1", "office.test"):
        assert word in text


def test_twelve_answers_from_the_first_question_to_a_committed_line():
    desk = Desk("en", "jp", "router", "2", "jp-050", "sip.carrier.example", "05011112222", "", "line-secret-1", "no",
                "yes", "yes", configuration=ConfigurationDouble(BOX))
    said = desk.type("setup")
    assert len(desk.operator.asked) == 12
    assert "set extension 1002 secret " in said
    assert "confirmed: it stays" in said
    assert "| Password" in said
    assert "set trunk line secret line-secret-1" in desk.configuration.texts[-1]
    assert desk.configuration.trial is None


def test_the_domain_of_a_line_whose_carrier_names_one_comes_with_the_number():
    desk = Desk("en", "jp", "1", "jp-050", "sip.carrier.example", "05011112222@", "05011112222@ims.carrier.example", "",
                "line-secret-1", "no", "yes", "yes", configuration=ConfigurationDouble(EMPTY))
    assert desk.type("setup").count("allowed: ") == 1
    assert "set trunk line number 05011112222\n" in desk.configuration.texts[-1]
    assert "set trunk line domain ims.carrier.example\n" in desk.configuration.texts[-1]


def test_the_line_that_registers_for_its_domain_is_asked_for_it():
    desk = Desk("en", "jp", "router", "1", "hikari-direct", "192.0.2.53", "", "ntt-east.ne.jp", "0312345678", "yes",
                "yes", "yes", configuration=ConfigurationDouble(BOX))
    said = desk.type("setup")
    assert "set trunk line domain ntt-east.ne.jp\n" in desk.configuration.texts[-1]
    assert said.count("allowed: ") == 1     # the domain of an address cannot be proposed
    assert len(desk.operator.asked) == 12


def test_the_servers_own_name_is_no_line_of_its_own():
    for server in ("sip.carrier.example", "sip:sip.carrier.example:5070"):
        answers = LINE._replace(server=server, domain="sip.carrier.example")
        assert not any(" domain " in line for line in plan(answers).lines)


def test_wrong_answers_are_asked_for_again_with_what_is_allowed():
    desk = Desk("french", "en", "Japan", "jp", "0.5", "1", "generic", "not a host", "carrier.example", "no number",
                "0312345678", "", "pw-pw-pw", "perhaps", "yes", "no")
    said = desk.type("setup")
    assert said.count("allowed: ") == 6
    assert desk.configuration.texts == [START]


@pytest.mark.parametrize("answered", range(11))
def test_ctrl_c_at_any_question_leaves_everything_as_it_is(answered: int):
    answers = ["en", "jp", "router", "2", "jp-050", "sip.carrier.example", "05011112222", "", "line-secret-1", "no"]
    desk = Desk(*answers[:answered], configuration=ConfigurationDouble(BOX))
    assert desk.type("setup").endswith("Nothing was changed.\n")
    assert desk.configuration.texts == [BOX]


def test_what_is_not_kept_is_taken_back_by_itself():
    desk = Desk("en", "jp", "1", NO_LINE, "yes", "no")
    said = desk.type("setup")
    assert "It is taken back by itself" in said
    assert desk.configuration.trial is not None


def test_cards_of_a_box_with_one_cable_show_the_address_that_another_router_gave():
    one_cable = BOX.replace("set network interface eth0 role wan\n", "").replace("192.168.1.1/24", "dhcp")
    desk = Desk("en", "jp", "1", NO_LINE, "yes", "yes",
                configuration=ConfigurationDouble("".join(line + "\n" for line in one_cable.splitlines()
                                                          if "dhcp range" not in line)))
    desk.session.servers.network["addresses"] = {"lan": {"interface": "eth1", "address": "10.1.2.3", "prefix": 24}}
    assert "| Server     10.1.2.3\n" in desk.type("setup")


def test_cards_say_where_to_look_while_nobody_knows_the_address():
    text = BOX.replace("192.168.1.1/24", "dhcp").replace("set network dhcp range 192.168.1.100-192.168.1.199\n", "")
    desk = Desk("en", "jp", "one", "1", NO_LINE, "yes", "yes", configuration=ConfigurationDouble(text))
    assert "| Server     see `show interfaces`\n" in desk.type("setup")


def test_a_pipe_cannot_answer():
    desk = Desk(is_terminal=False)
    from appliance.console.interaction import PipedInteraction
    desk.session.interaction = PipedInteraction()
    assert "a terminal, where somebody can answer" in desk.type("setup", 2)
