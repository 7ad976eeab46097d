# SPDX-License-Identifier: Apache-2.0
"""Dialogs: RFC 3261 section 12."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import UDP, Flow, Listener
from appliance.ua.dialog import Dialog, DialogState
from appliance.ua.dialog_ending import Ending, decide_ending
from appliance.ua.request_draft import RequestDraft

FLOW = Flow(Listener("test", UDP, b"192.0.2.1", 5060), b"192.0.2.2", 5060)
VIA = b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n"


def invite(lines: bytes = b"Contact: <sip:a@192.0.2.1>\r\n", uri: bytes = b"sip:b@192.0.2.2", cseq: int = 5,
           transport: bytes = b"UDP") -> Message:
    return Message(b"INVITE %s SIP/2.0\r\nVia: SIP/2.0/%s 192.0.2.1:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
                   b"From: A <sip:a@office.test>;tag=at\r\nTo: B <sip:b@office.test>\r\nCall-ID: c1\r\n"
                   b"CSeq: %d INVITE\r\n%sContent-Length: 0\r\n\r\n" % (uri, transport, cseq, lines))


def response(status: int = 200, lines: bytes = b"Contact: <sip:b@192.0.2.2>\r\n", tag: bytes = b"bt") -> Message:
    return Message(b"SIP/2.0 %d X\r\n%sFrom: A <sip:a@office.test>;tag=at\r\nTo: B <sip:b@office.test>;tag=%s\r\n"
                   b"Call-ID: c1\r\nCSeq: 5 INVITE\r\n%sContent-Length: 0\r\n\r\n" % (status, VIA, tag, lines))


def caller(answer: Message | None = None, uri: bytes = b"sip:b@192.0.2.2") -> Dialog:
    draft = RequestDraft(b"INVITE", uri, b"A <sip:a@office.test>;tag=at", b"B <sip:b@office.test>", b"c1")
    draft.cseq = 5
    return Dialog.of_caller(draft, answer or response())


def written(dialog: Dialog, method: bytes = b"BYE", cseq: int = 0) -> Message:
    return Message(dialog.draft_request(method, cseq).write(VIA, FLOW))


ROUTES = b"Record-Route: <sip:p2.test;lr>, <sip:p1.test;lr>\r\n"


def test_the_caller_goes_by_record_route_backwards_and_the_callee_forwards():
    one = caller(response(lines=ROUTES + b"Contact: <sip:b@192.0.2.2>\r\n"))
    other = Dialog.of_callee(invite(ROUTES + b"Contact: <sip:a@192.0.2.1>\r\n"), b"bt")
    assert written(one).values(b"Route") == [b"<sip:p1.test;lr>", b"<sip:p2.test;lr>"]
    assert written(other).values(b"Route") == [b"<sip:p2.test;lr>", b"<sip:p1.test;lr>"]
    assert one.draft_request(b"BYE").next_hop == b"sip:p1.test;lr"
    assert (one.key, other.key) == ((b"c1", b"at", b"bt"), (b"c1", b"bt", b"at"))


def test_requests_carry_the_dialog():
    bye = written(caller())
    assert bye.uri == b"sip:b@192.0.2.2"
    assert (bye.from_value, bye.to_value) == (b"A <sip:a@office.test>;tag=at", b"B <sip:b@office.test>;tag=bt")
    assert bye.cseq == 6
    callee = Dialog.of_callee(invite(), b"bt")
    bye = written(callee)
    assert (bye.from_value, bye.to_value) == (b"B <sip:b@office.test>;tag=bt", b"A <sip:a@office.test>;tag=at")
    assert bye.uri == b"sip:a@192.0.2.1"
    assert bye.cseq == 1


def test_the_ack_has_the_number_of_its_invite():
    dialog = caller()
    dialog.next_cseq()
    assert written(dialog, b"ACK", 5).cseq == 5
    assert written(dialog).cseq == 7


def test_a_strict_router_is_the_request_uri():
    dialog = caller(response(lines=b"Record-Route: <sip:p2.test;lr>\r\nRecord-Route: <sip:p1.test;method=X;a=b?c=d>\r\n"
                                   b"Contact: <sip:b@192.0.2.2>\r\n"))
    bye = written(dialog)
    assert bye.uri == b"sip:p1.test;a=b"
    assert bye.values(b"Route") == [b"<sip:p2.test;lr>", b"<sip:b@192.0.2.2>"]
    assert dialog.draft_request(b"BYE").next_hop == b"sip:p1.test;a=b"


def test_lr_counts_with_a_value_but_not_as_a_part_of_a_name():
    loose = caller(response(lines=b"Record-Route: <sip:p.test;lr=on>\r\nContact: <sip:b@192.0.2.2>\r\n"))
    strict = caller(response(lines=b"Record-Route: <sip:p.test;lrx>\r\nContact: <sip:b@192.0.2.2>\r\n"))
    assert written(loose).uri == b"sip:b@192.0.2.2"
    assert written(strict).uri == b"sip:p.test;lrx"


def test_the_2xx_decides_route_set_and_target():
    dialog = caller(response(180, b"Record-Route: <sip:early.test;lr>\r\nContact: <sip:early@192.0.2.9>\r\n"))
    assert dialog.state is DialogState.EARLY
    dialog.confirm(response(lines=ROUTES + b"Contact: <sip:late@192.0.2.8>\r\n"))
    assert dialog.state is DialogState.CONFIRMED
    assert written(dialog).uri == b"sip:late@192.0.2.8"
    assert dialog.route_set == (b"<sip:p1.test;lr>", b"<sip:p2.test;lr>")


def test_a_target_refresh_leaves_the_route_set():
    dialog = Dialog.of_callee(invite(ROUTES + b"Contact: <sip:a@192.0.2.1>\r\n"), b"bt")
    dialog.refresh_target(invite(b"Record-Route: <sip:other.test;lr>\r\nContact: <sip:a@192.0.2.7>\r\n"))
    assert dialog.remote_target == b"sip:a@192.0.2.7"
    assert len(dialog.route_set) == 2


def test_requests_are_admitted_in_order():
    dialog = Dialog.of_callee(invite(cseq=5), b"bt")
    assert [dialog.admit_request(invite(cseq=number)) for number in (4, 5, 9, 8, 10)] == [
        False, True, True, False, True]
    assert caller().admit_request(invite(cseq=0))  # nothing came before


@pytest.mark.parametrize("lines", [b"", b"Contact: *\r\n", b"Record-Route: <sip:p\r\nContact: <sip:a@192.0.2.1>\r\n"])
def test_an_invite_without_a_way_back_is_refused(lines):
    with pytest.raises(PeerError) as error:
        Dialog.of_callee(invite(lines), b"bt")
    assert error.value.status_hint == 400


def test_a_secure_dialog():
    request = invite(uri=b"sips:b@192.0.2.2", transport=b"TLS")
    assert Dialog.of_callee(request, b"bt").is_secure
    assert not Dialog.of_callee(invite(uri=b"sips:b@192.0.2.2"), b"bt").is_secure
    assert caller(uri=b"sips:b@192.0.2.2").is_secure


def test_states_go_forward_only():
    dialog = caller()
    dialog.confirm()
    dialog.terminate()
    dialog.terminate()
    with pytest.raises(MisuseError):
        dialog._enter(DialogState.CONFIRMED)


@given(cseq=st.integers(0, 2**31 - 1), remote=st.integers(-1, 2**31 - 1), routes=st.lists(
    st.sampled_from([b"<sip:p1.test;lr>", b"<sip:p2.test>", b"\"x\" <sip:[2001:db8::1]:5070;lr>;a=b"]), max_size=3),
    secure=st.booleans())
def test_a_dialog_survives_a_restart(cseq, remote, routes, secure):
    dialog = caller()
    dialog.local_cseq, dialog.remote_cseq, dialog.route_set, dialog.is_secure = cseq, remote, routes, secure
    dialog.confirm()
    again = Dialog.restore(dialog.snapshot())
    assert again.snapshot() == dialog.snapshot()
    assert again.key == dialog.key
    assert written(again).data == written(dialog).data


@pytest.mark.parametrize(("status", "method", "ending"), [
    (481, b"INVITE", Ending.USAGE), (408, b"INVITE", Ending.USAGE), (404, b"INVITE", Ending.DIALOG),
    (488, b"INVITE", Ending.TRANSACTION), (491, b"INVITE", Ending.TRANSACTION), (500, b"INVITE", Ending.TRANSACTION),
    (405, b"INVITE", Ending.USAGE), (405, b"INFO", Ending.TRANSACTION), (501, b"INFO", Ending.TRANSACTION),
    (480, b"INFO", Ending.USAGE), (489, b"INFO", Ending.TRANSACTION), (489, b"NOTIFY", Ending.USAGE),
    (502, b"INFO", Ending.DIALOG), (604, b"INFO", Ending.DIALOG), (603, b"INFO", Ending.TRANSACTION),
    (499, b"INFO", Ending.TRANSACTION), (302, b"INVITE", Ending.TRANSACTION)])
def test_what_a_failure_ends(status, method, ending):
    assert decide_ending(status, method, frozenset({b"INVITE", b"BYE"})) is ending
