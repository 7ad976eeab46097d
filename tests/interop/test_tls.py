# SPDX-License-Identifier: Apache-2.0
"""SIP over TLS as phones speak it: registration, calls between transports, sips, renewal of the certificate, storms."""

import shutil
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import clear_bindings, require
from tests.interop.raw_sip import (
    SipMessage,
    TcpPeer,
    UdpPeer,
    authorize,
    build_request,
    build_response,
    register,
    transact,
)
from tests.interop.raw_tls import TlsPeer, tls_address, tls_lines
from tests.interop.server import PROGRAM, SECRETS, Server
from tests.interop.sipsak import run_sipsak
from tests.interop.sound import likeness, write_babble, write_chirp
from tests.system.certificates import Authority

pytestmark = pytest.mark.ours
SILENCE_S = 4.0                                                    # after which another way is tried
STORM_PHONES, STORM_LIMIT_S = 200, 20.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls_server(network, authority, tmp_path_factory):
    """A server of UDP, TCP and TLS whose certificate is made out to its domain and its address."""
    host = network.new_host()
    files = authority.issue("office.test", f"DNS:office.test,IP:{host}")
    folder = tmp_path_factory.mktemp("tls-server")
    with Server(folder, host, lines=tls_lines(files, authority)) as running:
        yield running


@pytest.fixture
def new_peer(network, authority, tls_server):
    """Opens TLS connections to the module's server; every one is closed at the end of the test."""
    made = []

    def make(server=tls_server):
        made.append(TlsPeer(tls_address(server), network.new_host(), authority.certificate))
        return made[-1]
    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def udp(network, tls_server):
    with UdpPeer((tls_server.host, tls_server.port), network.new_host()) as peer:
        yield peer


def send_invite(peer, uri, user, **more):
    """An INVITE with credentials; the peer's next messages are its answers."""
    contact = f"<sip:{user}@{peer.hostport.decode()};transport={peer.transport.decode().lower()}>"
    request = build_request(peer, "INVITE", uri, user=user, lines=(f"Contact: {contact}",), **more)
    challenge = transact(peer, request)
    assert challenge.status == 407, challenge
    peer.send(build_ack(request, challenge))
    peer.send(authorize(request, challenge, user, SECRETS[user]))


def build_ack(request, response):
    head = request.partition(b"\r\n\r\n")[0].replace(b"INVITE", b"ACK")
    lines = [line for line in head.split(b"\r\n") if not line.startswith((b"To:", b"Content-Length"))]
    return b"\r\n".join([*lines, b"To: " + response.header(b"To"), b"Content-Length: 0"]) + b"\r\n\r\n"


def receive_final(peer):
    while (answer := peer.receive()) is not None and answer.status < 200:
        pass
    return answer


def test_a_phone_registers_over_tls_and_keeps_its_connection_alive(new_peer, tls_server):
    peer = new_peer()
    register(peer, "1001", SECRETS["1001"])
    peer.send(b"\r\n\r\n")
    assert peer.read(PATIENCE_S) == b"\r\n"
    [binding] = [one for one in tls_server.show("show registrations") if one["extension"] == "1001"]
    assert (binding["transport"], binding["source"]) == ("tls", peer.hostport.decode())


def test_a_call_from_udp_to_tls_records_both_transports(new_peer, udp, tls_server):
    callee = new_peer()
    register(callee, "1002", SECRETS["1002"])
    send_invite(udp, "sip:1002@office.test", "1001")
    invite = callee.receive()
    assert invite.method == b"INVITE"
    port = tls_server.port + 1
    assert invite.header(b"Via").startswith(f"SIP/2.0/TLS {tls_server.host}:{port};branch=".encode())
    routes = b",".join(invite.all(b"Record-Route")).split(b",")
    assert [f"sip:{tls_server.host}:{port};transport=tls;lr".encode() in routes[0],
            f"sip:{tls_server.host}:{tls_server.port};lr".encode() in routes[1]] == [True, True]
    callee.send(build_response(invite, 200, "OK", contact=f"sip:1002@{callee.hostport.decode()};transport=tls"))
    assert receive_final(udp).status == 200


def test_sips_reaches_a_phone_on_tls_with_sips_in_the_record_route(new_peer, tls_server):
    caller, callee = new_peer(), new_peer()
    register(callee, "1003", SECRETS["1003"], contact=f"<sips:1003@{callee.hostport.decode()}>")
    send_invite(caller, "sips:1003@office.test", "1001")
    invite = callee.receive()
    assert invite.start == f"INVITE sips:1003@{callee.hostport.decode()} SIP/2.0".encode()
    [route] = invite.all(b"Record-Route")
    assert route.startswith(f"<sips:{tls_server.host}:{tls_server.port + 1};lr".encode())
    callee.send(build_response(invite, 486, "Busy Here"))
    assert receive_final(caller).status == 486


def test_sips_never_leaves_over_anything_but_tls(new_peer, udp):
    register(udp, "1004", SECRETS["1004"])
    caller = new_peer()
    send_invite(caller, "sips:1004@office.test", "1001")
    assert receive_final(caller).status == 480
    assert udp.receive(0.3) is None


def test_sips_that_came_without_tls_is_refused(udp):
    answer = transact(udp, build_request(udp, "INVITE", "sips:1003@office.test"))
    assert answer.status == 416
    assert b"sips without TLS" in answer.header(b"Warning")


def test_a_closed_connection_makes_an_outbound_binding_unusable_at_once(new_peer, udp, tls_server, network):
    clear_bindings(tls_server, network, "1005")
    phone = new_peer()
    instance = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"
    contact = f'<sip:1005@{phone.hostport.decode()};transport=tls>;reg-id=1;+sip.instance="{instance}"'
    answer = register(phone, "1005", SECRETS["1005"], contact=contact, lines=("Supported: outbound, path",))
    assert answer.header(b"Require") == b"outbound"
    phone.close()
    began = time.monotonic()
    send_invite(udp, "sip:1005@office.test", "1001")
    assert receive_final(udp).status == 480
    assert time.monotonic() - began < SILENCE_S, "it was tried, and not heard"


def test_two_registrations_of_one_phone_ring_once(new_peer, udp, tls_server, network):
    """RFC 5626 section 7: never more than one contact of an instance at a time; the last one that registered."""
    clear_bindings(tls_server, network, "1006")
    flows = [new_peer(), new_peer()]
    for reg_id, flow in enumerate(flows, 1):
        contact = (f'<sip:1006@{flow.hostport.decode()};transport=tls>;reg-id={reg_id}'
                   ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e129>"')
        register(flow, "1006", SECRETS["1006"], contact=contact, lines=("Supported: outbound, path",))
        time.sleep(0.01)
    send_invite(udp, "sip:1006@office.test", "1001")
    invite = flows[1].receive()
    assert invite.method == b"INVITE"
    assert flows[0].receive(0.3) is None
    flows[1].close()
    assert receive_final(udp).status in (408, 480, 500)
    send_invite(udp, "sip:1006@office.test", "1001")
    assert flows[0].receive().method == b"INVITE"


def test_stun_on_the_sip_port_tells_a_phone_its_address(udp):
    transaction = bytes(range(12))
    udp.send(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + transaction)
    answer = udp.receive().octets
    assert answer[:20] == b"\x01\x01\x00\x0c\x21\x12\xa4\x42" + transaction
    assert answer[20:26] == b"\x00\x20\x00\x08\x00\x01"
    assert int.from_bytes(answer[26:28]) ^ 0x2112 == udp.port
    masked = bytes(one ^ other for one, other in zip(answer[28:], b"\x21\x12\xa4\x42", strict=True))
    assert ".".join(map(str, masked)) == udp.host


def test_openssl_is_content_with_chain_and_version(tls_server, authority):
    def connect(*words):
        address = ":".join(map(str, tls_address(tls_server)))
        return subprocess.run(["openssl", "s_client", "-connect", address, "-CAfile", authority.certificate,
                               "-verify_return_error", "-verify_hostname", "office.test", *words], input="Q\n",
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert "Verify return code: 0 (ok)" in connect("-tls1_3").stdout
    assert "Verify return code: 0 (ok)" in connect("-tls1_2").stdout
    assert connect("-tls1_1", "-cipher", "ALL:@SECLEVEL=0").returncode != 0


def test_garbage_is_counted_and_disturbs_nobody(tls_server, new_peer, network):
    peer = new_peer()
    before = tls_server.show("show statistics")["counters"].get("tls_handshakes_failed", 0)
    with TcpPeer(tls_address(tls_server), network.new_host()) as stranger:
        stranger.send(b"OPTIONS sip:office.test SIP/2.0\r\n\r\n")
        assert stranger.is_closed_within(PATIENCE_S)
    wait_until(lambda: tls_server.show("show statistics")["counters"]["tls_handshakes_failed"] > before, 3, "a count")
    assert transact(peer, build_request(peer, "OPTIONS", "sip:office.test")).status == 200
    assert tls_server.show("show tls")["failures"]




def test_a_renewed_certificate_is_shown_to_new_connections_and_nobody_is_disconnected(new_server, authority, new_peer,
                                                                                      tmp_path):
    files = authority.issue("office.test", "DNS:office.test", file="renewing")
    with new_server(lines=tls_lines(files, authority)) as server:
        first = new_peer(server)
        register(first, "1001", SECRETS["1001"])
        renewed = authority.issue("renewed", "DNS:office.test")
        shutil.copy(renewed.certificate, files.certificate)
        shutil.copy(renewed.key, files.key)
        server.reload()
        wait_until(lambda: new_peer(server).common_name == "renewed", 5, "the renewed certificate")
        files.certificate.write_text("broken")
        server.reload()
        wait_until(lambda: "tls_certificate_office" in {one["name"] for one in server.show("show alarms")}, 5, "alarm")
        assert new_peer(server).common_name == "renewed"
        assert transact(first, build_request(first, "OPTIONS", "sip:office.test")).status == 200
        [listener] = server.show("show tls")["listeners"]
        assert listener["names"] == ["office.test"]
        assert "not usable" in listener["fault"]


def test_a_certificate_that_cannot_be_used_is_a_finding_with_its_line(new_server, authority, tmp_path):
    files = authority.issue("office.test", "DNS:office.test", file="unused")
    files.key.write_text("no key")
    server = new_server(lines=tls_lines(files, authority))
    done = subprocess.run([PROGRAM, "check", server.config], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)
    assert done.returncode == 2
    assert "sip listener office certificate: " in done.stdout + done.stderr


@contextmanager
def partner(host, files):
    """A TLS server that answers each INVITE with 486: its port, and the requests that it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    requests, accepted = [], []

    def serve(listening):
        while True:
            try:
                connection = context.wrap_socket(listening.accept()[0], server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            with connection:
                accepted.append(connection)
                while octets := connection.recv(65536):
                    requests.append(SipMessage(octets))
                    if requests[-1].method == b"INVITE":
                        connection.sendall(build_response(requests[-1], 486, "Busy Here"))
    with socket.create_server((host, 0)) as listening, ThreadPoolExecutor(1) as executor:
        executor.submit(serve, listening)
        try:
            yield listening.getsockname()[1], requests
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in accepted:
                if connection.fileno() >= 0:
                    connection.shutdown(socket.SHUT_RDWR)


def test_a_call_to_somebody_elsewhere_verifies_and_reuses_the_connection(new_peer, udp, network, authority,
                                                                         tls_server):
    host = network.new_host()
    with partner(host, authority.issue("partner.test", f"IP:{host}")) as (port, requests):
        for _ in range(2):
            send_invite(udp, f"sip:bob@{host}:{port};transport=tls", "1001")
            assert receive_final(udp).status == 486
        assert [request.method for request in requests].count(b"INVITE") == 2
        peers = tls_server.show("show statistics")["counters"]
        assert peers["tls_handshakes_opened"] == 1


def test_a_call_to_somebody_whose_certificate_has_expired_fails_and_says_why(udp, network, authority, tls_server):
    host = network.new_host()
    files = authority.issue("late.test", f"IP:{host}", starts="20200101000000Z", ends="20200301000000Z")
    with partner(host, files) as (port, requests):
        send_invite(udp, f"sip:bob@{host}:{port};transport=tls", "1001")
        assert receive_final(udp).status in (480, 500)
        wait_until(lambda: "expired on 2020-03-01" in str(tls_server.show("show tls")["failures"]), 3, "the reason")
        assert requests == []
        wait_until(lambda: "expired on 2020-03-01" in [entry["reason"] for entry in
                                                       tls_server.journal("tls_handshake_failed")], 3, "the journal")


def test_the_b2bua_calls_somebody_elsewhere_over_tls_and_sips(network, authority, tmp_path):
    """In its own name: nothing of the caller is in what arrives."""
    host, there = network.new_host(), network.new_host()
    lines = tls_lines(authority.issue("b2bua.test", f"DNS:office.test,IP:{host}"), authority)
    with (Server(tmp_path, host, lines=lines, role="b2bua") as server,
          partner(there, authority.issue("friend.test", f"IP:{there}")) as (port, requests),
          UdpPeer((host, server.port), network.new_host()) as udp):
        send_invite(udp, f"sip:bob@{there}:{port};transport=tls", "1001")
        assert receive_final(udp).status == 486
        secure = TlsPeer(tls_address(server), network.new_host(), authority.certificate)
        send_invite(secure, f"sips:bob@{there}:{port}", "1002")
        assert receive_final(secure).status == 486
        secure.close()
        invites = [request for request in requests if request.method == b"INVITE"]
        assert [request.header(b"Contact").partition(b":")[0] for request in invites] == [b"<sip", b"<sips"]
        for request in invites:
            assert request.all(b"Via")[0].startswith(f"SIP/2.0/TLS {host}:".encode())
            assert len(request.all(b"Via")) == 1
        assert server.show("show statistics")["counters"]["tls_handshakes_opened"] == 1
        late = authority.issue("late2.test", f"IP:{there}", starts="20200101000000Z", ends="20200301000000Z")
        with partner(there, late) as (other_port, heard):
            send_invite(udp, f"sip:bob@{there}:{other_port};transport=tls", "1001")
            final = receive_final(udp)
            assert final.status == 500
            assert b"certificate has expired" in final.header(b"Warning")
            assert heard == []


def test_sipsak_speaks_tls(tls_server, authority):
    require("sipsak")
    # sipsak compares the name with host:port, which no certificate can have
    done = run_sipsak(tls_address(tls_server), "--transport=tls", f"--tls-ca-cert={authority.certificate}",
                      "--tls-ignore-cert-failure", "-vv")
    assert "200 OK" in done.stdout, done.stdout + done.stderr


def test_two_phones_talk_over_tls(network, tls_server, authority, tmp_path):
    require("baresip")
    chirp, babble = write_chirp(tmp_path / "chirp.wav"), write_babble(tmp_path / "babble.wav")
    phones = []
    for user, voice in (("1007", chirp), ("1008", babble)):
        account = Account(user, SECRETS[user], ":".join(map(str, tls_address(tls_server))), transport="tls")
        phones.append(Baresip(network, tmp_path / user, account, voice))
        with (tmp_path / user / "config").open("a") as config:
            config.write(f"sip_cafile {authority.certificate}\n")
    with phones[0] as caller, phones[1] as callee:
        caller.wait_registered()
        callee.wait_registered()
        bindings = {one["extension"]: one["transport"] for one in tls_server.show("show registrations")}
        assert (bindings["1007"], bindings["1008"]) == ("tls", "tls")
        caller.dial("1008")
        callee.wait("CALL_INCOMING")
        callee.answer()
        caller.wait("CALL_ESTABLISHED")
        callee.wait("CALL_ESTABLISHED")
        time.sleep(3)
        callee.hang_up()
        caller.wait("CALL_CLOSED")
    assert likeness(chirp, callee.heard()) > 0.9
    assert likeness(babble, caller.heard()) > 0.9


def reached(peers):
    return {peer.hostport.decode() for peer in peers}


def test_two_hundred_phones_come_back_after_a_restart(new_server, network, authority):
    """A registration storm over TLS settles within 20 s without a failure; what a connection costs is bounded."""
    secrets = {str(2000 + number): f"storm-{number}-secret" for number in range(STORM_PHONES)}
    files = authority.issue("office.test", "DNS:office.test", file="storm")
    host = network.new_host()

    def connect(user):
        peer = TlsPeer(tls_address(server), host, authority.certificate)
        assert register(peer, user, secrets[user]).status == 200
        return peer

    server = new_server(lines=tls_lines(files, authority), secrets=secrets)
    with server, ThreadPoolExecutor(16) as executor:
        before_kib = server.resident_kib()
        peers = list(executor.map(connect, secrets))
        cost_kib = (server.resident_kib() - before_kib) / STORM_PHONES
        server.kill()
        assert all(peer.is_closed_within(PATIENCE_S) for peer in peers)
        server.start()
        began = time.monotonic()
        peers = list(executor.map(connect, secrets))
        settled_s = time.monotonic() - began
        registered = {one["extension"] for one in server.show("show registrations") if one["source"] in reached(peers)}
        assert len(registered) == STORM_PHONES
        assert server.show("show statistics")["counters"].get("tls_handshakes_failed", 0) == 0
        for peer in peers:
            peer.close()
    assert settled_s < STORM_LIMIT_S
    assert cost_kib < 100, f"{cost_kib:.0f} KiB a connection"
    print(f"{STORM_PHONES} phones in {settled_s:.1f} s, {cost_kib:.0f} KiB each")
