# SPDX-License-Identifier: Apache-2.0
"""The process that relays media: joins the relay's thread, the ports and the socket of the call server, until a signal.

A restart of the call server leaves it and its sessions alone. Exit codes: 0 stopped, 1 the machine says no.
"""

import asyncio
import os
import signal
import sys
from secrets import randbelow
from time import monotonic

from appliance.config.network_kinds import PortRange
from appliance.errors import MachineError
from appliance.native.packet_relay import PacketRelay
from appliance.system.descriptors import raise_descriptor_limit
from appliance.system.media.port_pool import PortPool
from appliance.system.media.relay_desk import RelayDesk
from appliance.system.media.relay_server import RelayServer
from appliance.system.media.relay_thread import RelayThread

EXIT_STOPPED, EXIT_MACHINE = 0, 1
SESSIONS_LIMIT = 2048
DESCRIPTORS_A_SESSION = 4
DESCRIPTORS_ELSE = 1200         # leases of the call server, its socket, the program's own


def run_mediad(state_directory: str, ports: PortRange) -> int:
    """Relay until SIGTERM or SIGINT; returns the exit code."""
    os.makedirs(state_directory, mode=0o700, exist_ok=True)
    try:
        asyncio.run(_serve(state_directory, ports))
    except MachineError as error:
        print(error, file=sys.stderr)
        return EXIT_MACHINE
    return EXIT_STOPPED


async def _serve(state_directory: str, ports: PortRange) -> None:
    room = (raise_descriptor_limit() - DESCRIPTORS_ELSE) // DESCRIPTORS_A_SESSION
    relay = PacketRelay(max(16, min(SESSIONS_LIMIT, room)))
    server = RelayServer(state_directory, RelayDesk(relay, PortPool(ports.first, ports.last, randbelow)), monotonic)
    thread = RelayThread(relay)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server.open()
    thread.start()
    try:
        await stop.wait()
    finally:
        server.close()
        thread.stop()
