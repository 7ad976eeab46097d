# SPDX-License-Identifier: Apache-2.0
"""Trunks that come with SIGHUP, with and without a listener of their own; what a full trunk leaves behind."""

import contextlib
from dataclasses import replace

import pytest

from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import Account, CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.gateway import DESKS, OFFICE_NUMBER, Gateway, route_lines, trunk_lines
from tests.interop.network import wait_until

pytestmark = pytest.mark.ours


@pytest.fixture
def place(network, tmp_path):
    """A carrier that challenges nobody, and what builds a gateway from lines."""
    with contextlib.ExitStack() as stack:
        carrier = stack.enter_context(CarrierEmulator(replace(GENERIC, has_digest=False), network.new_host(),
                                                      account=Account(OFFICE_NUMBER)))

        def build(*lines: str) -> Gateway:
            return stack.enter_context(Gateway(tmp_path / "gateway", network, lines))

        def add_phone(gateway: Gateway) -> DeskPhone:
            phone = stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060), Desk("201", DESKS["201"])))
            phone.register()
            return phone
        yield carrier, build, add_phone


def states(gateway: Gateway) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["state"], row["reason"]) for row in gateway.show("show trunks")}


def test_a_trunk_comes_with_a_listener_of_its_own_and_goes_with_it(place, network):
    carrier, build, add_phone = place
    gateway = build()
    phone = add_phone(gateway)
    before, dsl = gateway.config.read_text(), network.new_host()
    lines = [f"set sip listener dsl address {dsl}", "set sip listener dsl side public",
             *(line.replace("listener wan", "listener dsl") for line in trunk_lines("carrier", carrier)),
             *route_lines("carrier")]
    gateway.config.write_text(before + "\n".join(lines) + "\n")
    gateway.reload()
    carrier.wait_registered()
    assert dsl in carrier.contact
    wait_until(lambda: states(gateway)["carrier"][0] == "up", 20, "the trunk is up")
    first = phone.dial("0312345678")
    assert first.wait_status() == 200

    gateway.config.write_text(before + "\n".join([*trunk_lines("carrier", carrier), *route_lines("carrier")]) + "\n")
    gateway.reload()        # the same trunk, on another listener; its own goes, and so does what passes by it
    first.wait_over()
    carrier.wait_call().wait_over()
    wait_until(lambda: gateway.outside in carrier.contact, 20, "registered from there")
    wait_until(lambda: states(gateway)["carrier"][0] == "up", 20, "the trunk is up again")
    call = phone.dial("0312345678")
    assert call.wait_status() == 200

    gateway.config.write_text(before)
    gateway.reload()
    wait_until(lambda: not carrier.is_registered, 20, "the binding is taken away")
    assert states(gateway) == {}
    call.bye()
    gateway.wait_no_calls()
    assert not [one for one in gateway.journal() if "error" in one["event"]]


def test_a_call_from_outside_that_finds_no_channel_can_be_explained(place):
    carrier, build, add_phone = place
    gateway = build("set trunk one listener wan", f"set trunk one peer {carrier.hostport}",
                    f"set trunk one number {OFFICE_NUMBER}", f"set trunk one did {OFFICE_NUMBER} to 201",
                    "set trunk one channels 1", *route_lines("one"))
    phone = add_phone(gateway)
    talking = phone.dial("0312345678")
    assert talking.wait_status() == 200
    refused = carrier.call(OFFICE_NUMBER, contact=f"sip:x@{gateway.outside}:5060")
    assert refused.wait_status() == 486

    def find_record():
        return [row for row in gateway.show("show calls all") if row["dialled"] == OFFICE_NUMBER]
    wait_until(find_record, 20, "a record of the call that was refused")
    number = find_record()[0]["number"]
    assert "every channel of trunk one was in use" in gateway.console(f"explain call {number}").stdout
    talking.bye()
    gateway.wait_no_calls()
