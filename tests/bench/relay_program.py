# SPDX-License-Identifier: Apache-2.0
"""Our relay alone, for the benchmark: CALLS RELAY_PORT PHONE_A_PORT PHONE_B_PORT [busy], as relay_reference.c.

With `busy`, a thread of Python keeps the interpreter's lock all the time, and the relay asks for SCHED_FIFO, as it does
in service.
"""

import socket
import sys
import threading

from appliance.native.packet_relay import PacketRelay
from appliance.native.sip_sockets import pack_address

HOST = b"127.0.0.1"
PRIORITY = 50


def open_port(port: int) -> int:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    opened.bind((HOST.decode(), port))
    return opened.detach()


def open_calls(relay: PacketRelay, calls: int, ports: list[int]) -> None:
    """RTP ports as the reference has them; RTCP is multiplexed, to have as many sockets as it."""
    relay_port, *phone_ports = ports
    for call in range(calls):
        own = [relay_port + 4 * call, relay_port + 4 * call + 2]
        handle = relay.open_session((open_port(own[0]), -1), (open_port(own[1]), -1))
        for side in (0, 1):
            phone = pack_address(HOST, phone_ports[side] + 2 * call)
            relay.direct(handle, side, (phone, phone, pack_address(HOST, 5060)))


def spin() -> None:
    while True:
        sum(range(1000))


def main() -> None:
    calls, *ports = (int(word) for word in sys.argv[1:5])
    relay = PacketRelay(calls)
    open_calls(relay, calls, ports)
    if "busy" in sys.argv:
        threading.Thread(target=spin, daemon=True).start()
    print("ready", flush=True)
    relay.run(PRIORITY if "busy" in sys.argv else 0)


if __name__ == "__main__":
    main()
