# SPDX-License-Identifier: Apache-2.0
"""What becomes of listeners when others are wanted."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.pbx.listening import build_listeners, keep_absent, plan_listeners
from appliance.sip.flow import TCP, UDP, Listener, Side
from tests.gateway.virtual_gateway import configure

OFFICE = "# denwaban-config 1\nset system domain office.test\nset emergency none\n"
INTERFACE = OFFICE + "set network managed true\nset network interface eth0 role wan\n" \
    "set sip listener wan interface wan\nset sip listener wan transport udp\n"


def places(listeners):
    return [(one.name, one.transport, one.hostport, one.side) for one in listeners]


def carry_out(present, plan):
    for one, wanted in plan.moved:
        one.move(wanted.name, wanted.host, wanted.port, wanted.side)
    assert not set(plan.removed) & set(plan.result)
    assert set(plan.added) | (set(present) - set(plan.removed)) == set(plan.result)
    return plan.result


some = st.lists(st.tuples(st.sampled_from(["office", "wan", "dsl"]), st.sampled_from([UDP, TCP]),
                          st.sampled_from([b"192.0.2.1", b"192.0.2.2", b"2001:db8::1"]),
                          st.sampled_from([5060, 5070]), st.sampled_from(list(Side))),
                unique_by=lambda one: one[:2], max_size=6)


@given(some, some)
def test_carried_out_there_are_exactly_the_wanted_ones(present, wanted):
    ours, theirs = [Listener(*one) for one in present], [Listener(*one) for one in wanted]
    assert places(carry_out(ours, plan_listeners(ours, theirs))) == places(theirs)


@given(some)
def test_what_is_wanted_again_stays_the_same_object(present):
    ours = [Listener(*one) for one in present]
    plan = plan_listeners(ours, [Listener(*one) for one in present])
    assert not plan.has_changes
    assert plan.result == ours


def test_a_listener_that_moves_or_is_renamed_stays_itself():
    ours = Listener("wan", UDP, b"192.0.2.1", 5060)
    moved = plan_listeners([ours], [Listener("wan", UDP, b"192.0.2.2", 5070)])
    renamed = plan_listeners([ours], [Listener("dsl", UDP, b"192.0.2.1", 5060)])
    for plan in (moved, renamed):
        assert plan.result == [ours]
        assert not plan.added
        assert not plan.removed
    family = plan_listeners([ours], [Listener("wan", UDP, b"2001:db8::1", 5060)])
    assert family.removed == [ours]


def test_a_listener_is_where_its_interface_is_and_stays_while_that_has_no_address():
    configuration = configure(INTERFACE)
    assert build_listeners(configuration) == []
    (ours,) = build_listeners(configuration, {"wan": "203.0.113.5"})
    assert ours.hostport == b"203.0.113.5:5060"
    wanted = keep_absent([ours], build_listeners(configuration, {}), configuration, {})
    plan = plan_listeners([ours], wanted)
    assert not plan.has_changes
    assert plan.result == [ours]


def test_a_listener_over_which_somebody_calls_for_help_stays_until_that_is_over():
    office, wan = Listener("office", UDP, b"192.0.2.1", 5060), Listener("wan", UDP, b"192.0.2.2", 5060)
    wanted = [Listener("office", UDP, b"192.0.2.1", 5060)]
    plan = plan_listeners([office, wan], wanted)
    plan.keep(lambda one: one is wan)
    assert not plan.has_changes
    assert plan.result == [office, wan]
    assert plan.describe() == []
    assert plan.describe_kept() == [
        "listener wan udp:192.0.2.2:5060 stays open until the emergency call over it has ended"]
    later = plan_listeners(plan.result, wanted)
    later.keep(lambda one: False)
    assert (later.removed, later.result, later.describe_kept()) == ([wan], [office], [])
