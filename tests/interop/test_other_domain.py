# SPDX-License-Identifier: Apache-2.0
"""Calls to and from another domain, which is a kamailio, found by a name server of the test's own (RFC 3263)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pytest

from tests.interop.kamailio import PROGRAM, KamailioServer
from tests.interop.name_server import NameServer
from tests.interop.network import PATIENCE_S, LoopbackNetwork, wait_until
from tests.interop.office import party, register_sipp, require
from tests.interop.raw_sip import (
    SipMessage,
    UdpPeer,
    authorize,
    build_request,
    build_response,
    register,
    transact,
)
from tests.interop.server import SECRETS, Server
from tests.interop.sipp import Party, Sipp
from tests.interop.sipp_script import Script, describe
from tests.interop.test_calls import callee_answers

pytestmark = pytest.mark.ours

SILENCE_S, BUDGET_S, TIMER_B_S = 4.0, 5.0, 32.0
MODULES = ("tm", "sl", "rr", "pv", "maxfwd", "usrloc", "registrar", "textops", "siputils")
OTHER_DOMAIN = """#!KAMAILIO
debug=0
log_stderror=yes
auto_aliases=no
dns=no
rev_dns=no
children=1
tcp_children=1
alias=other.test
listen=udp:{host}:5060
listen=tcp:{host}:5060
{modules}
modparam("usrloc", "db_mode", 0)
modparam("rr", "enable_full_lr", 1)
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    force_rport();
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) t_relay();
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{ save("location"); exit; }}
    record_route();
    if ($rd == "office.test") {{ $du = "sip:{office}:5060"; t_relay(); exit; }}
    if ($rd != "other.test" || !lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""
ZONE = """
other 60 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.other
_sip._udp.other 60 IN SRV 0 0 5060 kamailio
kamailio 60 IN A {kamailio}
twins 60 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.twins
_sip._udp.twins 60 IN SRV 0 0 {port} first
_sip._udp.twins 60 IN SRV 9 0 5060 kamailio
first 60 IN A {first}
plain 60 IN A {first}
"""


class OtherDomain(KamailioServer):
    """other.test: everyone may register and call there; calls to office.test go to our server."""

    def __init__(self, folder: Path, host: str, office: str) -> None:
        super().__init__(folder, host)
        modules = "\n".join(f'loadmodule "{name}.so"' for name in MODULES)
        self.config.write_text(OTHER_DOMAIN.format(host=host, office=office, modules=modules))


class AbroadScript(Script):
    """Calls somebody of another domain than one's own."""

    def __init__(self, title: str, abroad: str) -> None:
        super().__init__(title)
        self._abroad = abroad

    def request(self, method: str, uri: str, **more: object) -> list[str]:
        lines = super().request(method, uri, **more)
        return [line.replace("[peer]@[domain]", f"[peer]@{self._abroad}") for line in lines]


class World:
    """Our server, the other domain, the name server, and a peer that plays a second server of the other side."""

    def __init__(self, network: LoopbackNetwork, folder: Path, office_lines: Callable[["World"], list[str]],
                 role: str = "proxy") -> None:
        self.network = network
        self.office_host, self.other_host = network.new_host(), network.new_host()
        self.first = UdpPeer(("127.0.0.1", 9), network.new_host())
        zone = ZONE.format(kamailio=self.other_host, first=self.first.host, port=self.first.port)
        self.names = NameServer(network.new_host(), zone)
        self.other = OtherDomain(folder / "other", self.other_host, self.office_host)
        self.office = Server(folder / "office", self.office_host, lines=office_lines(self), role=role)

    def close(self) -> None:
        self.names.close()
        self.first.close()


@contextmanager
def open_world(network: LoopbackNetwork, folder: Path, role: str = "proxy") -> Iterator[World]:
    """One in which our server finds the other domain and takes its calls."""
    if PROGRAM is None:
        require("kamailio")
    made = World(network, folder, lambda one: [
        f"set system dns {one.names.address}", f"set sip domain other.test source {one.other_host}/32"], role)
    with made.other, made.office:
        yield made
    made.close()


@pytest.fixture(scope="module")
def world(network: LoopbackNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(network, tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture
def phones(world: World, new_sipp: Callable[..., Sipp]) -> tuple[Sipp, Sipp]:
    return make_phones(world, new_sipp)


def make_phones(world: World, new_sipp: Callable[..., Sipp]) -> tuple[Sipp, Sipp]:
    """1001 at our server and bob at the other domain, bob registered there."""
    ours, bob = new_sipp(world.office), new_sipp(world.other)
    with UdpPeer((world.other_host, 5060), bob.host) as peer:
        for lines in (("Contact: *", "Expires: 0"), (f"Contact: <sip:bob@{bob.contact}>", "Expires: 300")):
            answer = transact(peer, build_request(peer, "REGISTER", "sip:other.test", user="bob", domain="other.test",
                                                  to="sip:bob@other.test", lines=lines))
            assert answer is not None
            assert answer.status == 200
    return ours, bob


def test_our_user_calls_somebody_of_another_domain(world, phones) -> None:
    ours, bob = phones
    bob.start(callee_answers(), Party("bob", peer="1001", domain="other.test")).wait_listening()
    caller = AbroadScript("out", "other.test").invite_with_digest(describe()).provisional()
    caller.receive(200, rrs="true").acknowledge().pause(100).in_dialog("BYE").receive(200)
    ours.start(caller, party("1001", "bob")).finish()
    bob.finish()
    invite = bob.received("INVITE")[0]
    assert invite.startswith("INVITE sip:bob@")
    assert sum(world.office_host in line for line in invite.splitlines() if line.startswith("Record-Route:")) == 1
    assert "Proxy-Authorization" not in invite
    for method in ("ACK", "BYE"):
        assert bob.received(method)[0].count("\nVia:") == 3, method      # the phone, we, kamailio
    assert {"other.test NAPTR", "_sip._udp.other.test SRV", "kamailio.test A"} <= set(world.names.asked)


def test_somebody_of_another_domain_calls_our_user(world, phones) -> None:
    ours, bob = phones
    register_sipp(world.office, ours, "1002")
    ours.start(callee_answers(), party("1002", "bob")).wait_listening()
    caller = AbroadScript("in", "office.test").invite(describe()).provisional().receive(200, rrs="true")
    caller.acknowledge().pause(100).in_dialog("BYE").receive(200)
    bob.start(caller, Party("bob", peer="1002", domain="other.test")).finish()
    ours.finish()
    assert "From: <sip:bob@other.test>" in ours.received("INVITE")[0]
    calls = world.office.show("show calls all")
    assert isinstance(calls, list)
    assert "bob@other.test" in [call["caller"] for call in calls]


def test_callee_of_another_domain_hangs_up(world, phones) -> None:
    ours, bob = phones
    callee = Script("hangs up").receive_invite().respond(180, "Ringing").answer().receive("ACK").pause(100)
    bob.start(callee.bye_from_callee().receive(200), Party("bob", peer="1001", domain="other.test")).wait_listening()
    caller = AbroadScript("out", "other.test").invite_with_digest(describe()).provisional()
    ours.start(caller.receive(200, rrs="true").acknowledge().receive("BYE").confirm(), party("1001", "bob")).finish()
    bob.finish()


def send_through_other(world: World, uri: str, sender: str = "bob@other.test") -> SipMessage | None:
    """An INVITE as the other domain's server would send it, from its address."""
    with UdpPeer((world.office_host, 5060), world.other_host) as peer:
        user, _, domain = sender.partition("@")
        contact = f"Contact: <sip:{user}@{peer.hostport.decode()}>"    # RFC 3261 section 8.1.1.8
        return transact(peer, build_request(peer, "INVITE", uri, user=user, domain=domain, lines=(contact,)))


def test_another_domain_reaches_extensions_and_nothing_behind_us(world) -> None:
    for uri, sender, status in (("sip:999@office.test", "bob@other.test", 404),
                                ("sip:bob@plain.test", "bob@other.test", 407),
                                ("sip:1003@office.test", "bob@third.test", 407),
                                ("sip:1003@office.test", "1001@office.test", 407)):
        answer = send_through_other(world, uri, sender)
        assert answer is not None
        assert (uri, sender, answer.status) == (uri, sender, status)


def test_another_domain_is_a_stranger_where_nothing_is_said_of_it(new_server, network) -> None:
    with new_server() as closed, UdpPeer((closed.host, 5060), network.new_host()) as peer:
        answer = transact(peer, build_request(peer, "INVITE", "sip:1001@office.test", user="bob", domain="other.test"))
        assert answer is not None
        assert answer.status == 407


def test_reload_opens_the_door_and_changes_the_name_server(new_server, network) -> None:
    with new_server() as server, UdpPeer((server.host, 5060), network.new_host()) as peer, \
            NameServer(network.new_host(), "gate 60 IN A 127.0.0.9\n") as names:
        request = ("INVITE", "sip:1001@office.test")
        answer = transact(peer, build_request(peer, *request, user="bob", domain="other.test"))
        assert answer is not None
        assert answer.status == 407
        lines = f"set sip domain other.test source {peer.host}\nset system dns {names.address}\n"
        server.config.write_text(server.config.read_text() + lines)
        server.reload()
        wait_until(lambda: server.journal("configuration_loaded"), 3, "the configuration taken up")
        answer = transact(peer, build_request(peer, *request, user="bob", domain="other.test"))
        assert answer is not None
        assert answer.status == 480         # admitted; nobody is registered
        shown = server.show("show dns")
        assert isinstance(shown, dict)
        assert [one["address"] for one in shown["servers"]] == [names.address]


# raw callers: one request each

def call_out(world: World, peer: UdpPeer, uri: str, body: bytes = b"") -> bytes:
    """Send an INVITE of 1001 with credentials; what comes back is the caller's to read."""
    request = build_request(peer, "INVITE", uri, lines=(f"Contact: <sip:1001@{peer.hostport.decode()}>",), body=body)
    challenge = transact(peer, request)
    assert challenge is not None
    assert challenge.status == 407
    octets = authorize(request, challenge, "1001", SECRETS["1001"])
    peer.send(acknowledge(request, challenge))
    peer.send(octets)
    return octets


def acknowledge(request: bytes, response: SipMessage) -> bytes:
    head = request.split(b"\r\n\r\n")[0].replace(b"INVITE", b"ACK")
    lines = [line for line in head.split(b"\r\n") if not line.startswith((b"To:", b"Content-", b"Contact:"))]
    return b"\r\n".join([*lines, b"To: " + response.header(b"To"), b"Content-Length: 0"]) + b"\r\n\r\n"


def final(peer: UdpPeer, timeout_s: float = PATIENCE_S) -> SipMessage | None:
    end = time.monotonic() + timeout_s
    while (message := peer.receive(max(0.01, end - time.monotonic()))) is not None:
        if message.status >= 200:
            return message
    return None


def take_invite(server: UdpPeer, timeout_s: float = PATIENCE_S) -> SipMessage:
    message = server.receive(timeout_s)
    assert message is not None
    assert message.method == b"INVITE"
    return message


def respond_as(server: UdpPeer, world: World, request: SipMessage, status: int) -> None:
    server.socket.sendto(build_response(request, status, "X"), (world.office_host, 5060))


def test_503_of_the_first_server_leads_to_the_second(world, phones) -> None:
    with UdpPeer((world.office_host, 5060), world.network.new_host()) as peer:
        call_out(world, peer, "sip:nobody@twins.test")
        respond_as(world.first, world, take_invite(world.first), 503)
        answer = final(peer)
        assert answer is not None
        assert answer.status == 404         # of the kamailio, which is no server of twins.test
        assert b"office" not in answer.header(b"Server")
    drain(world.first)


def drain(peer: UdpPeer) -> None:
    while peer.receive(0.05) is not None:
        pass


def test_silent_first_server_is_joined_by_the_second_within_seconds(world, phones) -> None:
    with UdpPeer((world.office_host, 5060), world.network.new_host()) as peer:
        began = time.monotonic()
        call_out(world, peer, "sip:nobody@twins.test")
        answer = final(peer)
        assert answer is not None
        assert answer.status == 404
        assert SILENCE_S - 0.5 < time.monotonic() - began < TIMER_B_S / 2
    drain(world.first)


def test_large_request_falls_back_to_udp_where_tcp_is_refused(world) -> None:
    with UdpPeer((world.office_host, 5060), world.network.new_host()) as peer:
        began = time.monotonic()
        call_out(world, peer, f"sip:bob@plain.test:{world.first.port}", b"v" * 1400)
        request = take_invite(world.first)
        assert time.monotonic() - began < SILENCE_S
        assert b"SIP/2.0/UDP" in request.header(b"Via")
        respond_as(world.first, world, request, 486)
        answer = final(peer)
        assert answer is not None
        assert answer.status == 486
    drain(world.first)


def test_large_request_goes_by_tcp_where_the_other_side_takes_it(world, phones) -> None:
    _, bob = phones
    callee = Script("busy").receive("INVITE").respond(486, "Busy Here", is_retransmitted=True).receive("ACK")
    bob.start(callee, Party("bob", peer="1001", domain="other.test")).wait_listening()
    with UdpPeer((world.office_host, 5060), world.network.new_host()) as peer:
        call_out(world, peer, "sip:bob@other.test", b"v" * 1400)
        answer = final(peer)
        assert answer is not None
        assert answer.status == 486
    bob.finish()
    assert f"SIP/2.0/TCP {world.office_host}" in bob.received("INVITE")[0]


def test_domain_that_does_not_exist_is_404_at_once(world) -> None:
    with UdpPeer((world.office_host, 5060), world.network.new_host()) as peer:
        call_out(world, peer, "sip:bob@nowhere.test")
        answer = final(peer)
        assert answer is not None
        assert answer.status == 404


def test_dead_dns_ends_in_500_and_leaves_internal_calls_alone(world) -> None:
    host = world.network.new_host()
    with (UdpPeer((world.office_host, 5060), host) as peer, UdpPeer((world.office_host, 5060), host) as phone):
        register(phone, "1003", SECRETS["1003"])
        world.names.is_silent = True
        try:
            began, durations_s = time.monotonic(), []
            call_out(world, peer, "sip:bob@unheard.test")
            for _ in range(20):
                asked = time.monotonic()
                call_out(world, phone, "sip:1003@office.test")
                request = next_invite(phone)
                durations_s.append(time.monotonic() - asked)
                phone.send(build_response(request, 486, "Busy Here"))
                assert wait_status(phone, 486)
            answer = final(peer)
            assert answer is not None
            assert answer.status == 500
            assert time.monotonic() - began < TIMER_B_S / 2
            assert median(durations_s) < BUDGET_S / 2       # whoever waited for the DNS would have waited for all of it
        finally:
            world.names.is_silent = False


def next_invite(peer: UdpPeer) -> SipMessage:
    while (message := peer.receive()) is not None:
        if message.method == b"INVITE":
            return message
    raise AssertionError("no INVITE")


def wait_status(peer: UdpPeer, status: int) -> bool:
    while (message := peer.receive()) is not None:
        if message.status == status:
            return True
    return False


def test_console_shows_the_name_servers_and_what_is_remembered(world) -> None:
    with UdpPeer((world.office_host, 5060), world.network.new_host()) as peer:
        for domain in ("other.test", "nowhere.test"):
            call_out(world, peer, f"sip:nobody@{domain}")
            answer = final(peer)
            assert answer is not None
            assert answer.status == 404
    shown = world.office.show("show dns")
    assert isinstance(shown, dict)
    assert [one["address"] for one in shown["servers"]] == [world.names.address]
    names = {(one["name"], one["type"]): one for one in shown["answers"]}
    assert names["kamailio.test", "A"]["records"] == [world.other_host]
    assert names["kamailio.test", "A"]["outcome"] == "found"
    assert names["nowhere.test", "NAPTR"]["outcome"] == "absent"
