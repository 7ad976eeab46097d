# SPDX-License-Identifier: Apache-2.0
"""REFER, both ways: RFC 3515, RFC 5589, RFC 4488, RFC 5057."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, ScanError
from appliance.sip.uri import escape_header
from appliance.ua.in_dialog_methods import TRANSFER_METHODS
from appliance.ua.refer_to import read_reference
from appliance.ua.referral import REFERRALS_LIMIT
from appliance.ua.replaces import Replaces
from appliance.ua.transfer import read_fragment, read_remaining, write_target
from tests.ua.test_hostile_peers import mangle
from tests.ua.test_requests import Hearer
from tests.ua.virtual_network import Network, Phone, join_two

TARGET = b"sip:203@192.168.1.13"


class Reporter:
    """Satisfies transfer.TransferEvents."""

    def __init__(self) -> None:
        self.heard: list[tuple] = []

    def transfer_progress(self, transfer, status: int, is_over: bool, now: float) -> None:
        self.heard.append((status, is_over))

    def transfer_refused(self, transfer, status: int, now: float) -> None:
        self.heard.append(("refused", status))


def talk() -> tuple[Network, Phone, Phone]:
    """A and B in a call; both know REFER."""
    network, a, b = join_two()
    for phone in (a, b):
        phone.core.methods += TRANSFER_METHODS
    a.call(b)
    network.run(1)
    return network, a, b


def call_of(phone: Phone):
    """The call that this phone is in."""
    return next(iter(phone.core.dialogs.entries.values())).usages[b"BYE"]


def test_a_blind_transfer_as_both_sides_hear_it():
    """RFC 5589 6.1: F5 to F12, without the target."""
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].accept(now)
    reporter = Reporter()
    call_of(a).refer(TARGET, None, reporter, network.now)
    network.run(1)
    referral = b.user.referrals[0]
    assert (referral.target, referral.replaces) == (TARGET, None)
    assert referral.referred_by == b"<sip:201@192.168.1.11:5060>"
    referral.report(180, b"", network.now)
    network.run(1)
    referral.report(200, b"", network.now)
    network.run(1)
    assert network.labels()[3:] == ["REFER", "202 REFER", *["NOTIFY", "200 NOTIFY"] * 3]
    notifies = network.messages("NOTIFY")
    assert [notify.body for notify in notifies] == [
        b"SIP/2.0 100 Trying\r\n", b"SIP/2.0 180 Ringing\r\n", b"SIP/2.0 200 OK\r\n"]
    assert [notify.header(b"Event") for notify in notifies] == [b"refer"] * 3
    assert [notify.header(b"Content-Type") for notify in notifies] == [b"message/sipfrag;version=2.0"] * 3
    assert notifies[0].header(b"Subscription-State") == b"active;expires=300"
    assert notifies[2].header(b"Subscription-State") == b"terminated;reason=noresource"
    assert reporter.heard == [(100, False), (180, False), (200, True)]
    call_of(a).hang_up(network.now)
    network.run(40)
    assert a.is_quiet
    assert b.is_quiet


def test_the_subscription_outlives_the_call():
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].accept(now)
    reporter = Reporter()
    call = call_of(a)
    call.refer(TARGET, None, reporter, network.now)
    network.run(0.1)
    call.hang_up(network.now)
    network.run(1)
    assert (a.user.heard[-1], b.user.heard[-1]) == ("released", "released")
    b.user.referrals[0].report(486, b"Gone for lunch\r\nEvil: x", network.now)
    network.run(1)
    assert network.labels()[-2:] == ["NOTIFY", "200 NOTIFY"]
    assert network.messages("NOTIFY")[-1].body == b"SIP/2.0 486 Gone for lunchEvil: x\r\n"
    assert reporter.heard[-1] == (486, True)
    network.run(40)
    assert a.is_quiet
    assert b.is_quiet


def test_every_further_refer_has_an_id():
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[-1].accept(now)
    reporters = [Reporter(), Reporter(), Reporter()]
    for reporter in reporters[:2]:
        call_of(a).refer(TARGET, None, reporter, network.now)
        network.run(1)
    second = network.messages("REFER")[1]
    assert network.messages("NOTIFY")[1].header(b"Event") == b"refer;id=%d" % second.cseq
    b.user.referrals[1].report(404, b"", network.now)
    network.run(1)
    b.user.referrals[0].report(200, b"", network.now)
    network.run(1)
    assert [reporter.heard for reporter in reporters[:2]] == [[(100, False), (200, True)], [(100, False), (404, True)]]
    call_of(a).refer(TARGET, None, reporters[2], network.now)   # none is open any more, and yet it is the third
    network.run(1)
    assert network.messages("NOTIFY")[-1].header(b"Event") == b"refer;id=%d" % network.messages("REFER")[2].cseq
    assert reporters[2].heard == [(100, False)]


def test_a_dialog_holds_only_so_many_subscriptions():
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[-1].accept(now)
    reporters = [Reporter() for _ in range(REFERRALS_LIMIT + 1)]
    for reporter in reporters:
        call_of(a).refer(TARGET, None, reporter, network.now)
        network.run(1)
    assert len(b.user.referrals) == REFERRALS_LIMIT
    assert reporters[-2].heard == [(100, False)]
    assert reporters[-1].heard == [("refused", 500)]
    b.user.referrals[0].report(200, b"", network.now)
    network.run(1)
    call_of(a).refer(TARGET, None, reporters[-1], network.now)
    network.run(1)
    assert reporters[-1].heard[1:] == [(100, False)]


def test_news_that_come_quickly_are_told_one_after_the_other_the_latest_last():
    network, a, b = talk()

    def hurry(call, now: float) -> None:
        referral = b.user.referrals[0]
        referral.accept(now)
        for status in (180, 183, 200, 404):     # after a final one there is nothing more to say
            referral.report(status, b"", now)
    b.user.script["transfer_asked"] = hurry
    reporter = Reporter()
    call_of(a).refer(TARGET, None, reporter, network.now)
    network.run(1)
    assert reporter.heard == [(100, False), (200, True)]


def test_a_refused_refer():
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].refuse(603, now)
    reporter = Reporter()
    call_of(a).refer(TARGET, None, reporter, network.now)
    network.run(1)
    assert reporter.heard == [("refused", 603)]
    assert call_of(a).state.name == "CONFIRMED"
    assert "NOTIFY" not in network.labels()


def test_norefersub():
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].accept(now)
    refer = call_of(a).dialog.draft_request(b"REFER")
    refer.lines = b"Refer-To: <%s>\r\nRefer-Sub: false\r\nContact: <sip:201@192.168.1.11>\r\n" % TARGET
    a.agent.send_request(refer, Hearer(), network.now, call_of(a).dialog)
    network.run(1)
    assert network.messages("202 REFER")[0].header(b"Refer-Sub") == b"false"
    b.user.referrals[0].report(200, b"", network.now)
    network.run(1)
    assert "NOTIFY" not in network.labels()


@pytest.mark.parametrize(("lines", "status"), [
    (b"", 400), (b"Refer-To: <sip:1@x.test>, <sip:2@x.test>\r\n", 400), (b"Refer-To: <http://x.test>\r\n", 416),
    (b"Refer-To: <sip:1@x.test;method=SUBSCRIBE>\r\n", 501), (b"Refer-To: <sip:1@x.test\r\n", 400),
    (b"Refer-To: <sip:1@x.test?Replaces=a%3Bto-tag%3D1>\r\n", 400),
    (b"Refer-To: <sip:1@x.test?Require=100rel>\r\n", 400),
    (b"Refer-To: <sip:1@x.test>\r\nReferred-By: <sip:a@b>\r\nReferred-By: <sip:c@d>\r\n", 400)])
def test_what_no_refer_may_say(lines, status):
    network, a, b = talk()
    refer = call_of(a).dialog.draft_request(b"REFER")
    refer.lines = lines
    hearer = Hearer()
    a.agent.send_request(refer, hearer, network.now, call_of(a).dialog)
    network.run(1)
    assert hearer.statuses == [status]
    assert b.user.referrals == []
    assert call_of(b).state.name == "CONFIRMED"


def refer(refer_to: bytes) -> Message:
    return Message(b"REFER sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                   b"Max-Forwards: 70\r\n"
                   b"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: c\r\nCSeq: 2 REFER\r\nr: %s\r\n"
                   b"Contact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n" % refer_to)


def test_the_target_is_split_from_what_is_asked_of_it():
    """RFC 5589 7.1, with what no stranger may make us say."""
    reference = read_reference(refer(
        b"<sip:carol@chicago.example.com:5070;method=INVITE;transport=tcp?Replaces=592435881734450904%3Bto-tag%3D9m2n3"
        b"wq%3Bfrom-tag%3D763231&Require=replaces&From=boss%40example.com&Body=x>"))
    assert reference.target == b"sip:carol@chicago.example.com:5070;transport=tcp"
    assert reference.replaces == Replaces(b"592435881734450904", b"9m2n3wq", b"763231")
    assert read_reference(refer(b"sip:1003@office.test")).target == b"sip:1003@office.test"
    assert read_reference(refer(b"<tel:+81312345678>")).target == b"tel:+81312345678"


token = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12).map(str.encode)


@given(call_id=st.text("abc019@.-!%*_+`'~()<>:/[]?{}\"\\", min_size=1, max_size=20).map(str.encode), to_tag=token,
       from_tag=token, is_early_only=st.booleans())
def test_any_dialog_fits_into_a_refer_to(call_id, to_tag, from_tag, is_early_only):
    replaces = Replaces(call_id, to_tag, from_tag, is_early_only)
    written = write_target(TARGET, replaces)
    assert b">" not in written
    try:
        reference = read_reference(refer(b"<" + written + b">"))
    except PeerError as error:
        raise AssertionError(written) from error
    assert (reference.target, reference.replaces) == (TARGET, replaces)


def test_header_values_are_escaped_in_a_uri():
    assert escape_header(b"a@b;to-tag=1, <\xe3>%") == b"a%40b%3Bto-tag%3D1%2C%20%3C%E3%3E%25"


# the subscription


def subscribe(phone: Phone, event: bytes, expires_s: int):
    hearer = Hearer()
    entry = next(iter(phone.core.dialogs.entries.values()))
    draft = entry.dialog.draft_request(b"SUBSCRIBE")
    draft.lines = b"Event: %s\r\n" % event
    draft.contact = phone.core.profile.contact
    draft.expires_s = expires_s
    phone.agent.send_request(draft, hearer, phone.network.now, entry.dialog)
    phone.network.run(1)
    return hearer.statuses


def test_a_subscription_is_lengthened_and_ended():
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].accept(now)
    reporter = Reporter()
    call_of(a).refer(TARGET, None, reporter, network.now)
    network.run(200)
    assert subscribe(a, b"refer;id=%d" % network.messages("REFER")[0].cseq, 600) == [200]
    assert network.messages("NOTIFY")[-1].header(b"Subscription-State") == b"active;expires=600"
    network.run(400)
    assert subscribe(a, b"refer", 0) == [200]
    assert network.messages("NOTIFY")[-1].header(b"Subscription-State") == b"terminated;reason=timeout"
    assert reporter.heard[-1] == (100, True)    # nobody knows how it ended
    count = len(network.messages("NOTIFY"))
    b.user.referrals[0].report(200, b"", network.now)
    network.run(1)
    assert len(network.messages("NOTIFY")) == count
    assert subscribe(a, b"refer", 60) == [403]
    assert subscribe(a, b"presence", 60) == [489]


def test_a_subscription_that_nobody_refreshes_ends():
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].accept(now)
    reporter = Reporter()
    call_of(a).refer(TARGET, None, reporter, network.now)
    network.run(310)
    assert network.messages("NOTIFY")[-1].header(b"Subscription-State") == b"terminated;reason=timeout"
    assert reporter.heard == [(100, False), (100, True)]
    assert call_of(b).state.name == "CONFIRMED"


@pytest.mark.parametrize("status", [404, 481, 489, 501])
def test_a_refused_notify_ends_the_subscription_and_not_the_call(status):
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].accept(now)

    class Deaf:
        def request_received(self, server, request, now: float) -> None:
            server.respond(status, now)

        def ack_received(self, ack, now: float) -> None:
            pass
    entry = next(iter(a.core.dialogs.entries.values()))
    entry.usages[b"NOTIFY"] = Deaf()
    draft = entry.dialog.draft_request(b"REFER")
    draft.lines = b"Refer-To: <%s>\r\n" % TARGET
    a.agent.send_request(draft, Hearer(), network.now, entry.dialog)
    network.run(1)
    referral = b.user.referrals[0]
    assert referral.state.name == "ENDED"
    referral.report(200, b"", network.now)
    network.run(40)
    assert len(network.messages("NOTIFY")) == 1
    assert call_of(b).state.name == "CONFIRMED"


def test_a_notify_of_no_subscription_is_481():
    network, a, b = talk()
    hearer = Hearer()
    draft = call_of(a).dialog.draft_request(b"NOTIFY")
    draft.lines = b"Event: refer\r\nSubscription-State: active\r\n"
    a.agent.send_request(draft, hearer, network.now, call_of(a).dialog)
    network.run(1)
    assert hearer.statuses == [481]
    assert call_of(b).state.name == "CONFIRMED"


def test_a_peer_that_never_notifies():
    network, a, b = talk()

    class Mute:
        def request_received(self, server, request, dialog, now: float) -> None:
            server.respond(202, now)
    call_of(b)
    entry = next(iter(b.core.dialogs.entries.values()))
    entry.rest = None
    b.agent.serve_method(b"REFER", Mute())
    reporter = Reporter()
    call_of(a).refer(TARGET, None, reporter, network.now)
    network.run(250)
    assert reporter.heard == [(0, True)]


def notify(state: bytes, body: bytes = b"SIP/2.0 200 OK", kind: bytes = b"message/sipfrag") -> Message:
    return Message(b"NOTIFY sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                   b"Max-Forwards: 70\r\n"
                   b"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: c\r\nCSeq: 2 NOTIFY\r\n"
                   b"Subscription-State: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
                       state, kind, len(body), body))


def test_what_a_notify_says():
    assert read_fragment(notify(b"active", b"SIP/2.0 603 Declined\r\n")) == 603
    assert read_fragment(notify(b"active", b"sip/2.0 100", b"message/sipfrag;version=2.0")) == 100
    for body in (b"", b"SIP/2.0", b"SIP/2.0 99 x", b"SIP/2.0 700 x", b"SIP/2.0 2x0 x", b"INVITE sip:x SIP/2.0"):
        assert read_fragment(notify(b"active", body)) == 0
    assert read_fragment(notify(b"active", kind=b"text/plain")) == 0
    assert read_remaining(notify(b"Terminated;reason=noresource")) == -1
    assert read_remaining(notify(b"active;expires=60")) == 60
    assert read_remaining(notify(b"active; expires = 99999999999")) == 86_400
    assert read_remaining(notify(b"pending")) == 240


@pytest.mark.parametrize("does_accept", [True, False])
def test_an_answer_that_comes_too_late_is_none(does_accept):
    network, a, b = talk()
    reporter = Reporter()
    call_of(a).refer(TARGET, None, reporter, network.now)
    network.run(60)
    referral = b.user.referrals[0]
    if does_accept:
        referral.accept(network.now)
        referral.report(200, b"", network.now)
    else:
        referral.refuse(603, network.now)
    network.run(1)
    assert "NOTIFY" not in network.labels()
    assert reporter.heard == [("refused", 408)]


@settings(max_examples=60, deadline=None)
@given(lost=st.sets(st.integers(3, 30), max_size=8), leave_s=st.floats(0, 20), ends=st.lists(
    st.tuples(st.floats(0, 20), st.sampled_from([180, 200, 486])), max_size=3), who=st.booleans())
def test_whatever_is_lost_a_transfer_leaves_nothing(lost, leave_s, ends, who):
    network, a, b = join_two(lambda number, octets: number in lost)
    for phone in (a, b):
        phone.core.methods += TRANSFER_METHODS
    call = a.call(b)
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[-1].accept(now)
    reporter = Reporter()
    network.at(1, lambda: call.refer(TARGET, None, reporter, network.now))
    for at_s, status in ends:
        network.at(1.5 + at_s, lambda status=status: [
            referral.report(status, b"", network.now) for referral in b.user.referrals])
    network.at(1 + leave_s, lambda: (call if who else b.user.calls[0]).hang_up(network.now))
    network.run(700)
    assert a.is_quiet, network.labels()
    assert b.is_quiet, network.labels()
    assert reporter.heard[-1][0] == "refused" or reporter.heard[-1][1] is True
    assert sum(entry[0] == "refused" or entry[1] is True for entry in reporter.heard) == 1


def test_a_bye_that_a_notify_overtakes_ends_the_call():
    """RFC 3261 12.2.2 has it refused with 500; that must not leave a call that nobody ends."""
    network, a, b = talk()
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[0].accept(now)
    call_of(a).refer(TARGET, None, Reporter(), network.now)
    network.run(1)
    network.loss = lambda number, octets: octets[:3] == b"BYE"
    call_of(b).hang_up(network.now)
    network.run(0.1)
    network.loss = lambda number, octets: False
    b.user.referrals[0].report(200, b"", network.now)
    network.run(40)
    assert network.labels().count("500 BYE") == 1
    assert a.user.releases[0].cause.name == "PEER_LEFT"
    assert a.is_quiet
    assert b.is_quiet


def test_a_bye_refused_with_500_is_said_once_more():
    network, a, b = talk()
    entry = next(iter(b.core.dialogs.entries.values()))

    class Refuser:
        def request_received(self, server, request, now: float) -> None:
            server.respond(500, now)
    entry.usages[b"BYE"] = Refuser()
    call_of(a).hang_up(network.now)
    network.run(40)
    assert [message.cseq for message in network.messages("BYE")] == [2, 3]
    assert a.is_quiet


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.1, 0.3, 0.8]))
def test_mangled_transfers_do_no_harm(seed, share):
    chance = random.Random(seed)
    network, a, b = join_two()
    for phone in (a, b):
        phone.core.methods += [*TRANSFER_METHODS, b"INFO"]
    original = network.send

    def send(source, target, octets: bytes) -> None:
        if network.now > 1000.5 and chance.random() < share:
            octets = mangle(octets, chance)
        try:
            Message(octets)
        except ScanError:
            return
        original(source, target, octets)
    network.send = send
    calls = [a.call(b)]
    b.user.script["transfer_asked"] = lambda call, now: b.user.referrals[-1].accept(now)
    for at_s in (1, 2, 3):
        network.at(at_s, lambda: calls[0].refer(TARGET, Replaces(b"c", b"1", b"2"), Reporter(), network.now))
        network.at(at_s + 0.5, lambda: calls[0].send_inside(b"INFO", b"", b"text/plain", b"x", Hearer(), network.now))
        network.at(at_s + 0.7, lambda: [one.report(180, b"", network.now) for one in b.user.referrals
                                        if not one.is_over])
    network.at(20, lambda: [one.report(200, b"", network.now) for one in b.user.referrals if not one.is_over])
    for at_s in (30, 100):
        network.at(at_s, lambda: [call.hang_up(network.now) for call in calls + b.user.calls])
    network.run(5000)
    for phone in (a, b):
        assert phone.is_quiet, network.labels()
