# SPDX-License-Identifier: Apache-2.0
"""One INVITE with several early dialogs, as a back-to-back user agent passes forks on (RFC 3261 12.1, 13.2.2.4)."""

import pytest

from appliance.errors import MisuseError
from appliance.ua.call_events import Cause
from tests.ua.strangers import assert_over, join_reliable
from tests.ua.virtual_network import Network, Phone


def ring_twice(is_reliable: bool = True) -> tuple[Network, Phone, Phone, object, object]:
    """Two forks of one call, each with its session."""
    network, a, b = join_reliable()

    def ring(call, now: float) -> None:
        for number in (0, 1):
            call.alert(183, now, b"answer %d" % number, is_reliable, number)
    b.user.script["offered"] = ring
    call = a.call(b)
    network.run(1)
    return network, a, b, call, b.user.calls[0]


@pytest.mark.parametrize("is_reliable", [True, False])
@pytest.mark.parametrize("number", [0, 1])
def test_the_call_lives_in_the_dialog_of_the_branch_that_is_answered(is_reliable, number):
    network, a, b, call, incoming = ring_twice(is_reliable)
    tags = [message.to_tag for message in network.messages("183 INVITE")]
    assert len(set(tags)) == 2
    assert tags[0] == incoming.server.tag
    assert [(alert.fork, alert.session) for alert in a.user.alerts] == [
        (tags[0], b"answer 0"), (tags[1], b"answer 1")]
    incoming.answer(b"answer %d" % number, network.now, number)
    network.run(1)
    assert network.messages("200 INVITE")[0].to_tag == tags[number]
    assert incoming.dialog.local_tag == call.dialog.remote_tag == tags[number]
    assert call.exchange.remote == incoming.exchange.local == b"answer %d" % number
    assert (len(a.core.dialogs), len(b.core.dialogs)) == (1, 1)
    assert call.change_session(b"hold", network.now)
    call.hang_up(network.now)
    assert_over(network, a, b)


def test_each_branch_has_its_own_row_of_reliable_responses():
    network, _a, _b, _call, _incoming = ring_twice()
    assert len(network.messages("PRACK")) == len(network.messages("200 PRACK")) == 2
    assert {prack.to_tag for prack in network.messages("PRACK")} == {
        message.to_tag for message in network.messages("183 INVITE")}


def test_updates_in_each_branch():
    network, a, b, _call, incoming = ring_twice()
    a.user.script["offer_received"] = lambda early, now: early.answer_offer(b"to " + early.fork, now)
    assert not incoming.change_session(b"which?", network.now)      # it has two
    for number in (0, 1):
        assert incoming.find_branch(number).change_session(b"new %d" % number, network.now)
    network.run(1)
    tags = [message.to_tag for message in network.messages("183 INVITE")]
    assert {message.body for message in network.messages("200 UPDATE")} == {b"to " + tag for tag in tags}
    incoming.answer(b"", network.now, 1)
    network.run(1)
    assert incoming.exchange.local == b"new 1"
    assert b.user.heard[-1] == "confirmed"


def test_a_branch_that_answers_without_having_rung():
    network, a, b = join_reliable()
    b.user.script["offered"] = lambda call, now: (call.alert(180, now), call.answer(b"answer", now, 3))
    call = a.call(b)
    network.run(1)
    ringing, answer = network.messages("180 INVITE")[0], network.messages("200 INVITE")[0]
    assert ringing.to_tag != answer.to_tag
    assert call.dialog.remote_tag == answer.to_tag
    call.hang_up(network.now)
    assert_over(network, a, b)


@pytest.mark.parametrize("end", ["cancel", "refuse", "silence"])
def test_every_branch_is_over_with_the_call(end):
    network, a, b, call, incoming = ring_twice()
    if end == "cancel":
        call.hang_up(network.now)
    elif end == "refuse":
        incoming.refuse(486, network.now)
    else:
        network.run(0.1)
        incoming.alert(180, network.now, b"", True, 1)
        del network.phones[a.address]
        network.run(75)
        assert incoming.events.releases[0].cause is Cause.LOST
        assert b.is_quiet
        return
    assert_over(network, a, b)
    assert not a.core.dialogs.entries
    assert not b.core.dialogs.entries


def test_an_offer_in_the_first_reliable_response_of_each_branch():
    network, a, b = join_reliable()

    def ring(call, now: float) -> None:
        for number in (0, 1):
            call.alert(183, now, b"offer %d" % number, True, number)
    b.user.script["offered"] = ring
    a.user.script["offer_received"] = lambda early, now: early.answer_offer(b"to " + early.fork, now)
    call = a.call(b, offer=b"")
    network.run(1)
    incoming = b.user.calls[0]
    assert [early.exchange.remote[:3] for early in (incoming.find_branch(0), incoming.find_branch(1))] == [b"to "] * 2
    incoming.answer(b"", network.now, 0)
    network.run(1)
    assert (call.exchange.remote, call.exchange.local) == (b"offer 0", b"to " + incoming.dialog.local_tag)


def test_after_the_answer_nothing_rings():
    network, _a, _b, _call, incoming = ring_twice()
    incoming.answer(b"", network.now, 1)
    with pytest.raises(MisuseError):
        incoming.alert(180, network.now, b"", False, 0)
    with pytest.raises(MisuseError):
        incoming.answer(b"", network.now, 0)
