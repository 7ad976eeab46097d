# SPDX-License-Identifier: Apache-2.0
"""Where a number would go: the simulator says what the running router does."""

import pytest

from appliance.call.line import Refused
from appliance.config.configuration import load_configuration
from appliance.gateway.carrier_profiles import PROFILES
from appliance.gateway.route_simulator import RouteSimulator, Step, decide_way
from tests.gateway.virtual_gateway import CARRIER, GatewayBox

OFFICE = """\
# denwaban-config 1
set system domain office.test
set sip listener office address 127.0.1.1
set sip listener wan address 127.0.4.1
set extension 1001 secret alpha-1001
set extension 1002 secret bravo-1002
set extension 1002 allow international
set trunk first listener wan
set trunk first peer 127.0.4.9:5060
set trunk first number 0312340000
set trunk first emergency true
set trunk second listener wan
set trunk second peer 127.0.4.8:5060
set trunk second profile jp-050
set trunk second number 05011112222
set trunk second emergency true
set route outside prefix 0
set route outside trunk first
set route outside trunk second
set route nine prefix 9
set route nine strip 1
set route nine trunk second
"""


def read(*lines: str, without: str = ""):
    text = "\n".join([line for line in OFFICE.splitlines() if not without or without not in line] + list(lines)) + "\n"
    result = load_configuration(text)
    assert result.configuration is not None, [one.render("F") for one in result.findings]
    return result.configuration


@pytest.mark.parametrize(("number", "extension", "kind", "steps"), [
    ("110", "1001", "emergency", (Step("first", "110"), Step("second", "110"))),
    ("9110", "1001", "emergency", (Step("first", "110"), Step("second", "110"))),
    ("1002", "1001", "extension", ()),
    ("0312345678", "1001", "trunks", (Step("first", "0312345678"), Step("second", "0312345678"))),
    ("90312345678", "1001", "trunks", (Step("second", "0312345678"),)),
    ("01012125550100", "1001", "blocked", ()),
    ("7777", "1001", "unknown", ()),
    ("0312345678", "9999", "stranger", ())])
def test_every_kind_of_number_has_its_way(number, extension, kind, steps):
    way = decide_way(read(), number, extension, 1_800_000_000.0)
    assert (way.kind, way.steps, way.at) == (kind, steps, 1_800_000_000.0)
    assert way.reasons
    assert way.describe()


def test_rights_count():
    way = RouteSimulator(read()).decide("01012125550100", "1002")
    assert [step.trunk for step in way.steps] == ["first", "second"]


def test_a_presentation_prefix_stays_where_the_carrier_takes_it_as_digits():
    steps = RouteSimulator(read()).decide("1840312345678", "1001").steps
    assert {step.number for step in steps} <= {"1840312345678", "0312345678"}
    assert len(steps) == 2


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("number", [
    "110", "0110", "118", "0312345678", "09012345678", "05012345678", "0120123456", "0990123456", "01012125550100",
    "+81312345678", "+12125550100", "1840312345678", "1860312345678", "184110", "201", "202", "117", "7777", "0", "",
    "0312345678#", "abc"])
def test_it_says_what_the_running_router_does(profile, number):
    carrier = CARRIER.replace("registrar sip:198.51.100.1", "peer 198.51.100.1:5060")
    box = GatewayBox(carrier.replace("set emergency none\n", ""), f"set trunk carrier profile {profile}\n"
                     "set trunk carrier emergency true\n").start()
    way = RouteSimulator(box.configuration).decide(number, "201")
    routed = box.dial(number)
    if isinstance(routed, Refused):
        assert way.steps == ()
        assert way.kind in ({404: ("unknown",), 403: ("blocked", "stranger")}[routed.status])
    elif way.kind == "extension":
        assert routed[0][0].line.name == "office"
    else:
        assert way.steps == tuple(Step(group[0].line.name, group[0].number) for group in routed)


def test_what_takes_over_a_call_that_rings_is_said_with_what_it_is_while_nothing_rings():
    simulator = RouteSimulator(read("set route star prefix \"*\"", "set route star trunk first"))
    way = simulator.decide("*81002", "1001")
    assert (way.kind, way.describe(), way.steps) == ("pickup", "pickup", (Step("first", "*81002"),))
    assert way.reasons[:2] == ("*81002 takes over what rings longest at 1002", "while nothing rings there:")
    assert simulator.decide("*8", "1001").reasons[0] == "*8 takes over what rings longest in the office"
    assert simulator.decide("*87777", "1001").kind == "trunks"
    assert RouteSimulator(read()).decide("*87777", "1001").kind == "unknown"
