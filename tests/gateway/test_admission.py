# SPDX-License-Identifier: Apache-2.0
"""How many calls a second may knock, and what becomes of those that are let in."""

import pytest

from appliance.gateway.admission import STRANGER_BURST, STRANGERS_LIMIT, TRUNK_BURST, Admission
from appliance.gateway.inbound import InboundCalls
from appliance.gateway.rate import Rate
from appliance.native.sip_scanner import Message
from appliance.sip.flow import UDP, Flow, Listener, Side
from tests.gateway.virtual_gateway import CARRIER, Carrier, GatewayBox

PUBLIC = Flow(Listener("wan", UDP, b"203.0.113.5", 5060, Side.PUBLIC), b"198.51.100.77", 5060)
PRIVATE = Flow(Listener("office", UDP, b"192.168.1.1", 5060), b"192.168.1.11", 5060)


class Engine:
    """Takes calls and answers none."""

    def __init__(self) -> None:
        self.dials = []

    def take_invite(self, server, message, dial, now) -> None:
        self.dials.append(dial)
        server.respond(480, now)

    def turn_away(self, server, message, dial, verdict, now) -> None:
        server.respond(verdict.status, now)


class Entry(GatewayBox):
    """A gateway whose INVITEs go the way they go in the office."""

    def __init__(self, text: str = CARRIER) -> None:
        super().__init__(text)
        self.engine = Engine()
        self.inbound = InboundCalls(self.stack, self.gateway, self.engine)
        self.left = 0

    def request_received(self, message, flow, now) -> None:
        if not self.inbound.take(message, flow, now):
            self.left += 1
            self.stack.reply_stateless(message, flow, 407)

    def receive(self, method: bytes, source: bytes, number: int = 0) -> int:
        """Send this to the public side; the status that comes back, 0 for none."""
        octets = (b"%s sip:05011112222@203.0.113.5 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKa%d;rport\r\n"
                  b"From: <sip:05033334444@carrier.test>;tag=1\r\nTo: <sip:05011112222@carrier.test>\r\n"
                  b"Call-ID: a%d\r\nCSeq: 1 %s\r\nContact: <sip:%s>\r\nContent-Length: 0\r\n\r\n" % (
                      method, source, number, number, method, source))
        before = len(self.network.sent)
        self.stack.receive_datagram(octets, self.flow_to(self.listeners[1], source, 5060), self.now)
        self.network.run(0.001)
        replies = [message for _at, _source, _target, message in self.network.sent[before:] if not message.is_request]
        return replies[-1].status if replies else 0


@pytest.fixture
def entry() -> Entry:
    box = Entry()
    Carrier(box.network)
    return box.start()


def test_a_rate_fills_with_time_and_never_above_its_burst():
    rate = Rate(2.0, 3.0)
    assert [rate.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not rate.take(100.4)     # what is asked for in vain costs nothing
    assert rate.take(100.5)
    assert [rate.take(200.0) for _ in range(4)] == [True, True, True, False]
    assert not rate.take(199.0)     # a clock that steps back gives nothing


def test_one_trunk_gone_wild_leaves_the_others_their_calls():
    admission = Admission()
    admitted = sum(admission.admit_trunk("wild", 10.0) for _ in range(2000))
    assert admitted == TRUNK_BURST
    assert admission.admit_trunk("quiet", 10.0)


def test_a_stranger_takes_nothing_from_the_next_one_and_few_are_remembered():
    admission = Admission()
    for number in range(3 * STRANGERS_LIMIT):
        source = Flow(PUBLIC.listener, b"10.%d.%d.1" % divmod(number, 256), 5060)
        assert admission.admit_stranger(source, 10.0)
    for _ in range(1000):
        admission.admit_stranger(PUBLIC, 10.0)
    other_port = Flow(PUBLIC.listener, PUBLIC.host, 5061)
    assert not admission.admit_stranger(other_port, 10.0)
    assert admission.admit_stranger(Flow(PUBLIC.listener, b"198.51.100.78", 5060), 10.0)
    assert len(admission._strangers) <= STRANGERS_LIMIT


def test_a_stranger_has_a_rate_and_the_office_has_no_limit():
    admission = Admission()
    assert sum(admission.admit_stranger(PUBLIC, 10.0) for _ in range(500)) == STRANGER_BURST
    assert all(admission.admit_stranger(PRIVATE, 10.0) for _ in range(500))


def test_a_carriers_call_reaches_the_engine_in_its_name(entry):
    assert entry.receive(b"INVITE", b"198.51.100.1") == 480
    dial = entry.engine.dials[0]
    assert dial.origin is entry.trunk()
    assert (dial.dialled, dial.caller.number, dial.extension) == (b"05011112222", b"05033334444", b"")


def test_a_stranger_is_left_to_the_office_until_there_are_too_many(entry):
    assert entry.receive(b"INVITE", b"198.51.100.77") == 407
    statuses = [entry.receive(b"INVITE", b"198.51.100.77", number) for number in range(1, 60)]
    assert 0 in statuses
    assert entry.stack.counters["discarded_stranger_calls"] > 0
    assert entry.engine.dials == []
    assert entry.receive(b"INVITE", b"198.51.100.1", 99) == 480


def test_a_full_trunk_is_busy():
    box = Entry(CARRIER + "set trunk carrier channels 1\n")
    Carrier(box.network)
    box.start()
    box.trunk().call_begins()
    assert box.receive(b"INVITE", b"198.51.100.1") == 486
    assert box.engine.dials == []


def test_a_carrier_that_asks_whether_we_live_is_answered_and_a_stranger_is_not_here(entry):
    assert entry.receive(b"OPTIONS", b"198.51.100.1") == 200
    reply = [message for _at, _source, _target, message in entry.network.sent if message.method == b"OPTIONS"][-1]
    assert isinstance(reply, Message)
    assert b"REFER" not in reply.header(b"Allow")
    assert entry.receive(b"OPTIONS", b"198.51.100.77", 2) == 407
