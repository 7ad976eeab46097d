# SPDX-License-Identifier: Apache-2.0
"""From traced octets to a drawn ladder."""

import pytest

from appliance.diagnosis.drawing import WIDTH, draw_arrow, draw_ladder, place_lanes
from appliance.diagnosis.ladder import Ladder, build_ladder
from appliance.diagnosis.trace import TraceEntry
from appliance.sip.flow import TCP, UDP, Flow, Listener
from tests.diagnosis.test_trace import request

OFFICE = Listener("office", UDP, b"192.168.1.1", 5060)
WAN = Listener("wan", UDP, b"203.0.113.5", 5060)
A, C = Flow(OFFICE, b"192.168.1.11", 5060), Flow(OFFICE, b"192.168.1.12", 5060)
CARRIER = Flow(WAN, b"198.51.100.1", 5060)
NAMES = {"192.168.1.11:5060": "201", "192.168.1.12:5060": "202"}


def response(status: bytes) -> bytes:
    return (b"SIP/2.0 %s\r\nVia: SIP/2.0/UDP 192.168.1.11;branch=z9hG4bK1\r\nFrom: <sip:1@a>;tag=1\r\n"
            b"To: <sip:2@a>;tag=2\r\nCall-ID: a1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n" % status)


def draw(ladder: Ladder) -> str:
    return draw_ladder([(lane["name"], lane["address"]) for lane in ladder["participants"]],
                       [(one["offset_s"], one["source"], one["target"], one["label"], one["is_retransmission"], "")
                        for one in ladder["messages"]])


def figure_3() -> Ladder:
    invite = request(b"INVITE")
    return build_ladder([
        TraceEntry(50.0, False, invite, A), TraceEntry(50.0, True, response(b"100 Trying"), A),
        TraceEntry(50.001, True, invite, C), TraceEntry(50.501, True, invite, C),
        TraceEntry(51.0, False, response(b"180 Ringing"), C), TraceEntry(51.0, True, response(b"180 Ringing"), A)],
        NAMES.get)


def test_a_call_is_drawn_with_its_participants_as_lanes():
    assert draw(figure_3()) == """\
201     192.168.1.11:5060
server  192.168.1.1:5060
202     192.168.1.12:5060

               201                       server                        202
    0.000       |----------INVITE---------->|                           |
    0.000       |<--------100 Trying--------|                           |
    0.001       |                           |----------INVITE---------->|
    0.501       |                           |---------INVITE*---------->|
    1.000       |                           |<-------180 Ringing--------|
    1.000       |<-------180 Ringing--------|                           |
"""


def test_rows_carry_what_scripts_want_to_know():
    first, trying, *_ = figure_3()["messages"]
    assert (first["method"], first["status"], first["cseq"], first["call_id"]) == ("INVITE", 0, 1, "a1")
    assert (trying["method"], trying["status"], trying["transport"]) == ("INVITE", 100, "udp")
    assert first["start_line"] == "INVITE sip:office.test SIP/2.0"


def test_the_same_octets_the_other_way_or_to_another_place_are_no_retransmission():
    octets = request()
    ladder = build_ladder([TraceEntry(1.0, False, octets, A), TraceEntry(1.0, True, octets, A),
                           TraceEntry(1.0, True, octets, C), TraceEntry(2.0, False, octets, A)])
    assert [message["is_retransmission"] for message in ladder["messages"]] == [False, False, False, True]


def test_both_sides_of_the_border_are_lanes_of_their_own():
    ladder = build_ladder([TraceEntry(1.0, False, request(), A), TraceEntry(1.1, True, request(), CARRIER)])
    assert ladder["participants"] == [
        {"name": "192.168.1.11:5060", "address": "192.168.1.11:5060"},
        {"name": "server office", "address": "192.168.1.1:5060"},
        {"name": "server wan", "address": "203.0.113.5:5060"},
        {"name": "198.51.100.1:5060", "address": "198.51.100.1:5060"}]
    assert [(one["source"], one["target"]) for one in ladder["messages"]] == [
        ("192.168.1.11:5060", "server office"), ("server wan", "198.51.100.1:5060")]


def test_a_call_from_outside_has_the_outside_on_its_left():
    ladder = build_ladder([TraceEntry(1.0, False, request(), CARRIER), TraceEntry(1.1, True, request(), A)])
    assert [lane["name"] for lane in ladder["participants"]] == [
        "198.51.100.1:5060", "server wan", "server office", "192.168.1.11:5060"]


def test_several_transports_of_one_listener_are_one_lane():
    office = Listener("office", TCP, b"192.168.1.1", 5062)
    ladder = build_ladder([TraceEntry(1.0, False, request(), A),
                           TraceEntry(1.1, True, request(), Flow(office, b"192.168.1.12", 40000))])
    assert ladder["participants"][1] == {"name": "server", "address": "192.168.1.1:5060, 192.168.1.1:5062"}


def test_two_phones_of_one_extension_have_lanes_of_their_own():
    ladder = build_ladder([TraceEntry(1.0, True, request(), A), TraceEntry(1.0, True, request(), C)], lambda _: "201")
    assert [lane["name"] for lane in ladder["participants"]] == ["server", "201", "192.168.1.12:5060"]


def test_a_phone_that_calls_itself_server_does_not_become_one():
    ladder = build_ladder([TraceEntry(1.0, False, request(), A)], lambda _: "server")
    assert [lane["name"] for lane in ladder["participants"]] == ["192.168.1.11:5060", "server"]


def test_unreadable_octets_are_shown_and_not_hidden():
    ladder = build_ladder([TraceEntry(1.0, False, b"INVITE what\r\nCall-ID: a1\r\n\r\n", A)])
    message = ladder["messages"][0]
    assert message["start_line"] == "INVITE what"
    assert message["label"]
    assert draw(ladder)


def test_an_empty_trace_gives_an_empty_ladder():
    assert build_ladder([]) == {"participants": [], "messages": [], "media": []}


@pytest.mark.parametrize("count", range(2, 6))
def test_up_to_five_lanes_fit_the_terminal(count: int):
    columns = place_lanes(count)
    for source in range(count):
        for target in range(count):
            if source != target:
                line = draw_arrow(columns, source, target, "407 Proxy Authentication Required*", 12345.678)
                assert len(line) <= WIDTH
                assert line.count(">") + line.count("<") == 1
                assert line.rstrip("|").endswith("*") or "*" in line


def test_a_long_label_is_cut_where_the_lane_ends_and_keeps_its_star():
    line = draw_arrow(place_lanes(4), 0, 1, "407 Proxy Authentication Required*", None)
    assert "407 Proxy A…*" in line
