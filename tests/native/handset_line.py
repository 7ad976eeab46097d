# SPDX-License-Identifier: Apache-2.0
"""A handset's island with a far end, on a clock that is turned by hand."""

import socket

import numpy as np

from appliance.native.handset_audio import HandsetAudio
from appliance.native.sip_sockets import pack_address
from appliance.rtp.g711 import PCMU
from appliance.rtp.packet import RtpPacket, read_packet, write_packet

FRAME_NS = 10_000_000
BEGUN_NS = 5_000_000_000
SILENCE = bytes(160)


class Line:
    """An island, the far end's socket, and the time: a frame is 10 ms."""

    def __init__(self, payload_type: int = PCMU, event_payload_type: int = 101, is_connected: bool = True) -> None:
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("127.0.0.1", 0))
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.far.setblocking(False)
        self.audio = HandsetAudio(0xABCD, 65530, 2**32 - 400)
        self.now_ns = BEGUN_NS
        if is_connected:
            self.audio.connect(self.near.fileno(), pack_address(b"127.0.0.1", self.far.getsockname()[1]), payload_type,
                               event_payload_type)
            self.audio.let_pass(True, True)

    def send(self, packet: RtpPacket) -> None:
        self.far.sendto(write_packet(packet), self.near.getsockname())

    def turn(self, captured: bytes = SILENCE) -> np.ndarray:
        """One frame both ways; what is heard."""
        self.now_ns += FRAME_NS
        self.audio.speak(captured, self.now_ns)
        return np.frombuffer(self.audio.hear(self.now_ns), "<i2")

    def read(self) -> list[RtpPacket]:
        packets = []
        while True:
            try:
                packets.append(read_packet(self.far.recv(2048)))
            except BlockingIOError:
                return packets

    def close(self) -> None:
        self.far.close()
        self.near.close()
