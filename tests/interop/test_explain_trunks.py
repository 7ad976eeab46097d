# SPDX-License-Identifier: Apache-2.0
"""Why calls through trunks failed, as the console says it, and both sides of the border in one ladder: the real daemon,
real packets, emulated carriers.
"""

import contextlib
import subprocess

import pytest

from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.gateway import ACCOUNT, DESKS, OFFICE_NUMBER, Gateway, route_lines, trunk_lines
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.server import PROGRAM

pytestmark = pytest.mark.ours
OUTSIDE_NUMBER = "0312345678"


class Border:
    """A gateway, a carrier, a telephone; `change` rewrites the trunk's lines."""

    def __init__(self, stack, folder, network, change=lambda line: line):
        self.carrier = stack.enter_context(CarrierEmulator(GENERIC, network.new_host(), account=ACCOUNT))
        lines = [change(line) for line in trunk_lines("carrier", self.carrier)]
        self.gateway = stack.enter_context(Gateway(folder, network, [*lines, *route_lines("carrier")]))
        self.phone = stack.enter_context(DeskPhone(network.new_host(), (self.gateway.host, 5060),
                                                   Desk("201", DESKS["201"]), answers_by_itself=True))
        self.phone.register()

    def explain(self) -> dict:
        """Why the last call went as it did."""
        self.gateway.wait_no_calls()
        number = self.gateway.show("show calls all")[-1]["number"]
        return self.gateway.show(f"explain call {number}")

    def wait_trunk(self, **wanted) -> dict:
        """The trunk, once it is so."""
        def find():
            (trunk,) = self.gateway.show("show trunks")
            return trunk if all(trunk[name] == value for name, value in wanted.items()) else None
        return wait_until(find, 20, f"the trunk to be {wanted}")


@pytest.fixture
def new_border(network, tmp_path):
    with contextlib.ExitStack() as stack:
        yield lambda **more: Border(stack, tmp_path / "gateway", network, **more)


@pytest.fixture
def border(new_border):
    made = new_border()
    made.carrier.wait_registered()
    made.wait_trunk(state="up")
    return made


def console(gateway, command: str) -> str:
    return subprocess.run([PROGRAM, "console", "--state", gateway.state, "-c", command], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=True).stdout


@pytest.mark.parametrize(("status", "cause", "words"), [
    (486, "busy", "is busy"), (404, "number_unknown", "trunk carrier does not know the number"),
    (603, "declined", "declined"), (403, "carrier_refused", "trunk carrier refused the call: 403"),
    (500, "carrier_refused", "trunk carrier refused the call: 500")])
def test_what_the_carrier_said(border, status, cause, words):
    border.carrier.faults.refusals[b"INVITE"] = (status, None)
    assert border.phone.dial(OUTSIDE_NUMBER).wait_status() >= 400
    explained = border.explain()
    assert explained["cause"] == cause, explained
    assert words in explained["sentence"]
    assert any(f"{status} " in line["text"] and line["at"] for line in explained["evidence"])


def test_the_trunk_has_a_wrong_password(new_border):
    border = new_border(change=lambda line: line.replace("secret gw-secret", "secret something-else"))
    trunk = border.wait_trunk(state="down")
    assert trunk["fault"] == "wrong_credentials", trunk
    assert border.phone.dial(OUTSIDE_NUMBER).wait_status() == 503
    explained = border.explain()
    assert explained["cause"] == "wrong_credentials", explained
    assert "trunk carrier secret" in explained["remedy"]
    assert "carrier: " in console(border.gateway, "show trunks")
    assert "trunk carrier is down: its carrier does not accept" in console(border.gateway, "show alarms")


def test_the_trunk_cannot_be_reached(new_border, network):
    nobody = network.new_host()
    border = new_border(change=lambda line: f"set trunk carrier registrar sip:{nobody}:5060" if " registrar " in line
                        else line)
    assert border.wait_trunk(state="registering")["reason"]     # and that for half a minute
    assert border.phone.dial(OUTSIDE_NUMBER).wait_status() == 503
    explained = border.explain()
    assert explained["cause"] == "trunk_unreachable", explained


def test_the_name_of_the_trunk_leads_nowhere(new_border):
    border = new_border(change=lambda line: "set trunk carrier registrar sip:carrier.invalid" if " registrar " in line
                        else line)
    border.wait_trunk(fault="dns_failed")
    assert border.phone.dial(OUTSIDE_NUMBER).wait_status() == 503
    explained = border.explain()
    assert explained["cause"] == "dns_failed", explained


def test_international_calls_are_closed_by_rule(border):
    assert border.phone.dial("010442079460000").wait_status() == 403
    explained = border.explain()
    assert explained["cause"] == "rejected_by_rule", explained
    assert "international" in explained["sentence"]


def test_a_number_that_no_extension_has_is_called_from_outside(border):
    call = border.carrier.call("05099999999")
    assert call.wait_status() == 404
    explained = border.explain()
    assert explained["cause"] == "number_unknown", explained
    assert "05099999999" in explained["sentence"]


def test_both_sides_of_the_border_stand_in_one_ladder(border):
    outside = border.carrier.call(OFFICE_NUMBER)
    assert outside.wait_status() == 200
    inside = border.phone.wait_call()
    for speaker, hearer in ((outside, inside), (inside, outside)):
        wait_until(lambda: speaker.voice.speak(3) or len(hearer.voice.heard) > 50, PATIENCE_S, "voice")     # noqa: B023
    (shown,) = border.gateway.show("show calls")
    assert (shown["trunk"], [leg["line"] for leg in shown["legs"]]) == ("carrier", ["carrier", "office"])
    (trunk,) = border.gateway.show("show trunks")
    assert (trunk["state"], trunk["channels_used"], trunk["number"]) == ("up", 1, OFFICE_NUMBER)
    outside.bye()
    inside.wait_over()
    border.gateway.wait_no_calls()
    wait_until(lambda: border.gateway.show("show records"), 5, "the record")
    ladder = border.gateway.show("show call 1 ladder")
    assert [lane["name"] for lane in ladder["participants"]] == ["carrier", "server wan", "server office", "201"]
    sides = {frozenset((message["source"], message["target"])) for message in ladder["messages"]}
    assert sides == {frozenset(("carrier", "server wan")), frozenset(("server office", "201"))}
    for message in ladder["messages"]:
        has_crossed = border.gateway.host in message["text"] if "carrier" in (message["source"], message["target"]) \
            else border.carrier.hostport in message["text"]
        assert not has_crossed, message["text"]
    text = console(border.gateway, "show call 1 ladder")
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("#"))
    assert text.count("RTP ") == 4
    explained = border.gateway.show("explain call 1")
    assert explained["cause"] == "good", explained
