# SPDX-License-Identifier: Apache-2.0
"""A call server that a service manager restarts, after kill -9 or on purpose: what comes meanwhile is answered, and a
phone on a TCP connection notices nothing."""

import contextlib
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator

import pytest

from tests.interop.carrier_emulator.letters import write_session
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import (
    Peer,
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
from tests.interop.server import SECRETS, Server
from tests.interop.small_systemd import ManagedServer, SmallSystemd
from tests.interop.test_calls_survive import SESSION_LINE, build_in_dialog, wait_written
from tests.interop.test_kept_calls import receive_request
from tests.system.certificates import Authority

pytestmark = pytest.mark.ours
WAITING = 100


@pytest.fixture
def manager(tmp_path) -> Iterator[SmallSystemd]:
    with SmallSystemd(tmp_path) as running:
        yield running


@pytest.fixture
def managed(manager, network, tmp_path) -> Callable[..., ManagedServer]:
    """Makes a server under that manager (not started); a back-to-back user agent unless told otherwise."""
    return lambda **more: ManagedServer(manager, tmp_path / "managed", network.new_host(), **({"role": "b2bua"} | more))


def crash(server: Server) -> None:
    server.kill()


def leave(server: Server) -> None:
    """What RestartKillSignal= sends."""
    server.process.send_signal(signal.SIGUSR1)
    assert server.process.wait(PATIENCE_S) == 0


def has_binding(server: Server) -> bool:
    """Whether one is on disk."""
    with contextlib.closing(sqlite3.connect(f"file:{server.state}/bindings.sqlite?mode=ro", uri=True)) as file:
        return bool(file.execute("SELECT count(*) FROM bindings").fetchone()[0])


def address_of(server: Server) -> tuple[str, int]:
    return server.host, server.port


def register_connected(phone: TcpPeer, user: str = "1002") -> None:
    register(phone, user, SECRETS[user], contact=f"<sip:{user}@{phone.hostport.decode()};transport=tcp>")


def build_first(caller: Peer) -> bytes:
    """INVITE that is to be challenged."""
    return build_request(caller, "INVITE", "sip:1002@office.test", body=write_session(caller.host, 4000),
                         lines=(f"Contact: <sip:1001@{caller.hostport.decode()}>", SESSION_LINE))


def build_invite(caller: Peer) -> bytes:
    """INVITE with its credentials, answering a challenge."""
    request = build_first(caller)
    return authorize(request, transact(caller, request), "1001", SECRETS["1001"])


def answer_call(phone: TcpPeer) -> SipMessage:
    """The INVITE that comes, answered 200."""
    invite = receive_request(phone, b"INVITE")
    contact = f"sip:1002@{phone.hostport.decode()};transport=tcp"
    octets = build_response(invite, 200, "OK", contact=contact, body=write_session(phone.host, 4002))
    phone.send(octets.replace(b"\r\nContent-Length", f"\r\n{SESSION_LINE}\r\nContent-Length".encode(), 1))
    receive_request(phone, b"ACK")
    return invite


def take_answer(caller: Peer) -> SipMessage:
    """The 200, acknowledged."""
    while (answer := caller.receive()) is not None:
        if answer.status == 200:
            caller.send(build_in_dialog(caller, answer, "ACK"))
            return answer
    raise AssertionError("no 200")


def hang_up(caller: Peer, phone: TcpPeer, answer: SipMessage) -> SipMessage:
    """BYE from end to end; the one that the phone got."""
    caller.send(build_in_dialog(caller, answer, "BYE"))
    bye = receive_request(phone, b"BYE")
    phone.send(build_response(bye, 200, "OK"))
    return bye


@pytest.mark.parametrize("end", [crash, leave])
def test_a_phone_on_a_connection_is_called_over_it_by_an_invite_that_came_while_nobody_was_there(managed, network, end):
    with (managed() as server, UdpPeer(address_of(server), network.new_host()) as caller,
          TcpPeer(address_of(server), network.new_host()) as phone):
        register_connected(phone)
        wait_until(lambda: has_binding(server), PATIENCE_S, "the binding on disk")
        end(server)
        request = build_first(caller)
        caller.send(request)            # once: what nobody reads waits in the kernel
        server.start()
        challenge = caller.receive()
        assert challenge is not None
        caller.send(authorize(request, challenge, "1001", SECRETS["1001"]))
        received = answer_call(phone)
        answer = take_answer(caller)
        assert server.show("show registrations")[0]["extension"] == "1002"
        bye = hang_up(caller, phone, answer)
        assert bye.header(b"Call-ID") == received.header(b"Call-ID")
        wait_until(lambda: server.show("show calls") == [], PATIENCE_S, "the end of the call")


@pytest.mark.parametrize("end", [crash, leave])
def test_a_call_goes_on_over_the_connection_it_was_answered_on(managed, network, end):
    with (managed() as server, UdpPeer(address_of(server), network.new_host()) as caller,
          TcpPeer(address_of(server), network.new_host()) as phone):
        register_connected(phone)
        caller.send(build_invite(caller))
        invite = answer_call(phone)
        answer = take_answer(caller)
        wait_written(server, 1)
        for _ in range(2):              # kept over one restart, and over the next
            end(server)
            server.start()
        assert len(server.show("show calls")) == 1
        assert phone.read(0.2) is None          # nobody has told it anything
        assert hang_up(caller, phone, answer).header(b"Call-ID") == invite.header(b"Call-ID")
        wait_until(lambda: server.show("show calls") == [], PATIENCE_S, "the end of the call")


def test_what_a_phone_says_on_its_connection_while_nobody_is_there_is_answered(managed, network):
    with managed() as server, TcpPeer(address_of(server), network.new_host()) as phone:
        register_connected(phone)
        server.kill()
        request = build_request(phone, "OPTIONS", "sip:office.test", user="1002")
        phone.send(request)
        server.start()
        answer = phone.receive()
        assert answer is not None
        assert answer.header(b"CSeq") == b"1 OPTIONS"


def test_no_datagram_and_no_connection_is_lost_over_kill_9(managed, network):
    with managed() as server, UdpPeer(address_of(server), network.new_host()) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)       # the answers come all at once
        server.kill()
        for number in range(WAITING):
            peer.send(build_request(peer, "OPTIONS", "sip:office.test", call_id=f"waiting-{number}"))
        with TcpPeer(address_of(server), network.new_host()) as early:      # the kernel accepts it for us
            early.send(build_request(early, "OPTIONS", "sip:office.test"))
            server.start()
            assert early.receive() is not None
        answered = {peer.receive().header(b"Call-ID") for _ in range(WAITING)}
        assert answered == {f"waiting-{number}".encode() for number in range(WAITING)}


def test_a_connection_in_the_middle_of_a_message_is_closed_and_its_neighbour_is_not(managed, manager, network):
    with (managed() as server, TcpPeer(address_of(server), network.new_host()) as talking,
          TcpPeer(address_of(server), network.new_host()) as waiting):
        register_connected(talking)
        register_connected(waiting, "1003")
        request = build_request(talking, "OPTIONS", "sip:office.test", user="1002")
        wait_until(lambda: count_connections(manager) == 2, PATIENCE_S, "two connections kept")
        talking.send(request[:100])
        wait_until(lambda: count_connections(manager) == 1, PATIENCE_S, "the one that talks not kept")
        server.kill()
        assert talking.is_closed_within(PATIENCE_S)
        server.start()
        waiting.send(build_request(waiting, "OPTIONS", "sip:office.test", user="1003"))
        assert waiting.receive() is not None


def test_a_message_that_came_in_pieces_leaves_the_connection_kept(managed, manager, network):
    with managed() as server, TcpPeer(address_of(server), network.new_host()) as phone:
        register_connected(phone)
        wait_until(lambda: count_connections(manager) == 1, PATIENCE_S, "the connection kept")
        request = build_request(phone, "OPTIONS", "sip:office.test", user="1002")
        phone.send(request[:100])
        wait_until(lambda: count_connections(manager) == 0, PATIENCE_S, "it is not kept")
        phone.send(request[100:])
        assert phone.receive() is not None
        wait_until(lambda: count_connections(manager) == 1, PATIENCE_S, "the connection kept again")


def test_what_is_closed_is_kept_no_more_and_silent_strangers_never(managed, manager, network):
    with managed() as server:
        with TcpPeer(address_of(server), network.new_host()) as phone, \
                TcpPeer(address_of(server), network.new_host()) as stranger:
            register_connected(phone)
            wait_until(lambda: count_connections(manager) == 1, PATIENCE_S, "the connection kept")
            stranger.send(b"\r\n\r\n")
            assert stranger.read(PATIENCE_S) == b"\r\n"
            assert count_connections(manager) == 1
        wait_until(lambda: count_connections(manager) == 0, PATIENCE_S, "it is closed")
        names = {name.partition("-")[0] for name in manager.names()}
        assert names == {"udp", "tcp"}
        assert manager.strangers == 0


def test_a_phone_that_hangs_up_its_connection_while_nobody_is_there_is_not_reached(managed, manager, network):
    with managed() as server, UdpPeer(address_of(server), network.new_host()) as caller:
        with TcpPeer(address_of(server), network.new_host()) as phone:
            register_connected(phone)
            wait_until(lambda: count_connections(manager) == 1, PATIENCE_S, "the connection kept")
            server.kill()
        server.start()
        wait_until(lambda: count_connections(manager) == 0, PATIENCE_S, "it is let go")
        answer = transact(caller, build_invite(caller))
        assert answer is not None
        assert answer.status == 480


@pytest.mark.parametrize("end", [crash, leave])
def test_a_phone_on_tls_is_told_at_once_and_comes_back_to_the_same_socket(managed, manager, network, tmp_path, end):
    authority = Authority(tmp_path / "authority")
    files = authority.issue("server", "DNS:office.test")
    with managed(lines=tls_lines(files, authority)) as server:
        with TlsPeer(tls_address(server), network.new_host(), authority.certificate) as phone:
            register(phone, "1002", SECRETS["1002"])
            end(server)
            assert phone.is_closed_within(PATIENCE_S)
        assert {name.partition("-")[0] for name in manager.names()} == {"udp", "tcp", "tls"}
        server.start()
        with TlsPeer(tls_address(server), network.new_host(), authority.certificate) as phone:
            register(phone, "1002", SECRETS["1002"])


def test_a_stop_on_purpose_ends_calls_as_ever(managed, network):
    server = managed()
    with (server, UdpPeer(address_of(server), network.new_host()) as caller,
          TcpPeer(address_of(server), network.new_host()) as phone):
        register_connected(phone)
        caller.send(build_invite(caller))
        answer_call(phone)
        take_answer(caller)
        server.process.send_signal(signal.SIGTERM)
        for peer in (phone, caller):
            peer.send(build_response(receive_request(peer, b"BYE"), 200, "OK"))
        assert server.process.wait(PATIENCE_S) == 0


def count_connections(manager: SmallSystemd) -> int:
    return sum(not name.startswith(("udp-", "tcp-", "tls-")) for name in manager.names())
