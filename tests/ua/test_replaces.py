# SPDX-License-Identifier: Apache-2.0
"""Replaces: RFC 3891 sections 3 and 6.1."""

import pytest

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.ua.replacement import find_replaced
from appliance.ua.replaces import Replaced, Replaces, decide_replacement, read_replaces, read_replaces_of
from tests.ua.virtual_network import join_two


def test_the_examples_of_the_rfc():
    """6.1."""
    assert read_replaces(b"98732@sip.example.com\t;from-tag=r33th4x0r ;to-tag=ff87ff") == Replaces(
        b"98732@sip.example.com", b"ff87ff", b"r33th4x0r")
    assert read_replaces(b"12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only").is_early_only
    assert read_replaces(b"87134@171.161.34.23;TO-TAG=24796;From-Tag=0;x=y").from_tag == b"0"


@pytest.mark.parametrize("value", [
    b"", b"a", b"a;to-tag=1", b"a;to-tag=1;to-tag=2;from-tag=3", b"a;to-tag=;from-tag=3", b";to-tag=1;from-tag=2",
    b"a;to-tag=1;from-tag=2, b;to-tag=1;from-tag=2", b"a,b;to-tag=1;from-tag=2", b"a;to-tag=\"x\";from-tag=2"])
def test_what_is_none(value):
    with pytest.raises(PeerError) as error:
        read_replaces(value)
    assert error.value.status_hint == 400


def request(lines: bytes, method: bytes = b"INVITE") -> Message:
    return Message(b"%s sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
                   b"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 2 %s\r\n"
                   b"Contact: <sip:a@192.0.2.1>\r\n%sContent-Length: 0\r\n\r\n" % (method, method, lines))


ONE = b"Replaces: c;to-tag=1;from-tag=2\r\n"


def test_one_in_an_invite_and_nowhere_else():
    assert read_replaces_of(request(b"")) is None
    assert read_replaces_of(request(ONE)) == Replaces(b"c", b"1", b"2")
    for refused in (request(ONE + ONE), request(ONE, b"OPTIONS"), request(ONE + b"Join: c;to-tag=1;from-tag=2\r\n")):
        with pytest.raises(PeerError):
            read_replaces_of(refused)


@pytest.mark.parametrize(("found", "is_early_only", "status"), [
    (None, False, 481),
    (Replaced(False, False, True, False), False, 481),      # made by no INVITE
    (Replaced(True, True, True, True), False, 603),         # it has just ended
    (Replaced(True, False, True, False), False, 0), (Replaced(True, False, True, False), True, 486),
    (Replaced(True, True, False, False), False, 0), (Replaced(True, True, False, False), True, 0),
    (Replaced(True, False, False, False), False, 481)])     # early, and not ours
def test_what_may_be_replaced(found, is_early_only, status):
    assert decide_replacement(Replaces(b"c", b"1", b"2", is_early_only), found) == status


def replaces_of(call) -> Replaces:
    """As whoever knows this call would name it to its user agent."""
    return Replaces(call.dialog.call_id, call.dialog.local_tag, call.dialog.remote_tag)


def test_a_call_that_stands_is_found_from_both_its_ends():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    other = b.user.calls[0]
    assert find_replaced(replaces_of(call), a.core.dialogs) is call
    assert find_replaced(replaces_of(other), b.core.dialogs) is other
    assert find_replaced(replaces_of(call), b.core.dialogs) == 481      # the tags stand the other way round there
    assert find_replaced(replaces_of(call)._replace(is_early_only=True), a.core.dialogs) == 486
    call.hang_up(network.now)
    assert find_replaced(replaces_of(call), a.core.dialogs) == 603      # its BYE is out
    network.run(1)
    assert find_replaced(replaces_of(call), a.core.dialogs) == 603
    assert find_replaced(replaces_of(other), b.core.dialogs) == 603


def test_a_call_that_rings_here_is_not_replaced_here():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    a.call(b)
    network.run(1)
    assert find_replaced(replaces_of(b.user.calls[0]), b.core.dialogs) == 481


def test_a_tag_of_zero_is_that_of_a_peer_without_tags():
    network, a, b = join_two()
    call = a.call(b)
    network.run(1)
    entry = a.core.dialogs.entries.pop(call.dialog.key)
    call.dialog.remote_tag = b""
    call.dialog.key = (call.dialog.call_id, call.dialog.local_tag, b"")
    a.core.dialogs.entries[call.dialog.key] = entry
    assert find_replaced(replaces_of(call)._replace(from_tag=b"0"), a.core.dialogs) is call


def test_a_call_of_ours_that_rings_elsewhere_may_be_picked_up():
    network, a, b = join_two()
    b.user.script["offered"] = lambda call, now: call.alert(180, now)
    call = a.call(b)
    network.run(1)
    invite, ringing = network.messages("INVITE")[0], network.messages("180 INVITE")[0]
    early = Replaces(invite.call_id, invite.from_tag, ringing.to_tag, is_early_only=True)
    assert find_replaced(early, a.core.dialogs) is call
    b.user.calls[0].answer(b"answer", network.now)
    network.run(1)
    assert find_replaced(early, a.core.dialogs) == 486
    assert find_replaced(early._replace(is_early_only=False), a.core.dialogs) is call
