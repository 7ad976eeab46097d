# SPDX-License-Identifier: Apache-2.0
"""What a watcher is told: everything since the last look, of one number or of all, and how much he has missed."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.control.asker import Asker
from appliance.control.recent_events import RecentEvents
from appliance.control.watching import MESSAGES_AT_ONCE, Watching
from appliance.diagnosis.trace import Trace
from appliance.errors import OperatorError
from appliance.sip.flow import UDP, Flow, Listener
from tests.control.sample_office import SampleOffice

LISTENER = Listener("office", UDP, b"192.168.1.1", 5060)
PHONE = Flow(LISTENER, b"192.168.1.11", 5060)
NOBODY = Asker(0)


def invite(caller: bytes, callee: bytes) -> bytes:
    return (b"INVITE sip:%s@office.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.11;branch=z9hG4bK1\r\n"
            b"From: <sip:%s@office.test>;tag=1\r\nTo: <sip:%s@office.test>\r\nCall-ID: a1\r\nCSeq: 1 INVITE\r\n"
            b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n" % (callee, caller, callee))


def make_watching(trace: Trace) -> Watching:
    return Watching(SampleOffice(), trace, lambda: 42.0, lambda: 1_700_000_000.0)


@given(st.lists(st.integers(0, 4), max_size=20), st.integers(0, 30))
def test_the_newest_are_the_last_of_all(sizes: list[int], count: int):
    trace, every = Trace(), []
    for number, size in enumerate(sizes):
        batch = [(b"%d/%d" % (number, index), PHONE) for index in range(size)]
        every += [octets for octets, _flow in batch]
        (trace.append_sent if number % 2 else trace.append_received)(batch, float(number))
    assert trace.total == len(every)
    assert [entry.octets for entry in trace.newest(count)] == (every[-count:] if count else [])


def test_one_number_is_picked_out_and_phones_have_their_names():
    trace = Trace()
    trace.append_received([(invite(b"201", b"202"), PHONE), (invite(b"301", b"302"), PHONE), (b"\x00junk", PHONE)], 1.0)
    told = make_watching(trace).describe(trace.newest(3), b"202", 0)
    assert [message["label"] for message in told["messages"]][:1] == ["INVITE"]
    assert len(told["messages"]) == len(told["at"]) == 2       # what cannot be read is everybody's
    assert told["messages"][0]["source"] == "202"              # the sample's last phone at that address
    assert told["at"][0] == "2023-11-14T22:13:21.000Z"


def test_a_flood_is_told_in_part_and_counted():
    trace = Trace()
    trace.append_received([(invite(b"201", b"202"), PHONE)] * (MESSAGES_AT_ONCE + 7), 1.0)
    told = make_watching(trace).describe(trace.newest(trace.total), b"", 3)
    assert len(told["messages"]) == MESSAGES_AT_ONCE
    assert told["missed"] == 10


def test_a_stream_tells_what_comes_after_its_beginning():
    trace = Trace()
    trace.append_received([(invite(b"201", b"202"), PHONE)], 1.0)

    async def follow() -> list[int]:
        stream = make_watching(trace).answer(["watch", "sip"], NOBODY)
        counts = [len((await anext(stream))["messages"])]
        trace.append_sent([(invite(b"201", b"203"), PHONE)] * 2, 2.0)
        counts.append(len((await asyncio.wait_for(anext(stream), 10))["messages"]))
        calls = make_watching(trace).answer(["watch", "calls"], NOBODY)
        counts.append(len(await anext(calls)))
        await stream.aclose()
        await calls.aclose()
        return counts
    assert asyncio.run(follow()) == [0, 2, 1]


@pytest.mark.parametrize("words", [["watch"], ["watch", "sip", "number"], ["watch", "sip", "number", ""],
                                   ["watch", "calls", "all"], ["watch", "nothing"]])
def test_what_cannot_be_watched_is_refused(words: list[str]):
    with pytest.raises(OperatorError):
        make_watching(Trace()).answer(words, NOBODY)


def test_the_journal_is_told_as_objects():
    events = RecentEvents(lambda count: [(1_700_000_000.0, "ready", {"listeners": b"udp", "count": 2})][:count])
    assert events.answer(["log"], NOBODY) == [
        {"at": "2023-11-14T22:13:20.000Z", "event": "ready", "listeners": "udp", "count": 2}]
    assert events.answer(["log", "0"], NOBODY) == []
    for words in (["log", "x"], ["log", "1", "2"], ["log", "-1"]):
        with pytest.raises(OperatorError):
            events.answer(words, NOBODY)
