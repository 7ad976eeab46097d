# SPDX-License-Identifier: Apache-2.0
"""The process that relays media: joins the relay's thread, the ports and the socket of the call server.

    python -m appliance.daemons.mediad DIR FIRST LAST [DESCRIPTOR]

FIRST and LAST: its ports; DESCRIPTOR: an open connection to the call server that has started it. It outlives that call
server for as long as somebody talks. Imports little, to be small. Exit codes: 0 stopped, 1 the machine says no.
"""

import gc
import os
import socket
import sys
from collections.abc import Sequence
from time import monotonic

from appliance.errors import MachineError
from appliance.native.packet_relay import PacketRelay
from appliance.system.descriptors import raise_descriptor_limit
from appliance.system.media.messages import PROTOCOL, Greeting
from appliance.system.media.port_pool import OPEN_LIMIT, PortPool
from appliance.system.media.relay_desk import LEASES_LIMIT, RelayDesk
from appliance.system.media.relay_server import RelayServer
from appliance.system.media.relay_thread import RelayThread
from appliance.system.sd_notify import notify_manager
from appliance.version import VERSION

EXIT_STOPPED, EXIT_MACHINE = 0, 1
SESSIONS_LIMIT = 2048
DESCRIPTORS_A_SESSION = 4
DESCRIPTORS_A_LEASE = 2
DESCRIPTORS_ELSE = 64           # clients, the program's own


def run_mediad(state_directory: str, first: int, last: int, owner: socket.socket | None = None) -> int:
    """Relay until SIGTERM, SIGINT or the owner's `end`; returns the exit code."""
    os.makedirs(state_directory, mode=0o700, exist_ok=True)
    sessions, leases, resting = share_descriptors(raise_descriptor_limit())
    relay = PacketRelay(sessions)
    desk = RelayDesk(relay, PortPool(first, last, choose_below, open_limit=resting), leases)
    thread = RelayThread(relay)
    server = RelayServer(state_directory, desk, Greeting(VERSION, PROTOCOL, first, last), monotonic, thread.is_relaying)
    try:
        server.open(owner)
    except MachineError as error:
        print(error, file=sys.stderr)
        return EXIT_MACHINE
    thread.start()
    gc.freeze()
    notify_manager("READY=1")
    try:
        server.serve()
    finally:
        notify_manager("STOPPING=1")
        server.close()
        thread.stop()
    return EXIT_STOPPED


def share_descriptors(limit: int) -> tuple[int, int, int]:
    """How many sessions, leases and resting ports there may be: a quarter for ports that wait for a call, an eighth for
    those that rest after one, the rest for calls."""
    leases = max(16, min(LEASES_LIMIT, limit // 4 // DESCRIPTORS_A_LEASE))
    resting = min(OPEN_LIMIT, limit // 8 // DESCRIPTORS_A_LEASE)
    room = limit - DESCRIPTORS_ELSE - (leases + resting) * DESCRIPTORS_A_LEASE
    return max(16, min(SESSIONS_LIMIT, room // DESCRIPTORS_A_SESSION)), leases, resting


def choose_below(limit: int) -> int:
    """A number from 0 that nobody can foresee. `secrets` would bring OpenSSL with it."""
    return int.from_bytes(os.urandom(8), "big") % limit


def main(arguments: Sequence[str]) -> int:
    """The program; its arguments come from `system.media.relay_process` or a unit file."""
    state_directory, first, last, *descriptors = arguments
    owner = socket.socket(fileno=int(descriptors[0])) if descriptors else None
    return run_mediad(state_directory, int(first), int(last), owner)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
