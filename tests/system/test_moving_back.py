# SPDX-License-Identifier: Apache-2.0
"""A listener that moves away and back again at once, as when a trial of another address ends."""

import asyncio
import socket

from appliance.sip.flow import UDP, Listener
from appliance.system.sip_sockets.port_set import PortSet
from appliance.vocabulary.counters import Counters
from tests.interop.network import free_port
from tests.system.stack_fixture import RecordingStack


def test_a_listener_may_move_back_while_its_former_socket_is_still_heard():
    async def run():
        stack = RecordingStack(echo=True)
        home = Listener("office", UDP, b"127.0.0.1", free_port("127.0.0.1"))
        ours, away = Listener("office", UDP, home.host, home.port), Listener("office", UDP, b"127.0.0.2", home.port)
        ports = PortSet(Counters())
        ports.open([ours], stack)
        ports.start(asyncio.get_running_loop(), stack)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
            theirs.bind(("127.0.0.1", 0))
            theirs.settimeout(10)
            for round_number, wanted in enumerate((away, home, away, home)):
                ports.take_up(ports.prepare([], [(ours, wanted)], []))
                theirs.sendto(b"round %d" % round_number, (wanted.address, wanted.port))
                octets, source = await asyncio.to_thread(theirs.recvfrom, 100)
                assert (octets, source) == (b"round %d" % round_number, (wanted.address, wanted.port))
        assert len(stack.datagrams) == 4
        ports.close()
        for host in ("127.0.0.1", "127.0.0.2"):     # nothing is held any more
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
                again.bind((host, home.port))
    asyncio.run(run())
