# SPDX-License-Identifier: Apache-2.0
"""Another configuration while trunks are registered and calls go on."""

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
