# SPDX-License-Identifier: Apache-2.0
"""RTCP of the handset over real sockets: on the port above the voice, to where the far end wants it, until goodbye."""

import asyncio
import socket

import pytest

from appliance.handset.voice import RemoteVoice
from appliance.native.handset_audio import HandsetAudio
from appliance.rtp import report_session
from appliance.rtp.rtcp import Goodbye, ReceiverReport, ReportBlock, SenderReport, read_compound, write_compound
from appliance.system.sound.handset_voice import find_report_place
from appliance.system.sound.voice_ports import UdpVoicePort
from appliance.system.sound.voice_reports import VoiceReports

PATIENCE_S = 20


@pytest.fixture
def soon(monkeypatch) -> None:
    monkeypatch.setattr(report_session, "LEAST_INTERVAL_S", 0.05)


class Ends:
    """A voice port of ours, and a far end's socket for reports."""

    def __init__(self) -> None:
        self.port = UdpVoicePort("127.0.0.1")
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.bind(("127.0.0.1", 0))
        self.far.setblocking(False)
        self.audio = HandsetAudio(0xABCD, 1, 1)

    def __enter__(self) -> "Ends":
        return self

    def __exit__(self, *_: object) -> None:
        self.port.close()
        self.far.close()

    async def read(self) -> list:
        octets = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.far, 2048), PATIENCE_S)
        return read_compound(octets)

    def send(self, octets: bytes, host: str = "127.0.0.1") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((host, 0))
            one.sendto(octets, ("127.0.0.1", self.port.port + 1))


async def wait_until(is_true) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_true():
            await asyncio.sleep(0.02)


def test_reports_go_out_and_come_in_and_the_last_one_says_goodbye(soon):
    async def talk() -> None:
        with Ends() as ends:
            reports = VoiceReports(ends.audio, ends.port.control, ends.far.getsockname())
            first = await ends.read()
            assert isinstance(first[0], ReceiverReport)     # nothing was said yet
            ends.send(b"\0garbage")
            ends.send(write_compound([SenderReport(5, 1 << 32, 0, 1, 160, (ReportBlock(0xABCD, 64, 3, 9, 80, 0, 0),))]))
            await wait_until(lambda: reports.describe()["reports_received"] == 1)
            told = reports.describe()
            assert (told["far_lost_percent"], told["far_lost"], told["far_jitter_ms"]) == (25.0, 3, 10.0)
            assert told["reports_unreadable"] == 1
            reports.close()
            while not isinstance((last := await ends.read())[-1], Goodbye):
                pass
            assert last[-1].sources == (0xABCD,)
    asyncio.run(talk())


def test_reports_of_strangers_are_not_read(soon):
    async def talk() -> None:
        with Ends() as ends:
            reports = VoiceReports(ends.audio, ends.port.control, ends.far.getsockname())
            ends.send(write_compound([ReceiverReport(5)]), "127.0.0.2")
            ends.send(write_compound([ReceiverReport(5)]))
            await wait_until(lambda: reports.describe()["reports_received"])
            assert reports.describe()["reports_received"] == 1
            reports.close()
    asyncio.run(talk())


def test_an_ssrc_that_somebody_else_has_too_is_given_up_with_a_goodbye(soon):
    async def talk() -> None:
        with Ends() as ends:
            reports = VoiceReports(ends.audio, ends.port.control, ends.far.getsockname())
            ends.send(write_compound([ReceiverReport(0xABCD)]))
            while not isinstance((last := await ends.read())[-1], Goodbye):
                pass
            assert last[-1].sources == (0xABCD,)
            assert (await ends.read())[0].ssrc == ends.audio.reporting()[0] != 0xABCD
            ends.send(write_compound([ReceiverReport(ends.audio.reporting()[0])]))
            await wait_until(lambda: reports.describe()["reports_conflicting"] == 2)
            assert ends.audio.figures()["collisions"] == 1      # the next one comes back as well
            reports.close()
    asyncio.run(talk())


def test_a_far_end_that_listens_nowhere_does_no_harm(soon):
    async def talk() -> None:
        with Ends() as ends:
            nowhere = ends.far.getsockname()
            ends.far.close()
            reports = VoiceReports(ends.audio, ends.port.control, nowhere)
            await wait_until(lambda: reports.describe()["reports_sent"] >= 2)
            reports.close()
    asyncio.run(talk())


def test_voice_and_reports_carry_the_mark_that_was_asked_for():
    port = UdpVoicePort("127.0.0.1", 40)
    marks = []
    for descriptor in (port.descriptor, port.control.fileno()):
        with socket.socket(fileno=socket.dup(descriptor)) as one:
            marks.append(one.getsockopt(socket.IPPROTO_IP, socket.IP_TOS))
    port.close()
    assert marks == [160, 160]


@pytest.mark.parametrize(("reports", "place"), [
    (("192.0.2.9", 4001), ("192.0.2.9", 4001)), (("a.name.test", 4001), ("192.0.2.8", 6001)),
    (("", 0), ("192.0.2.8", 6001)), (("192.0.2.9", 70000), ("192.0.2.8", 6001))])
def test_reports_go_where_no_name_has_to_be_looked_up(reports, place):
    assert find_report_place(RemoteVoice("192.0.2.8", 6000, 0, -1, *reports)) == place


def test_an_address_that_is_written_otherwise_is_the_same_host():
    async def talk() -> None:
        port = UdpVoicePort("::1")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as far:
            far.bind(("::1", 0))
            reports = VoiceReports(HandsetAudio(1, 1, 1), port.control, ("0:0:0:0:0:0:0:1", far.getsockname()[1]))
            far.sendto(write_compound([ReceiverReport(5)]), ("::1", port.port + 1))
            await wait_until(lambda: reports.describe()["reports_received"] == 1)
            reports.close()
        port.close()
    asyncio.run(talk())
