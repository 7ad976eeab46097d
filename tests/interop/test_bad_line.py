# SPDX-License-Identifier: Apache-2.0
"""Calls over a line that loses one datagram in seven, behind an address translation: retransmissions do their work."""

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.lossy_link import LossyLink
from tests.interop.network import wait_until
from tests.interop.office import party, require
from tests.interop.raw_sip import UdpPeer, authorize, build_request, transact
from tests.interop.server import SECRETS
from tests.interop.sipp import Sipp
from tests.interop.sipp_script import CONTACT, Script
from tests.interop.sound import write_chirp
from tests.interop.test_calls import call_until_answer, callee_answers

pytestmark = pytest.mark.ours
CALLS = 3


def test_calls_through_an_address_translation_reach_the_phone(new_server, network, tmp_path):
    with (new_server() as server,
          LossyLink((server.host, server.port), network.new_host(), network.port(), loss=0.0) as link):
        callee, caller = (Sipp(network, tmp_path / name, (link.host, link.port)) for name in ("callee", "caller"))
        with callee, caller:
            register = Script("register").register(CONTACT).receive(401, auth="true")
            callee.start(register.register(CONTACT, is_authorized=True).receive(200), party("1002")).finish()
            (entry,) = server.show("show registrations")
            assert entry["source"].startswith(link.host)
            callee.start(callee_answers(), party("1002", "1001"), calls=10).wait_listening()
            script = call_until_answer("through a NAT").in_dialog("BYE").receive(200)
            caller.start(script, party("1001", "1002"), calls=10).finish()
            callee.finish()
        assert server.show("show calls") == []


def test_telephones_call_over_a_line_that_loses_every_seventh_datagram(new_server, network, tmp_path):
    require("baresip")
    voice = write_chirp(tmp_path / "chirp.wav", 60.0)
    address = network.new_host()                                   # by which the domain is known
    with (new_server(domain=address) as server,
          LossyLink((server.host, server.port), address, 5060, loss=0.15) as link):
        accounts = [Account(user, SECRETS[user], address, domain=address) for user in ("1001", "1002")]
        with (Baresip(network, tmp_path / "caller", accounts[0], voice) as caller,
              Baresip(network, tmp_path / "callee", accounts[1], voice) as callee):
            for phone in (caller, callee):
                phone.wait_registered(20)
            for number in range(CALLS):
                caller.dial("1002")
                callee.wait("CALL_INCOMING", timeout_s=20)
                callee.answer()
                caller.wait("CALL_ESTABLISHED", timeout_s=20)
                callee.wait("CALL_ESTABLISHED", timeout_s=20)
                first, second = (caller, callee) if number % 2 else (callee, caller)
                first.hang_up()
                second.wait("CALL_CLOSED", timeout_s=20)
            wait_until(lambda: server.show("show calls") == [], 20, "the server to see the end of every call")
        assert link.lost >= 3, "the line was too good"


def test_request_that_comes_twice_is_answered_twice_and_done_once(server, network):
    with UdpPeer((server.host, server.port), network.new_host()) as peer:
        request = build_request(peer, "REGISTER", "sip:office.test", to="sip:1001@office.test",
                                lines=(f"Contact: <sip:1001@{peer.hostport.decode()}>",))
        challenge = transact(peer, request)
        assert challenge is not None
        granted = authorize(request, challenge, "1001", SECRETS["1001"])
        peer.send(granted)
        peer.send(granted)
        answers = [peer.receive(), peer.receive()]
        assert [answer.status for answer in answers if answer] == [200, 200]
        assert answers[0].octets == answers[1].octets
