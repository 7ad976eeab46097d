# SPDX-License-Identifier: Apache-2.0
"""Who is served first where much waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.flow import UDP, Flow, Listener
from appliance.system.sip_sockets.triage import INVITES_LIMIT, TURN_DATAGRAMS, TURN_INVITES, TURN_OTHERS, Triage

FLOW = Flow(Listener("office", UDP, b"127.0.0.1", 5060), b"127.0.0.2", 5060)
WORDS = (b"REGISTER sip:", b"INVITE sip:", b"ACK sip:", b"BYE sip:", b"SIP/2.0 200", b"OPTIONS sip:", b"\x00\x01")


def write(words: list[int]) -> list[tuple[bytes, Flow]]:
    """Datagrams that are all different."""
    return [(WORDS[word] + b"%d" % number, FLOW) for number, word in enumerate(words)]


def serve_all(triage: Triage) -> list[bytes]:
    served = []
    while triage:
        turn = triage.take()
        assert 0 < len(turn) <= TURN_DATAGRAMS
        served += [octets for octets, _flow in turn]
    return served


@given(st.lists(st.integers(0, len(WORDS) - 1), max_size=400))
def test_everything_is_served_once_and_each_kind_in_its_order(words):
    triage, batch = Triage(), write(words)
    triage.add(batch)
    assert len(triage) == len(batch)
    served = serve_all(triage)
    assert sorted(served) == sorted(octets for octets, _flow in batch)
    for chosen in ((b"REGISTER",), (b"INVITE",), (b"ACK", b"BYE", b"SIP", b"OPTIONS", b"\x00")):
        assert [one for one in served if one.startswith(chosen)] == [
            octets for octets, _flow in batch if octets.startswith(chosen)]


def test_registrations_are_first_and_invites_last_but_not_starved():
    triage = Triage()
    triage.add(write([1] * 100 + [2] * 100 + [0] * 10))
    kinds = [octets.split(b" ")[0] for octets, _flow in triage.take()]
    assert kinds[:10] == [b"REGISTER"] * 10
    assert kinds[10:] == [b"ACK"] * (TURN_DATAGRAMS - 10 - TURN_INVITES) + [b"INVITE"] * TURN_INVITES


def test_a_flood_of_invites_takes_no_more_than_its_room():
    triage = Triage()
    triage.add(write([1] * (INVITES_LIMIT + 5) + [0]))
    assert triage.lost == 5
    assert len(triage) == INVITES_LIMIT + 1
    assert triage.take()[0][0].startswith(b"REGISTER")


def test_what_belongs_to_calls_in_progress_is_not_starved_by_registrations():
    triage = Triage()
    triage.add(write([0] * 500 + [4] * 30))
    kinds = [octets.split(b" ")[0] for octets, _flow in triage.take()]
    assert kinds == [b"REGISTER"] * (TURN_DATAGRAMS - TURN_OTHERS) + [b"SIP/2.0"] * TURN_OTHERS


@pytest.mark.parametrize("line", [b"To: <sip:2@x>;tag=a", b"t:<sip:2@x>;x=y ; TAG = a", b'to : "a;b" <sip:2@x>;tag=a'])
def test_an_invite_inside_a_dialog_keeps_its_place_among_the_requests_of_its_dialog(line):
    """RFC 3261 12.2.2: overtaken by a request with a higher CSeq it would be answered with 500."""
    triage = Triage()
    change = b"INVITE sip:2@x SIP/2.0\r\nFrom: <sip:1@x>;tag=f\r\n" + line + b"\r\nCSeq: 3 INVITE\r\n\r\n"
    triage.add([*write([1] * 100), (change, FLOW), (b"INFO sip:2@x SIP/2.0", FLOW)])
    served = [octets for octets, _flow in triage.take()]
    assert served[:2] == [change, b"INFO sip:2@x SIP/2.0"]


def test_an_invite_for_a_new_call_waits_whatever_else_has_a_tag():
    triage = Triage()
    first = b"INVITE sip:2@x SIP/2.0\r\nFrom: <sip:1@x>;tag=f\r\nTo: <sip:2@x>\r\n\r\nTo: <sip:3@x>\r\nm=;tag=b"
    triage.add([(first, FLOW), (b"BYE sip:2@x", FLOW)])
    assert [octets for octets, _flow in triage.take()] == [b"BYE sip:2@x", first]


def test_a_cancel_stays_behind_the_invite_of_its_sender_and_overtakes_those_of_others():
    """One that came first would be answered with 481, and the telephone would ring (RFC 3261 9.1, 9.2)."""
    triage = Triage()
    other = Flow(FLOW.listener, b"127.0.0.3", 5060)
    triage.add([*write([1] * 100), (b"CANCEL sip:0", FLOW), (b"CANCEL sip:9", other)])
    served = serve_all(triage)
    assert served[0] == b"CANCEL sip:9"
    assert served[-1] == b"CANCEL sip:0"
    triage.add([(b"BYE sip:1", FLOW), (b"CANCEL sip:0", FLOW)])      # nothing of its sender waits any more
    triage.add([(b"INVITE sip:2", other)])
    assert serve_all(triage) == [b"BYE sip:1", b"CANCEL sip:0", b"INVITE sip:2"]
