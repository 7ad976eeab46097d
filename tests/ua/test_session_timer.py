# SPDX-License-Identifier: Apache-2.0
"""Session timers, RFC 4028: negotiation in both roles, refreshes, expiry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.native.sip_scanner import Message
from appliance.ua.call_events import Cause
from appliance.ua.profile import AgentProfile
from appliance.ua.reason import Reason, read_reasons
from appliance.ua.session_timer import decide_interval, read_refresher, read_seconds
from tests.ua.strangers import assert_over
from tests.ua.virtual_network import Network, Phone, join_two

TIMER = b"timer"


def join_timed(a_s: int = 0, b_s: int = 0, loss=None) -> tuple[Network, Phone, Phone]:
    """Two phones that know session timers and want these intervals."""
    network, a, b = join_two(loss)
    for phone, seconds in ((a, a_s), (b, b_s)):
        phone.profile.supported = (TIMER,)
        phone.profile.session_expires_s = seconds
    return network, a, b


def invite(*lines: bytes) -> Message:
    return Message(b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
                   b"To: <sip:b@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\n"
                   + b"".join(lines) + b"Content-Length: 0\r\n\r\n")


def decide(profile_s: int, *lines: bytes):
    profile = AgentProfile(b"sip:a@b", b"a")
    profile.supported = (TIMER,)
    profile.session_expires_s = profile_s
    return decide_interval(invite(*lines), profile)


@pytest.mark.parametrize(("supported", "asked", "expected"), [
    (b"", b"", b"uas"), (b"Supported: timer\r\n", b"", b"uac"), (b"Supported: timer\r\n", b";refresher=uac", b"uac"),
    (b"Supported: timer\r\n", b";refresher=uas", b"uas"), (b"k: Timer\r\n", b"; Refresher = UAS ", b"uas"),
])
def test_table_2_says_who_refreshes(supported, asked, expected):
    interval = decide(0, supported, b"Session-Expires: 1800%s\r\n" % asked)
    assert interval.refresher == expected
    assert interval.does_require is bool(supported)     # 9: a must for uac, a should for uas
    assert interval.lines.endswith(b"Session-Expires: 1800;refresher=%s\r\n" % expected)


@pytest.mark.parametrize(("ours_s", "lines", "seconds"), [
    (0, (b"x: 1800\r\n",), 1800), (600, (b"Session-Expires: 1800\r\n",), 600), (3600, (b"x: 1800\r\n",), 1800),
    (600, (b"x: 1800\r\n", b"Min-SE: 900\r\n"), 900), (600, (b"Min-SE: 900\r\n",), 900), (600, (), 600),
    (50, (b"x: 1800\r\n",), 90),
])
def test_an_interval_may_be_shortened_down_to_min_se_but_never_lengthened(ours_s, lines, seconds):
    assert decide(ours_s, *lines).seconds == seconds


@pytest.mark.parametrize("line", [b"", b"Session-Expires: x\r\n", b"Session-Expires: \r\n", b"x: 10\r\n",
                                  b"x: 99999999999\r\n"])
def test_nobody_who_asks_for_nothing_gets_a_timer(line):
    assert decide(0, line) is None


@given(st.binary(max_size=40))
def test_any_value_can_be_read(value):
    assert read_seconds(value) >= 0
    assert read_refresher(value) in (b"", b"uac", b"uas")


def test_a_call_without_either_side_asking_has_no_timer():
    network, a, b = join_timed()
    call = a.call(b)
    network.run(5000)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK"]
    assert call.timer is None
    assert b.user.calls[0].timer is None


def test_the_caller_refreshes_with_update_at_half_time():
    network, a, b = join_timed(a_s=200)
    call = a.call(b)
    network.run(450)
    assert network.messages("INVITE")[0].header(b"Session-Expires") == b"200"
    answer = network.messages("200 INVITE")[0]
    assert (answer.header(b"Session-Expires"), answer.values(b"Require")) == (b"200;refresher=uac", [TIMER])
    assert network.times("UPDATE") == pytest.approx([100, 200, 300, 400], abs=0.6)
    update = network.messages("UPDATE")[0]
    assert (update.body, update.header(b"Session-Expires")) == (b"", b"200;refresher=uac")
    assert {message.header(b"Session-Expires") for message in network.messages("200 UPDATE")} == {b"200;refresher=uac"}
    assert "offer_received" not in b.user.heard
    assert a.user.releases == b.user.releases == []
    call.hang_up(network.now)
    assert_over(network, a, b)


def test_a_caller_that_knows_no_timer_leaves_refreshing_to_the_callee():
    network, a, b = join_timed(b_s=200)
    a.profile.supported = ()
    a.core.methods.remove(b"UPDATE")
    a.call(b)
    network.run(110)
    answer = network.messages("200 INVITE")[0]
    assert (answer.header(b"Session-Expires"), answer.values(b"Require")) == (b"200;refresher=uas", [])
    reinvite = network.messages("INVITE", b)[0]
    assert (reinvite.body, reinvite.header(b"Session-Expires")) == (b"answer", b"200;refresher=uac")
    assert network.labels()[3:] == ["INVITE", "200 INVITE", "ACK"]


def test_a_refresh_by_reinvite_repeats_the_session_and_tells_nobody_who_does_not_have_to_know():
    network, a, b = join_timed(a_s=200)
    b.core.methods.remove(b"UPDATE")
    a.call(b)
    network.run(350)
    refreshes = network.messages("INVITE")[1:]
    assert [refresh.body for refresh in refreshes] == [b"offer"] * 3
    assert a.user.heard == ["answer_received", "confirmed"]
    assert b.user.heard == ["offered", "confirmed"]     # the same offer again: answered as before
    assert {message.body for message in network.messages("200 INVITE")} == {b"answer"}


def test_a_new_answer_to_a_refresh_is_told():
    network, a, b = join_timed(a_s=200)
    b.core.methods.remove(b"UPDATE")
    call = a.call(b)
    network.run(1)
    b.user.calls[0].exchange.local = b"other answer"
    network.run(120)
    assert a.user.heard == ["answer_received", "confirmed", "answer_received"]
    assert call.exchange.remote == b"other answer"


def test_a_caller_whose_callee_knows_no_timer_refreshes_alone():
    network, a, b = join_timed(a_s=200)
    b.profile.supported = ()
    a.call(b)
    network.run(350)
    assert network.times("UPDATE") == pytest.approx([100, 200, 300], abs=0.6)
    assert a.user.releases == []


def test_without_refresh_the_other_side_ends_the_call_slightly_before_it_expires():
    network, a, b = join_timed(a_s=300)
    a.call(b)
    network.run(1)
    del network.phones[a.address]
    network.run(400)
    assert network.times("BYE")[0] == pytest.approx(300 - 32, abs=0.2)
    assert read_reasons(network.messages("BYE")[0]) == [Reason(b"SIP", 408, b"session timer")]
    assert (b.user.releases[0].cause, b.user.releases[0].status) == (Cause.EXPIRED, 408)
    assert b.is_quiet


def test_a_short_interval_ends_after_two_thirds():
    network, a, b = join_timed(a_s=90)
    a.call(b)
    network.run(1)
    del network.phones[a.address]
    network.run(100)
    assert network.times("BYE")[0] == pytest.approx(60, abs=0.2)


def test_a_refresh_that_nobody_answers_ends_the_call():
    network, a, b = join_timed(a_s=300)
    a.call(b)
    network.run(1)
    del network.phones[b.address]
    network.run(200)
    assert network.times("BYE")[0] == pytest.approx(150 + 32, abs=0.5)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, 408)


def test_a_dialog_that_the_other_side_has_forgotten_ends_with_the_refresh():
    network, a, b = join_timed(a_s=200)
    a.call(b)
    network.run(1)
    b.core.dialogs.entries.clear()
    network.run(110)
    assert (a.user.releases[0].cause, a.user.releases[0].status) == (Cause.LOST, 481)


def refuse_updates(network: Network, b: Phone, status: int) -> None:
    """Every UPDATE that reaches this phone is refused."""
    receive = b.receive

    def refuse(octets: bytes, source: tuple[bytes, int], now: float) -> None:
        if octets.startswith(b"UPDATE"):
            network.send(b.address, source, Message(octets, source[0], source[1]).reply(
                b"SIP/2.0 %d X\r\n" % status, b""))
        else:
            receive(octets, source, now)
    b.receive = refuse


@pytest.mark.parametrize("status", [500, 503, 488, 403, 480, 404])
def test_other_refusals_of_a_refresh_end_nothing_until_the_session_expires(status):
    network, a, b = join_timed(a_s=300)
    refuse_updates(network, b, status)
    a.call(b)
    network.run(260)
    assert a.user.releases == []
    assert 2 <= len(network.messages("UPDATE")) <= 10
    network.run(100)
    assert a.user.releases[0].cause is Cause.EXPIRED
    assert "change_refused" not in " ".join(a.user.heard)


@pytest.mark.parametrize("status", [405, 501])
def test_a_peer_that_does_not_know_update_after_all_gets_a_reinvite(status):
    network, a, b = join_timed(a_s=300)
    refuse_updates(network, b, status)
    a.call(b)
    network.run(1000)
    assert len(network.messages("UPDATE")) == 1
    assert len(network.messages("INVITE")) > 4
    assert a.user.releases == []


def test_422_is_said_and_obeyed():
    network, a, b = join_timed(a_s=100)
    b.profile.min_se_s = 600
    call = a.call(b)
    network.run(1)
    assert network.labels() == ["INVITE", "422 INVITE", "ACK", "INVITE", "200 INVITE", "ACK"]
    assert network.messages("422 INVITE")[0].header(b"Min-SE") == b"600"
    second = network.messages("INVITE")[1]
    assert (second.header(b"Session-Expires"), second.header(b"Min-SE"), second.cseq) == (b"600", b"600", 2)
    assert second.call_id == network.messages("INVITE")[0].call_id
    assert call.timer.seconds == 600
    network.run(310)
    assert network.messages("UPDATE")[0].header(b"Min-SE") == b"600"    # 7.4


def test_a_min_se_without_end_is_not_believed():
    network, a, b = join_timed(a_s=100)
    b.profile.min_se_s = 999_999
    a.call(b)
    network.run(45)
    assert len(network.messages("422 INVITE")) == 1
    assert a.user.releases[0].status == 422


def test_a_caller_that_knows_no_timer_is_never_refused_for_it():
    network, a, b = join_timed()
    b.profile.min_se_s = 600
    a.profile.supported = ()
    draft = a.agent.draft_call(b"sip:2@198.51.100.20", b"offer")
    draft.session_expires_s = 100   # as a proxy adds it
    a.agent.place_call(draft, a.user, network.now)
    network.run(1)
    assert network.labels() == ["INVITE", "200 INVITE", "ACK"]
    assert network.messages("200 INVITE")[0].header(b"Session-Expires") == b"100;refresher=uas"


def test_a_change_of_session_is_a_refresh():
    network, a, b = join_timed(a_s=200)
    call = a.call(b)
    network.run(80)
    call.change_session(b"hold", network.now)
    network.run(90)
    assert network.messages("INVITE")[1].header(b"Session-Expires") == b"200;refresher=uac"
    assert "UPDATE" not in network.labels()
    network.run(20)
    assert network.times("UPDATE") == pytest.approx([180], abs=0.5)


def test_a_change_by_who_does_not_refresh_leaves_the_roles_as_they_are():
    network, a, b = join_timed(a_s=200)
    call = a.call(b)
    network.run(80)
    b.user.calls[0].change_session(b"hold", network.now)
    network.run(1)
    assert network.messages("INVITE", b)[0].header(b"Session-Expires") == b"200;refresher=uas"
    assert (call.timer.is_refresher, b.user.calls[0].timer.is_refresher) == (True, False)


def test_a_refresh_waits_for_a_change_that_is_under_way():
    network, a, b = join_timed(a_s=200)
    del b.user.script["offer_received"]
    call = a.call(b)
    network.run(99)
    call.change_session(b"hold", network.now)
    network.run(10)
    assert "UPDATE" not in network.labels()
    b.user.calls[0].refuse_offer(488, network.now)
    network.run(5)
    assert network.labels()[-2:] == ["UPDATE", "200 UPDATE"]


def test_a_2xx_without_interval_turns_the_timer_off():
    network, a, b = join_timed(b_s=200)
    call = a.call(b)
    network.run(1)
    assert call.timer.seconds == 200
    b.profile.supported = ()
    b.profile.session_expires_s = 0
    call.change_session(b"hold", network.now)
    network.run(1000)
    assert call.timer.seconds == 0
    assert a.user.releases == []


def test_a_hang_up_stops_the_timer():
    network, a, b = join_timed(a_s=200)
    call = a.call(b)
    network.run(1)
    call.hang_up(network.now)
    network.run(500)
    assert network.labels()[3:] == ["BYE", "200 BYE"]


def test_refreshes_that_cross_are_sorted_out():
    network, a, b = join_timed(a_s=200)
    call = a.call(b)
    network.run(1)
    incoming = b.user.calls[0]
    incoming.refresh_session(network.now)
    call.refresh_session(network.now)
    network.run(10)
    assert len(network.messages("200 UPDATE")) == 2
    assert a.user.releases == b.user.releases == []


def test_every_request_says_that_the_sender_knows_timers():
    network, a, b = join_timed(a_s=200)
    call = a.call(b)
    network.run(101)
    call.change_session(b"hold", network.now)
    network.run(1)
    for label in ("INVITE", "UPDATE"):
        assert all(TIMER in message.values(b"Supported") for message in network.messages(label))
