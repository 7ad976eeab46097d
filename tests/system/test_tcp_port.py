# SPDX-License-Identifier: Apache-2.0
"""TCP ports on an event loop: framing, reuse, connecting, and the bounds that keep one peer from hurting another."""

import asyncio
import errno
import socket
import time
from contextlib import asynccontextmanager

import pytest

from appliance.errors import MachineError
from appliance.sip.flow import TCP, Flow, Listener
from appliance.system.sip_sockets import connection, half_open, tcp
from appliance.system.sip_sockets.half_open import HalfOpen
from appliance.system.sip_sockets.port_set import PortSet
from appliance.system.sip_sockets.receiver import Seams
from appliance.system.sip_sockets.tcp import TcpPort, source_of
from appliance.vocabulary.counters import Counters
from tests.interop.network import free_port
from tests.system.stack_fixture import RecordingStack


def options(number=1, body=b""):
    return (b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: %d OPTIONS\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body))


class Served:
    """A started port set with one TCP listener, its stack and its counters."""

    def __init__(self, host, stack):
        self.listener = Listener("office", TCP, host, free_port(host.decode()))
        self.stack = stack
        self.counters = Counters()
        self.ports = PortSet(self.counters)
        self.ports.open([self.listener], stack)
        self.ports.start(asyncio.get_running_loop(), stack)

    @property
    def address(self):
        return self.listener.host.decode(), self.listener.port

    async def connect(self):
        return await asyncio.open_connection(*self.address)

    def send(self, flow, octets):
        self.listener.outbox.append((octets, flow))
        self.ports.settle(time.monotonic())

    def count(self):
        return self.ports.statistics()["connections"]


@asynccontextmanager
async def serving(host=b"127.0.0.1", echo=False):
    served = Served(host, RecordingStack(echo))
    try:
        yield served
    finally:
        served.ports.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def answering(host="127.0.0.1"):
    """A peer that listens: its port, and the queue of the (reader, writer) it accepts."""
    accepted = asyncio.Queue()
    server = await asyncio.start_server(lambda reader, writer: accepted.put_nowait((reader, writer)), host, 0)
    try:
        yield server.sockets[0].getsockname()[1], accepted
    finally:
        server.close()


async def is_closed(reader):
    try:
        return await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionError:
        return True


def run(work):
    asyncio.run(asyncio.wait_for(work, 60))


@pytest.mark.parametrize("host", [b"127.0.0.1", b"::1"])
def test_a_message_is_delivered_and_the_answer_goes_back_on_the_connection(host):
    async def work():
        async with serving(host, echo=True) as served:
            reader, writer = await served.connect()
            writer.write(options())
            assert await reader.readexactly(len(options())) == options()
            [(data, flow, now)] = served.stack.messages
            assert data == options()
            assert (flow.host, flow.port) == (host, writer.get_extra_info("sockname")[1])
            assert flow.listener is served.listener
            assert served.ports.flow_to(served.listener, flow.host, flow.port) is flow
            assert abs(now - time.monotonic()) < 5
            writer.close()
    run(work())


def test_messages_cut_anywhere_arrive_whole_and_in_order():
    async def work():
        async with serving() as served:
            _, writer = await served.connect()
            octets = b"".join(options(number, b"x" * number) for number in range(50))
            for first in range(0, len(octets), 37):
                writer.write(octets[first:first + 37])
                await writer.drain()
            await served.stack.wait_for(lambda: len(served.stack.messages) == 50)
            assert [data for data, _, _ in served.stack.messages] == [options(n, b"x" * n) for n in range(50)]
            writer.close()
    run(work())


def test_a_ping_is_answered_with_a_pong():
    async def work():
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(b"\r\n\r\n")
            assert await reader.readexactly(2) == b"\r\n"
            assert served.stack.messages == []
            writer.close()
    run(work())


def test_a_message_without_length_is_answered_and_the_connection_closed():
    async def work():
        async with serving() as served:
            served.stack.on_message = lambda data, flow, now: flow.outbox.append((b"400", flow))
            reader, writer = await served.connect()
            writer.write(b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n")
            assert await asyncio.wait_for(reader.read(), 5) == b"400"
            await served.stack.wait_for(lambda: len(served.stack.failed) == 1)
            assert served.counters["connections_closed_unframed"] == 1
            assert served.count() == 0
            writer.close()
    run(work())


def test_a_connection_ends_behind_a_request_that_cannot_be_answered():
    async def work():
        async with serving() as served:
            served.stack.is_answerable = False
            served.stack.on_message = lambda data, flow, now: flow.outbox.append((b"earlier", flow))
            reader, writer = await served.connect()
            writer.write(options() + options(2))
            assert await asyncio.wait_for(reader.read(), 5) == b"earlier"
            await served.stack.wait_for(lambda: len(served.stack.failed) == 1)
            assert len(served.stack.messages) == 1
            assert served.counters["connections_closed_unanswerable"] == 1
            writer.close()
    run(work())


def test_a_flow_without_a_connection_gets_one_from_our_address_and_keeps_it():
    async def work():
        async with serving(b"127.0.0.2") as served, answering() as (port, accepted):
            flow = served.ports.flow_to(served.listener, b"127.0.0.1", port)
            served.send(flow, b"first ")
            served.send(flow, b"second")
            reader, writer = await accepted.get()
            assert await reader.readexactly(12) == b"first second"
            assert writer.get_extra_info("peername")[0] == "127.0.0.2"
            assert served.ports.flow_to(served.listener, b"127.0.0.1", port) is flow
            served.send(flow, b"third")
            assert await reader.readexactly(5) == b"third"
            writer.write(options())
            await served.stack.wait_for(lambda: served.stack.messages)
            assert served.stack.messages[0][1] is flow
            assert accepted.empty()
            assert served.counters["connections_opened"] == 1
            writer.close()
    run(work())


def test_a_refused_connection_fails_its_flow_once_and_the_next_flow_is_a_new_one():
    async def work():
        async with serving() as served:
            port = free_port("127.0.0.1")
            flow = served.ports.flow_to(served.listener, b"127.0.0.1", port)
            served.send(flow, b"one")
            served.send(flow, b"two")
            await served.stack.wait_for(lambda: served.stack.failed)
            await asyncio.sleep(0.05)
            assert served.stack.failed == [flow]
            assert flow.failure == "Connection refused"
            assert served.counters["connections_failed"] == 1
            assert served.ports.flow_to(served.listener, b"127.0.0.1", port) is not flow
            assert served.count() == 0
    run(work())


def test_a_connection_that_nobody_answers_fails_at_its_limit(monkeypatch):
    monkeypatch.setattr(tcp, "CONNECT_LIMIT_S", 0.1)

    async def work():
        with socket.socket() as deaf:           # its backlog is full: further SYNs stay unanswered
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            async with serving() as served:
                flow = served.ports.flow_to(served.listener, b"127.0.0.1", deaf.getsockname()[1])
                served.send(flow, b"INVITE")
                await served.stack.wait_for(lambda: served.stack.failed)
                assert served.stack.failed == [flow]
            for filler in fillers:
                filler.close()
    run(work())


def test_what_is_sent_to_a_closed_flow_fails_it_and_disturbs_nothing_else():
    async def work():
        async with serving(echo=True) as served:
            reader, writer = await served.connect()
            writer.write(options())
            await reader.readexactly(len(options()))
            gone = Flow(served.listener, b"127.0.0.1", 9)
            gone.is_open = False
            served.listener.outbox.append((b"lost", gone))
            served.send(served.stack.messages[0][1], b"arrives")
            assert await reader.readexactly(7) == b"arrives"
            await served.stack.wait_for(lambda: served.stack.failed == [gone])
            writer.close()
    run(work())


def test_a_peer_that_hangs_up_fails_its_flow():
    async def work():
        async with serving() as served:
            _, writer = await served.connect()
            writer.write(options())
            await served.stack.wait_for(lambda: served.stack.messages)
            writer.close()
            await served.stack.wait_for(lambda: served.stack.failed)
            assert served.stack.failed == [served.stack.messages[0][1]]
            assert served.count() == 0
    run(work())


def test_a_peer_that_does_not_read_is_cut_off(monkeypatch):
    monkeypatch.setattr(connection, "UNSENT_LIMIT_OCTETS", 100_000)

    async def work():
        async with serving() as served:
            _, writer = await served.connect()
            writer.write(options())
            await served.stack.wait_for(lambda: served.stack.messages)
            flow = served.stack.messages[0][1]
            sent = 0
            while flow.is_open and sent < 100_000_000:
                served.send(flow, b"x" * 10_000)
                sent += 10_000
            assert served.counters["connections_closed_slow_reader"] == 1
            await served.stack.wait_for(lambda: served.stack.failed == [flow])
            writer.close()
    run(work())


def test_what_waits_for_a_connection_is_bounded_too(monkeypatch):
    monkeypatch.setattr(connection, "UNSENT_LIMIT_OCTETS", 1000)

    async def work():
        async with serving() as served, answering() as (port, _):
            flow = served.ports.flow_to(served.listener, b"127.0.0.1", port)
            for _ in range(11):
                served.send(flow, b"x" * 100)
            assert not flow.is_open
            await served.stack.wait_for(lambda: served.stack.failed == [flow])
    run(work())


@pytest.mark.parametrize("beginning", [b"", b"\r\n\r\n", b"INVITE sip:"])
def test_a_stranger_that_never_finishes_a_message_is_closed_however_it_drips(monkeypatch, beginning):
    monkeypatch.setattr(tcp, "SWEEP_S", 0.02)
    monkeypatch.setattr(tcp, "HALF_OPEN_S", 0.3)

    async def work():
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(beginning)
            closing = asyncio.create_task(is_closed_after_pongs(reader))
            while not closing.done():
                if beginning == b"INVITE sip:" and not writer.is_closing():
                    writer.write(b"x")
                await asyncio.sleep(0.02)
            assert served.counters["connections_closed_half_open"] == 1
            writer.close()
    run(work())


async def is_closed_after_pongs(reader):
    try:
        while await reader.read(100):
            pass
    except ConnectionError:
        pass


def test_a_known_peer_may_be_idle_but_not_stop_in_the_middle(monkeypatch):
    monkeypatch.setattr(tcp, "SWEEP_S", 0.02)
    monkeypatch.setattr(tcp, "HALF_OPEN_S", 0.2)

    async def work():
        async with serving() as served:
            _, idle = await served.connect()
            stuck_reader, stuck = await served.connect()
            idle.write(options())
            stuck.write(options() + options()[:20])
            await served.stack.wait_for(lambda: len(served.stack.messages) == 2)
            assert await is_closed(stuck_reader)
            await asyncio.sleep(0.1)
            assert served.count() == 1
            idle.write(options(2))
            await served.stack.wait_for(lambda: len(served.stack.messages) == 3)
            idle.close()
            stuck.close()
    run(work())


def test_steady_traffic_that_always_ends_within_a_message_is_not_half_open(monkeypatch):
    monkeypatch.setattr(tcp, "SWEEP_S", 0.02)
    monkeypatch.setattr(tcp, "HALF_OPEN_S", 1.0)

    async def work():
        async with serving() as served:
            _, writer = await served.connect()
            writer.write(options(0)[:20])
            for number in range(30):
                await asyncio.sleep(0.05)
                writer.write(options(number)[20:] + options(number + 1)[:20])
            await served.stack.wait_for(lambda: len(served.stack.messages) == 30)
            assert served.count() == 1
            writer.close()
    run(work())


@asynccontextmanager
async def small_port(limit):
    stack, counters = RecordingStack(), Counters()
    listener = Listener("office", TCP, b"127.0.0.1", free_port("127.0.0.1"))
    port = TcpPort(listener, Seams(stack, lambda now: None, counters), limit)
    port.start(asyncio.get_running_loop())
    try:
        yield port, listener, stack, counters
    finally:
        port.close()
        await asyncio.sleep(0)


def from_source(source, listener):
    opened = socket.socket()
    opened.bind((source, 0))
    opened.connect(("127.0.0.1", listener.port))
    opened.setblocking(False)
    return opened


def has_ended(opened):
    try:
        return opened.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_one_source_has_its_share_of_the_connections_and_no_more():
    async def work():
        async with small_port(80) as (port, listener, stack, counters):
            greedy = [from_source("127.0.0.1", listener) for _ in range(15)]
            await stack.wait_for(lambda: counters["connections_refused"] == 5)
            modest = from_source("127.0.0.2", listener)
            await stack.wait_for(lambda: port.statistics()["connections"] == 11)
            assert sum(has_ended(opened) for opened in greedy) == 5
            assert not has_ended(modest)
            for opened in [*greedy, modest]:
                opened.close()
            await stack.wait_for(lambda: port.statistics() == {"connections": 0, "connection_sources": 0})
    run(work())


def test_at_the_limit_the_oldest_stranger_makes_room_and_a_known_peer_does_not():
    async def work():
        async with small_port(8) as (port, listener, stack, counters):
            known = from_source("127.0.0.1", listener)
            known.send(options())
            await stack.wait_for(lambda: stack.messages)
            strangers = []
            for number in range(2, 10):
                strangers.append(from_source(f"127.0.0.{number}", listener))
                await stack.wait_for(lambda: counters["connections_accepted"] == len(strangers) + 1)
            await stack.wait_for(lambda: counters["connections_closed_crowded_out"] == 1)
            await stack.wait_for(lambda: has_ended(strangers[0]))
            assert not any(has_ended(opened) for opened in [known, *strangers[1:]])
            assert port.statistics()["connections"] == 8
            for opened in [known, *strangers]:
                opened.close()
    run(work())


class Exhausted:
    """A listening socket of a process that has no descriptor left, for a while."""

    def __init__(self, listening, refusals):
        self._listening, self.refusals = listening, refusals

    def accept(self):
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listening.accept()

    def __getattr__(self, name):
        return getattr(self._listening, name)


def test_without_descriptors_accepting_rests_and_goes_on_later(monkeypatch):
    monkeypatch.setattr(tcp, "ACCEPT_PAUSE_S", 0.05)

    async def work():
        async with small_port(8) as (port, listener, stack, counters):
            port._socket = Exhausted(port._socket, 2)
            opened = from_source("127.0.0.1", listener)
            await stack.wait_for(lambda: counters["connections_accepted"] == 1)
            assert counters["connections_postponed"] == 2
            opened.close()
    run(work())


def test_without_descriptors_a_connection_fails_its_flow(monkeypatch):
    def refuse(listener):
        raise OSError(errno.EMFILE, "Too many open files")
    monkeypatch.setattr(tcp, "open_outgoing_socket", refuse)

    async def work():
        async with serving() as served:
            flow = served.ports.flow_to(served.listener, b"127.0.0.1", 9)
            served.send(flow, b"INVITE")
            await served.stack.wait_for(lambda: served.stack.failed == [flow])
            assert served.count() == 0
    run(work())


def test_flows_that_were_asked_for_and_never_used_are_forgotten():
    async def work():
        async with small_port(8) as (port, *_):
            for number in range(1, 200):
                port.flow_to(b"10.0.0.%d" % number, 5060)
            assert len(port._flows) <= 16
    run(work())


def test_a_taken_port_is_a_machine_error():
    with socket.socket() as blocker:
        blocker.bind(("127.0.0.1", 0))
        blocker.listen()
        listener = Listener("office", TCP, b"127.0.0.1", blocker.getsockname()[1])
        with pytest.raises(MachineError, match=r"open TCP 127\.0\.0\.1:"):
            PortSet(Counters()).open([listener], RecordingStack())


def test_a_restart_does_not_wait_for_connections_of_the_last_run():
    async def work():
        async with serving() as served:
            reader, _ = await served.connect()
            await served.stack.wait_for(lambda: served.count() == 1)
            port = served.listener.port
            served.ports.close()            # we close first: TIME_WAIT is ours
            await is_closed(reader)
            again = PortSet(Counters())
            again.open([Listener("office", TCP, b"127.0.0.1", port)], RecordingStack())
            again.close()
    run(work())


def test_sources_are_ipv4_addresses_and_ipv6_networks():
    assert source_of(b"192.0.2.1") != source_of(b"192.0.2.2")
    assert source_of(b"2001:db8::1") == source_of(b"2001:db8::ffff:1")
    assert source_of(b"2001:db8::1") != source_of(b"2001:db8:0:1::1")


def test_half_open_knows_who_is_overdue_first():
    watched = HalfOpen(30.0)
    watched.begin("a", 0.0)
    watched.begin("b", 5.0)
    watched.begin("a", 20.0)
    assert watched.oldest() == "a"
    assert watched.overdue(29.9) == []
    assert watched.overdue(30.0) == ["a"]
    assert watched.overdue(35.0) == ["a", "b"]
    watched.end("a")
    watched.end("nobody")
    assert watched.overdue(35.0) == ["b"]
    assert len(watched) == 1
    assert half_open.HalfOpen(1.0).oldest() is None
