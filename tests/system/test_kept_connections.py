# SPDX-License-Identifier: Apache-2.0
"""A connection is kept for the next process exactly while it is between two messages, both ways."""

import asyncio
import os
import socket
from contextlib import asynccontextmanager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.sip.flow import TCP, Listener
from appliance.sip.stream_framing import KEEP_ALIVE_ANSWER
from appliance.system.descriptor_store import DescriptorStore
from appliance.system.sip_sockets.kept_sockets import KeptSockets
from appliance.system.sip_sockets.port_set import PortSet
from appliance.vocabulary.counters import Counters
from tests.interop.network import free_port
from tests.system.stack_fixture import RecordingStack
from tests.system.test_tcp_port import options, run

MUCH = b"x" * 60_000


class RecordedStore(DescriptorStore):
    """A manager that takes everything at once. `held`: name -> inode of what it holds; `changes`: how often."""

    def __init__(self, inherited=None):
        super().__init__("/nowhere", inherited)
        self.held = {}
        self.changes = 0

    def keep(self, name, descriptor, is_watched):
        assert is_watched == name.startswith("c")
        self.held[name] = os.fstat(descriptor).st_ino
        self.changes += 1
        return True

    def forget(self, name):
        del self.held[name]
        self.changes += 1

    def connections(self):
        return [inode for name, inode in self.held.items() if name.startswith("c")]


@asynccontextmanager
async def keeping(store, listener, stack):
    ports = PortSet(Counters())
    ports.kept = KeptSockets(store)
    ports.open([listener], stack)
    ports.start(asyncio.get_running_loop(), stack)
    try:
        yield ports
    finally:
        ports.close()
        await asyncio.sleep(0)


def new_listener():
    return Listener("office", TCP, b"127.0.0.1", free_port("127.0.0.1"))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(1, 400), max_size=6), sizes=st.lists(st.integers(0, 200), min_size=1, max_size=3))
def test_between_messages_and_only_there(cuts, sizes):
    async def work():
        store, listener, stack = RecordedStore(), new_listener(), RecordingStack(False)
        async with keeping(store, listener, stack):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            messages = [options(number, b"b" * size) for number, size in enumerate(sizes)]
            ends = {sum(map(len, messages[:count])) for count in range(1, len(messages) + 1)}
            octets, sent = b"".join(messages), 0
            for cut in [*cuts, len(octets)]:
                piece = octets[sent:sent + cut]
                if not piece:
                    break
                writer.write(piece)
                sent += len(piece)
                await asyncio.wait_for(stack_has(stack, ends, sent), 20)
                should_be_kept = sent in ends
                while bool(store.connections()) != should_be_kept:      # run() limits it
                    await asyncio.sleep(0)
            writer.close()
            assert reader is not None
    run(work())


async def stack_has(stack, ends, sent):
    while len(stack.messages) < sum(end <= sent for end in ends):
        await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0.001)


def test_not_while_its_phone_reads_nothing_and_again_when_it_has_caught_up():
    async def work():
        store, listener, stack = RecordedStore(), new_listener(), RecordingStack(False)
        async with keeping(store, listener, stack) as ports:
            phone = socket.socket()
            phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            phone.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(phone, ("127.0.0.1", listener.port))
            await loop.sock_sendall(phone, options())
            await stack.wait_for(lambda: stack.messages)
            while not store.connections():
                await asyncio.sleep(0)
            flow, written = stack.messages[0][1], 0
            while store.connections():
                listener.outbox.append((MUCH, flow))
                ports.settle(0.0)
                written += len(MUCH)
                assert flow.is_open
                await asyncio.sleep(0)
            while written:
                written -= len(await loop.sock_recv(phone, 1 << 20))
            while not store.connections():
                await asyncio.sleep(0)
            phone.close()
            while store.connections():
                await asyncio.sleep(0)
    run(work())


def test_an_inherited_connection_is_the_same_flow_from_before_the_start_and_is_not_told_of_again():
    async def work():
        listener, stack = new_listener(), RecordingStack(True)
        with socket.create_server(("127.0.0.1", listener.port)) as bound:
            phone = socket.create_connection(("127.0.0.1", listener.port))
            accepted, address = bound.accept()
            phone.sendall(options(1))           # while nobody is there
            store = RecordedStore({"c7": accepted, f"tcp-office-127.0.0.1_{listener.port}": bound})
            async with keeping(store, listener, stack) as ports:
                flow = ports.flow_again(listener, b"127.0.0.1", address[1])
                assert flow.is_open
                await stack.wait_for(lambda: stack.messages)
                assert stack.messages[0][1] is flow
                assert store.connections() == []
                phone.setblocking(False)
                assert await asyncio.get_running_loop().sock_recv(phone, 4096) == options(1)
                again = ports.flow_again(listener, b"127.0.0.1", 9)
                assert not again.is_open
        phone.close()
    run(work())


def test_a_ping_changes_nothing():
    async def work():
        store, listener, stack = RecordedStore(), new_listener(), RecordingStack(False)
        async with keeping(store, listener, stack):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(options())
            while not store.connections():
                await asyncio.sleep(0)
            changes = store.changes
            writer.write(b"\r\n\r\n")
            assert await reader.readexactly(2) == KEEP_ALIVE_ANSWER
            assert store.changes == changes
            writer.close()
    run(work())
