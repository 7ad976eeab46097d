# SPDX-License-Identifier: Apache-2.0
"""Who may speak inside the dialog of a call: the phone that it is with, from wherever it is, and nobody else."""

import pytest

from tests.call.virtual_calls import CARRIER, VirtualCalls
from tests.call.virtual_phone import PhoneCall
from tests.interop.raw_sip import digest_value

ELSEWHERE = ("10.0.0.66", 5060)
SECRETS = {"201": "a", "202": "b", "203": "c"}


@pytest.fixture
def office() -> VirtualCalls:
    office = VirtualCalls()
    office.watches_topology = False     # they move about
    return office


def move(office: VirtualCalls, call: PhoneCall, address: tuple[str, int] = ELSEWHERE) -> None:
    """Whoever knows the identifiers of this side of the call speaks from there."""
    office.by_address.pop(call.phone.address, None)
    call.phone.address = address
    office.by_address[address] = call.phone


def prove(call: PhoneCall, method: str, user: str = "") -> str:
    """Credentials for the last challenge."""
    challenge = next(message for message in reversed(call.heard) if message.status == 407)
    user = user or call.phone.user
    value = digest_value(challenge.header(b"Proxy-Authenticate").decode(), method, call.target, user, SECRETS[user])
    return f"Proxy-Authorization: {value}\r\n"


@pytest.mark.parametrize("is_caller", [True, False])
@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "REFER", "INFO", "OPTIONS"])
def test_from_elsewhere_nothing_is_done_without_proof(office, method, is_caller):
    mine, theirs = office.connect(office.phone("201"), office.phone("202"))
    side, other = (mine, theirs) if is_caller else (theirs, mine)
    before, directed = len(other.heard), dict(office.relay.directed)
    home, cseq = side.phone.address, side.cseq
    move(office, side)
    body = side.phone.describe(version=9) if method in ("INVITE", "UPDATE") else b""
    side.request(method, body, "Refer-To: <sip:203@192.168.1.1>\r\n" if method == "REFER" else "", cseq=cseq + 500)
    assert side.heard[-1].status == 407
    side.request("ACK", cseq=side.cseq)
    move(office, side, home)
    side.cseq, side.has_left = cseq, False
    other.request("INVITE", other.phone.describe(version=2))
    assert side.heard[-1].method == b"INVITE"       # where the phone is has not moved
    side.answer(version=2)
    other.acknowledge()
    assert [one.method for one in other.heard[before:] if one.is_request] == []
    assert set(office.relay.directed) == set(directed)
    side.bye()                                      # and its own numbers still count (12.2.2)
    assert other.has_left
    office.check_clean()


@pytest.mark.parametrize("method", ["BYE", "INVITE"])
def test_another_extension_proves_only_itself(office, method):
    mine, theirs = office.connect(office.phone("201"), office.phone("202"))
    home = mine.phone.address
    move(office, mine)
    mine.request(method)
    mine.request(method, b"", prove(mine, method, "203"))
    assert mine.heard[-1].status == 403
    move(office, mine, home)
    assert not theirs.has_left
    mine.bye()
    assert theirs.has_left


def test_a_phone_that_has_moved_proves_itself_and_is_found_there(office):
    mine, theirs = office.connect(office.phone("201"), office.phone("202"))
    move(office, theirs)
    theirs.request("INVITE", theirs.phone.describe(version=2))
    theirs.request("INVITE", theirs.phone.describe(version=2), prove(theirs, "INVITE"))
    mine.answer(version=2)
    assert theirs.heard[-1].status == 200
    theirs.acknowledge()
    mine.bye()
    assert theirs.has_left
    office.check_clean()


def test_a_phone_that_registers_anew_from_elsewhere_in_mid_call_hangs_up(office):
    mine, theirs = office.connect(office.phone("201"), office.phone("202"))
    move(office, mine)
    challenged = "REGISTER sip:192.168.1.1 SIP/2.0"
    fields = ("Max-Forwards: 70\r\nFrom: <sip:201@192.168.1.1>;tag=r\r\nTo: <sip:201@192.168.1.1>\r\nCall-ID: reg\r\n"
              "Contact: <sip:201@10.0.0.66:5060>\r\nContent-Length: 0\r\n")
    via = "Via: SIP/2.0/UDP 10.0.0.66:5060;branch=z9hG4bK{};rport\r\n"
    mine.phone.send(f"{challenged}\r\n{via.format('r1')}CSeq: 1 REGISTER\r\n{fields}\r\n")
    refused = mine.phone.calls[-1].heard[-1]
    assert refused.status == 401
    value = digest_value(refused.header(b"WWW-Authenticate").decode(), "REGISTER", "sip:192.168.1.1", "201", "a")
    mine.phone.send(f"{challenged}\r\n{via.format('r2')}CSeq: 2 REGISTER\r\nAuthorization: {value}\r\n{fields}\r\n")
    assert mine.phone.calls[-1].heard[-1].status == 200
    mine.bye()
    assert mine.heard[-1].status == 200
    assert theirs.has_left
    office.check_clean()


def test_a_phone_that_comes_from_another_port_of_its_host_goes_on(office):
    mine, theirs = office.connect(office.phone("201"), office.phone("202"))
    move(office, mine, ("192.168.1.11", 6066))
    mine.bye()
    assert theirs.has_left
    office.check_clean()


def test_the_answer_to_an_offer_of_ours_is_not_taken_from_elsewhere(office):
    called = office.phone("202")
    mine = office.phone("201").invite("202", b"")
    theirs = called.ringing
    theirs.answer()
    assert mine.last(200).body
    home = mine.phone.address
    move(office, mine)
    mine.acknowledge(mine.phone.describe())
    assert not theirs.got("ACK")
    move(office, mine, home)
    mine.acknowledge(mine.phone.describe())
    assert theirs.got("ACK")
    mine.bye()
    office.check_clean()


def test_a_ringing_phone_is_not_ended_from_elsewhere(office):
    called = office.phone("202")
    mine = office.phone("201").invite("202")
    theirs = called.ringing
    theirs.respond(180)
    move(office, theirs)
    theirs.request("BYE")
    assert theirs.heard[-1].status == 407
    assert 487 not in mine.statuses


def test_a_carrier_speaks_from_its_servers_and_nobody_in_its_name():
    office = VirtualCalls(CARRIER)
    carrier, phone = office.carrier(), office.phone("201")
    mine, theirs = office.connect(phone, carrier, "0312345678")
    office.watches_topology = False
    del office.by_address[carrier.address]
    home, carrier.address = carrier.address, ("203.0.113.66", 5060)
    office.by_address[carrier.address] = carrier
    theirs.request("BYE")
    assert theirs.heard[-1].status == 403
    assert not mine.has_left
    carrier.address = (home[0], 5099)
    office.by_address[carrier.address] = office.by_address[home] = carrier
    theirs.request("BYE")
    assert theirs.heard[-1].status == 200
    assert mine.has_left
    office.check_clean()
