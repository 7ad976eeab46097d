# SPDX-License-Identifier: Apache-2.0
"""The redirect role with real peers (RFC 3261 8.3): SIPp gets its 302; baresip follows it."""

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.office import party, register_sipp, require
from tests.interop.raw_sip import UdpPeer, authorize, build_request, register, transact
from tests.interop.server import SECRETS
from tests.interop.sipp_script import Script, describe
from tests.interop.sound import write_chirp
from tests.interop.test_calls import callee_answers, caller_hangs_up

pytestmark = pytest.mark.ours
REDIRECT = ("set extension 1002 role redirect",)


def test_302_carries_every_contact_by_its_q_and_no_phone_hears_of_it(new_server, network):
    with (new_server(lines=REDIRECT) as server, UdpPeer((server.host, server.port), network.new_host()) as caller,
          UdpPeer((server.host, server.port), network.new_host()) as desk,
          UdpPeer((server.host, server.port), network.new_host()) as lab):
        register(lab, "1002", SECRETS["1002"], contact=f"<sip:1002@{lab.hostport.decode()}>;q=0.2")
        register(desk, "1002", SECRETS["1002"], contact=f"<sip:1002@{desk.hostport.decode()}>;q=0.8")
        for method in ("INVITE", "MESSAGE", "OPTIONS"):
            request = build_request(caller, method, "sip:1002@office.test",
                                    lines=("Contact: <sip:1001@192.0.2.1>",) if method == "INVITE" else ())
            challenge = transact(caller, request)
            assert challenge is not None
            assert challenge.status == 407
            answer = transact(caller, authorize(request, challenge, "1001", SECRETS["1001"]))
            assert answer is not None
            assert answer.status == 302
            assert [value.partition(b">")[0][1:] for value in answer.all(b"Contact")] == [
                b"sip:1002@" + desk.hostport, b"sip:1002@" + lab.hostport]
        assert desk.receive(0.3) is None
        assert lab.receive(0.3) is None
        assert {call["status"] for call in server.show("show calls all")} == {302}


def test_sipp_is_redirected_and_acknowledges(new_server, new_sipp):
    with new_server(lines=REDIRECT) as server:
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1002")
        script = Script("redirected").invite_with_digest(describe())
        script = script.receive(302, checks={"Contact": f"sip:1002@{called.contact}"}).acknowledge_refusal()
        calling.start(script.pause(1000), party("1001", "1002"))
        calling.finish()
        assert len(calling.received("SIP/2.0 302")) == 1


def test_others_are_carried_as_before(new_server, new_sipp):
    with new_server(lines=REDIRECT) as server:
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1003")
        called.start(callee_answers(), party("1003", "1001")).wait_listening()
        calling.start(caller_hangs_up(), party("1001", "1003"))
        calling.finish()
        called.finish()


def test_a_telephone_follows_the_302_to_the_other_telephone(new_server, network, tmp_path):
    require("baresip")
    with new_server(lines=REDIRECT) as server:
        voice = write_chirp(tmp_path / "chirp.wav")

        def phone(user: str) -> Baresip:
            account = Account(user, SECRETS[user], f"{server.host}:{server.port}")
            return Baresip(network, tmp_path / user, account, voice)
        with phone("1001") as caller, phone("1002") as callee:
            caller.wait_registered()
            callee.wait_registered()
            caller.dial("1002")
            callee.wait("CALL_INCOMING")
            callee.answer()
            caller.wait("CALL_ESTABLISHED")
            caller.hang_up()
            callee.wait("CALL_CLOSED")
        assert server.show("show calls all")[0]["status"] == 302


def test_a_phone_that_forwards_to_a_colleague_is_followed_by_the_proxy(new_server, new_sipp):
    with new_server() as server:
        forwarding, colleague, calling = new_sipp(server), new_sipp(server), new_sipp(server)
        register_sipp(server, forwarding, "1002")
        register_sipp(server, colleague, "1003")
        script = Script("forwards").receive("INVITE").send([
            "SIP/2.0 302 Moved Temporarily", "[last_Via:]", "[last_From:]", "[last_To:];tag=f[call_number]",
            "[last_Call-ID:]", "[last_CSeq:]", "Contact: <sip:1003@office.test>"], is_retransmitted=True)
        forwarding.start(script.receive("ACK"), party("1002", "1001")).wait_listening()
        colleague.start(callee_answers(), party("1003", "1001")).wait_listening()
        calling.start(caller_hangs_up(), party("1001", "1002"))
        calling.finish()
        forwarding.finish()
        colleague.finish()
        assert calling.received("SIP/2.0 302") == []
