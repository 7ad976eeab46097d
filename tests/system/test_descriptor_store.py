# SPDX-License-Identifier: Apache-2.0
"""What is told to the service manager about descriptors, however slowly it listens."""

import asyncio
import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.sip.flow import TCP, UDP, Listener
from appliance.system.descriptor_store import WAITING_KEEPS_LIMIT, DescriptorStore, take_inherited
from appliance.system.sip_sockets.kept_sockets import KeptSockets, name_listener
from tests.interop.network import free_port


class Manager:
    """Listens only when asked to."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.setblocking(False)

    def hear(self) -> tuple[list[str], list[int]]:
        """The next message, line by line, with its descriptors; BlockingIOError where there is none."""
        octets, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
        return octets.decode().split("\n"), list(descriptors)

    async def hear_all(self, count: int) -> list[tuple[list[str], list[int]]]:
        heard: list[tuple[list[str], list[int]]] = []
        while len(heard) < count:
            try:
                heard.append(self.hear())
            except BlockingIOError:
                await asyncio.sleep(0)
        return heard

    def is_quiet(self) -> bool:
        try:
            self.hear()
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def manager(tmp_path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.socket.close()


def run(work) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


def count_open() -> int:
    gc.collect()        # what other tests have left behind
    return len(os.listdir("/proc/self/fd"))


def test_what_the_manager_does_not_read_yet_waits_and_arrives_in_order_with_its_own_descriptors(manager):
    async def work():
        before = count_open()
        store = DescriptorStore(manager.address)
        pairs = [socket.socketpair() for _ in range(60)]
        identities = [os.fstat(one.fileno()).st_ino for one, _ in pairs]
        for number, (one, other) in enumerate(pairs):
            assert store.keep(f"c{number}", one.fileno(), True)
            if number % 3 == 0:
                store.forget(f"c{number}")
            one.close()         # its number is another socket's from now on
            other.close()
        heard = await manager.hear_all(80)
        expected: list[tuple[str, str]] = []
        for number in range(60):
            expected.append(("FDSTORE=1", f"FDNAME=c{number}"))
            if number % 3 == 0:
                expected.append(("FDSTOREREMOVE=1", f"FDNAME=c{number}"))
        assert [tuple(lines) for lines, _ in heard] == expected
        stored = [descriptors[0] for lines, descriptors in heard if lines[0] == "FDSTORE=1"]
        assert [os.fstat(one).st_ino for one in stored] == identities
        for one in stored:
            os.close(one)
        store.close()
        assert count_open() <= before
    run(work())


def test_a_manager_that_never_reads_costs_a_bounded_number_of_descriptors(manager):
    async def work():
        store = DescriptorStore(manager.address)
        before = count_open()
        with socket.socket() as one:
            kept = sum(store.keep(f"c{number}", one.fileno(), True) for number in range(2000))
        assert WAITING_KEEPS_LIMIT < kept < 2000
        assert count_open() <= before + WAITING_KEEPS_LIMIT + 1
        store.close()
        assert count_open() <= before
    run(work())


def test_a_manager_that_is_started_anew_is_found_again(manager, tmp_path):
    store = DescriptorStore(manager.address)
    with socket.socket() as one:
        assert store.keep("c1", one.fileno(), True)
        manager.socket.close()
        os.unlink(manager.address)
        assert not store.keep("c2", one.fileno(), True)
        manager.socket = Manager(tmp_path).socket
        assert store.keep("c3", one.fileno(), False)
    lines, (descriptor,) = manager.hear()
    os.close(descriptor)
    assert lines == ["FDSTORE=1", "FDNAME=c3", "FDPOLL=0"]
    store.close()


def test_without_a_manager_nothing_is_kept():
    store = DescriptorStore()
    with socket.socket() as one:
        assert not store.keep("c1", one.fileno(), True)
    store.forget("c1")
    assert not KeptSockets(store).is_keeping


@pytest.mark.parametrize("owner", ["", "1"])
def test_what_was_meant_for_another_process_is_not_touched(monkeypatch, owner):
    monkeypatch.setenv("LISTEN_PID", owner)
    monkeypatch.setenv("LISTEN_FDS", "2")
    assert take_inherited() == {}
    assert "LISTEN_FDS" not in os.environ


def open_kept(manager: Manager, inherited: dict[str, socket.socket]) -> KeptSockets:
    return KeptSockets(DescriptorStore(manager.address, inherited))


def test_a_socket_of_another_address_or_kind_is_not_taken_for_the_listeners(manager):
    port = free_port("127.0.0.1")
    listener = Listener("office", UDP, b"127.0.0.1", port)
    name = name_listener(listener)
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere.bind(("127.0.0.1", 0))
    stream = socket.socket()
    stream.bind(("127.0.0.1", port))
    for wrong in (elsewhere, stream):
        assert open_kept(manager, {name: wrong}).take_bound(listener) is None
        assert wrong.fileno() == -1
        assert manager.hear() == (["FDSTOREREMOVE=1", f"FDNAME={name}"], [])


def test_what_no_listener_claims_is_dropped_here_and_there(manager):
    listener = Listener("office", UDP, b"127.0.0.1", free_port("127.0.0.1"))
    bound, other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((listener.address, listener.port))
    kept = open_kept(manager, {name_listener(listener): bound, "udp-gone-127.0.0.1_9": other})
    taken = kept.take_bound(listener)
    assert taken is bound
    assert not taken.getblocking()
    kept.drop_rest()
    assert (bound.fileno() == -1, other.fileno()) == (False, -1)
    assert manager.hear() == (["FDSTOREREMOVE=1", "FDNAME=udp-gone-127.0.0.1_9"], [])
    assert manager.is_quiet()
    bound.close()


def test_connections_go_to_the_listener_that_accepted_them_and_numbers_are_not_used_twice(manager):
    listener = Listener("office", TCP, b"127.0.0.1", free_port("127.0.0.1"))
    with socket.create_server((listener.address, listener.port)) as listening, \
            socket.create_connection((listener.address, listener.port)) as ours:
        accepted, _ = listening.accept()
        foreign, gone = socket.socketpair()
        kept = open_kept(manager, {"c1f": accepted, "c2": foreign, "unknown": gone})
        ((number, opened, host, port),) = kept.take_connections(listener)
        assert (number, opened, (host, port)) == (0x1F, accepted, (b"127.0.0.1", ours.getsockname()[1]))
        assert kept.keep_connection(ours.fileno()) == 0x20
        lines, (descriptor,) = manager.hear()
        os.close(descriptor)
        assert lines == ["FDSTORE=1", "FDNAME=c20"]
        kept.freeze()
        kept.forget_connection(0x20)
        assert manager.is_quiet()
        for one in (accepted, foreign, gone):
            one.close()
