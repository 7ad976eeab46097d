# SPDX-License-Identifier: Apache-2.0
"""Messages to a local socket: in order, whole, and never more of them waiting than the limit."""

import asyncio
import socket

import pytest

from appliance.system.sending_queue import SendingQueue

MESSAGES = [b"%d %s" % (number, b"x" * 2000) for number in range(600)]


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    with ours, theirs:
        yield ours, theirs


async def receive(theirs: socket.socket, count: int) -> list[bytes]:
    loop = asyncio.get_running_loop()
    return [await asyncio.wait_for(loop.sock_recv(theirs, 4096), 20) for _ in range(count)]


def test_what_a_full_socket_does_not_take_follows_in_order(ends):
    ours, theirs = ends
    lost: list[bool] = []

    async def scenario() -> None:
        queue = SendingQueue(len(MESSAGES), lambda: lost.append(True))
        assert not queue.send(MESSAGES[:1])         # nobody is there
        queue.begin(ours)
        assert queue.send(MESSAGES[:500])           # far more than the socket takes
        assert queue.send(MESSAGES[500:])
        assert await receive(theirs, len(MESSAGES)) == MESSAGES
        queue.end()
    asyncio.run(scenario())
    assert not lost


def test_nobody_reads_for_ever(ends):
    ours, _theirs = ends

    async def scenario() -> None:
        queue = SendingQueue(100, lambda: queue.end())
        queue.begin(ours)
        said = [queue.send([message]) for message in MESSAGES]
        assert said[0]
        assert not said[-1]
        assert 100 < said.index(False) < 500        # what the socket took, and what may wait for it
    asyncio.run(scenario())


def test_a_socket_whose_other_end_is_gone_is_lost_once_and_the_next_one_gets_nothing_old(ends):
    ours, theirs = ends
    lost: list[bool] = []

    async def scenario() -> None:
        def lose() -> None:
            lost.append(True)
            queue.end()
        queue = SendingQueue(100, lose)
        queue.begin(ours)
        theirs.close()
        assert not queue.send([b"one", b"two"])
        assert lost == [True]
        new, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        with new, other:
            queue.begin(new)
            assert queue.send([b"three"])
            assert other.recv(100) == b"three"
            queue.end()
    asyncio.run(scenario())
