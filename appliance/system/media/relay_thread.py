# SPDX-License-Identifier: Apache-2.0
"""The thread that relays: real-time where the kernel grants it, and without the GIL from start to end."""

import threading

from appliance.native.packet_relay import PacketRelay

PRIORITY = 50           # SCHED_FIFO, of 99: above everything ordinary, below the kernel's own threads
STOP_S = 2.0


class RelayThread:
    """Runs one relay from `start` to `stop`."""

    def __init__(self, relay: PacketRelay, priority: int = PRIORITY) -> None:
        self.relay = relay
        self._thread = threading.Thread(target=relay.run, args=(priority,), name="packet-relay", daemon=True)

    def start(self) -> None:
        """Begin to relay."""
        self._thread.start()

    def is_relaying(self) -> bool:
        """Whether it does, and has not ended by itself."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop for good; returns when no packet is under way."""
        self.relay.stop()
        self._thread.join(STOP_S)
