# SPDX-License-Identifier: Apache-2.0
"""A trunk that is down is an alarm as long as it is down, in words that say what to do."""

import pytest

from appliance.console.messages.catalog import JAPANESE, select_language
from appliance.console.operate import show_alarms
from appliance.control.trunk_alarms import list_trunk_alarms
from appliance.gateway.call_refusals import CallRefusals
from appliance.sip.locating.records import ABSENT, Question
from tests.call import virtual_calls
from tests.call.virtual_calls import VirtualCalls
from tests.gateway.virtual_gateway import CARRIER, GatewayBox, join_carrier

CARRIES_HELP = "set trunk carrier emergency true\n"


class EmptyNames:
    """A DNS that knows no name."""

    def ask(self, question: Question, asker, now: float) -> None:
        asker.answer_received(question, ABSENT, now)


@pytest.fixture
def japanese():
    select_language(JAPANESE)
    yield
    select_language("en")


def list_alarms(box: GatewayBox) -> list:
    return [*list_trunk_alarms(box.gateway.trunk_states(box.now), lambda at: f"{at:.1f}")]


def test_a_password_that_the_carrier_refuses_is_an_alarm_until_it_takes_it():
    box, carrier = join_carrier()
    carrier.answers = [(403, b"")]
    box.start(2.0)
    (alarm,) = list_alarms(box)
    assert alarm["name"] == "trunk_carrier"
    assert alarm["sentence"] == ("trunk carrier is down: its carrier does not accept our user name or password "
                                 "(wrong credentials: 403 Forbidden)")
    assert "secret" in alarm["remedy"]
    raised_at = alarm["raised_at"]
    assert 0.0 < float(raised_at) <= box.now
    carrier.answers = [(403, b"")] * 20
    box.network.run(60.0)
    assert [one["raised_at"] for one in list_alarms(box)] == [raised_at]     # it is still the same one
    carrier.answers = []
    box.network.run(60.0)
    assert box.trunk().link.is_up(box.now)
    assert list_alarms(box) == []


def test_a_carrier_that_nobody_can_reach_is_an_alarm_once_it_is_known():
    box = GatewayBox().start(5.0)
    assert list_alarms(box) == []           # nobody has answered yet
    box.network.run(40.0)
    (alarm,) = list_alarms(box)
    assert alarm["sentence"] == "trunk carrier is down: its carrier cannot be reached (no answer)"


def test_a_name_that_leads_nowhere_is_an_alarm():
    box = GatewayBox(CARRIER.replace("sip:198.51.100.1", "sip:carrier.test"), resolver=EmptyNames()).start(2.0)
    (alarm,) = list_alarms(box)
    assert alarm["sentence"] == ("trunk carrier is down: the name of its carrier cannot be looked up "
                                 "(the DNS knows no such server)")
    assert "`show dns`" in alarm["remedy"]


def test_that_nobody_can_call_for_help_is_an_alarm_of_its_own():
    box, carrier = join_carrier(CARRIER.replace("set emergency none\n", CARRIES_HELP))
    carrier.answers = [(403, b"")]
    box.start(2.0)
    assert [one["name"] for one in list_alarms(box)] == ["trunk_carrier", "no_emergency_trunk"]
    carrier.answers = []
    box.network.run(60.0)
    assert list_alarms(box) == []


def test_a_carrier_that_refuses_for_another_reason_is_quoted():
    box, carrier = join_carrier()
    carrier.answers = [(404, b"")]
    box.start(2.0)
    (alarm,) = list_alarms(box)
    assert alarm["sentence"] == "trunk carrier is down: its carrier refuses to register us (refused: 404 Not Found)"


def test_a_registration_that_has_run_out_is_an_alarm_since_then():
    box = join_carrier()[0].start()
    granted_until = box.trunk().link.granted_until
    (alarm,) = list_trunk_alarms(box.gateway.trunk_states(granted_until + 5.0), lambda at: f"{at:.1f}")
    assert alarm["sentence"] == "trunk carrier is down: the registration has run out"
    assert alarm["raised_at"] == f"{granted_until:.1f}"


def test_calls_that_a_static_trunk_refuses_for_our_password_are_an_alarm_until_one_goes_out():
    office = VirtualCalls(virtual_calls.CARRIER)
    office.watches_topology = False
    alice, carrier = office.phone("201"), office.carrier()

    def alarms():
        return [one["sentence"] for one in list_trunk_alarms(office.gateway.trunk_states(office.now), str)]

    def dial(status: int) -> None:
        call = alice.invite("0312345678")
        if status == 200:
            carrier.ringing.answer()
            call.acknowledge()
            call.bye()
        else:
            lines = 'Proxy-Authenticate: Digest realm="x", nonce="y"\r\n' if status == 407 else ""
            carrier.ringing.respond(status, lines=lines)
            office.run(1.0)
    barred = ("calls by trunk carrier do not go out: its carrier does not accept our user name or password "
              "(wrong credentials: 407 to INVITE)")
    dial(407)
    assert alarms() == [barred]
    dial(500)
    assert len(alarms()) == 1       # says nothing of them
    dial(200)
    assert alarms() == []
    dial(407)
    assert alarms() == [barred]
    dial(486)
    assert alarms() == []


def test_a_carrier_that_refuses_three_numbers_in_a_row_refuses_every_call():
    office = VirtualCalls(virtual_calls.CARRIER)
    office.watches_topology = False
    alice, carrier = office.phone("201"), office.carrier()

    def dial(number: str, status: int) -> list[str]:
        call = alice.invite(number)
        if status == 200:
            carrier.ringing.answer()
            call.acknowledge()
            call.bye()
        else:
            carrier.ringing.respond(status)
        office.run(1.0)
        return [one["sentence"] for one in list_trunk_alarms(office.gateway.trunk_states(office.now), str)]
    numbers = ["0312345678", "0312345679", "0312345670"]
    assert [dial(numbers[0], 403) for _ in range(5)] == [[]] * 5     # one number is barred, or the caller for it
    assert dial(numbers[1], 403) == []
    assert dial(numbers[2], 486) == []      # somebody was reached
    began = office.now
    for number in numbers[:2]:
        assert dial(number, 403) == []
    refused = ("calls by trunk carrier do not go out: its carrier refuses every one (refused: 403 Forbidden to INVITE)")
    assert dial(numbers[2], 403) == [refused]
    (state,) = office.gateway.trunk_states(office.now)
    assert began <= state.refusing_since < began + 1.0
    assert dial(numbers[0], 500) != []      # says nothing of them
    assert dial(numbers[0], 200) == []


def test_refusals_hours_apart_are_no_row():
    refusals = CallRefusals()
    for hour, number in enumerate((b"1", b"2", b"3", b"4")):
        refusals.note_refusal(number, hour * 3601.0)
    assert not refusals.since


def test_the_console_says_it_in_japanese(japanese):
    box, carrier = join_carrier()
    carrier.answers = [(403, b"")]
    box.start(2.0)
    text = show_alarms.render(list_alarms(box))
    assert "外線 carrier は使えません: 事業者がユーザー名かパスワードを受け付けません" in text
    assert "見比べてください" in text
