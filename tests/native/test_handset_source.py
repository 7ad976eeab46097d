# SPDX-License-Identifier: Apache-2.0
"""The handset's SSRC and its time: somebody else who has the same, its own packets that come back (RFC 3550 8.2), and
what a microphone that was away does to timestamps (5.1).
"""

import itertools

import pytest

from appliance.native.handset_audio import HandsetAudio
from appliance.rtp.g711 import PCMU
from appliance.rtp.packet import RtpPacket
from tests.native.handset_line import FRAME_NS, Line

OURS = 0xABCD


@pytest.fixture
def line():
    opened = Line()
    yield opened
    opened.close()


def write_packet_of(ssrc: int, number: int, payload: bytes = b"\x80" * 160) -> RtpPacket:
    return RtpPacket(PCMU, number, 160 * number, ssrc, payload)


def test_who_has_our_ssrc_is_heard_and_we_take_another(line):
    line.turn()
    line.turn()
    assert {packet.ssrc for packet in line.read()} == {OURS}
    heard = []
    for number in range(40):
        if number % 2:
            line.send(write_packet_of(OURS, number // 2))
        heard.append(line.turn())
    others = {packet.ssrc for packet in line.read()[1:]}
    assert len(others) == 1
    assert OURS not in others
    assert max(abs(frame.astype(int)).max() for frame in heard) > 30000
    figures = line.audio.figures()
    assert (figures["collisions"], figures["looped"], figures["received"]) == (1, 0, 20)
    assert line.audio.reporting()[0] in others
    assert line.audio.reporting()[2] < figures["sent"]      # counts are the new source's (6.4.1)


def test_our_own_packets_that_come_back_are_counted_and_not_heard(line):
    for _ in range(200):
        line.turn(b"\x40\x1f" * 80)
        for packet in line.read():
            line.send(packet)
    heard = [line.turn() for _ in range(20)]
    figures = line.audio.figures()
    assert (figures["collisions"], figures["received"]) == (1, 1)
    assert figures["looped"] > 90
    assert max(abs(frame.astype(int)).max() for frame in heard) == 0


def test_our_ssrc_from_everywhere_does_not_change_it_for_ever(line):
    for number in range(12):
        line.far.close()
        line.far = Line(is_connected=False).far
        line.send(write_packet_of(line.audio.reporting()[0], number))
        line.turn()
    assert line.audio.figures()["collisions"] == 4


def test_two_who_took_the_same_one_do_not_take_the_same_again():
    audios = [HandsetAudio(OURS, 1, 1) for _ in range(2)]
    for place, audio in enumerate(audios):
        audio.change_source(5_000_000_000 + 1000 * place)
    assert audios[0].reporting()[0] != audios[1].reporting()[0]
    assert OURS not in [audio.reporting()[0] for audio in audios]


def test_what_a_microphone_missed_is_time_all_the_same(line):
    for _ in range(5):          # an odd half of a packet waits
        line.turn()
    before = line.read()
    line.now_ns += 50 * FRAME_NS
    for _ in range(14):
        line.turn()
    after = line.read()
    stamps = [packet.timestamp for packet in (before[-1], *after)]
    steps = [(later - earlier) % 2**32 for earlier, later in itertools.pairwise(stamps)]
    numbers = [packet.sequence for packet in (before[-1], *after)]
    assert {(later - earlier) & 0xFFFF for earlier, later in itertools.pairwise(numbers)} == {1}
    assert [packet.is_marked for packet in after] == [False] * 5 + [True, False]
    assert steps[:5] == [160] * 5           # they may still come late, all at once
    assert abs(steps[5] - (160 + 80 * 50)) <= 160
    assert steps[6] == 160


def test_a_thread_that_wakes_late_and_makes_up_for_it_leaves_timestamps_alone(line):
    stamps = []
    for turn in range(60):
        late = 5 - turn % 6
        line.audio.speak(bytes(160), line.now_ns + late * FRAME_NS)
        line.now_ns += FRAME_NS
        stamps += [packet.timestamp for packet in line.read()]
    assert {(later - earlier) % 2**32 for earlier, later in itertools.pairwise(stamps)} == {160}
