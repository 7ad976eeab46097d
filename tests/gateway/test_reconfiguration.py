# SPDX-License-Identifier: Apache-2.0
"""Another configuration while trunks are registered and calls go on."""

import pytest

from appliance.call.line import Refused
from appliance.gateway import assembly
from appliance.vocabulary.trunk_state import TrunkFault
from tests.call.virtual_house import HOUSE, House
from tests.gateway.test_carrier_profiles import HIKARI
from tests.gateway.virtual_gateway import CARRIER, OFFICE, configure, join_carrier

SECOND = """\
set trunk second listener wan
set trunk second registrar sip:198.51.100.1
set trunk second number 05099998888
"""


def test_a_trunk_that_stays_keeps_its_registration_and_its_calls():
    box, carrier = join_carrier()
    box.start()
    trunk = box.trunk()
    trunk.call_begins()
    changed = CARRIER.replace("did 0312345678 to 202", "did 0312345678 to 201") + "set trunk carrier channels 3\n"
    box.gateway.reconfigure(configure(OFFICE, changed), box.now)
    box.network.run(1)
    assert box.trunk() is trunk
    assert trunk.calls == 1
    assert trunk.configuration.channels == 3
    assert trunk.numbers.find_extension("0312345678") == b"201"
    assert len(carrier.registers) == 1
    assert trunk.link.is_up(box.now)


def test_a_trunk_that_is_gone_is_not_registered_any_more():
    box, carrier = join_carrier(CARRIER + SECOND)
    box.start()
    gone = box.trunk("second")
    box.gateway.reconfigure(configure(OFFICE, CARRIER), box.now)
    box.network.run(1)
    assert list(box.gateway.trunks) == ["carrier"]
    assert carrier.registers[-1].expires == 0
    assert carrier.registers[-1].to_uri == b"sip:05099998888@198.51.100.1"
    assert not gone.link.is_up(box.now)
    assert carrier.send_invite(box, b"sip:05099998888@203.0.113.5", source=(b"198.51.100.77", 5060)) is None


def test_a_trunk_that_is_new_registers():
    box, carrier = join_carrier()
    box.start()
    box.gateway.reconfigure(configure(OFFICE, CARRIER, SECOND), box.now)
    box.network.run(1)
    assert box.trunk("second").link.is_up(box.now)
    assert carrier.registers[-1].to_uri == b"sip:05099998888@198.51.100.1"


def test_another_account_is_another_attachment():
    box, carrier = join_carrier()
    box.start()
    before = box.trunk()
    box.gateway.reconfigure(configure(OFFICE, CARRIER.replace("05011112222", "05077776666")), box.now)
    box.network.run(1)
    assert box.trunk() is not before
    assert [(one.to_user, one.expires > 0) for one in carrier.registers] == [
        (b"05011112222", True), (b"05011112222", False), (b"05077776666", True)]


def test_another_address_of_ours_registers_at_once():
    box, carrier = join_carrier()
    box.start()
    box.gateway.renew(box.now)
    box.network.run(0.5)
    assert len(carrier.registers) == 2


def test_a_contact_without_a_word_of_its_own_is_taken_away_before_it_is_registered_anew():
    hikari = HIKARI.replace("did 0312340000 to 201", "did 0312340000 to 202")
    box, carrier = join_carrier(hikari)
    box.start()
    carrier.answers = [(500, b"")]      # the removal is refused: nobody waits for it
    box.gateway.reconfigure(configure(OFFICE, hikari, "set trunk hikari qualify 30\n"), box.now)
    box.network.run(1)
    assert [one.expires for one in carrier.registers] == [3600, 0, 3600]
    assert box.trunk("hikari").link.is_up(box.now)


def test_another_secret_is_another_binding_and_the_same_one_is_the_same_after_a_restart():
    first, carrier = join_carrier()
    again, other = join_carrier()
    for box in (first, again):
        box.start()
    assert carrier.registers[0].contact_uri == other.registers[0].contact_uri
    first.gateway.reconfigure(configure(OFFICE, CARRIER.replace("gw-secret", "gw-secret-2")), first.now)
    first.network.run(1)
    contacts = [one.contact_uri for one in carrier.registers]
    assert contacts[0] == contacts[1] != contacts[2]


NEW_LISTENER = "set sip listener dsl address 203.0.113.6\nset sip listener dsl side public\n"
WAITING = NEW_LISTENER + SECOND.replace("listener wan", "listener dsl") + "set route outside trunk second\n"


def states(box) -> dict:
    return {one.name: one for one in box.gateway.trunk_states(box.now)}


def test_a_trunk_whose_listener_is_not_open_yet_waits_for_the_restart_and_says_so():
    box, carrier = join_carrier()
    box.start()
    kept = box.trunk()
    box.gateway.reconfigure(configure(OFFICE, CARRIER, WAITING), box.now)
    box.network.run(1)
    assert list(box.gateway.trunks) == ["carrier"]
    assert box.trunk() is kept
    assert kept.link.is_up(box.now)
    waiting = states(box)["second"]
    assert (waiting.state, waiting.fault, waiting.reason) == (
        "down", TrunkFault.NOT_OPEN, "its listener has no address yet")
    assert box.journal.named("trunk_waits_for_address") == [{"trunk": "second", "listener": "dsl"}]
    assert len(carrier.registers) == 1
    assert any("second is left out" in line for line in box.gateway.explain_route("0312340000", "201", box.now))
    assert box.dial("0312340000")[0][0].line is kept


def test_what_could_only_be_called_by_a_trunk_that_waits_is_refused_with_the_reason():
    box, _ = join_carrier()
    box.start()
    only = WAITING.replace("route outside", "route more") + "set route more prefix 9\n"
    box.gateway.reconfigure(configure(OFFICE, CARRIER, only), box.now)
    refused = box.dial("9312340000")
    assert isinstance(refused, Refused)
    assert refused.reason == "trunk second: its listener has no address yet"


def test_a_trunk_that_waited_is_taken_up_once_its_listener_is_one_that_is_open():
    box, carrier = join_carrier()
    box.start()
    box.gateway.reconfigure(configure(OFFICE, CARRIER, WAITING), box.now)
    box.gateway.reconfigure(configure(OFFICE, CARRIER, WAITING.replace("trunk second listener dsl",
                                                                       "trunk second listener wan")), box.now)
    box.network.run(1)
    assert box.trunk("second").link.is_up(box.now)
    assert states(box)["second"].state == "up"
    assert carrier.registers[-1].to_uri == b"sip:05099998888@198.51.100.1"


def test_a_trunk_that_moves_to_a_listener_that_is_not_open_is_not_registered_any_more():
    box, carrier = join_carrier()
    box.start()
    moved = CARRIER.replace("carrier listener wan", "carrier listener dsl")
    box.gateway.reconfigure(configure(OFFICE, moved, NEW_LISTENER), box.now)
    box.network.run(1)
    assert not box.gateway.trunks
    assert carrier.registers[-1].expires == 0
    box.gateway.reconfigure(configure(OFFICE, CARRIER), box.now)
    box.network.run(1)
    assert box.trunk().link.is_up(box.now)


def test_a_trunk_that_cannot_be_built_changes_nothing(monkeypatch):
    box, carrier = join_carrier()
    box.start()
    gateway = box.gateway
    before = (gateway.trunks, gateway.router, box.trunk().configuration, states(box))

    def fail(*_arguments: object) -> None:
        raise ArithmeticError
    monkeypatch.setattr(assembly, "write_server_uri", fail)
    changed = configure(OFFICE, CARRIER + "set trunk carrier channels 2\n", SECOND)
    with pytest.raises(ArithmeticError):
        gateway.reconfigure(changed, box.now)
    assert (gateway.trunks, gateway.router, box.trunk().configuration, states(box)) == before
    monkeypatch.undo()
    gateway.reconfigure(changed, box.now)
    box.network.run(1)
    assert box.trunk("second").link.is_up(box.now)
    assert box.trunk().configuration.channels == 2
    assert len(carrier.registers) == 2


EAST = "set trunk east channels 1\nset trunk east emergency true\nset route eighth prefix 8\n" \
       "set route eighth strip 1\nset route eighth trunk east\n"


def test_calls_are_counted_on_the_trunk_of_the_name_however_it_is_attached_meanwhile():
    house = House(EAST)
    talking, _ = house.talk(house.desks["202"], "80312345678", house.carriers["east"])
    before = house.gateway.trunks["east"]
    changed = (HOUSE + EAST).replace("east number 05011112222", "east number 05011112223")
    house.gateway.reconfigure(configure(changed), house.now)
    house.calls.services.router = house.gateway.router
    after = house.gateway.trunks["east"]
    assert after is not before
    assert after.calls == 1
    assert after.is_full
    refused = house.desks["203"].dial("80312345678")
    house.run()
    assert not refused.is_confirmed
    urgent = house.desks["201"].dial("110")
    house.run()
    assert urgent.is_confirmed
    assert talking.is_over      # it was on this line's only channel
    urgent.hang_up(house.now)
    house.run(40)
    assert after.calls == 0


def test_calls_of_a_trunk_that_was_away_for_a_while_still_count():
    box, _ = join_carrier()
    box.start()
    box.trunk().call_begins()
    lost = box.trunk()
    box.gateway.reconfigure(configure(OFFICE, "set emergency none\n"), box.now)
    box.gateway.reconfigure(configure(OFFICE, CARRIER), box.now)
    assert box.trunk().calls == 1
    lost.call_ends()
    assert box.trunk().calls == 0
