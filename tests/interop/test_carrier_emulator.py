# SPDX-License-Identifier: Apache-2.0
"""The emulated carrier against a telephone and raw octets that are not ours: it must be right before it judges."""

import re
import time

import pytest

from tests.interop.baresip import Account as PhoneAccount
from tests.interop.baresip import Baresip
from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import Account, CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC, HIKARI_DIRECT, JP_050
from tests.interop.carrier_emulator.letters import LONG
from tests.interop.carrier_emulator.outgoing import Caller
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import require
from tests.interop.raw_sip import (
    UdpPeer,
    authorize,
    build_request,
    build_response,
    new_branch,
    take_request,
    transact,
)
from tests.interop.server import SECRETS
from tests.interop.sound import write_chirp

ACCOUNT = Account("05011112222", "gw-user", "gw-secret")
SESSION = (b"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
           b"a=rtpmap:0 PCMU/8000\r\n")


class OfficePeer(UdpPeer):
    """A socket in the gateway's place that reads compact header names as well."""

    def receive(self, timeout_s=PATIENCE_S):
        message = super().receive(timeout_s)
        if message is not None:
            message.headers = [(LONG.get(name, name), value) for name, value in message.headers]
        return message


@pytest.fixture
def new_carrier(network):
    """Makes a running carrier with these habits."""
    made = []

    def make(habits, **more):
        made.append(CarrierEmulator(habits, network.new_host(), 5060, account=ACCOUNT, **more).__enter__())
        return made[-1]
    yield make
    for carrier in made:
        carrier.__exit__()


@pytest.fixture
def office(network):
    """Makes a socket in the gateway's place, towards this carrier."""
    made = []

    def make(carrier, port=0):
        made.append(OfficePeer((carrier.host, carrier.port), network.new_host(), port))
        return made[-1]
    yield make
    for peer in made:
        peer.close()


def register(peer, carrier, *, secret=ACCOUNT.secret):
    octets = build_request(peer, "REGISTER", f"sip:{carrier.habits.domain}", user=ACCOUNT.number,
                           domain=carrier.habits.domain, to=f"sip:{ACCOUNT.number}@{carrier.habits.domain}",
                           lines=(f"Contact: <sip:{ACCOUNT.number}@{peer.hostport.decode()}>", "Expires: 600"))
    answer = transact(peer, octets)
    return transact(peer, authorize(octets, answer, ACCOUNT.username, secret)) if answer.status == 401 else answer


def invite(peer, carrier, *, host="", lines=(), session=SESSION):
    """An INVITE of the office, its challenge answered; every response up to the final one."""
    own = peer.host.encode()
    octets = build_request(peer, "INVITE", f"sip:0312345678@{host or carrier.host}", user=ACCOUNT.number,
                           domain=carrier.habits.domain, body=session % (own, own),
                           lines=(f"Contact: <sip:{peer.hostport.decode()}>", "Content-Type: application/sdp", *lines))
    responses = read_final(peer, octets)
    if responses[-1].status == 407:
        acknowledge(peer, octets, responses[-1])
        octets = authorize(octets, responses[-1], ACCOUNT.username, ACCOUNT.secret)
        responses = read_final(peer, octets)
    return octets, responses


def read_final(peer, octets):
    branch = re.search(rb"branch=([^;\r]+)", octets)[1]
    peer.send(octets)
    responses = []
    while not responses or responses[-1].status < 200:
        message = peer.receive()
        assert message is not None, responses
        if message.status and branch in message.octets:
            responses.append(message)
    return responses


def acknowledge(peer, octets, answer):
    """The ACK; in a transaction of its own where the answer is a 2xx (RFC 3261 section 13.2.2.4)."""
    to = answer.header(b"To") or answer.header(b"t")
    text = octets.partition(b"\r\n\r\n")[0].replace(b"INVITE", b"ACK")
    text = re.sub(rb"\r\nTo: [^\r]*", b"\r\nTo: " + to, text)
    text = re.sub(rb"\r\nContent-Length: \d+", b"\r\nContent-Length: 0", text)
    if answer.status < 300:
        text = re.sub(rb"branch=[^;\r]+", b"branch=" + new_branch(), text)
    peer.send(text + b"\r\n\r\n")


def receive(peer, method):
    """The next request of this method; everything else is passed over."""
    while (message := peer.receive()) is not None:
        if message.method == method:
            return message
    raise AssertionError(f"no {method}")


def test_a_real_phone_registers_calls_and_is_called(network, new_carrier, tmp_path):
    require("baresip")
    carrier = new_carrier(GENERIC)
    account = PhoneAccount(ACCOUNT.number, ACCOUNT.secret, f"{carrier.host}:5060", domain=GENERIC.domain,
                           username=ACCOUNT.username)
    with Baresip(network, tmp_path / "phone", account, write_chirp(tmp_path / "chirp.wav")) as phone:
        carrier.wait_registered()
        phone.dial("0312345678")
        call = carrier.wait_call()
        phone.wait("CALL_ESTABLISHED")
        call.wait(lambda call: call.is_acked and len(call.voice.heard) > 5, "ACK and voice")
        call.bye()
        phone.wait("CALL_CLOSED")
        call = carrier.call(ACCOUNT.number)
        phone.wait("CALL_INCOMING")
        phone.answer()
        assert call.wait_status() == 200
        call.voice.speak(10)
        call.reinvite("sendonly")
        call.wait(lambda call: call.statuses(b"INVITE").count(200) == 2, "an answer to the re-INVITE")
        phone.hang_up()
        call.wait_over()
    assert [call.complaints for call in carrier.calls] == [[], []]
    assert not carrier.is_registered, "the phone has left"


def test_wrong_credentials_are_forbidden_and_right_ones_get_the_service_route(new_carrier, office):
    carrier = new_carrier(JP_050)
    peer = office(carrier)
    assert register(peer, carrier, secret="wrong").status == 403
    assert not carrier.is_registered
    answer = register(peer, carrier)
    assert answer.status == 200
    assert answer.header(b"Service-Route") == f"<sip:{carrier.hostport};lr;service>".encode()
    assert ACCOUNT.number.encode() in answer.header(b"P-Associated-URI")


def test_a_call_to_a_carrier_with_service_route_must_go_by_it(new_carrier, office):
    carrier = new_carrier(JP_050)
    peer = office(carrier)
    octets, responses = invite(peer, carrier)
    assert responses[-1].status == 403
    acknowledge(peer, octets, responses[-1])
    octets, responses = invite(peer, carrier, lines=(f"Route: <sip:{carrier.hostport};lr;service>", "Supported: timer"))
    assert [response.status for response in responses] == [100, 180, 200]
    assert responses[-1].header(b"Session-Expires") == b"300;refresher=uac"
    acknowledge(peer, octets, responses[-1])
    carrier.wait_call().wait(lambda call: call.is_acked, "the ACK")


def test_hikari_takes_only_port_5060_only_its_own_host_only_pcmu(new_carrier, office):
    carrier = new_carrier(HIKARI_DIRECT)
    stranger, peer = office(carrier), office(carrier, 5060)
    own = stranger.host.encode()
    stranger.send(build_request(stranger, "INVITE", f"sip:1@{carrier.host}", body=SESSION % (own, own)))
    assert stranger.receive(1) is None, "the refusal goes to port 5060"
    assert register(peer, carrier).status == 200, "no challenge: the line authenticates"
    octets, responses = invite(peer, carrier, host="ntt-east.ne.jp")
    assert responses[-1].status == 404
    acknowledge(peer, octets, responses[-1])
    time.sleep(1)                                                  # the carrier counts INVITEs a second
    octets, responses = invite(peer, carrier, session=SESSION.replace(b"AVP 0", b"AVP 0 101"))
    assert responses[-1].status == 500
    acknowledge(peer, octets, responses[-1])
    time.sleep(1)
    octets, responses = invite(peer, carrier, lines=("Supported: timer", "Session-Expires: 300"))
    assert responses[-1].status == 200
    assert b"\r\nx: 300;refresher=uas\r\n" in responses[-1].octets
    acknowledge(peer, octets, responses[-1])


def test_hikari_hangs_up_on_a_200_without_session_timer(new_carrier, office):
    carrier = new_carrier(HIKARI_DIRECT)
    peer = office(carrier, 5060)
    register(peer, carrier)
    call = carrier.call("0311112222")
    request = receive(peer, b"INVITE")
    assert request.header(b"To") == b"<sip:0311112222@ntt-east.ne.jp>"
    own = peer.host.encode()
    peer.send(build_response(request, 200, "OK", contact=f"sip:{peer.hostport.decode()}", body=SESSION % (own, own)))
    receive(peer, b"ACK")
    receive(peer, b"BYE")
    assert call.complaints == ["a 200 without Session-Expires"]


def test_the_called_number_and_the_caller_stand_where_the_carrier_puts_them(new_carrier, office):
    carrier = new_carrier(JP_050)
    peer = office(carrier)
    register(peer, carrier)
    carrier.call(ACCOUNT.number, Caller("09012345678", is_withheld=True))
    request = receive(peer, b"INVITE")
    assert request.header(b"P-Called-Party-ID") == b"<sip:05011112222@carrier.test>"
    assert b"main-number" in request.header(b"To")
    assert b"anonymous.invalid" in request.header(b"From")
    assert request.header(b"Privacy") == b"id"
    assert len(request.all(b"P-Asserted-Identity")) == 2


def test_faults_of_a_callee_answers_twice_and_acks_get_lost(new_carrier, office):
    carrier = new_carrier(GENERIC)
    carrier.faults.answers_twice = True
    carrier.faults.lost_acks = 2
    peer = office(carrier)
    octets, responses = invite(peer, carrier)
    call = carrier.wait_call()
    tags = {responses[-1].header(b"To")}
    acknowledge(peer, octets, responses[-1])
    while len(tags) < 2 or not call.is_acked:
        answer = peer.receive()
        assert answer is not None
        assert answer.status == 200
        tags.add(answer.header(b"To"))
        acknowledge(peer, octets, answer)
    assert len(tags) == 2


def test_faults_of_a_caller_never_acks_loses_the_200_or_says_bye_first(new_carrier, office):
    carrier = new_carrier(GENERIC)
    peer = office(carrier)
    register(peer, carrier)

    def answer_call(call):
        request = receive(peer, b"INVITE")
        own = peer.host.encode()
        octets = build_response(request, 200, "OK", contact=f"sip:{peer.hostport.decode()}",
                                body=SESSION % (own, own))
        peer.send(octets)
        return octets, call
    carrier.faults.never_acks = True
    octets, call = answer_call(carrier.call(ACCOUNT.number))
    assert call.wait_status() == 200
    peer.send(octets)
    assert peer.receive(0.7) is None, "no ACK to either"
    carrier.faults.never_acks = False
    carrier.faults.lost_200 = 1
    octets, call = answer_call(carrier.call(ACCOUNT.number))
    time.sleep(0.2)
    assert call.status == 0
    peer.send(octets)
    receive(peer, b"ACK")
    carrier.faults.says_bye_before_ack = True
    octets, call = answer_call(carrier.call(ACCOUNT.number))
    methods = []
    while len(methods) < 2:
        message = peer.receive()
        assert message is not None
        if message.method in (b"BYE", b"ACK") and message.method not in methods:
            methods.append(message.method)
    assert methods == [b"BYE", b"ACK"]


def test_faults_of_the_server_refuses_is_silent_is_dead(new_carrier, office):
    carrier = new_carrier(GENERIC)
    peer = office(carrier)
    carrier.faults.refusals[b"REGISTER"] = 503, 7
    answer = register(peer, carrier)
    assert (answer.status, answer.header(b"Retry-After")) == (503, b"7")
    carrier.faults.refusals[b"REGISTER"] = 503, None
    assert register(peer, carrier).header(b"Retry-After") == b""
    carrier.faults.refusals.clear()
    carrier.faults.silent.add(b"OPTIONS")
    peer.send(build_request(peer, "OPTIONS", f"sip:{carrier.hostport}"))
    assert peer.receive(0.5) is None
    carrier.faults.silent.clear()
    assert transact(peer, build_request(peer, "OPTIONS", f"sip:{carrier.hostport}")).status == 200
    carrier.faults.is_dead = True
    peer.send(build_request(peer, "OPTIONS", f"sip:{carrier.hostport}"))
    assert peer.receive(0.5) is None


def test_a_cancelled_call_is_487_and_a_cancel_of_the_carrier_has_the_branch_of_its_invite(new_carrier, office):
    carrier = new_carrier(GENERIC)
    peer = office(carrier)
    register(peer, carrier)
    call = carrier.call(ACCOUNT.number)
    request = receive(peer, b"INVITE")
    peer.send(build_response(request, 180, "Ringing", contact=f"sip:{peer.hostport.decode()}"))
    wait_until(lambda: call.statuses(b"INVITE") == [180], 5, "the 180")
    call.cancel()
    cancel = take_request(peer, b"CANCEL")
    assert cancel.header(b"Via") == request.header(b"Via")
    peer.send(build_response(request, 487, "Request Terminated"))
    receive(peer, b"ACK")
    assert call.wait_status() == 487


def test_two_desk_phones_of_the_same_make_talk_by_a_server(network, server):
    desks = [Desk(number, SECRETS[number]) for number in ("1001", "1002")]
    with (DeskPhone(network.new_host(), (server.host, server.port), desks[0]) as caller,
          DeskPhone(network.new_host(), (server.host, server.port), desks[1]) as callee):
        caller.register()
        callee.register()
        left = caller.dial("1002")
        assert left.wait_status() == 200
        right = callee.wait_call()
        right.wait(lambda call: call.is_acked, "the ACK")
        left.voice.speak(3)
        right.wait(lambda call: len(call.voice.heard) == 3, "voice")
        right.bye()
        left.wait_over()
        caller.register(0)
        callee.register(0)
