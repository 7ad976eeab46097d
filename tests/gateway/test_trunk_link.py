# SPDX-License-Identifier: Apache-2.0
"""When a trunk can be used: its registration over the wire, its carrier's pauses, DNS that fails."""

import pytest

from appliance.call.line import Refused
from appliance.gateway.trunk_link import LinkState
from appliance.native.sip_scanner import Message
from appliance.sip.locating.records import ABSENT, Answer, Outcome, Question, RecordType, Srv
from appliance.vocabulary.trunk_state import TrunkFault
from tests.gateway.virtual_gateway import CARRIER, Carrier, GatewayBox, join_carrier

CHALLENGE = (401, b'WWW-Authenticate: Digest realm="carrier.test", nonce="n1", algorithm=MD5, qop="auth"\r\n')
STATIC = "set trunk carrier listener wan\nset trunk carrier peer 198.51.100.1:5060\n" \
         "set route outside prefix 0\nset route outside trunk carrier\nset emergency none\n"


class Names:
    """A DNS with two servers behind one name."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts
        self.asked = 0

    def ask(self, question: Question, asker, now: float) -> None:
        self.asked += 1
        answer = ABSENT
        if question == (b"_sip._udp.carrier.test", RecordType.SRV) and self.hosts:
            answer = Answer(Outcome.FOUND, services=tuple(
                Srv(1, 10, 5060, b"s%d.carrier.test" % number) for number in range(len(self.hosts))))
        elif question.kind is RecordType.A and question.name.endswith(b".carrier.test"):
            answer = Answer(Outcome.FOUND, addresses=(self.hosts[int(question.name[1:2])].encode(),))
        asker.answer_received(question, answer, now)


def named(*hosts: str):
    """A trunk whose registrar is a name."""
    return Names(*hosts), CARRIER.replace("sip:198.51.100.1", "sip:carrier.test")


def test_a_trunk_is_down_until_it_is_registered_and_refuses_calls_at_once():
    box = GatewayBox()
    box.gateway.start(box.now)
    assert box.trunk().link.state is LinkState.PENDING
    refused = box.dial("05033334444")
    assert isinstance(refused, Refused)
    assert refused.status == 503
    assert "no answer yet" in refused.reason
    assert refused.lines.startswith(b"Warning: 399 office.test ")


def test_a_registered_trunk_answers_the_challenge_with_its_own_account_and_is_up():
    box, carrier = join_carrier()
    carrier.answers = [CHALLENGE]
    box.start()
    assert len(carrier.registers) == 2
    assert b'username="gw-user"' in carrier.registers[1].header(b"Authorization")
    assert carrier.registers[0].to_uri == b"sip:05011112222@carrier.test"
    assert box.trunk().link.is_up(box.now)


def test_wrong_credentials_are_told_apart_and_tried_again_within_five_seconds_for_ever():
    box, carrier = join_carrier()
    carrier.answers = [CHALLENGE] * 50
    box.start()
    link = box.trunk().link
    assert link.state is LinkState.DOWN
    assert link.reason.startswith("wrong credentials: 401")
    assert 0 < link.next_try - box.now <= 5.0
    box.network.run(600)
    gaps = [round(later - earlier) for earlier, later in zip(box.network.times("REGISTER"),
                                                           box.network.times("REGISTER")[1:], strict=False)]
    assert max(gaps) <= 61
    assert len(carrier.registers) > 15


def test_a_silent_registrar_takes_the_trunk_down_and_its_answer_brings_it_back():
    box, carrier = join_carrier()
    box.start()
    network = box.network
    del network.phones[carrier.phone.address]
    network.run(700)
    link = box.trunk().link
    assert link.state is LinkState.DOWN
    assert link.reason == "no answer"
    network.phones[carrier.phone.address] = carrier.phone
    network.run(65)
    assert link.is_up(box.now)


def test_a_busy_registrar_does_not_take_down_a_binding_that_stands():
    box, carrier = join_carrier()
    box.start()
    carrier.answers = [(503, b"")] * 200
    box.network.run(580)
    assert box.trunk().link.is_up(box.now)
    box.network.run(200)
    assert not box.trunk().link.is_up(box.now)
    assert box.trunk().link.reason.startswith("refused: 503")


def test_a_name_that_the_dns_does_not_know_is_the_reason():
    names, text = named()
    box = GatewayBox(text, resolver=names).start()
    assert not box.trunk().link.is_up(box.now)
    assert box.trunk().link.reason == "the DNS knows no such server"


def test_every_request_sticks_to_the_server_that_answers():
    names, text = named("198.51.100.2", "198.51.100.1")
    box, carrier = join_carrier(text, resolver=names)
    box.start(10)   # the first server is silent
    assert box.trunk().link.is_up(box.now)
    box.network.sent.clear()
    box.call("05033334444")
    targets = {target for _at, _source, target, message in box.network.sent
               if message.is_request and message.method == b"INVITE"}
    assert targets == {carrier.phone.address}
    for _ in range(3):
        box.gateway.renew(box.now)
        box.network.run(1)
    assert {target for _at, _source, target, message in box.network.sent
            if message.is_request and message.method == b"REGISTER"} == {carrier.phone.address}


def test_a_static_trunk_is_up_at_once():
    box = GatewayBox(STATIC).start()
    assert box.trunk().link.is_up(box.now)
    assert not isinstance(box.dial("05033334444"), Refused)


def test_a_503_without_retry_after_changes_nothing_and_one_with_it_is_a_pause():
    text = STATIC + "set trunk second listener wan\nset trunk second peer 198.51.100.2:5060\n" \
                    "set route outside trunk second\n"
    box = GatewayBox(text).start()

    def order() -> list[str]:
        return [group[0].line.name for group in box.dial("05033334444")]

    refusal = box.call("05033334444")
    first = box.trunk("carrier")
    first.note_refusal(503, None, box.now)
    assert order() == ["carrier", "second"]
    paused = Message(refusal.reply(b"SIP/2.0 503 Service Unavailable\r\n", b"x", b"Retry-After: 30 (busy)\r\n"))
    first.note_refusal(503, paused, box.now)
    assert order() == ["second"]
    box.network.run(31)
    assert order() == ["carrier", "second"]


def test_a_pause_does_not_hold_the_only_trunk():
    box = GatewayBox(STATIC).start()
    box.trunk().link.rest(60, box.now)
    assert [group[0].line.name for group in box.dial("05033334444")] == ["carrier"]


def test_stopping_takes_the_binding_away():
    box, carrier = join_carrier()
    box.start()
    box.gateway.stop(box.now)
    assert not box.gateway.has_ended
    box.network.run(1)
    assert carrier.registers[-1].expires == 0
    assert box.gateway.has_ended
    assert box.trunk().link.state is LinkState.IDLE
    assert isinstance(box.dial("05033334444"), Refused)


def test_service_route_is_how_calls_go():
    box, carrier = join_carrier()
    carrier.answers = [(200, b"Service-Route: <sip:198.51.100.1;lr>, <sip:core.carrier.test;lr>\r\n")]
    box.start()
    invite = box.call("05033334444")
    assert invite.values(b"Route") == [b"<sip:198.51.100.1;lr>", b"<sip:core.carrier.test;lr>"]


def test_everything_goes_by_the_outbound_proxy():
    text = CARRIER.replace("sip:198.51.100.1", "sip:registrar.carrier.test") + \
        "set trunk carrier proxy sip:198.51.100.1\n"
    box, carrier = join_carrier(text)
    carrier.answers = [(200, b"Service-Route: <sip:core.carrier.test;lr>\r\n")]
    box.start()
    register = carrier.registers[0]
    assert register.uri == b"sip:registrar.carrier.test"
    assert register.values(b"Route") == [b"<sip:198.51.100.1;lr>"]
    invite = box.call("05033334444")
    assert invite.values(b"Route") == [b"<sip:198.51.100.1;lr>", b"<sip:core.carrier.test;lr>"]


QUALIFIED = CARRIER + "set trunk carrier qualify 20\n"


def test_options_ask_whether_the_carrier_lives_and_the_first_one_is_not_sent_at_once():
    box = join_carrier(QUALIFIED)[0]
    box.start(19)
    assert "OPTIONS" not in box.network.labels()
    box.network.run(30)
    assert box.network.labels().count("OPTIONS") == 2
    assert box.network.messages("OPTIONS")[0].uri == b"sip:198.51.100.1"
    state = box.gateway.trunk_states(box.now)[0]
    assert state.qualify_s == pytest.approx(0.02)
    assert state.server == "198.51.100.1:5060"


def test_a_carrier_that_has_answered_options_and_is_silent_is_down_long_before_its_binding_ends():
    box, carrier = join_carrier(QUALIFIED)
    box.start(30)
    del box.network.phones[carrier.phone.address]
    box.network.run(60)
    assert box.trunk().link.state is LinkState.DOWN
    assert box.gateway.trunk_states(box.now)[0].fault is TrunkFault.UNREACHABLE
    box.network.phones[carrier.phone.address] = carrier.phone
    box.network.run(65)
    assert box.trunk().link.is_up(box.now)


def test_a_carrier_that_never_answers_options_stays_up_while_it_answers_register():
    box, carrier = join_carrier(QUALIFIED)
    network = box.network
    network.loss = lambda number, octets: octets.startswith(b"OPTIONS")
    box.start(300)
    assert box.trunk().link.is_up(box.now)
    assert len(carrier.registers) == 2      # once to see whether anybody is there
    assert network.labels().count("OPTIONS") > 20


def test_a_static_trunk_that_is_qualified_is_down_while_it_is_silent():
    box = GatewayBox(STATIC + "set trunk carrier qualify 20\n").start(40)
    assert box.trunk().link.state is LinkState.DOWN
    Carrier(box.network)
    box.network.run(60)
    assert box.trunk().link.is_up(box.now)


def test_what_the_console_shows_of_a_trunk():
    box, carrier = join_carrier(CARRIER + "set trunk carrier channels 1\nset trunk carrier emergency false\n")
    state = box.gateway.trunk_states(box.now)[0]
    assert (state.name, state.state, state.is_registered, state.listener, state.number) == (
        "carrier", "down", True, "wan", "05011112222")
    carrier.answers = [(403, b"")]
    box.start()
    state = box.gateway.trunk_states(box.now)[0]
    assert (state.state, state.fault, state.reason) == (
        "down", TrunkFault.CREDENTIALS, "wrong credentials: 403 Forbidden")
    box.network.run(6)
    state = box.gateway.trunk_states(box.now)[0]
    assert (state.state, state.fault, state.reason) == ("up", TrunkFault.NONE, "")
    assert state.last_failure == "wrong credentials: 403 Forbidden"
    assert 590 < state.registered_until - box.now < 600
    box.trunk().call_begins()
    assert box.gateway.trunk_states(box.now)[0].fault is TrunkFault.FULL
    box.trunk().link.rest(30, box.now)
    assert box.gateway.trunk_states(box.now)[0].fault is TrunkFault.OVERLOADED


def test_a_call_that_nobody_answers_has_the_carrier_looked_for_at_once():
    box, carrier = join_carrier()
    box.start()
    del box.network.phones[carrier.phone.address]
    box.trunk().note_refusal(408, None, box.now)
    box.network.run(33)
    assert box.trunk().link.state is LinkState.DOWN
    state = box.gateway.trunk_states(box.now)[0]
    assert (state.fault, state.reason) == (TrunkFault.UNREACHABLE, "no answer")


def test_what_went_wrong_with_a_call_is_remembered():
    box = GatewayBox(STATIC).start()
    refusal = box.call("05033334444")

    def last_fault(status: int) -> TrunkFault:
        line = b"SIP/2.0 %d No\r\n" % status
        box.trunk().note_refusal(status, Message(refusal.reply(line, b"x")), box.now)
        return box.gateway.trunk_states(box.now)[0].last_fault

    assert last_fault(486) is TrunkFault.NONE
    assert last_fault(500) is TrunkFault.REFUSED
    assert last_fault(407) is TrunkFault.CREDENTIALS
    assert box.trunk().link.is_up(box.now)


def test_a_pause_is_an_hour_at_most_and_a_shorter_one_ends_none():
    box = GatewayBox(STATIC).start()
    link = box.trunk().link
    link.rest(86_400, box.now)
    link.rest(5, box.now)
    assert link.is_resting(box.now + 3599)
    assert not link.is_resting(box.now + 3601)
