# SPDX-License-Identifier: Apache-2.0
"""Calls to and from another domain, a kamailio, in the role b2bua: each side sees our addresses, never the other's."""

from collections.abc import Callable, Iterator

import pytest

from tests.interop.network import LoopbackNetwork, wait_until
from tests.interop.office import party, register_sipp
from tests.interop.raw_sip import UdpPeer
from tests.interop.sipp import Party, Sipp
from tests.interop.sipp_script import Script, describe
from tests.interop.test_calls import callee_answers
from tests.interop.test_other_domain import AbroadScript, World, call_out, final, make_phones, open_world

pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def world(network: LoopbackNetwork, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(network, tmp_path_factory.mktemp("carried"), "b2bua") as made:
        yield made


@pytest.fixture
def phones(world: World, new_sipp: Callable[..., Sipp]) -> tuple[Sipp, Sipp]:
    return make_phones(world, new_sipp)


def test_our_user_calls_out_and_is_not_seen_there(world, phones) -> None:
    ours, bob = phones
    bob.start(callee_answers(), Party("bob", peer="1001", domain="other.test")).wait_listening()
    caller = AbroadScript("out", "other.test").invite_with_digest(describe()).provisional()
    caller.receive(200, rrs="true").acknowledge().pause(100).in_dialog("BYE").receive(200)
    ours.start(caller, party("1001", "bob")).finish()
    bob.finish()
    for method in ("INVITE", "ACK", "BYE"):
        text = bob.received(method)[0]
        assert ours.host not in text, method
        assert text.count("\nVia:") == 2, method        # we, kamailio
    assert f"c=IN IP4 {world.office_host}" in bob.received("INVITE")[0]


def test_callee_of_another_domain_hangs_up(world, phones) -> None:
    ours, bob = phones
    callee = Script("hangs up").receive_invite().respond(180, "Ringing").answer().receive("ACK").pause(100)
    bob.start(callee.bye_from_callee().receive(200), Party("bob", peer="1001", domain="other.test")).wait_listening()
    caller = AbroadScript("out", "other.test").invite_with_digest(describe()).provisional()
    ours.start(caller.receive(200, rrs="true").acknowledge().receive("BYE").confirm(), party("1001", "bob")).finish()
    bob.finish()
    assert bob.host not in ours.received("BYE")[0]


def test_somebody_of_another_domain_calls_our_user(world, phones) -> None:
    ours, bob = phones
    register_sipp(world.office, ours, "1002")
    ours.start(callee_answers(), party("1002", "bob")).wait_listening()
    caller = AbroadScript("in", "office.test").invite(describe()).provisional().receive(200, rrs="true")
    caller.acknowledge().pause(100).in_dialog("BYE").receive(200)
    bob.start(caller, Party("bob", peer="1002", domain="other.test")).finish()
    ours.finish()
    invite = ours.received("INVITE")[0]
    assert "<sip:bob@other.test>" in invite
    assert bob.host not in invite
    assert world.other_host not in invite
    calls = world.office.show("show calls all")
    assert isinstance(calls, list)
    assert "bob@other.test" in [call["caller"] for call in calls]


def test_a_domain_that_does_not_exist_is_404_and_explained(world) -> None:
    with UdpPeer((world.office_host, 5060), world.network.new_host()) as peer:
        call_out(world, peer, "sip:bob@nowhere.test")
        answer = final(peer)
        assert answer is not None
        assert answer.status == 404

    def find_call() -> int:
        calls = world.office.show("show calls all")
        assert isinstance(calls, list)
        return next((call["number"] for call in calls if call["callee"] == "bob@nowhere.test"), 0)
    wait_until(find_call, 10, "the call in the list")
    told = world.office.show(f"explain call {find_call()}")
    assert isinstance(told, dict)
    assert told["cause"] == "dns_failed", told
