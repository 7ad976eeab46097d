# SPDX-License-Identifier: Apache-2.0
"""UDP ports on an event loop, over the loopback interface."""

import asyncio
import socket
import time

import pytest

from appliance.errors import MachineError
from appliance.sip.flow import UDP, Listener
from appliance.system.sip_sockets.port_set import PortSet
from appliance.vocabulary.counters import Counters
from tests.interop.network import free_port
from tests.system.stack_fixture import RecordingStack

PEERS = []


def listener(host=b"127.0.0.1", name="office"):
    return Listener(name, UDP, host, free_port(host.decode()))


def peer(host="127.0.0.1"):
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((host, 0))
    opened.settimeout(20)
    PEERS.append(opened)
    return opened


@pytest.fixture(autouse=True)
def _close_peers():
    yield
    while PEERS:
        PEERS.pop().close()


async def served(stack, listeners, tap=None, gauge=None):
    """A started port set."""
    ports = PortSet(Counters(), tap)
    ports.gauge = gauge
    ports.open(listeners, stack)
    ports.start(asyncio.get_running_loop(), stack)
    return ports


@pytest.mark.parametrize("host", [b"127.0.0.1", b"::1"])
def test_a_datagram_reaches_the_stack_and_its_answer_the_peer(host):
    async def run():
        stack, ours, theirs = RecordingStack(echo=True), listener(host), peer(host.decode())
        ports = await served(stack, [ours])
        theirs.sendto(b"OPTIONS", (host.decode(), ours.port))
        answer, source = await asyncio.to_thread(theirs.recvfrom, 100)
        assert (answer, source[:2]) == (b"OPTIONS", (host.decode(), ours.port))
        _, flow, now = stack.datagrams[0]
        assert (flow.listener, flow.host, flow.port) == (ours, host, theirs.getsockname()[1])
        assert flow is ports.flow_to(ours, host, flow.port)
        assert abs(now - time.monotonic()) < 5
        ports.close()
    asyncio.run(run())


def test_what_comes_in_on_one_listener_may_leave_on_another():
    async def run():
        office, wan, theirs = listener(), listener(name="wan"), peer()
        stack = RecordingStack()
        ports = await served(stack, [office, wan])
        onward = ports.flow_to(wan, b"127.0.0.1", theirs.getsockname()[1])
        stack.on_datagram = lambda data, flow, now: wan.outbox.append((b"onward", onward))
        theirs.sendto(b"x", ("127.0.0.1", office.port))
        answer, source = await asyncio.to_thread(theirs.recvfrom, 100)
        assert (answer, source[1]) == (b"onward", wan.port)
        ports.close()
    asyncio.run(run())


def test_a_burst_is_read_whole_and_in_order():
    async def run():
        stack, ours, theirs = RecordingStack(echo=True), listener(), peer()
        ports = await served(stack, [ours])
        for number in range(3000):
            theirs.sendto(b"%d" % number, ("127.0.0.1", ours.port))
        await stack.wait_for(lambda: len(stack.datagrams) == 3000)
        assert [int(data) for data, _, _ in stack.datagrams] == list(range(3000))
        assert ports.statistics()["datagrams_received"] == 3000
        assert ports.statistics()["datagram_batches"] < 200
        ports.close()
    asyncio.run(run())


def test_a_flood_on_one_port_lets_the_others_have_their_turn():
    async def run():
        flooded, quiet, theirs = listener(), listener(), peer()
        stack = RecordingStack()
        ports = await served(stack, [flooded, quiet])
        for _ in range(5000):
            theirs.sendto(b"flood", ("127.0.0.1", flooded.port))
        theirs.sendto(b"call", ("127.0.0.1", quiet.port))
        await stack.wait_for(lambda: any(data == b"call" for data, _, _ in stack.datagrams))
        position = [data for data, _, _ in stack.datagrams].index(b"call")
        assert position <= 16 * 64
        ports.close()
    asyncio.run(run())


def test_the_stacks_timer_fires_at_its_deadline_and_what_it_sends_goes_out():
    async def run():
        stack, ours, theirs = RecordingStack(), listener(), peer()
        ports = await served(stack, [ours])
        flow = ports.flow_to(ours, b"127.0.0.1", theirs.getsockname()[1])
        deadline, later = time.monotonic() + 0.1, []
        stack.deadlines = [deadline]
        stack.on_deadline = lambda now: flow.outbox.append((b"retransmission", flow))
        ports.settle(time.monotonic())
        asyncio.get_running_loop().call_at(deadline + 0.1, lambda: later.append(len(stack.fired)))
        assert (await asyncio.to_thread(theirs.recvfrom, 100))[0] == b"retransmission"
        assert deadline <= stack.fired[0]
        await stack.wait_for(lambda: later)
        assert later == [1]         # however late the loop is, in this order
        ports.close()
    asyncio.run(run())


def test_an_earlier_deadline_overtakes_the_armed_one():
    async def run():
        stack, ours = RecordingStack(), listener()
        ports = await served(stack, [ours])
        stack.deadlines = [time.monotonic() + 60]
        ports.settle(time.monotonic())
        stack.deadlines.insert(0, time.monotonic() + 0.05)
        ports.settle(time.monotonic())
        await stack.wait_for(lambda: len(stack.fired) == 1)
        ports.close()
    asyncio.run(run())


def test_the_tap_hears_both_directions_and_the_gauge_of_full_batches():
    class Tap:
        def __init__(self):
            self.heard = []

        def append_received(self, batch, now):
            self.heard += [("in", data) for data, _ in batch]

        def append_sent(self, batch, now):
            self.heard += [("out", data) for data, _ in batch]

    class Gauge:
        is_pressed = False

        def __init__(self):
            self.observed = []

        def observe(self, waiting, size, has_dropped, now, batch_datagrams):
            self.observed.append((waiting, size, has_dropped))

    async def run():
        stack, ours, theirs, tap, gauge = RecordingStack(echo=True), listener(), peer(), Tap(), Gauge()
        ports = await served(stack, [ours], tap, gauge)
        for _ in range(100):
            theirs.sendto(b"x", ("127.0.0.1", ours.port))
        await stack.wait_for(lambda: len(stack.datagrams) == 100)
        await asyncio.sleep(0)
        assert tap.heard.count(("in", b"x")) == tap.heard.count(("out", b"x")) == 100
        assert gauge.observed
        assert gauge.observed[0][0] > 0
        assert not gauge.observed[0][2]
        ports.close()
    asyncio.run(run())


def test_where_much_waits_registrations_are_served_before_new_calls():
    class Gauge:
        is_pressed = False
        waiting_most = 0

        def observe(self, waiting, size, has_dropped, now, batch_datagrams):
            self.waiting_most = max(self.waiting_most, waiting)

    async def run():
        stack, ours, theirs, gauge = RecordingStack(), listener(), peer(), Gauge()
        ports = await served(stack, [ours], gauge=gauge)
        sent = [b"INVITE sip:%d" % number for number in range(150)] + [b"REGISTER sip:x", b"BYE sip:x"]
        for octets in sent:
            theirs.sendto(octets, ("127.0.0.1", ours.port))
        await stack.wait_for(lambda: len(stack.datagrams) == len(sent))
        heard = [data for data, _flow, _now in stack.datagrams]
        assert heard[:2] == [b"REGISTER sip:x", b"BYE sip:x"]
        assert heard[2:] == sent[:150]
        assert gauge.waiting_most >= 80 * 1500      # what waits here is counted as if it were in the kernel
        ports.close()
    asyncio.run(run())


def test_a_taken_port_is_a_machine_error_with_address_and_remedy_and_opens_nothing():
    first, second = listener(), listener()
    blocker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    blocker.bind(("127.0.0.1", second.port))
    ports = PortSet(Counters())
    with pytest.raises(MachineError) as caught:
        ports.open([first, second], RecordingStack())
    assert f"127.0.0.1:{second.port}" in caught.value.operation
    assert "set sip listener office port" in caught.value.operation
    blocker.close()
    again = PortSet(Counters())
    again.open([first, second], RecordingStack())
    again.close()


def test_an_address_of_nobody_here_is_a_machine_error_that_says_so():
    with pytest.raises(MachineError, match=r"192\.0\.2\.1:5060.*no interface"):
        PortSet(Counters()).open([Listener("office", UDP, b"192.0.2.1", 5060)], RecordingStack())


@pytest.mark.parametrize("host", [b"phone.example.com", b"::1", b"[127.0.0.1]", b""])
def test_no_flow_to_what_is_not_numeric_or_of_the_other_family(host):
    ports, ours = PortSet(Counters()), listener()
    ports.open([ours], RecordingStack())
    with pytest.raises(ValueError):
        ports.flow_to(ours, host, 5060)
    ports.close()


def test_closing_sends_what_waits_and_can_be_done_twice():
    ours, theirs = listener(), peer()
    ports = PortSet(Counters())
    ports.open([ours], RecordingStack())
    ours.outbox.append((b"BYE", ports.flow_to(ours, b"127.0.0.1", theirs.getsockname()[1])))
    ports.close()
    ports.close()
    assert theirs.recv(100) == b"BYE"
