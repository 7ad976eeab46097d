# SPDX-License-Identifier: Apache-2.0
"""What strangers send to a telephone, and what is dialled that is no number: nothing of it stays behind."""

import pytest

from tests.handset.desk import Desk
from tests.handset.test_handset import Office
from tests.handset.test_transferred import Asker
from tests.ua.virtual_network import Network

STRANGER = (b"10.0.0.66", 5060)


def invite(number: int, lines: bytes) -> bytes:
    return (b"INVITE sip:201@10.0.0.9 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.66;branch=z9hG4bK%d\r\n"
            b"From: <sip:x@10.0.0.66>;tag=x\r\nTo: <sip:201@10.0.0.9>\r\nCall-ID: %d\r\nCSeq: 1 INVITE\r\n"
            b"Max-Forwards: 70\r\n%sContent-Length: 0\r\n\r\n" % (number, number, lines))


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.mark.parametrize("lines", [b"", b"Contact: *\r\n", b"Contact: <tel:117>\r\n",
                                   b"Contact: <sip:a@10.0.0.66>, <sip:b@10.0.0.66>\r\n",
                                   b"Contact: <sip:a@10.0.0.66>\r\nRecord-Route: <sip:10.0.0.66;lr>, <foo>\r\n"])
def test_a_call_that_leads_to_no_dialog_leaves_no_port_open(office, lines):
    desk = office.desk
    for number in range(3):
        desk.receive(invite(number, lines), STRANGER, office.network.now)
        office.network.run(0.1)
        assert office.network.sent[-1][3].status == 400
    assert desk.state == "idle"
    assert not any(port.is_open for port in desk.voice.ports)


@pytest.mark.parametrize(("user", "status"), [(b"100", 404), (b"201", 180), (b"desk", 180)])
def test_who_tries_numbers_rings_no_bell(office, user, status):
    lines = b"Contact: <sip:x@10.0.0.66>\r\n"
    office.desk.receive(invite(1, lines).replace(b"sip:201@", b"sip:%s@" % user), STRANGER, office.network.now)
    office.network.run(0.1)
    assert office.network.sent[-1][3].status == status
    assert office.desk.voice.rings == (status == 180)


def test_a_notify_of_a_stranger_costs_no_transaction_where_callers_are_asked():
    desk = Desk(Network(), secret="dddddddd")
    octets = invite(1, b"Event: message-summary\r\nSubscription-State: active\r\n").replace(b"INVITE", b"NOTIFY")
    desk.receive(octets.replace(b"To: <sip:201@10.0.0.9>", b"To: <sip:201@10.0.0.9>;tag=y"), STRANGER, 1000.0)
    desk.network.run(0.1)
    assert [message.status for _at, _source, _target, message in desk.network.sent] == [401]
    assert desk.stack.transactions_open == 0


def test_a_flood_fills_no_more_transactions_than_the_stack_was_given():
    desk = Desk(Network())
    desk.stack.transactions_max = 3
    for number in range(5):
        desk.receive(invite(number, b"").replace(b"sip:201@", b"sip:desk@"), STRANGER, 1000.0)
    assert desk.stack.transactions_open == 3
    desk.network.run(0.1)
    assert [message.status for *_way, message in desk.network.sent] == [400, 400, 400, 503, 503]


@pytest.mark.parametrize("dialled", ["sip:", "sip:@", "sip:a b@10.0.0.2", "sip:x@10.0.0.2:99999", "", " ", "1 2", "1@2",
                                     "<sip:x@10.0.0.2>", "117\r\nX: y", "sip:x@10.0.0.2\r\nX: y"])
def test_what_is_no_number_and_no_address_sounds_so(office, dialled):
    desk = office.desk
    desk.do("dial", dialled)
    assert (desk.state, desk.voice.tone, desk.handset.line.last_status) == ("busy", "unobtainable", 484)
    assert not desk.voice.ports
    desk.do("hang_up")
    assert desk.state == "idle"


def test_half_a_character_is_dialled_like_any_other(office):
    office.desk.do("dial", "\ud800")
    assert office.desk.state == "calling"
    assert office.network.messages("INVITE", office.desk)[-1].uri == b"sip:?@office.test"


def test_an_address_is_called_without_what_may_not_stand_in_a_request_line(office):
    office.desk.do("dial", "sip:202@10.0.0.2?Route=%3Csip:10.0.0.66%3E")
    assert office.network.messages("INVITE", office.desk)[-1].uri == b"sip:202@10.0.0.2"


@pytest.mark.parametrize("target", [b"tel:1@2", b"tel:;x=y", b"tel:a%20b", b"tel:x"])
def test_a_transfer_to_what_is_no_number_is_refused_and_the_call_goes_on(office, target):
    office.talk()
    asker = Asker()
    office.server.user.calls[0].refer(target, None, asker, office.network.now)
    office.network.run(0.5)
    assert asker.refusals == [603]
    assert office.desk.state == "talking"


# calls for help


def test_a_flash_neither_holds_a_call_for_help_nor_leaves_it(office):
    desk = office.desk
    desk.do("lift")
    desk.press("119")
    office.network.run(0.5)
    desk.do("flash")
    assert desk.state == "calling"
    office.pick_up(office.server)
    desk.do("flash")
    office.network.run(0.5)
    assert (desk.state, desk.handset.line.held) == ("talking", None)
    assert desk.voice.passes == (True, True)


@pytest.mark.parametrize("is_answered", [False, True])
def test_hanging_up_a_call_for_help_joins_it_with_nobody_and_who_is_on_hold_rings(office, is_answered):
    desk = office.desk
    office.talk()
    desk.do("flash")
    desk.press("119")
    office.network.run(0.5)
    if is_answered:
        office.pick_up(office.server)
        assert desk.state == "talking"
    desk.do("flash")
    assert desk.handset.line.held is not None        # whoever is held stays so
    desk.do("hang_up")
    office.network.run(0.5)
    assert not office.network.messages("REFER", desk)
    assert (desk.state, desk.voice.rings) == ("ringing", True)


def test_an_emergency_number_written_as_an_address_of_ours_is_a_call_for_help(office):
    office.desk.do("dial", "sip:119@office.test")
    assert office.desk.handset.line.active.is_emergency


def test_an_emergency_number_at_a_foreign_address_is_none(office):
    office.desk.do("dial", "sip:119@10.0.0.2")
    assert not office.desk.handset.line.active.is_emergency


# the end


def test_who_ends_while_two_are_being_joined_leaves_neither_alone(office):
    desk = office.desk
    office.talk()
    office.server.user.script["transfer_asked"] = lambda call, now: office.server.user.referrals[-1].accept(now)
    desk.do("flash")
    desk.press("202")
    office.network.run(0.5)
    office.pick_up(office.server)
    desk.do("hang_up")
    assert desk.state == "idle"
    assert not desk.handset.is_quiet
    desk.handset.stop(office.network.now)
    office.network.run(1)
    assert office.server.user.heard.count("released") == 2
    assert not any(port.is_open for port in desk.voice.ports)
    assert desk.handset.is_quiet
