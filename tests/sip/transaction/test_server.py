# SPDX-License-Identifier: Apache-2.0
"""Server transactions against RFC 3261 17.2, RFC 6026 7.1 and RFC 4320, on a virtual clock."""

from itertools import pairwise

import pytest

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import TCP, Flow
from appliance.sip.transaction import invite_server, server
from tests.sip.transaction.bench_stack import VirtualWire, request


def heads(left: list[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    return [(at, octets.split(b"\r\n")[0]) for at, octets in left]


def test_retransmitted_request_gets_the_last_response_again() -> None:
    wire = VirtualWire()
    wire.receive(request("OPTIONS"))
    wire.receive(request("OPTIONS"))
    assert len(wire.user.servers) == 1
    assert wire.sent() == []
    wire.user.servers[0].respond(200, wire.now)
    first = wire.sent()
    wire.receive(request("OPTIONS"))
    assert wire.sent() == first


@pytest.mark.parametrize(("via", "port"), [("198.51.100.3:5070", 5070), ("phone.example.com", 5060)])
def test_final_response_opens_a_connection_when_that_of_the_request_is_gone(via: str, port: int) -> None:
    # RFC 3261 18.2.2: to `received`, at the port of sent-by
    wire = VirtualWire(TCP)
    wire.receive(request("INVITE", transport="TCP", via=via))
    transaction = wire.user.servers[0]
    wire.stack.flow_failed(wire.flow, wire.now)
    transaction.respond(180, wire.now)
    transaction.respond(486, wire.now)
    assert wire.opened == [(b"192.168.1.11", port)]
    flows = [flow for _, flow in wire.listener.outbox]
    assert flows[0] is flows[1]
    assert (flows[1].host, flows[1].port, flows[1].is_open) == (b"192.168.1.11", port, True)
    wire.stack.flow_failed(flows[1], wire.now)      # nobody is there either
    wire.receive(request("INVITE", transport="TCP", via=via), Flow(wire.listener, b"192.168.1.11", 1024))
    assert wire.opened == [(b"192.168.1.11", port)]


def test_timer_j_ends_the_transaction_after_32_seconds() -> None:
    wire = VirtualWire()
    wire.receive(request("OPTIONS"))
    wire.user.servers[0].respond(200, wire.now)
    wire.run_until(31.9)
    assert wire.stack.transactions_open == 1
    wire.run_until(32.2)
    assert wire.stack.transactions_open == 0


def test_unanswered_non_invite_says_100_when_timer_e_has_reached_t2_and_then_ends_silently() -> None:
    wire = VirtualWire()
    wire.receive(request("MESSAGE"))
    left = heads(wire.run_until(60))
    assert [head for _, head in left] == [b"SIP/2.0 100 Trying"]
    assert 3.5 <= left[0][0] <= 3.6
    assert wire.stack.transactions_open == 0


def test_an_invite_that_nobody_answers_says_100_within_200_ms_and_once() -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    left = heads(wire.run_until(30))
    assert [head for _, head in left] == [b"SIP/2.0 100 Trying"]
    assert 0.0 < left[0][0] <= 0.2
    wire.user.servers[0].respond(486, wire.now)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(heads(wire.run_until(33)))]
    assert gaps[:2] == pytest.approx([0.5, 1.0], abs=0.11)


@pytest.mark.parametrize("status", [180, 200, 486])
@pytest.mark.parametrize("at_s", [0.0, 0.1])
def test_an_invite_that_is_answered_at_once_needs_no_100(status: int, at_s: float) -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    wire.run_until(at_s)
    wire.user.servers[0].respond(status, wire.now)
    left = heads([*[(wire.now, octets) for octets in wire.sent()], *wire.run_until(50)])
    assert {int(head.split()[1]) for _, head in left} == {status}
    assert wire.stack.transactions_open == (1 if status == 180 else 0)


def test_invite_final_response_is_repeated_with_timer_g_until_timer_h() -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    wire.user.servers[0].respond(486, wire.now)
    left = wire.run_until(40)
    times = [at for at, _ in left]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[:4] == pytest.approx([0.5, 1.0, 2.0, 4.0], abs=0.11)
    assert all(gap == pytest.approx(4.0, abs=0.11) for gap in gaps[4:])
    assert times[-1] <= 32.1
    assert wire.stack.transactions_open == 0


def test_ack_stops_the_repetition_and_is_absorbed() -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    wire.user.servers[0].respond(486, wire.now)
    wire.sent()
    wire.receive(request("ACK"))
    wire.receive(request("ACK"))
    assert wire.user.acks == []
    assert wire.run_until(4.9) == []
    assert wire.stack.transactions_open == 1
    wire.run_until(5.2)
    assert wire.stack.transactions_open == 0


def test_accepted_absorbs_invites_passes_further_2xx_and_hands_up_acks() -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    transaction = wire.user.servers[0]
    octets = transaction.request.reply(b"SIP/2.0 200 OK\r\n", b"t")
    transaction.send(200, octets, wire.now)
    assert wire.sent() == [octets]
    wire.receive(request("INVITE"))
    assert wire.sent() == []
    transaction.send(200, octets, wire.now)
    assert wire.sent() == [octets]
    transaction.send(486, b"late", wire.now)
    assert wire.sent() == []
    wire.receive(request("ACK", branch="z9hG4bK1"))
    assert len(wire.user.acks) == 1
    wire.run_until(32.2)
    assert wire.stack.transactions_open == 0


def test_over_tcp_nothing_is_repeated_and_timer_i_is_zero() -> None:
    wire = VirtualWire(TCP)
    wire.receive(request("INVITE", transport="TCP"))
    wire.user.servers[0].respond(486, wire.now)
    assert len(wire.run_until(10)) == 1
    wire.receive(request("ACK", transport="TCP"))
    assert wire.stack.transactions_open == 0


def test_response_goes_to_the_sent_by_port_unless_rport_was_asked_for() -> None:
    wire = VirtualWire()
    behind_nat = Flow(wire.listener, b"203.0.113.9", 40001)
    wire.stack.receive_datagram(request("OPTIONS", via="10.0.0.5:5070"), behind_nat, wire.now)
    wire.user.servers[0].respond(200, wire.now)
    ((octets, flow),) = wire.listener.outbox
    assert (flow.host, flow.port) == (b"203.0.113.9", 5070)
    assert b";received=203.0.113.9" in octets
    wire.listener.outbox.clear()
    wire.stack.receive_datagram(request("OPTIONS", "z9hG4bK2", via="10.0.0.5:5070;rport"), behind_nat, wire.now)
    wire.user.servers[1].respond(200, wire.now)
    ((octets, flow),) = wire.listener.outbox
    assert flow is behind_nat
    assert b"rport=40001" in octets
    assert b"received=203.0.113.9" in octets


def test_unmatched_cancel_gets_481() -> None:
    wire = VirtualWire()
    wire.receive(request("CANCEL"))
    assert wire.sent()[0].startswith(b"SIP/2.0 481 ")


def test_cancel_is_answered_with_the_to_tag_of_the_invite_and_reaches_the_user_once() -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    wire.user.servers[0].respond(180, wire.now)
    ringing = wire.sent()[0]
    wire.receive(request("CANCEL"))
    (answer,) = wire.sent()
    tag = ringing.split(b";tag=")[2].split(b"\r\n")[0]
    assert answer.startswith(b"SIP/2.0 200 ")
    assert tag in answer
    wire.receive(request("CANCEL"))
    assert wire.sent() == [answer]
    assert len(wire.user.cancelled) == 1


def test_cancel_from_another_host_is_not_believed() -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    wire.receive(request("CANCEL"), Flow(wire.listener, b"192.168.1.66", 5060))
    assert wire.sent()[0].startswith(b"SIP/2.0 481 ")
    assert wire.user.cancelled == []


def test_cancel_after_the_final_response_changes_nothing() -> None:
    wire = VirtualWire()
    wire.receive(request("INVITE"))
    wire.user.servers[0].respond(200, wire.now)
    wire.sent()
    wire.receive(request("CANCEL"))
    assert wire.sent()[0].startswith(b"SIP/2.0 200 ")
    assert wire.user.cancelled == []


def test_rfc2543_request_without_branch_is_matched_by_its_fields() -> None:
    wire = VirtualWire()
    old = request("INVITE").replace(b";branch=z9hG4bK1", b"")
    wire.receive(old)
    wire.user.servers[0].respond(486, wire.now)
    tag = wire.sent()[0].split(b";tag=")[2].split(b"\r\n")[0]
    wire.receive(old)
    assert len(wire.user.servers) == 1
    wire.sent()
    wire.receive(request("ACK", to_tag=tag.decode()).replace(b";branch=z9hG4bK1", b""))
    assert wire.user.acks == []


@pytest.mark.parametrize("module", [server, invite_server])
def test_every_state_leads_to_terminated_and_nothing_leads_out_of_it(module: object) -> None:
    transitions = module.TRANSITIONS
    last = len(transitions) - 1
    assert not transitions[last]
    assert all(any(state == last for state in following) for following in transitions[:-1])


def test_request_over_a_stream_that_cannot_be_answered_asks_for_the_end_of_the_connection() -> None:
    wire = VirtualWire(TCP)
    surplus = "X: y\r\n" * 300
    octets = request("OPTIONS", transport="TCP", extra=surplus)
    assert wire.stack.receive_message(octets, wire.flow, wire.now)
    (answer,) = wire.sent()
    assert answer.startswith(b"SIP/2.0 400 ")
    assert b"too many header lines" in answer
    assert len(answer) < len(octets)
    unanswerable = octets.replace(b"Via: ", b"X-Via: ")
    assert not wire.stack.receive_message(unanswerable, wire.flow, wire.now)
    assert wire.stack.receive_message(b"SIP/2.0 4294967301 X\r\n\r\n", wire.flow, wire.now)     # nobody waits for that
    assert wire.sent() == []


def test_illegal_move_is_our_own_bug() -> None:
    wire = VirtualWire()
    wire.receive(request("OPTIONS"))
    transaction = wire.user.servers[0]
    transaction.respond(200, wire.now)
    with pytest.raises(MisuseError):
        transaction.respond(200, wire.now)


def test_request_that_nobody_answered_is_no_merge_any_more_when_its_transaction_has_ended() -> None:
    wire = VirtualWire()

    def claim(branch: str) -> bool:
        octets = request("MESSAGE", branch)
        wire.receive(octets)
        return wire.stack.claim_merge(Message(octets, b"192.168.1.11", 5060), wire.user.servers[-1])
    assert [claim("z9hG4bK1"), claim("z9hG4bK2")] == [True, False]
    wire.run_until(40)
    assert wire.stack.transactions_open == 0
    assert claim("z9hG4bK3")
