# SPDX-License-Identifier: Apache-2.0
"""Twenty calls, inside and over a trunk, when the call server or its relay is killed under them: who talks hears no
gap, and afterwards everything works from either side."""

import contextlib
import os
import re
import signal
import sqlite3
import struct
import threading
import time

import pytest

from tests.interop.carrier_emulator.call import EmulatedCall
from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.carrier_emulator.letters import write_session
from tests.interop.gateway import ACCOUNT, DESKS, Gateway, route_lines, trunk_lines
from tests.interop.network import PATIENCE_S, wait_until
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
from tests.interop.server import SECRETS, Server
from tests.interop.test_kept_calls import receive_request
from tests.interop.test_media_survival import ask_sessions, relays

pytestmark = pytest.mark.ours
CALLS = 20
STEP_S = 0.05
OUTSIDE_NUMBER = "0312345678"
INSTANCE = ';reg-id=1;+sip.instance="<urn:uuid:0ab9bd22-3ae8-4b8e-a4d0-5b1f7c2b4d11>"'
SESSION_LINE = "Content-Type: application/sdp"


class Talk:
    """Everybody in these calls speaks all the time, a packet every STEP_S, while the context lasts."""

    def __init__(self, calls: list[tuple[EmulatedCall, EmulatedCall]]) -> None:
        self.voices = [one.voice for pair in calls for one in pair]
        self._is_wanted = True
        self._thread = threading.Thread(target=self._speak, name="talk", daemon=True)

    def __enter__(self) -> "Talk":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_wanted = False
        self._thread.join(PATIENCE_S)

    def _speak(self) -> None:
        while self._is_wanted:
            began = time.monotonic()
            for voice in self.voices:
                with contextlib.suppress(ConnectionRefusedError):
                    voice.speak(1)
            time.sleep(max(0.0, began + STEP_S - time.monotonic()))

    def wait_heard(self, count: int = 10) -> None:
        """So many packets more for everybody."""
        before = [len(voice.heard) for voice in self.voices]
        wait_until(lambda: all(len(voice.heard) >= had + count
                               for voice, had in zip(self.voices, before, strict=True)), PATIENCE_S, "all voices")


def missing(voice, since: int = 0) -> list[int]:
    """Sequence numbers that never came, between the first and the last one that did."""
    numbers = [struct.unpack_from("!H", octets, 2)[0] for _source, octets in voice.heard[since:]]
    return sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))


class House:
    """gateway with a carrier and two telephones; calls: (who called, who was called), by the number of the call."""

    def __init__(self, gateway: Gateway, carrier: CarrierEmulator, phones: tuple[DeskPhone, DeskPhone]) -> None:
        self.gateway, self.carrier, self.phones = gateway, carrier, phones
        self.calls: list[tuple[EmulatedCall, EmulatedCall]] = []

    def connect(self, number: str, called: CarrierEmulator) -> None:
        before = len(called.calls)
        mine = self.phones[0].dial(number)
        assert mine.wait_status() == 200
        theirs = wait_until(lambda: called.calls[before:], PATIENCE_S, "the call")[0]
        theirs.wait(lambda call: call.is_acked, "the ACK")
        self.calls.append((mine, theirs))

    def wait_ringing(self, calling: EmulatedCall) -> EmulatedCall:
        """The last call to the second telephone, which is to ring it."""
        talking = {theirs for _mine, theirs in self.calls}
        called = wait_until(lambda: [one for one in self.phones[1].calls if one not in talking], PATIENCE_S, "it")[0]
        called.ring()
        calling.wait(lambda call: 180 in call.statuses(b"INVITE"), "the ringing")
        return called

    def show(self) -> list[tuple[object, ...]]:
        return [(row["number"], row["state"], row["caller"], row["callee"]) for row in self.gateway.show("show calls")]

    def count_invites(self) -> int:
        return sum(one.count(b"INVITE") for pair in self.calls for one in pair)


@pytest.fixture
def house(network, tmp_path):
    with contextlib.ExitStack() as stack:
        carrier = stack.enter_context(CarrierEmulator(GENERIC, network.new_host(), account=ACCOUNT))
        gateway = stack.enter_context(Gateway(tmp_path / "gateway", network, [
            *trunk_lines("carrier", carrier), *route_lines("carrier")]))
        phones = tuple(stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060), Desk(user, secret)))
                       for user, secret in DESKS.items())
        for phone in phones:
            phone.register()
        carrier.wait_registered()
        house = House(gateway, carrier, phones)
        for number in range(CALLS):
            if number % 2:
                house.connect(OUTSIDE_NUMBER, carrier)
            else:
                house.connect("202", phones[1])
        yield house


def read_records(house: House) -> dict[int, dict[str, object]]:
    """By number."""
    return {row["number"]: row for row in house.gateway.show("show records 100")}


@pytest.mark.parametrize("whole_group", [False, True], ids=["process", "group"])
def test_twenty_calls_outlive_kill_9_of_the_call_server(house, whole_group):
    gateway = house.gateway
    house.phones[1].answers_by_itself = False
    ringing = house.phones[0].dial("202")               # nobody will ever answer this one
    house.wait_ringing(ringing)
    with Talk(house.calls) as talk:
        talk.wait_heard()
        wait_written(gateway, CALLS)
        before, invites = house.show(), house.count_invites()
        assert len(before) == CALLS + 1
        if whole_group:
            os.killpg(gateway.process.pid, signal.SIGKILL)
            gateway.process.wait(PATIENCE_S)
        else:
            gateway.kill()
        talk.wait_heard()                               # without any call server
        gateway.start()
        assert house.show() == before[:CALLS]
        talk.wait_heard()
    assert [len(missing(voice)) for voice in talk.voices] == [0] * len(talk.voices)
    assert house.count_invites() == invites
    assert len(ask_sessions(gateway)) == CALLS          # that of the call that rang is closed
    ringing.is_over = True
    for number, (caller, callee) in enumerate(house.calls):
        one, other = (caller, callee) if number % 4 < 2 else (callee, caller)
        asked = other.count(b"INVITE")
        one.reinvite("sendonly")
        one.wait(lambda call: call.is_answered_again(1), "hold")
        one.reinvite()
        one.wait(lambda call: call.is_answered_again(2), "resume")
        assert other.count(b"INVITE") == asked + 2
        other.bye()
        one.wait_over()
    wait_until(lambda: house.show() == [], PATIENCE_S, "all calls over")
    records = wait_until(lambda: len(read_records(house)) == CALLS and read_records(house), PATIENCE_S, "records")
    for number, (place, row) in enumerate(sorted(records.items())):
        assert place == before[number][0]
        assert (row["result"], row["ended_by"]) == ("answered", "callee" if number % 4 < 2 else "caller")
        assert row["started_at"] <= row["answered_at"] < row["ended_at"]
    wait_until(lambda: ask_sessions(gateway) == {}, PATIENCE_S, "no session left")


def test_twenty_calls_get_media_again_when_the_relay_is_killed(house):
    gateway = house.gateway
    with Talk(house.calls) as talk:
        talk.wait_heard()
        house.phones[1].answers_by_itself = False
        calling = house.phones[0].dial("202")           # nobody has answered this one yet
        called = house.wait_ringing(calling)
        sessions = set(ask_sessions(gateway))
        os.kill(relays(gateway)[-1], signal.SIGKILL)
        killed_at = time.monotonic()
        wait_until(lambda: len(set(ask_again(gateway)) - sessions) == CALLS, PATIENCE_S, "new sessions")
        talk.wait_heard()
        assert time.monotonic() - killed_at < PATIENCE_S
        called.answer()
        assert calling.wait_status() == 200
        house.calls.append((calling, called))
        wait_until(lambda: len(set(ask_again(gateway)) - sessions) == CALLS + 1, PATIENCE_S, "its session")
    with Talk(house.calls[-1:]) as talk:
        talk.wait_heard()
    assert len(house.show()) == CALLS + 1
    for caller, callee in house.calls:
        callee.bye()
        caller.wait_over()
    wait_until(lambda: house.show() == [], PATIENCE_S, "all calls over")
    wait_until(lambda: ask_sessions(gateway) == {}, PATIENCE_S, "no session left")


def test_twenty_calls_get_media_again_when_the_call_server_and_the_relay_are_killed_together(house):
    gateway = house.gateway
    with Talk(house.calls) as talk:
        talk.wait_heard()
        wait_written(gateway, CALLS)
        before = house.show()
        relay = relays(gateway)[-1]
        gateway.kill()
        os.kill(relay, signal.SIGKILL)
        gateway.start()
        assert house.show() == before
        talk.wait_heard()
    for caller, callee in house.calls:
        callee.bye()
        caller.wait_over()
    wait_until(lambda: house.show() == [], PATIENCE_S, "all calls over")


def test_sigterm_says_bye_to_two_hundred_calls_within_five_seconds(house):
    for _number in range(200 - CALLS):
        house.connect("202", house.phones[1])
    assert len(house.show()) == 200
    house.gateway.stop(5)
    for pair in house.calls:
        for one in pair:
            one.wait_over()
            assert one.count(b"BYE") == 1
    house.gateway.start()
    assert house.show() == []
    records = house.gateway.show("show records 300")
    assert len(records) == 200
    assert {(row["result"], row["ended_by"]) for row in records} == {("answered", "server")}


def test_a_telephone_on_a_connection_registers_again_and_hears_of_the_end(new_server, network):
    server, host = new_server(), network.new_host()
    server.config.write_text(server.config.read_text().replace("set sip role proxy\n", ""))
    address = server.host, server.port
    with server, UdpPeer(address, network.new_host()) as caller:
        with TcpPeer(address, host) as callee:
            contact = f"sip:1002@{callee.hostport.decode()};transport=tcp"
            register(callee, "1002", SECRETS["1002"], contact=f"<{contact}>{INSTANCE}")
            request = build_request(caller, "INVITE", "sip:1002@office.test", body=write_session(caller.host, 4000),
                                    lines=(f"Contact: <sip:1001@{caller.hostport.decode()}>", SESSION_LINE))
            caller.send(authorize(request, transact(caller, request), "1001", SECRETS["1001"]))
            invite = receive_request(callee, b"INVITE")
            octets = build_response(invite, 200, "OK", contact=contact, body=write_session(callee.host, 4002))
            callee.send(octets.replace(b"\r\nContent-Length", f"\r\n{SESSION_LINE}\r\nContent-Length".encode(), 1))
            receive_request(callee, b"ACK")
            answer = caller.receive()
            while answer.status != 200:
                answer = caller.receive()
            caller.send(build_in_dialog(caller, answer, "ACK"))
            wait_written(server, 1)
            server.kill()
        server.start()
        assert len(server.show("show calls")) == 1
        with TcpPeer(address, host) as again:
            register(again, "1002", SECRETS["1002"],
                     contact=f"<sip:1002@{again.hostport.decode()};transport=tcp>{INSTANCE}")
            caller.send(build_in_dialog(caller, answer, "BYE"))
            bye = receive_request(again, b"BYE")
            assert bye.header(b"Call-ID") == invite.header(b"Call-ID")
            again.send(build_response(bye, 200, "OK"))
            wait_until(lambda: server.show("show calls") == [], PATIENCE_S, "the end of the call")


def build_in_dialog(peer: UdpPeer, answer: SipMessage, method: str) -> bytes:
    """RFC 3261 12.2.1.1, for whoever called."""
    target = answer.header(b"Contact").strip(b"<>").decode()
    number = int(answer.header(b"CSeq").split()[0]) + (method != "ACK")
    request = build_request(peer, method, target, cseq=number, call_id=answer.header(b"Call-ID").decode())
    request = re.sub(rb"\r\nFrom: [^\r]*", lambda _: b"\r\nFrom: " + answer.header(b"From"), request)
    return re.sub(rb"\r\nTo: [^\r]*", lambda _: b"\r\nTo: " + answer.header(b"To"), request)


def wait_written(server: Server, calls: int) -> None:
    """So many calls are on disk, for whoever opens the file next."""
    def are_there() -> bool:
        with contextlib.closing(sqlite3.connect(f"file:{server.state}/kept_calls.sqlite?mode=ro", uri=True)) as file:
            return file.execute("SELECT count(*) FROM kept_calls").fetchone() == (calls,)
    wait_until(are_there, PATIENCE_S, f"{calls} calls on disk")


def ask_again(gateway: Gateway) -> dict[str, list[list[object]]]:
    """As ask_sessions; nothing while there is no relay."""
    try:
        return ask_sessions(gateway)
    except OSError:
        return {}
