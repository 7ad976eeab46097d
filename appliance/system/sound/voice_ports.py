# SPDX-License-Identifier: Apache-2.0
"""UDP ports for voice: even ones, as RTP wants them (RFC 3550 11), the next one kept for RTCP."""

from __future__ import annotations

import socket
from typing import Final

from appliance.errors import MachineError
from appliance.system.traffic_mark import mark_traffic

ATTEMPTS: Final = 64
EXPEDITED_FORWARDING: Final = 46           # RFC 3246


class UdpVoicePort:
    """Satisfies handset.voice.VoicePort. control: the socket of the port above, for RTCP."""

    __slots__ = ("_dscp", "_socket", "address", "control", "port")

    def __init__(self, address: str, dscp: int = EXPEDITED_FORWARDING) -> None:
        """dscp: the mark of what is sent (RFC 2474). Raises MachineError where no pair of ports can be had."""
        self._dscp = dscp
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.address = address
        for _ in range(ATTEMPTS):
            one, beside = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
            try:
                one.bind((address, 0))
                port = one.getsockname()[1]
                if port % 2 == 0:
                    beside.bind((address, port + 1))
                    self._socket, self.control, self.port = one, beside, port
                    self._prepare()
                    return
            except OSError as error:
                trouble = error.strerror or str(error)
            else:
                trouble = "odd ports alone"
            one.close()
            beside.close()
        raise MachineError(f"voice port at {address}: {trouble}")

    def _prepare(self) -> None:
        for one in (self._socket, self.control):
            one.setblocking(False)
            mark_traffic(one, self._dscp)

    @property
    def descriptor(self) -> int:
        """Of the RTP socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """A second call does nothing."""
        self._socket.close()
        self.control.close()
