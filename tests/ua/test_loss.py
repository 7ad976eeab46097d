# SPDX-License-Identifier: Apache-2.0
"""Whatever the wire loses, both sides come to the same end, and nothing is left."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.sip.flow import TCP
from tests.ua.virtual_network import Network, Phone, join_two, lose

LIMIT_S = 140.0


def assert_sound(network: Network, *phones: Phone) -> None:
    """Nothing is left, each user heard of one end, and no dialog's CSeq went back."""
    for phone in phones:
        assert phone.is_quiet, network.labels()
        assert phone.user.heard.count("released") <= 1
        if "offered" in phone.user.heard or "confirmed" in phone.user.heard:
            assert phone.user.heard[-1] == "released", phone.user.heard
        numbers = [message.cseq for _at, source, _target, message in network.sent
                   if source == phone.address and message.is_request and message.method not in (b"ACK", b"CANCEL")]
        first_seen = list(dict.fromkeys(numbers))
        assert first_seen == sorted(first_seen)


@pytest.mark.parametrize("number", range(5))
def test_a_call_survives_the_loss_of_any_one_datagram(number):
    network, a, b = join_two(lose([number]))
    call = a.call(b)
    network.at(10, lambda: call.hang_up(network.now))
    network.run(LIMIT_S)
    assert "confirmed" in a.user.heard
    assert "confirmed" in b.user.heard
    assert_sound(network, a, b)


@settings(max_examples=120, deadline=None)
@given(lost=st.sets(st.integers(0, 30), max_size=12), leave_s=st.floats(0, 30), who=st.booleans(),
       has_offer=st.booleans(), change_s=st.floats(0, 30), changer=st.booleans(), is_slow=st.booleans())
def test_any_call_comes_to_an_end(lost, leave_s, who, has_offer, change_s, changer, is_slow):
    network, a, b = join_two(lose(lost))
    if is_slow:
        def ring(call, now: float) -> None:
            call.alert(180, now)
            network.at(now - network.start + 5, lambda: call.state.name == "OFFERED" and call.answer(b"x", network.now))
        b.user.script["offered"] = ring
    elif not has_offer:
        b.user.script["offered"] = lambda call, now: call.answer(b"late offer", now)
    call = a.call(b, offer=b"offer" if has_offer else b"")

    def side(is_caller: bool):
        return call if is_caller else next(iter(b.user.calls), call)
    network.at(change_s, lambda: side(changer).change_session(b"other", network.now))
    network.at(leave_s, lambda: side(who).hang_up(network.now))
    network.at(60, lambda: call.hang_up(network.now))
    network.run(LIMIT_S)
    assert_sound(network, a, b)


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.floats(1, 20), st.booleans(), st.booleans()), max_size=6),
       lost=st.sets(st.integers(3, 40), max_size=6))
def test_both_sides_agree_on_the_session_whoever_changes_it(changes, lost):
    network, a, b = join_two(lose(lost))
    call = a.call(b)
    for number, (at_s, is_caller, has_offer) in enumerate(changes):
        offer = b"change %d" % number if has_offer else b""

        def change(is_caller=is_caller, offer=offer) -> None:
            handle = call if is_caller else b.user.calls[0]
            handle.change_session(offer, network.now)
        network.at(at_s, change)
    network.run(90)
    if "released" not in a.user.heard + b.user.heard:
        other = b.user.calls[0]
        assert (call.exchange.local, call.exchange.remote) == (other.exchange.remote, other.exchange.local)
    call.hang_up(network.now)
    network.run(LIMIT_S)
    assert_sound(network, a, b)


@settings(max_examples=30, deadline=None)
@given(leave_s=st.floats(0, 3), who=st.booleans())
def test_over_tcp_nothing_but_the_200_is_repeated(leave_s, who):
    network, a, b = join_two(transport=TCP)
    call = a.call(b)
    network.at(leave_s, lambda: (call if who or not b.user.calls else b.user.calls[0]).hang_up(network.now))
    network.run(LIMIT_S)
    assert_sound(network, a, b)
    assert len(network.messages("INVITE")) == len(network.messages("BYE")) == 1
