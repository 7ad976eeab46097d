# SPDX-License-Identifier: Apache-2.0
"""Plans: they lead to what is wanted, can be undone at every step, and never take away what is not ours."""

import asyncio
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import MachineError
from appliance.networking.desired import NOTHING, DesiredLink, DesiredNetwork
from appliance.networking.observed import ObservedNetwork
from appliance.networking.ownership import Ownership, read_ownership, write_ownership
from appliance.networking.plan import decide_plan
from appliance.networking.values import HeldAddress, Link, Route
from appliance.system.network.carrying_out import carry_out_plan
from appliance.vocabulary.journal import SilentJournal
from tests.networking.kernel_model import KernelModel

PORTS = ("eth0", "eth1", "eth2")
LINKS = (*PORTS, "br-lan")
MACS = tuple(f"02:00:00:00:00:{number:02x}" for number in range(1, 5))
SETTINGS = ("ipv4/ip_forward", "ipv4/conf/eth0/arp_ignore", "ipv4/conf/br-lan/promote_secondaries")
ADDRESSES = tuple(IPv4Interface(f"192.168.{number}.1/24") for number in range(3))
NETWORKS = (IPv4Network("0.0.0.0/0"), IPv4Network("10.0.0.0/8"))
ROUTERS = (IPv4Address("192.168.0.9"), IPv4Address("192.168.1.9"))

held = st.builds(HeldAddress, st.sampled_from(LINKS), st.sampled_from(ADDRESSES))


@st.composite
def wanted_networks(draw):
    """Any network that a configuration could want."""
    ports = draw(st.lists(st.sampled_from(PORTS), unique=True))
    bridged = set(draw(st.lists(st.sampled_from(ports), unique=True, min_size=2))) if len(ports) > 1 and draw(
        st.booleans()) else set()
    links = [DesiredLink("br-lan", is_bridge=True)] if bridged else []
    links += [DesiredLink(name, mtu=draw(st.sampled_from((0, 1400))), mac=draw(st.sampled_from(("", MACS[3]))),
                          bridge="br-lan" if name in bridged else "") for name in ports]
    names = [link.name for link in links]
    addresses = draw(st.frozensets(held.filter(lambda one: one.link in names), max_size=3)) if names else frozenset()
    routes = {}
    for network in draw(st.lists(st.sampled_from(NETWORKS), unique=True)) if names else ():
        routes[network] = Route(network, draw(st.sampled_from(ROUTERS)), draw(st.sampled_from(names)))
    paths = [path for path in SETTINGS if "br-lan" not in path or bridged]
    settings = tuple((path, "1") for path in draw(st.lists(st.sampled_from(paths), unique=True)))
    return DesiredNetwork(tuple(links), addresses, frozenset(routes.values()), settings)


@st.composite
def found_networks(draw):
    """What is there before we come: interfaces in any state, somebody's addresses, somebody's route."""
    links = {name: Link(name, index + 1, "", 1500, MACS[index], "", draw(st.booleans()), True)
             for index, name in enumerate(draw(st.lists(st.sampled_from(PORTS), unique=True)))}
    addresses = draw(st.frozensets(held.filter(lambda one: one.link in links), max_size=2)) if links else frozenset()
    settings = {path: "0" for path in SETTINGS[:2] if "eth0" not in path or "eth0" in links}
    return ObservedNetwork(links, addresses, frozenset(), settings)


def reach(kernel, wanted, owned):
    """Carry out the plan; what is ours then."""
    plan = decide_plan(wanted, kernel.network, owned)
    for step in plan.steps:
        kernel.act(step)
    return plan.owned


def there(wanted, network):
    """What of the wanted can be: the part whose links are there."""
    names = set(network.links) | {link.name for link in wanted.links if link.is_bridge}
    return ({one for one in wanted.addresses if one.link in names}, {one for one in wanted.routes if one.link in names})


@given(found_networks(), wanted_networks())
def test_a_plan_leads_to_what_is_wanted_and_then_nothing_is_left_to_do(found, wanted):
    kernel = KernelModel(found)
    owned = reach(kernel, wanted, Ownership())
    addresses, routes = there(wanted, found)
    assert addresses <= kernel.addresses
    assert routes <= kernel.routes
    for link in wanted.links:
        if link.name in kernel.links:
            now = kernel.links[link.name]
            assert now.is_up
            assert now.bridge == link.bridge
            assert link.mtu in (0, now.mtu)
            assert link.mac in ("", now.mac)
    assert decide_plan(wanted, kernel.network, owned).steps == ()


@given(found_networks(), st.lists(wanted_networks(), max_size=4))
def test_after_any_history_nothing_of_ours_is_left_when_nothing_is_wanted(found, history):
    kernel, owned = KernelModel(found), Ownership()
    for wanted in history:
        owned = reach(kernel, wanted, owned)
        assert found.addresses <= kernel.addresses      # somebody else's stay
    owned = reach(kernel, NOTHING, owned)
    assert kernel.network == ObservedNetwork(found.links, found.addresses, found.routes, kernel.settings)
    assert {path: kernel.settings[path] for path in found.settings} == found.settings
    assert owned == Ownership()


@given(found_networks(), wanted_networks(), wanted_networks(), st.integers(0, 20))
def test_a_refusal_at_any_step_leaves_everything_as_it_was(found, first, second, refused):
    kernel = KernelModel(found)
    owned = reach(kernel, first, Ownership())
    before = kernel.network
    plan = decide_plan(second, before, owned)
    kernel.refused = refused
    if refused >= len(plan.steps):
        asyncio.run(carry_out_plan(kernel, plan.steps, SilentJournal()))
        return
    with pytest.raises(MachineError) as refusal:
        asyncio.run(carry_out_plan(kernel, plan.steps, SilentJournal()))
    assert str(plan.steps[refused]) in refusal.value.operation
    after = kernel.network
    assert (after.links.keys(), after.addresses, after.routes) == (before.links.keys(), before.addresses, before.routes)
    made = {step.path for step in plan.steps if getattr(step, "before", "") is None}
    assert {path: value for path, value in after.settings.items() if path not in made} == {
        path: value for path, value in before.settings.items() if path not in made}


@given(found_networks(), wanted_networks(), wanted_networks(), st.integers(0, 20))
def test_a_crash_at_any_step_leaves_nothing_that_nobody_owns(found, first, second, reached):
    """What is on disk during a plan is what was ours and what will be."""
    kernel = KernelModel(found)
    owned = reach(kernel, first, Ownership())
    plan = decide_plan(second, kernel.network, owned)
    for step in plan.steps[:reached]:
        kernel.act(step)
    reach(kernel, NOTHING, read_ownership(write_ownership(owned.join(plan.owned))))
    assert (kernel.links.keys(), kernel.addresses, kernel.routes) == (
        found.links.keys(), set(found.addresses), set(found.routes))


def one_port(name="eth0"):
    return ObservedNetwork({name: Link(name, 1, "", 1500, MACS[0], "", True, True)}, frozenset(), frozenset(), {})


def test_what_somebody_else_has_set_up_already_is_not_ours():
    wanted = HeldAddress("eth0", ADDRESSES[0])
    found = ObservedNetwork(one_port().links, frozenset({wanted}), frozenset(), {})
    plan = decide_plan(DesiredNetwork((DesiredLink("eth0"),), frozenset({wanted})), found, Ownership())
    assert plan.steps == ()
    assert plan.owned.addresses == frozenset()


def test_a_new_address_comes_before_the_old_one_goes_and_routes_turn_between():
    kernel = KernelModel(one_port())
    to, via = NETWORKS[0], ROUTERS
    first = DesiredNetwork((DesiredLink("eth0"),), frozenset({HeldAddress("eth0", ADDRESSES[0])}),
                           frozenset({Route(to, via[0], "eth0")}))
    second = DesiredNetwork((DesiredLink("eth0"),), frozenset({HeldAddress("eth0", ADDRESSES[1])}),
                            frozenset({Route(to, via[1], "eth0")}))
    owned = reach(kernel, first, Ownership())
    assert [str(step) for step in decide_plan(second, kernel.network, owned).steps] == [
        "give eth0 192.168.1.1/24",
        "turn the route default via 192.168.0.9 on eth0 into default via 192.168.1.9 on eth0",
        "take 192.168.0.1/24 from eth0",
    ]


def test_a_link_that_is_not_there_is_named_and_the_rest_is_done():
    wanted = DesiredNetwork((DesiredLink("eth0"), DesiredLink("usb0")), frozenset({
        HeldAddress("eth0", ADDRESSES[0]), HeldAddress("usb0", ADDRESSES[1])}))
    plan = decide_plan(wanted, one_port(), Ownership())
    assert plan.missing == ("usb0",)
    assert [str(step) for step in plan.steps] == ["give eth0 192.168.0.1/24"]


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b'{"form": 2}', b'{"form": 1, "links": 5}', b"\xff"])
def test_an_ownership_file_of_another_kind_is_refused(octets):
    with pytest.raises(ValueError):
        read_ownership(octets)
