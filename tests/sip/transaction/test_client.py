# SPDX-License-Identifier: Apache-2.0
"""Client transactions against RFC 3261 17.1 and RFC 6026 7.2, on a virtual clock."""

from itertools import pairwise

import pytest

from appliance.sip.flow import FORMER_LIMIT, TCP, Flow
from appliance.sip.transaction.core import Failure
from tests.sip.transaction.bench_stack import RememberingOwner, VirtualWire, request, response


def send(wire: VirtualWire, method: str) -> tuple[RememberingOwner, bytes, object]:
    owner = RememberingOwner()
    octets = request(method, branch="z9hG4bKours", via="192.168.1.1:5060")
    peer = Flow(wire.listener, b"192.168.1.12", 5060)
    if method == "INVITE":
        client = wire.stack.send_invite(octets, peer, b"z9hG4bKours", owner, wire.now)
    else:
        client = wire.stack.send_request(octets, peer, b"z9hG4bKours", method.encode(), owner, wire.now)
    return owner, octets, client


def test_timer_a_doubles_and_timer_b_gives_up_after_32_seconds() -> None:
    wire = VirtualWire()
    owner, octets, _ = send(wire, "INVITE")
    left = wire.run_until(40)
    assert all(sent == octets for _, sent in left)
    times = [at for at, _ in left]
    assert times == pytest.approx([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5], abs=0.4)
    assert owner.failures == [Failure.TIMEOUT]
    assert wire.stack.transactions_open == 0


def test_timer_e_doubles_up_to_t2() -> None:
    wire = VirtualWire()
    owner, _, _ = send(wire, "BYE")
    times = [at for at, _ in wire.run_until(40)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[:4] == pytest.approx([0.5, 1.0, 2.0, 4.0], abs=0.11)
    assert max(gaps) <= 4.11
    assert owner.failures == [Failure.TIMEOUT]


def test_over_tcp_nothing_is_repeated() -> None:
    wire = VirtualWire(TCP)
    owner, _, _ = send(wire, "INVITE")
    assert len(wire.run_until(31)) == 1
    wire.run_until(33)
    assert owner.failures == [Failure.TIMEOUT]


def test_provisional_stops_timer_a_and_ringing_is_bounded_by_timer_c() -> None:
    wire = VirtualWire()
    owner, octets, client = send(wire, "INVITE")
    wire.sent()
    wire.receive(response(octets, 180))
    assert wire.run_until(179) == []
    wire.run_until(185)
    assert owner.limits == 1
    cancel = client.build_cancel(b"", wire.now)
    assert cancel.startswith(b"CANCEL sip:202@192.168.1.1 SIP/2.0\r\n"
                             b"Via: SIP/2.0/UDP 192.168.1.1:5060;branch=z9hG4bKours")
    assert b"CSeq: 1 CANCEL\r\n" in cancel
    wire.run_until(220)
    assert owner.failures == [Failure.TIMEOUT]


def test_each_18x_restarts_timer_c_but_100_does_not() -> None:
    wire = VirtualWire()
    owner, octets, _ = send(wire, "INVITE")
    wire.receive(response(octets, 180))
    wire.run_until(100)
    wire.receive(response(octets, 183))
    wire.run_until(200)
    wire.receive(response(octets, 100))
    assert owner.limits == 0
    wire.run_until(285)
    assert owner.limits == 1


def test_non_2xx_is_acknowledged_hop_by_hop_and_again_for_each_copy() -> None:
    wire = VirtualWire()
    owner, octets, _ = send(wire, "INVITE")
    wire.sent()
    wire.receive(response(octets, 486, tag="xyz"))
    (ack,) = wire.sent()
    assert ack.startswith(b"ACK sip:202@192.168.1.1 SIP/2.0\r\n"
                          b"Via: SIP/2.0/UDP 192.168.1.1:5060;branch=z9hG4bKours\r\n")
    assert b"To: <sip:202@192.168.1.1>;tag=xyz\r\n" in ack
    assert b"CSeq: 1 ACK\r\n" in ack
    wire.receive(response(octets, 486, tag="xyz"))
    assert wire.sent() == [ack]
    assert owner.statuses == [486]
    wire.run_until(33)
    assert wire.stack.transactions_open == 0


def test_ack_copies_the_route_of_the_invite() -> None:
    wire = VirtualWire()
    owner = RememberingOwner()
    octets = request("INVITE", "z9hG4bKours", via="192.168.1.1:5060", extra="Route: <sip:p1;lr>, <sip:p2;lr>\r\n")
    wire.stack.send_invite(octets, wire.flow, b"z9hG4bKours", owner, wire.now)
    wire.sent()
    wire.receive(response(octets, 404))
    assert b"Route: <sip:p1;lr>, <sip:p2;lr>\r\n" in wire.sent()[0]


def test_every_2xx_reaches_the_owner_until_timer_m() -> None:
    wire = VirtualWire()
    owner, octets, _ = send(wire, "INVITE")
    wire.sent()
    wire.receive(response(octets, 200, tag="one"))
    wire.receive(response(octets, 200, tag="one"))
    wire.receive(response(octets, 200, tag="two"))
    wire.receive(response(octets, 486, tag="three"))
    assert owner.statuses == [200, 200, 200]
    assert wire.sent() == []
    wire.run_until(33)
    wire.receive(response(octets, 200, tag="one"))
    assert owner.statuses == [200, 200, 200]
    assert wire.stack.counters["discarded_stray_response"] == 1


def test_late_copies_of_a_non_invite_response_are_absorbed_by_timer_k() -> None:
    wire = VirtualWire()
    owner, octets, _ = send(wire, "BYE")
    wire.receive(response(octets, 200))
    wire.receive(response(octets, 200))
    assert owner.statuses == [200]
    wire.run_until(5.2)
    assert wire.stack.transactions_open == 0


def test_response_with_a_foreign_top_via_is_discarded() -> None:
    wire = VirtualWire()
    owner, octets, _ = send(wire, "BYE")
    wire.receive(response(octets, 200, via="Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKours"))
    wire.receive(response(octets, 200, via="Via: SIP/2.0/UDP 192.168.1.1:5060;branch=z9hG4bKother"))
    assert owner.statuses == []
    assert wire.stack.counters["discarded_stray_response"] == 2


@pytest.mark.parametrize("moves", [1, 2, 3, 8])
def test_what_went_out_before_its_listener_moved_is_answered_all_the_same(moves) -> None:
    """There and back again, too; and what goes out from the new place has only that."""
    wire = VirtualWire()
    listener = wire.flow.listener
    owner, octets, client = send(wire, "INVITE")
    for number in range(moves):
        listener.move(listener.name, (b"192.168.1.2", b"192.168.1.1")[number % 2], 5060 + number // 2, listener.side)
    wire.receive(response(octets, 180))
    assert owner.statuses == [180]
    wire.sent()
    cancel = client.build_cancel(b"", wire.now)
    assert b"192.168.1.1:5060;branch=z9hG4bKours" in cancel         # RFC 3261 9.1: the Via of the INVITE
    wire.receive(response(octets, 487, tag="xyz"))
    assert owner.statuses == [180, 487]
    assert b"ACK" in wire.sent()[0]


def test_no_place_but_the_last_few_of_a_listener_is_known() -> None:
    wire = VirtualWire()
    listener = wire.flow.listener
    for number in range(50):
        listener.move(listener.name, b"192.168.1.2", 6000 + number, listener.side)
    assert len(listener.former) == FORMER_LIMIT
    assert listener.former[0] == b"192.168.1.2:6048"


def test_failed_connection_ends_its_transactions_with_a_transport_error() -> None:
    wire = VirtualWire(TCP)
    owner = RememberingOwner()
    octets = request("MESSAGE", "z9hG4bKours", via="192.168.1.1:5060", transport="TCP")
    wire.stack.send_request(octets, wire.flow, b"z9hG4bKours", b"MESSAGE", owner, wire.now)
    wire.stack.flow_failed(wire.flow, wire.now)
    assert owner.failures == [Failure.TRANSPORT]
    assert wire.stack.transactions_open == 0
