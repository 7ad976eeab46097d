# SPDX-License-Identifier: Apache-2.0
"""Transfers that the server itself carries out (RFC 5589, as a B2BUA): telephones of three makes, and a carrier."""

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from tests.interop.baresip import Account, Baresip
from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.gateway import ACCOUNT, DESKS, OFFICE_NUMBER, Gateway, find_private, route_lines, trunk_lines
from tests.interop.network import wait_until
from tests.interop.office import clear_bindings, party, register_sipp, require
from tests.interop.pjsip import ACTIVE, LOCAL_HOLD, REMOTE_HOLD, Pjsip, require_pjsip
from tests.interop.pjsip_sound import likeness_of_pieces
from tests.interop.server import DOMAIN, SECRETS, Server
from tests.interop.sipp_script import Script, describe
from tests.interop.sound import write_babble, write_chirp
from tests.interop.state_files import wait_rows

pytestmark = pytest.mark.ours
TALK_S = 1.7
ALIKE = 0.95


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voices")
    return {"chirp": write_chirp(folder / "chirp.wav"), "babble": write_babble(folder / "babble.wav"),
            "other": write_babble(folder / "other.wav", seed=5)}


@pytest.fixture(scope="module")
def carrying(network, tmp_path_factory) -> Iterator[Server]:
    """A server that carries its calls itself."""
    server = Server(tmp_path_factory.mktemp("carrying"), network.new_host())
    server.config.write_text(server.config.read_text().replace("set sip role proxy\n", "set sip role b2bua\n"))
    with server:
        yield server


@pytest.fixture
def new_phone(network, carrying, tmp_path, voices) -> Callable[..., Pjsip]:
    require_pjsip()

    def make(user: str, voice: str) -> Pjsip:
        account = {"user": user, "secret": SECRETS[user], "server": f"{carrying.host}:{carrying.port}",
                   "domain": DOMAIN, "transport": "udp"}
        return Pjsip(network, tmp_path / f"{user}-{time.monotonic_ns()}", account, voices[voice])
    return make


@pytest.fixture
def three(new_phone) -> Iterator[tuple[Pjsip, Pjsip, Pjsip]]:
    """Customer, clerk and boss, registered."""
    with (new_phone("1001", "chirp") as customer, new_phone("1002", "babble") as clerk,
          new_phone("1003", "other") as boss):
        for phone in (customer, clerk, boss):
            phone.wait_registered()
        yield customer, clerk, boss


def connect(caller: Pjsip, callee: Pjsip) -> tuple[int, int]:
    calling = caller.dial(callee.user)
    called = callee.wait_incoming()
    callee.answer(called)
    caller.wait_confirmed(calling)
    callee.wait_confirmed(called)
    return calling, called


def put_on_hold(clerk: Pjsip, call: int, customer: Pjsip) -> None:
    customer.wait("media", status=ACTIVE)
    clerk.hold(call)
    clerk.wait("media", status=LOCAL_HOLD)
    customer.wait("media", status=REMOTE_HOLD)


def wait_no_calls(server: Server) -> None:
    wait_until(lambda: server.show("show calls") == [], 20, "no call left at the server")


def test_a_blind_transfer_by_pjsip_joins_customer_and_boss(three, carrying, voices):
    customer, clerk, boss = three
    first, answered = connect(customer, clerk)
    put_on_hold(clerk, answered, customer)
    clerk.transfer(answered, "1003")
    offered = boss.wait_incoming()
    boss.answer(offered)
    boss.wait_confirmed(offered)
    clerk.wait("transfer", code=200, final=True)
    clerk.wait_ended(answered)
    customer.wait("media", status=ACTIVE)
    time.sleep(TALK_S)
    boss.hang_up(offered)
    customer.wait_ended(first)
    boss.wait_ended(offered)
    assert not [event for event in customer.events if event["event"] == "refer"], "REFER went on to another leg"
    assert likeness_of_pieces(voices["chirp"], boss.heard()[-1]) > ALIKE
    assert likeness_of_pieces(voices["other"], customer.heard()[-1]) > ALIKE
    wait_no_calls(carrying)


def test_an_attended_transfer_by_pjsip_joins_customer_and_boss(three, carrying, voices):
    customer, clerk, boss = three
    first, answered = connect(customer, clerk)
    put_on_hold(clerk, answered, customer)
    asking, asked = connect(clerk, boss)
    put_on_hold(clerk, asking, boss)
    clerk.transfer_to_call(answered, asking)
    clerk.wait("transfer", code=200, final=True)
    clerk.wait_ended(answered)
    clerk.wait_ended(asking)
    customer.wait("media", status=ACTIVE)
    boss.wait("media", status=ACTIVE)
    time.sleep(TALK_S)
    customer.hang_up(first)
    boss.wait_ended(asked)
    assert likeness_of_pieces(voices["chirp"], boss.heard()[-1]) > ALIKE
    assert likeness_of_pieces(voices["other"], customer.heard()[-1]) > ALIKE
    wait_no_calls(carrying)


def test_a_consultation_that_still_rings_is_transferred_by_pjsip(three, carrying):
    customer, clerk, boss = three
    first, answered = connect(customer, clerk)
    put_on_hold(clerk, answered, customer)
    asking = clerk.dial("1003")
    offered = boss.wait_incoming()
    clerk.wait("call", call=asking, state="EARLY")
    clerk.transfer_to_call(answered, asking)
    clerk.wait("transfer", code=180)
    boss.answer(offered)
    clerk.wait("transfer", code=200, final=True)
    clerk.wait_ended(answered)
    clerk.wait_ended(asking)
    customer.wait("media", status=ACTIVE)
    boss.wait_confirmed(offered)
    boss.hang_up(offered)
    customer.wait_ended(first)
    wait_no_calls(carrying)


def test_a_refused_transfer_gives_pjsip_its_call_back(three, carrying, voices):
    customer, clerk, boss = three
    first, answered = connect(customer, clerk)
    put_on_hold(clerk, answered, customer)
    clerk.transfer(answered, "1003")
    boss.hang_up(boss.wait_incoming())
    assert clerk.wait("transfer", final=True)["code"] // 100 in (4, 6)
    clerk.resume(answered)
    clerk.wait("media", status=ACTIVE)
    customer.wait("media", status=ACTIVE)
    time.sleep(TALK_S)
    clerk.hang_up(answered)
    customer.wait_ended(first)
    assert likeness_of_pieces(voices["babble"], customer.heard()[-1]) > ALIKE
    assert likeness_of_pieces(voices["chirp"], clerk.heard()[-1]) > ALIKE
    wait_no_calls(carrying)


def test_a_ringing_call_is_picked_up_by_the_star_code(three, carrying, voices):
    customer, clerk, boss = three
    first = customer.dial("1002")
    ringing = clerk.wait_incoming()
    customer.wait("call", call=first, state="EARLY")
    taken = boss.dial("*81002")
    boss.wait_confirmed(taken)
    customer.wait_confirmed(first)
    clerk.wait_ended(ringing)
    time.sleep(TALK_S)
    customer.hang_up(first)
    boss.wait_ended(taken)
    assert likeness_of_pieces(voices["chirp"], boss.heard()[-1]) > ALIKE
    assert likeness_of_pieces(voices["other"], customer.heard()[-1]) > ALIKE
    wait_no_calls(carrying)


def test_calls_taken_up_after_a_crash_are_transferred(three, carrying, voices):
    """Blind and attended, with dialogs that another process has made."""
    customer, clerk, boss = three
    first, answered = connect(customer, clerk)
    put_on_hold(clerk, answered, customer)
    asking, asked = connect(clerk, boss)
    put_on_hold(clerk, asking, boss)
    wait_until(lambda: len(carrying.show("show calls")) == 2, 10, "both calls")
    wait_rows(carrying.state, "kept_calls", 2)
    carrying.kill()
    carrying.start()
    assert len(carrying.show("show calls")) == 2
    clerk.transfer_to_call(answered, asking)
    clerk.wait("transfer", code=200, final=True)
    clerk.wait_ended(answered)
    clerk.wait_ended(asking)
    customer.wait("media", status=ACTIVE)
    boss.wait("media", status=ACTIVE)
    time.sleep(TALK_S)
    carrying.kill()
    carrying.start()
    assert len(carrying.show("show calls")) == 1
    customer.hang_up(first)
    boss.wait_ended(asked)
    assert likeness_of_pieces(voices["chirp"], boss.heard()[-1]) > ALIKE
    assert likeness_of_pieces(voices["other"], customer.heard()[-1]) > ALIKE
    wait_no_calls(carrying)


@pytest.fixture
def new_baresip(network, carrying, tmp_path, voices) -> Callable[[str, str], Baresip]:
    require("baresip")
    return lambda user, voice: Baresip(network, tmp_path / f"baresip-{user}", Account(
        user, SECRETS[user], f"{carrying.host}:{carrying.port}"), voices[voice])


def test_a_blind_transfer_by_baresip_joins_phones_of_two_makes(new_phone, new_baresip, carrying, voices):
    with (new_phone("1004", "chirp") as customer, new_baresip("1005", "babble") as clerk,
          new_baresip("1006", "other") as boss):
        customer.wait_registered()
        for phone in (clerk, boss):
            phone.wait_registered()
        first = customer.dial("1005")
        clerk.wait("CALL_INCOMING")
        clerk.answer()
        customer.wait_confirmed(first)
        clerk.wait("CALL_ESTABLISHED")
        clerk.hold()
        customer.wait("media", status=REMOTE_HOLD)
        clerk.command("transfer", f"sip:1006@{DOMAIN}")
        boss.wait("CALL_INCOMING")
        boss.answer()
        boss.wait("CALL_ESTABLISHED")
        clerk.wait("CALL_CLOSED")
        customer.wait("media", status=ACTIVE)
        time.sleep(TALK_S)
        customer.hang_up(first)
        boss.wait("CALL_CLOSED")
        assert likeness_of_pieces(voices["other"], customer.heard()[-1]) > ALIKE
    assert likeness_of_pieces(voices["chirp"], boss.heard()) > ALIKE
    wait_no_calls(carrying)


def test_sipp_hears_of_its_transfer_before_it_is_let_go(carrying, new_sipp, network):
    """REFER, 202, NOTIFY 100, NOTIFY 200, each answered, and then our BYE (RFC 5589 6.1)."""
    clear_bindings(carrying, network, "1007", "1008")
    refer = Script("transferor").invite_with_digest(describe()).provisional().receive(200, rrs="true").acknowledge()
    refer.pause(100)
    refer.cseq += 1
    refer.send(refer.request("REFER", "[next_url]", to="<sip:[peer]@[domain]>[peer_tag_param]", extra=(
        "[routes]", "Refer-To: <sip:1008@office.test>")), is_retransmitted=True).receive(202)
    refer.receive("NOTIFY", checks={"Event": "refer", "Subscription-State": "active"}).confirm()
    refer.receive("NOTIFY", checks={"Subscription-State": "terminated"}).confirm().receive("BYE").confirm()
    moved = Script("moved, left alone").receive("INVITE", rrs="true").respond(180, "Ringing").answer().receive("ACK")
    moved.receive("BYE").confirm()
    target = Script("target").receive_invite().answer().receive("ACK").pause(300).bye_from_callee().receive(200)
    phones = [new_sipp(carrying) for _ in range(3)]
    for phone, user, script in zip(phones, ("1007", "1008", "1001"), (moved, target, refer), strict=True):
        if user != "1001":
            register_sipp(carrying, phone, user)
            phone.start(script, party(user, "1001")).wait_listening()
    phones[2].start(refer, party("1001", "1007"))
    for phone in reversed(phones):
        phone.finish()
    wait_no_calls(carrying)


class Ground:
    """A gateway with one carrier and two desks."""

    def __init__(self, gateway: Gateway, carrier: CarrierEmulator, desks: dict[str, DeskPhone]) -> None:
        self.gateway, self.carrier, self.desks = gateway, carrier, desks

    def hear_one_another(self, one, other) -> None:
        for speaker, hearer in ((one, other), (other, one)):
            before = len(hearer.voice.heard)

            def is_heard(speaker=speaker, hearer=hearer, before=before) -> bool:
                speaker.voice.speak(3)
                return len(hearer.voice.heard) > before
            wait_until(is_heard, 10, "voice")


@pytest.fixture
def ground(network, tmp_path) -> Iterator[Ground]:
    with contextlib.ExitStack() as stack:
        carrier = stack.enter_context(CarrierEmulator(GENERIC, network.new_host(), account=ACCOUNT))
        gateway = stack.enter_context(Gateway(tmp_path / "gateway", network, [
            *trunk_lines("carrier", carrier), *route_lines("carrier")]))
        desks = {}
        for number, secret in DESKS.items():
            desks[number] = stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060),
                                                          Desk(number, secret)))
            desks[number].register()
        carrier.wait_registered()
        yield Ground(gateway, carrier, desks)


def refer_to(number: str) -> tuple[tuple[str, str], ...]:
    return (("Refer-To", f"<sip:{number}@{DOMAIN}>"), ("Referred-By", f"<sip:201@{DOMAIN}>"))


def test_a_caller_of_the_carrier_is_transferred_to_a_phone_and_the_carrier_hears_of_no_refer(ground):
    outside = ground.carrier.call(OFFICE_NUMBER)
    assert outside.wait_status() == 200
    clerk = ground.desks["201"].wait_call()
    clerk.wait(lambda call: call.is_acked, "the ACK")
    clerk.send("REFER", refer_to("202"))
    boss = ground.desks["202"].wait_call()
    clerk.wait_over()
    ground.hear_one_another(outside, boss)
    boss.bye()
    outside.wait_over()
    ground.gateway.wait_no_calls()
    assert ground.carrier.seen(b"REFER") == []
    assert ground.carrier.seen(b"NOTIFY") == []
    assert find_private(ground.carrier, ground.gateway) == []
    record = wait_until(lambda: ground.gateway.show("show records"), 10, "the record")[0]
    assert record["callee"] == "202"


def test_a_phone_is_transferred_to_somebody_outside_and_the_transferor_is_free(ground):
    inside = ground.desks["202"].dial("201")
    assert inside.wait_status() == 200
    clerk = ground.desks["201"].wait_call()
    clerk.wait(lambda call: call.is_acked, "the ACK")
    clerk.send("REFER", refer_to("0312345678"))
    outside = ground.carrier.wait_call()
    clerk.wait_over()
    ground.hear_one_another(outside, inside)
    inside.bye()
    outside.wait_over()
    ground.gateway.wait_no_calls()
    assert find_private(ground.carrier, ground.gateway) == []


def test_a_carrier_that_sends_refer_is_refused(ground):
    outside = ground.carrier.call(OFFICE_NUMBER)
    assert outside.wait_status() == 200
    inside = ground.desks["201"].wait_call()
    inside.wait(lambda call: call.is_acked, "the ACK")
    outside.send("REFER", refer_to("202"))
    outside.wait(lambda call: call.statuses(b"REFER") == [405], "the refusal")
    ground.hear_one_another(outside, inside)
    outside.bye()
    inside.wait_over()
    ground.gateway.wait_no_calls()
