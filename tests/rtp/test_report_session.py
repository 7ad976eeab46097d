# SPDX-License-Identifier: Apache-2.0
"""RTCP of one call: when reports go out, what they say, and what is believed of those that come."""

import random

from hypothesis import given
from hypothesis import strategies as st

from appliance.rtp.reception import Reception
from appliance.rtp.report_session import ReportSession, StreamCounts
from appliance.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    read_compound,
    write_compound,
)

OURS, THEIRS = 0x11111111, 0x22222222
UNIX_S = 1_800_000_000.0
SENDING = StreamCounts(OURS, 8000, 50, 8000)


def open_session(seed: int = 1, now: float = 100.0, ssrc: int = OURS) -> ReportSession:
    return ReportSession(b"cname", ssrc, random.Random(seed).random, now)


def heard(expected: int, received: int, **more) -> StreamCounts:
    return SENDING._replace(heard_ssrc=THEIRS, highest_sequence=70000, expected=expected, received=received, **more)


def report_of(octets: bytes):
    return read_compound(octets)[0]


def test_the_first_report_comes_after_half_the_time_and_the_others_about_every_five_seconds():
    firsts, gaps = [], []
    for seed in range(200):
        session, now = open_session(seed), 100.0
        firsts.append(session.deadline - now)
        for _ in range(20):
            before = session.deadline
            session.write_report(SENDING, before, UNIX_S)
            gaps.append(session.deadline - before)
    # 6.3.1: from a half to one and a half, divided by e - 3/2
    assert 1.02 < min(firsts) < 1.1
    assert 3.0 < max(firsts) < 3.08
    assert 2.05 < min(gaps) < 2.1
    assert 6.1 < max(gaps) < 6.16
    assert 4.0 < sum(gaps) / len(gaps) < 4.2


def test_who_sends_reports_as_a_sender_and_who_has_stopped_as_a_receiver():
    session = open_session()
    sender, description = read_compound(session.write_report(SENDING, 105.0, UNIX_S + 0.5))
    assert sender == SenderReport(OURS, (1_800_000_000 + 2_208_988_800 << 32) + (1 << 31), 8000, 50, 8000)
    assert description == SourceDescription(((OURS, ((1, b"cname"),)),))
    assert report_of(session.write_report(SENDING, 110.0, UNIX_S + 5)) == ReceiverReport(OURS)
    assert isinstance(report_of(session.write_report(SENDING._replace(packets=51), 115.0, UNIX_S + 10)), SenderReport)


def test_a_listener_who_never_spoke_reports_what_it_hears():
    session = open_session()
    octets = session.write_report(heard(200, 150, jitter=40)._replace(packets=0), 105.0, UNIX_S)
    assert report_of(octets) == ReceiverReport(OURS, (ReportBlock(THEIRS, 64, 50, 70000, 40, 0, 0),))


def test_the_share_that_was_lost_is_that_since_the_report_before():
    session = open_session()
    blocks = [report_of(session.write_report(heard(*one), 105.0, UNIX_S)).blocks[0]
              for one in ((100, 100), (200, 150), (300, 250), (400, 360))]
    assert [block.fraction_lost for block in blocks] == [0, 128, 0, 0]      # duplicates are no gain (A.3)
    assert [block.lost for block in blocks] == [0, 50, 50, 40]


def test_it_says_what_the_written_appendix_says():
    """Against rtp.reception, which counts by itself."""
    session, reception = open_session(), Reception(THEIRS, 65500)
    chance = random.Random(3)
    for number in range(500):
        if chance.random() < 0.9:
            reception.receive((65500 + number) & 0xFFFF, 160 * number, number * 0.02)
        if number % 100 == 99:
            counts = SENDING._replace(heard_ssrc=THEIRS, highest_sequence=reception.highest_sequence,
                                      expected=reception.expected, received=reception.expected - reception.lost,
                                      jitter=0)
            ours = report_of(session.write_report(counts, 105.0, UNIX_S)).blocks[0]
            theirs = reception.take_block()
            assert ours[:4] == theirs[:4]


def test_another_source_begins_at_nothing():
    session = open_session()
    session.write_report(heard(1000, 1000), 105.0, UNIX_S)
    block = report_of(session.write_report(heard(100, 50)._replace(heard_ssrc=9), 110.0, UNIX_S)).blocks[0]
    assert (block.ssrc, block.fraction_lost) == (9, 128)


def test_the_round_trip_is_told_by_their_answer_to_our_report():
    ours, theirs = open_session(1), open_session(2, ssrc=THEIRS)
    theirs.receive(ours.write_report(SENDING, 100.0, UNIX_S), 500.03)      # other clocks, 30 ms there
    reply = theirs.write_report(StreamCounts(THEIRS, 0, 1, 160, OURS, 5, 50, 45, 16), 502.03, UNIX_S - 77)
    ours.receive(reply, 102.07)                                           # 40 ms back
    assert ours.far is not None
    assert abs(ours.far.round_trip_ms - 70) < 0.1
    assert (ours.far.lost, ours.far.jitter_ms) == (5, 2.0)
    assert abs(ours.far.lost_percent - 9.8) < 0.1


def test_a_report_on_somebody_elses_stream_or_on_nothing_of_ours_gives_no_time():
    session = open_session()
    session.receive(write_compound([ReceiverReport(THEIRS, (ReportBlock(77, 255, 9, 1, 1, 0, 0),))]), 101.0)
    assert session.far is None
    session.receive(write_compound([ReceiverReport(THEIRS, (ReportBlock(OURS, 0, 0, 1, 1, 1234, 0),))]), 101.0)
    assert session.far is not None
    assert session.far.round_trip_ms == -1


def test_goodbye_is_a_whole_packet_and_is_not_said_by_who_was_never_heard():
    session = open_session()
    assert session.write_goodbye(StreamCounts(OURS, 0, 0, 0), 101.0, UNIX_S) == b""
    report, description, goodbye = read_compound(session.write_goodbye(SENDING, 101.0, UNIX_S))
    assert isinstance(report, SenderReport)
    assert isinstance(description, SourceDescription)
    assert goodbye == Goodbye((OURS,))


def test_who_has_left_may_come_back():
    session = open_session()
    session.receive(write_compound([ReceiverReport(THEIRS), Goodbye((THEIRS,))]), 101.0)
    assert session.has_left
    session.receive(write_compound([ReceiverReport(THEIRS)]), 102.0)
    assert not session.has_left


def test_another_ssrc_of_ours_begins_anew_and_the_one_before_says_goodbye():
    session = open_session()
    session.write_report(SENDING, 105.0, UNIX_S)
    assert session.write_departure(SENDING) == b""
    other = StreamCounts(77, 9000, 1, 160)
    assert read_compound(session.write_departure(other)) == [
        ReceiverReport(OURS), SourceDescription(((OURS, ((1, b"cname"),)),)), Goodbye((OURS,))]
    assert session.write_departure(other) == b""
    report = report_of(session.write_report(other, 110.0, UNIX_S))
    assert isinstance(report, SenderReport)     # one packet: fewer than the SSRC before had sent
    assert (report.ssrc, report.packets) == (77, 1)
    session.receive(write_compound([ReceiverReport(THEIRS, (ReportBlock(OURS, 128, 1, 1, 1, 0, 0),))]), 111.0)
    assert session.far is None


def test_a_report_by_our_own_ssrc_is_counted_and_not_believed():
    session = open_session()
    session.receive(session.write_report(SENDING, 105.0, UNIX_S), 105.1)
    block = ReportBlock(OURS, 9, 9, 9, 9, 0, 0)
    session.receive(write_compound([ReceiverReport(OURS, (block,)), Goodbye((OURS,))]), 106.0)
    assert (session.conflicting, session.received, session.far, session.has_left) == (2, 0, None, False)


def test_counts_that_have_wrapped_are_written_all_the_same():
    counts = StreamCounts(2**32 - 1, 2**33, 2**33 + 5, 2**40, 2**32 - 1, 2**32 - 1, 2**34, 0, 2**31 - 1)
    octets = open_session().write_report(counts, 200.0, UNIX_S)
    assert report_of(octets).blocks[0].lost == 0x7FFFFF


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_no_octets_do_any_harm(datagrams):
    session = open_session()
    for octets in datagrams:
        session.receive(octets, 101.0)
    assert session.received + session.unreadable + session.conflicting == len(datagrams)
    assert read_compound(session.write_report(SENDING, 105.0, UNIX_S))
