# SPDX-License-Identifier: Apache-2.0
"""Who is served first where much waits."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.flow import UDP, Flow, Listener
from appliance.system.sip_sockets.triage import INVITES_LIMIT, TURN_DATAGRAMS, TURN_INVITES, Triage

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
