# SPDX-License-Identifier: Apache-2.0
"""What a far end of a call and an extension try to get out of a trunk, over the wire."""

import contextlib
import time

import pytest

from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.carrier_emulator.outgoing import Caller
from tests.interop.gateway import ACCOUNT, DESKS, OFFICE_NUMBER, Gateway, find_private, route_lines, trunk_lines
from tests.interop.network import PATIENCE_S
from tests.interop.raw_sip import UdpPeer, authorize, build_request, build_response, register, transact

pytestmark = pytest.mark.ours
SOUND = b"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


class Ground:
    """A gateway, its carrier, the telephone 201, and somebody else on the public side."""

    def __init__(self, stack, network, folder):
        self.carrier = stack.enter_context(CarrierEmulator(GENERIC, network.new_host(), account=ACCOUNT))
        self.gateway = stack.enter_context(Gateway(folder / "gateway", network, [
            *trunk_lines("carrier", self.carrier), *route_lines("carrier")]))
        self.phone = stack.enter_context(DeskPhone(network.new_host(), (self.gateway.host, 5060),
                                                   Desk("201", DESKS["201"])))
        self.phone.register()
        self.carrier.wait_registered()
        self.far_end = UdpPeer((self.gateway.outside, 5060), network.new_host(), 5060)
        stack.callback(self.far_end.close)
        self.plain = UdpPeer((self.gateway.host, 5060), network.new_host())
        stack.callback(self.plain.close)

    def let_far_end_answer(self):
        """From now on calls by the carrier are answered with the far end's own Contact, and nobody stays between."""
        write, contact = self.carrier.write, f"<sip:far@{self.far_end.hostport.decode()}>"

        def write_as_far_end(start, lines, body=b""):
            if start.startswith("SIP/2.0 200") and any(name == "CSeq" and "INVITE" in value for name, value in lines):
                lines = [(name, contact if name == "Contact" else value) for name, value in lines]
            return write(start, lines, body)
        self.carrier.write = write_as_far_end

    def hang_up(self):
        """A call from 201 that is answered and ended; the BYE that the far end gets."""
        call = self.phone.dial("0312345678")
        assert call.wait_status() == 200
        call.send("BYE")
        while (letter := self.far_end.receive(PATIENCE_S)) is not None and letter.method == b"ACK":
            # RFC 3261 13.2.2.4 repeats the credentials of the INVITE for proxies on the way: here there are none
            assert not letter.header(b"authorization")
            assert not letter.header(b"proxy-authorization")
        assert letter is not None
        assert letter.method == b"BYE"
        return letter

    def ask(self, peer, method, uri, *lines, user="201", domain="office.test"):
        """A request as octets."""
        contact = f"Contact: <sip:{user}@{peer.hostport.decode()}>"
        session = SOUND % (peer.host.encode(), peer.host.encode()) if method == "INVITE" else b""
        kind = ("Content-Type: application/sdp",) if session else ()
        return build_request(peer, method, uri, user=user, domain=domain, lines=(contact, *kind, *lines), body=session)

    def ask_as_201(self, method, uri, *lines):
        """The final status of a request of 201's."""
        octets = self.ask(self.plain, method, uri, *lines)
        challenge = transact(self.plain, octets)
        assert challenge is not None
        assert challenge.status in (401, 407)
        reply = transact(self.plain, authorize(octets, challenge, "201", DESKS["201"]))
        assert reply is not None
        return reply.status


@pytest.fixture
def ground(network, tmp_path):
    with contextlib.ExitStack() as stack:
        yield Ground(stack, network, tmp_path)


def test_a_far_end_that_challenges_our_bye_gets_no_digest(ground):
    ground.let_far_end_answer()
    bye = ground.hang_up()
    refusal = build_response(bye, 407, "Proxy Authentication Required").replace(
        b"Content-Length:", b'Proxy-Authenticate: Digest realm="evil", nonce="n", algorithm=MD5\r\nContent-Length:')
    ground.far_end.send(refusal)
    deadline = time.monotonic() + 3     # a BYE with an answer would come at once
    while time.monotonic() < deadline:
        letter = ground.far_end.receive(0.5)
        assert letter is None or not (letter.header(b"authorization") or letter.header(b"proxy-authorization"))


def test_a_far_end_that_answered_our_bye_is_no_server_of_the_trunk(ground):
    ground.let_far_end_answer()
    ground.far_end.send(build_response(ground.hang_up(), 200, "OK"))
    ground.gateway.wait_no_calls()
    invite = ground.ask(ground.far_end, "INVITE", f"sip:{OFFICE_NUMBER}@{ground.gateway.outside}", user="0900",
                        domain="carrier.test")
    deadline = time.monotonic() + PATIENCE_S
    while (reply := transact(ground.far_end, invite)) is None or reply.status == 200:   # the 200 to the BYE
        assert time.monotonic() < deadline
    assert reply.status == 407
    assert ground.carrier.hostport.split(":")[0] in ground.gateway.show("show trunks")[0]["server"]


def test_an_extension_gets_to_the_carrier_by_its_routes_alone(ground):
    register(ground.plain, "201", DESKS["201"])
    carrier, gateway = ground.carrier, ground.gateway
    before = len(carrier.post.received)
    abroad = f"sip:0104412345678@{carrier.hostport}"
    assert ground.ask_as_201("INVITE", abroad) == 403
    assert ground.ask_as_201("INVITE", abroad, f"Route: <sip:{gateway.host};lr>, <sip:{carrier.hostport};lr>") == 403
    assert ground.ask_as_201("INVITE", "sip:0104412345678@elsewhere.test", f"Route: <sip:{carrier.hostport};lr>") == 403
    host = carrier.hostport.split(":")[0]
    assert ground.ask_as_201("INVITE", f"sip:0104412345678@elsewhere.test;maddr={host}") == 403
    for method, line in (("REFER", "Refer-To: <sip:1@x>"), ("MESSAGE", "Priority: normal"), ("OPTIONS", "Accept: a/b"),
                         ("SUBSCRIBE", "Event: presence")):
        assert ground.ask_as_201(method, f"sip:0312@{carrier.hostport}", line) == 403
    assert {letter.method for letter in carrier.post.received[before:]} <= {b"REGISTER", b"OPTIONS"}
    assert not [letter for letter in carrier.post.received[before:] if letter.uri.startswith("sip:0312@")]


def test_a_number_at_the_carriers_address_is_a_dialled_one(ground):
    register(ground.plain, "201", DESKS["201"])
    assert ground.ask_as_201("INVITE", f"sip:0312345678@{ground.carrier.hostport}") == 200
    assert ground.gateway.show("show trunks")[0]["channels_used"] == 1
    assert find_private(ground.carrier, ground.gateway) == []


def test_a_phone_cannot_forward_its_calls_to_the_carrier_itself(ground):
    reply, abroad = ground.phone.reply, f"<sip:0104412345678@{ground.carrier.hostport}>"

    def redirect(letter, status, reason, lines=()):
        is_refusal = status == 599
        reply(letter, 302 if is_refusal else status, reason, (*lines, ("Contact", abroad)) if is_refusal else lines)
    ground.phone.reply = redirect
    ground.phone.faults.refusals[b"INVITE"] = (599, None)
    call = ground.carrier.call(OFFICE_NUMBER, Caller("09012345678"))
    assert call.wait_status() >= 400
    assert ground.carrier.seen(b"INVITE") == []
