# SPDX-License-Identifier: Apache-2.0
"""The trace ring: bounds, order, what belongs to a call, what is counted."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.diagnosis.trace import Trace
from appliance.sip.flow import UDP, Flow, Listener

LISTENER = Listener("office", UDP, b"192.168.1.1", 5060)
PHONE = Flow(LISTENER, b"192.168.1.11", 5060)


def request(method: bytes = b"OPTIONS", call_id: bytes = b"a1", padding: bytes = b"") -> bytes:
    return (b"%s sip:office.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.11;branch=z9hG4bK1\r\nFrom: <sip:1@a>;tag=1\r\n"
            b"To: <sip:2@a>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nMax-Forwards: 70\r\nX: %s\r\nContent-Length: 0\r\n\r\n"
            % (method, call_id, method, padding))


def test_batches_come_back_message_by_message_in_order():
    trace = Trace()
    trace.append_received([(b"one", PHONE), (b"two", PHONE)], 1.0)
    trace.append_sent([(b"three", PHONE)], 2.0)
    assert [(entry.octets, entry.is_sent, entry.at) for entry in trace.entries()] == [
        (b"one", False, 1.0), (b"two", False, 1.0), (b"three", True, 2.0)]


def test_an_outbox_that_is_emptied_afterwards_stays_in_the_trace():
    trace = Trace()
    outbox = [(b"one", PHONE)]
    trace.append_sent(outbox, 1.0)
    outbox.clear()
    assert [entry.octets for entry in trace.entries()] == [b"one"]


@given(st.lists(st.lists(st.binary(min_size=1, max_size=40), max_size=5), max_size=40))
def test_the_ring_stays_within_both_bounds_and_keeps_the_newest(batches: list[list[bytes]]):
    trace = Trace(octets_limit=200, messages_limit=12)
    for number, batch in enumerate(batches):
        trace.append_received([(octets, PHONE) for octets in batch], float(number))
        held = [entry.octets for entry in trace.entries()]
        assert len(held) == len(trace) <= 12
        assert sum(map(len, held)) == trace.size_octets <= 200
    everything = [octets for batch in batches for octets in batch]
    held = [entry.octets for entry in trace.entries()]
    assert held == everything[len(everything) - len(held):]


def test_one_message_larger_than_the_ring_leaves_it_empty():
    trace = Trace(octets_limit=10)
    trace.append_received([(b"x" * 11, PHONE)], 1.0)
    assert (len(trace), trace.size_octets) == (0, 0)


def test_messages_of_a_call_are_found_by_their_call_id_alone():
    trace = Trace()
    mine, other = request(call_id=b"a1"), request(call_id=b"b2", padding=b"a1")
    broken = b"INVITE sip:x SIP/2.0\r\nCall-ID: a1\r\n\r\n"
    trace.append_received([(mine, PHONE), (other, PHONE), (broken, PHONE), (b"\r\n\r\n", PHONE)], 1.0)
    assert [entry.octets for entry in trace.entries_of(frozenset({b"a1"}))] == [mine, broken]
    assert len(trace.entries_of(frozenset({b"a1", b"b2"}))) == 3


def test_messages_are_counted_by_method_and_class():
    trace = Trace(messages_limit=1)
    trace.append_received([(b"INVITE sip:a SIP/2.0\r\n", PHONE), (b"SUBSCRIBE sip:a SIP/2.0\r\n", PHONE),
                           (b"INVITE sip:b SIP/2.0\r\n", PHONE), (b"ACK sip:a SIP/2.0\r\n", PHONE),
                           (b"SIP/2.0 180 Ringing\r\n", PHONE), (b"SIP/2.0 200 OK\r\n", PHONE), (b"\x00\x01", PHONE),
                           (b"SIP/2.0 ", PHONE)], 1.0)
    assert trace.received.by_method() == {"INVITE": 2, "SUBSCRIBE": 1, "ACK": 1, "other": 1}
    assert trace.received.by_class() == {"1xx": 1, "2xx": 1, "other": 1}
    assert trace.received.total == 8
    assert trace.sent.total == 0
