# SPDX-License-Identifier: Apache-2.0
"""Listeners that come, move and go on a running loop: their sockets, and the flows that outlive a move."""

import asyncio
import socket

import pytest

from appliance.errors import MachineError
from appliance.sip.flow import TCP, UDP, Listener
from appliance.sip.stack import SipStack
from appliance.system.sip_sockets import udp
from appliance.system.sip_sockets.port_set import PortSet
from appliance.vocabulary.counters import Counters
from tests.interop.network import free_port
from tests.system.stack_fixture import RecordingStack

PATIENCE_S = 20


def listener(transport=UDP, host=b"127.0.0.1", name="office"):
    return Listener(name, transport, host, free_port(host.decode()))


def peer():
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("127.0.0.1", 0))
    opened.settimeout(PATIENCE_S)
    return opened


async def serve(stack, *listeners):
    ports = PortSet(Counters())
    ports.open(listeners, stack)
    ports.start(asyncio.get_running_loop(), stack)
    return ports


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_listener_that_has_moved_is_heard_at_both_places_on_the_same_flows():
    async def run():
        stack, ours, theirs = RecordingStack(), listener(), peer()
        ports = await serve(stack, ours)
        flow = ports.flow_to(ours, b"127.0.0.1", theirs.getsockname()[1])
        before, wanted = ours.port, listener(host=b"127.0.0.2")
        ports.take_up(ports.prepare([], [(ours, wanted)], []))
        assert (ours.host, ours.port, ours.via_prefix) == (wanted.host, wanted.port, wanted.via_prefix)
        theirs.sendto(b"late", ("127.0.0.1", before))
        theirs.sendto(b"new", ("127.0.0.2", ours.port))
        await until(lambda: len(stack.datagrams) == 2)
        assert {octets for octets, _, _ in stack.datagrams} == {b"late", b"new"}
        assert all(one is flow for _, one, _ in stack.datagrams)
        ours.outbox.append((b"said", flow))
        ports.flush()
        octets, source = await asyncio.to_thread(theirs.recvfrom, 100)
        assert (octets, source) == (b"said", ("127.0.0.2", ours.port))
        ports.close()
        theirs.close()
    asyncio.run(run())


class Answerer:
    """A transaction user that opens a transaction for each request, and answers when it is told."""

    def __init__(self, ports):
        self.stack = SipStack(ports.flow_to, lambda size: bytes(size), Counters())
        self.stack.serve(self)
        self.servers = []

    def request_received(self, message, flow, now):
        self.servers.append(self.stack.open_server(message, flow, now))


def build(method, port):
    return (f"{method} sip:office@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method};rport"
            f"\r\nMax-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@b>\r\nCall-ID: {method}\r\n"
            f"CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n").encode()


async def receive_status(theirs, status):
    """Where the response with this status came from."""
    while True:
        octets, source = await asyncio.to_thread(theirs.recvfrom, 2000)
        if octets.startswith(b"SIP/2.0 %d " % status):
            return source


async def start_answerer():
    """A listener at 127.0.0.1 whose requests are answered when the test says so."""
    ports, ours, theirs = PortSet(Counters()), listener(), peer()
    user = Answerer(ports)
    ports.open([ours], user.stack)
    ports.start(asyncio.get_running_loop(), user.stack)
    return ports, ours, theirs, user


def test_a_request_is_answered_from_where_it_came_in():
    """RFC 3581 4: a NAT lets nothing else in."""
    async def run():
        ports, ours, theirs, user = await start_answerer()
        before = ("127.0.0.1", ours.port)
        theirs.sendto(build("INVITE", theirs.getsockname()[1]), before)
        await until(lambda: user.servers)
        for host in (b"127.0.0.2", b"127.0.0.3"):       # twice: what came in first stays where it is
            ports.take_up(ports.prepare([], [(ours, listener(host=host))], []))
        user.servers[0].respond(486, 0.0)
        ports.flush()
        assert await receive_status(theirs, 486) == before
        theirs.sendto(build("OPTIONS", theirs.getsockname()[1]), before)
        theirs.sendto(build("MESSAGE", theirs.getsockname()[1]), (ours.address, ours.port))
        await until(lambda: len(user.servers) == 3)
        for server, place in zip(sorted(user.servers[1:], key=lambda one: one.request.method, reverse=True),
                                 (before, (ours.address, ours.port)), strict=True):
            assert server.source is ports.flow_to(ours, b"127.0.0.1", theirs.getsockname()[1])
            server.respond(200, 0.0)
            ports.flush()
            assert await receive_status(theirs, 200) == place
        ports.close()
        theirs.close()
    asyncio.run(run())


def test_the_former_socket_stays_while_a_call_rings_that_came_in_there(monkeypatch):
    monkeypatch.setattr(udp, "FORMER_S", 0.05)

    async def run():
        ports, ours, theirs, user = await start_answerer()
        before = ("127.0.0.1", ours.port)
        theirs.sendto(build("INVITE", theirs.getsockname()[1]), before)
        await until(lambda: user.servers)
        ports.take_up(ports.prepare([], [(ours, listener(host=b"127.0.0.2"))], []))
        port = ports._ports[ours]
        await asyncio.sleep(0.3)
        assert port._former
        user.servers[0].respond(486, 0.0)
        ports.flush()
        assert await receive_status(theirs, 486) == before
        user.stack.forget_server(user.servers[0])       # as when its time is over
        await until(lambda: not port._former)
        user.servers[0]._transmit(b"SIP/2.0 486 again")   # whatever still wants out takes the listener's own way
        ports.flush()
        assert await receive_status(theirs, 486) == ("127.0.0.2", ours.port)
        ports.close()
        theirs.close()
    asyncio.run(run())


def test_what_the_kernel_does_not_let_out_by_the_former_socket_takes_the_present_one():
    """The address is not ours any more; the answer from another one is better than none."""
    class Refusing:
        def send(self, datagrams):
            return len(datagrams)

    async def run():
        ports, ours, theirs, user = await start_answerer()
        theirs.sendto(build("INVITE", theirs.getsockname()[1]), ("127.0.0.1", ours.port))
        await until(lambda: user.servers)
        ports.take_up(ports.prepare([], [(ours, listener(host=b"127.0.0.2"))], []))
        (former,) = ports._ports[ours]._former
        former.wire = Refusing()
        user.servers[0].respond(486, 0.0)
        ports.flush()
        assert await receive_status(theirs, 486) == ("127.0.0.2", ours.port)
        ports.close()
        theirs.close()
    asyncio.run(run())


def test_the_former_socket_does_not_stay_for_ever(monkeypatch):
    monkeypatch.setattr(udp, "FORMER_S", 0.05)
    monkeypatch.setattr(udp, "FORMER_LIMIT_S", 0.2)

    async def run():
        ports, ours, theirs, user = await start_answerer()
        theirs.sendto(build("INVITE", theirs.getsockname()[1]), ("127.0.0.1", ours.port))
        await until(lambda: user.servers)
        ports.take_up(ports.prepare([], [(ours, listener(host=b"127.0.0.2"))], []))
        await until(lambda: not ports._ports[ours]._former)
        ports.close()
        theirs.close()
    asyncio.run(run())


def test_what_cannot_be_bound_leaves_nothing_behind():
    async def run():
        stack, ours, squatter = RecordingStack(), listener(), peer()
        ports = await serve(stack, ours)
        before, added = ours.hostport, listener(name="new")
        taken = Listener("office", UDP, b"127.0.0.1", squatter.getsockname()[1])
        with pytest.raises(MachineError, match="another program has it"):
            ports.prepare([added], [(ours, taken)], [])
        assert ours.hostport == before
        again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        again.bind(("127.0.0.1", added.port))       # it was let go
        again.close()
        ports.close()
        squatter.close()
    asyncio.run(run())


def test_a_connection_stands_while_its_listener_moves_to_another_port():
    async def run():
        stack, ours = RecordingStack(), listener(TCP)
        ports = await serve(stack, ours)
        reader, writer = await asyncio.open_connection("127.0.0.1", ours.port)
        await until(lambda: ports.count_connections(ours) == 1)
        ports.take_up(ports.prepare([], [(ours, listener(TCP))], []))
        writer.write(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n")
        await until(lambda: stack.messages)
        second, other = await asyncio.open_connection("127.0.0.1", ours.port)
        await until(lambda: ports.count_connections(ours) == 2)
        for one in (writer, other):
            one.close()
        ports.close()
        assert reader is not second
    asyncio.run(run())


def test_what_is_sent_by_a_listener_that_is_gone_fails_at_once():
    async def run():
        stack, ours = RecordingStack(), listener()
        ports = await serve(stack, ours)
        flow = ports.flow_to(ours, b"127.0.0.1", 9)
        ports.take_up(ports.prepare([], [], [ours]))
        ports._close_one(ours)                      # its farewell is over
        ours.outbox.append((b"octets", flow))
        ports.flush()
        await until(lambda: stack.failed)
        assert stack.failed == [flow]
        assert not flow.is_open
        assert not ports.flow_to(ours, b"127.0.0.1", 10).is_open
        ports.close()
    asyncio.run(run())
